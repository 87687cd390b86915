// The bar of buttons, and what lies over the picture. Made once; says what was pressed.

import { icon, make, setIcon } from "../dom.ts";
import { t } from "../words.ts";

export type Act = "play" | "mute" | "live" | "settings" | "pip" | "theatre" | "fullscreen";

export interface Controls {
  notice: HTMLElement;
  unmute: HTMLButtonElement;
  big: HTMLButtonElement;
  spinner: HTMLElement;
  bar: HTMLElement;
  buttons: Record<Act, HTMLButtonElement>;
  volume: HTMLInputElement;
  latency: HTMLElement;
  quality: HTMLElement;
}

export function buildControls(onAct: (act: Act) => void): Controls {
  const button = (act: Act, name: string, label: string, extra = {}) => {
    const made = make(
      "button",
      { class: "player-btn", type: "button", "data-act": act, ...extra },
      icon(name),
    );
    setLabel(made, label);
    made.addEventListener("click", () => onAct(act));
    return made;
  };
  const live = make(
    "button",
    { class: "player-live", type: "button", "data-act": "live", "data-behind": "0" },
    make("i", { class: "dot" }),
    t("LIVE"),
  );
  setLabel(live, t("Jump to live"), false);
  live.addEventListener("click", () => onAct("live"));
  const buttons: Record<Act, HTMLButtonElement> = {
    play: button("play", "play", t("Play")),
    mute: button("mute", "volume", t("Mute")),
    live,
    settings: button("settings", "gear", t("Settings"), {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    }),
    pip: button("pip", "pip", t("Picture in picture")),
    theatre: button("theatre", "theatre", t("Theatre mode")),
    fullscreen: button("fullscreen", "fullscreen", t("Full screen")),
  };
  const volume = make("input", {
    class: "player-volume",
    type: "range",
    min: 0,
    max: 1,
    step: 0.05,
    "aria-label": t("Volume"),
  });
  const latency = make("span", { class: "player-latency num" });
  const quality = make("span", { class: "player-quality num" });
  const bar = make(
    "div",
    { class: "player-controls" },
    make(
      "div",
      { class: "player-row" },
      buttons.play,
      make("span", { class: "player-vol" }, buttons.mute, volume),
      live,
      latency,
      make("span", { class: "player-gap" }),
      quality,
      buttons.settings,
      buttons.pip,
      buttons.theatre,
      buttons.fullscreen,
    ),
  );
  const unmute = make(
    "button",
    { class: "player-unmute btn", type: "button", hidden: true },
    icon("mute"),
    t("Unmute"),
  );
  const big = make(
    "button",
    { class: "player-big", type: "button", hidden: true, "aria-label": t("Play") },
    icon("play", 40),
  );
  const notice = make("div", { class: "player-notice", role: "status", hidden: true });
  const spinner = make("div", { class: "player-spinner", hidden: true });
  return { notice, unmute, big, spinner, bar, buttons, volume, latency, quality };
}

/** Name a button for eyes (the tooltip, with its key) and for screen readers. */
export function setLabel(button: HTMLElement, label: string, name = true): void {
  if (name) button.setAttribute("aria-label", label);
  button.title = label;
}

export function showState(controls: Controls, video: HTMLVideoElement): void {
  const { play, mute } = controls.buttons;
  setIcon(play, video.paused ? "play" : "pause");
  setLabel(play, video.paused ? t("Play") : t("Pause"));
  const silent = video.muted || video.volume === 0;
  setIcon(mute, silent ? "mute" : "volume");
  setLabel(mute, silent ? t("Unmute") : t("Mute"));
  controls.volume.value = String(video.muted ? 0 : video.volume);
}
