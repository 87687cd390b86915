// <metropole-player>: takes over the <video> that the server rendered.
//
// What it shows follows the site's word on the channel (socket, page data), never the errors of
// an engine: while the creator reconnects the picture stands still and a notice says why.

import { setIcon } from "../dom.ts";
import { type LiveState, page } from "../page.ts";
import { preference, togglePreference } from "../preferences.ts";
import type { Connection } from "../socket.ts";
import { t } from "../words.ts";
import { startPlaying } from "./autoplay.ts";
import { type Act, buildControls, type Controls, setLabel, showState } from "./controls.ts";
import type { PlaybackEngine, Quality, Trouble } from "./engine.ts";
import { Idle } from "./idle.ts";
import { type KeyAct, listenKeys } from "./keys.ts";
import { nearest, qualityLabel } from "./labels.ts";
import { remember, remembered } from "./memory.ts";
import { Menu } from "./menu.ts";
import { HelpPanel, StatsPanel } from "./panels.ts";
import { Playback } from "./playback.ts";
import { canPip, isFullscreen, toggleFullscreen, togglePip } from "./screen.ts";

const SPIN_AFTER = 400; // ms of waiting before it is shown
const LAST_FRAMES = 3000; // ms to play out what is buffered when the broadcast ends
const SHOW_EVERY = 500; // ms
const STEP = 0.1;

export class PlayerElement extends HTMLElement {
  private static connection: Connection;
  private video!: HTMLVideoElement;
  private controls!: Controls;
  private playback!: Playback;
  private menu!: Menu;
  private stats!: StatsPanel;
  private help!: HelpPanel;
  private state: LiveState = "offline";
  private chosen: string | null = null;
  private pausedByPerson = false;
  private trouble: { why: Trouble; reason: string } | null = null;
  private spin: number | undefined;
  private ending: number | undefined;
  private started = false;

  static define(connection: Connection): void {
    PlayerElement.connection = connection;
    customElements.define("metropole-player", PlayerElement);
  }

  connectedCallback(): void {
    const video = this.querySelector("video");
    if (this.started || video === null) return;
    this.started = true;
    this.video = video;
    video.controls = false;
    video.preload = "auto";
    if (video.firstElementChild) {
      video.replaceChildren(); // they were for browsers without scripts
      video.load();
    }
    const channel = this.dataset.channel ?? "";
    this.build();
    this.playback = new Playback(video, page, channel, {
      engine: (engine) => this.attached(engine),
      qualities: () => this.qualitiesChanged(),
      ended: () => this.ended(),
      trouble: (why, reason) => {
        this.trouble = why && { why, reason };
        this.showNotice();
      },
      state: (state) => this.setState(state),
    });
    const { connection } = PlayerElement;
    connection.countViewer(() => !video.paused && this.onAir);
    connection.on("status", (status) => status.channel === channel && this.setState(status.state));
    connection.on("welcome", ({ status }) => {
      if (status?.channel === channel) this.setState(status.state);
    });
    const first = this.dataset.state as LiveState | undefined;
    if (first === "live" || first === "interrupted") this.setState(first, page.sources.length > 0);
    else if (first) this.setState(first);
  }

  private get onAir(): boolean {
    return this.state === "live" || this.state === "interrupted";
  }

  // What the site says of the channel.

  private setState(state: LiveState, known = false): void {
    const before = this.state;
    this.state = state;
    this.showNotice();
    if (this.onAir) {
      window.clearTimeout(this.ending);
      this.dataset.state = state;
      if (before === "offline" || before === "connecting" || this.ending !== undefined) {
        this.ending = undefined;
        this.playback.start(!known);
      } else if (state === "live" && before === "interrupted") {
        void this.playback.check();
      }
    } else if (before === "live" || before === "interrupted") {
      // The last seconds are still to be seen.
      if (this.playback.engine === null || this.video.paused || this.video.ended) this.ended();
      else this.ending = window.setTimeout(() => this.ended(), LAST_FRAMES);
    } else if (this.ending === undefined) {
      this.dataset.state = state;
    }
    this.show();
  }

  private ended(): void {
    if (this.onAir) {
      void this.playback.check(); // the site does not say so yet, or a new broadcast took over
      return;
    }
    window.clearTimeout(this.ending);
    this.ending = undefined;
    this.playback.stop();
    this.dataset.state = this.state;
    const title = this.querySelector(".player-offline-title");
    if (title) title.textContent = t("The stream has ended");
    PlayerElement.connection.beat(true);
    this.show();
  }

  // What plays.

  private attached(engine: PlaybackEngine | null): void {
    this.chosen = null;
    if (engine === null) {
      this.controls.quality.textContent = "";
      return;
    }
    if (!this.pausedByPerson) void this.autoplay();
  }

  private async autoplay(): Promise<void> {
    const memory = remembered();
    const sound = memory.muted === false && this.dataset.autoplay !== "off";
    this.video.volume = memory.volume;
    const how = await startPlaying(this.video, sound);
    this.controls.big.hidden = how !== "refused";
    this.controls.unmute.hidden = how !== "muted" || memory.muted === true;
    this.show();
  }

  private qualitiesChanged(): void {
    const engine = this.playback.engine;
    if (engine === null) return;
    this.showNotice();
    const { height, sound } = remembered();
    const qualities = engine.qualities();
    // The server may have stopped making what was chosen.
    if (!qualities.some((quality) => quality.id === this.chosen)) this.chosen = null;
    if (this.chosen === null && height !== null) {
      const quality = nearest(qualities, height);
      if (quality) this.setQuality(quality);
    }
    const heard = engine.sounds?.().find((each) => each.name === sound);
    if (heard && engine.sound?.() !== heard.id) engine.setSound?.(heard.id);
    const playing = qualities.find((quality) => quality.id === engine.playing());
    this.controls.quality.textContent = playing ? qualityLabel(playing) : "";
  }

  private setQuality(quality: Quality | null): void {
    this.chosen = quality?.id ?? null;
    this.playback.engine?.setQuality(this.chosen);
  }

  // What a person does.

  private act(act: Act | KeyAct): void {
    const { video } = this;
    const acts: Record<Act | KeyAct, () => void> = {
      play: () => this.togglePlay(),
      mute: () => this.setMuted(!(video.muted || video.volume === 0)),
      live: () => this.jump(),
      settings: () => this.toggleMenu(),
      pip: () => togglePip(video),
      theatre: () => togglePreference("theatre"),
      chat: () => togglePreference("chat"),
      fullscreen: () => toggleFullscreen(this, video),
      louder: () => this.setVolume(video.volume + STEP),
      quieter: () => this.setVolume(video.volume - STEP),
      help: () => this.help.toggle(),
      close: () => this.close(),
    };
    acts[act]();
  }

  private togglePlay(): void {
    if (!this.onAir) return;
    this.pausedByPerson = !this.video.paused;
    if (this.pausedByPerson) {
      this.video.pause();
    } else {
      this.controls.big.hidden = true;
      this.playback.engine?.jumpToLive();
      this.video.play().catch(() => {});
    }
  }

  private jump(): void {
    if (this.video.paused) this.togglePlay();
    else this.playback.engine?.jumpToLive();
  }

  private setMuted(muted: boolean): void {
    if (!muted && this.video.volume === 0) this.video.volume = 0.5;
    this.video.muted = muted;
    this.controls.unmute.hidden = true;
    remember({ muted, volume: this.video.volume });
    // Browsers pause what they let start only because it was silent.
    if (!muted && !this.pausedByPerson && this.onAir) this.video.play().catch(() => {});
  }

  private setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.setMuted(this.video.volume === 0);
  }

  private toggleMenu(): void {
    if (this.menu.open) {
      this.menu.close(true);
      return;
    }
    const { engine } = this.playback;
    this.menu.show({
      qualities: engine && engine.chooses?.() !== false ? engine.qualities() : [],
      chosen: this.chosen,
      playing: engine?.playing() ?? null,
      sounds: engine?.sounds?.() ?? [],
      sound: engine?.sound?.() ?? null,
      stats: this.stats.shown,
    });
  }

  private close(): void {
    if (this.menu.open) this.menu.close(true);
    else if (!this.help.element.hidden) this.help.toggle();
    else if (preference("theatre") === "on" && !document.fullscreenElement) {
      togglePreference("theatre");
    }
  }

  // What it looks like.

  private build(): void {
    const { video } = this;
    this.controls = buildControls((act) => this.act(act));
    this.menu = new Menu(this.controls.buttons.settings);
    this.stats = new StatsPanel(video, () => this.playback);
    this.help = new HelpPanel();
    const { notice, unmute, big, spinner, bar, buttons, volume } = this.controls;
    this.append(notice, unmute, big, spinner, bar, this.menu.element, this.stats.element);
    this.append(this.help.element);
    buttons.pip.hidden = !canPip();
    this.menu.onStats = () => this.stats.toggle();
    this.menu.onQuality = (quality) => {
      remember({ height: quality?.height ?? null });
      this.setQuality(quality);
    };
    this.menu.onSound = (sound) => {
      remember({ sound: sound.name });
      this.playback.engine?.setSound?.(sound.id);
    };
    unmute.addEventListener("click", () => this.setMuted(false));
    big.addEventListener("click", () => this.togglePlay());
    volume.addEventListener("input", () => this.setVolume(Number(volume.value)));
    video.addEventListener("click", () => {
      if (matchMedia("(hover: hover)").matches) this.togglePlay();
    });
    video.addEventListener("dblclick", () => toggleFullscreen(this, video));
    for (const name of ["play", "pause"]) {
      video.addEventListener(name, () => {
        this.show();
        PlayerElement.connection.beat(true);
      });
    }
    video.addEventListener("volumechange", () => this.show());
    video.addEventListener("waiting", () => this.wait());
    for (const name of ["playing", "timeupdate", "pause", "emptied"]) {
      video.addEventListener(name, () => this.flows());
    }
    document.addEventListener("fullscreenchange", () => this.show());
    document.addEventListener("metropole:preference", () => this.show());
    window.setInterval(() => this.showLatency(), SHOW_EVERY);
    listenKeys(this, (act) => this.act(act));
    new Idle(this, () => !video.paused && !this.menu.open);
  }

  private showNotice(): void {
    let words = "";
    const unseen = this.playback?.engine?.unseen?.() ?? "";
    if (this.state === "interrupted") {
      words = t("The creator is reconnecting…");
    } else if (this.trouble?.why === "full" && this.onAir) {
      words = t(
        "Your network does not reach the media server, and the detour is full. Trying again…",
      );
    } else if (this.trouble?.why === "codec" && this.onAir) {
      words = t(
        "This browser cannot play %(codec)s, which this channel sends. Another browser may.",
        { codec: this.trouble.reason },
      );
    } else if (this.onAir && unseen) {
      words = t(
        "This browser cannot play %(codec)s, so you hear the sound alone. Another browser may.",
        { codec: unseen },
      );
    }
    this.controls.notice.textContent = words;
    this.controls.notice.hidden = words === "";
  }

  private wait(): void {
    if (this.spin !== undefined || this.video.paused) return;
    this.spin = window.setTimeout(() => {
      this.controls.spinner.hidden = this.state === "interrupted" || !this.onAir;
    }, SPIN_AFTER);
  }

  private flows(): void {
    window.clearTimeout(this.spin);
    this.spin = undefined;
    this.controls.spinner.hidden = true;
    PlayerElement.connection.beat();
  }

  private show(): void {
    const { controls } = this;
    showState(controls, this.video);
    const off = this.dataset.state !== "live" && this.dataset.state !== "interrupted";
    controls.bar.hidden = off;
    if (off) {
      controls.big.hidden = true;
      controls.unmute.hidden = true;
      this.flows();
    }
    const full = isFullscreen(this);
    setIcon(controls.buttons.fullscreen, full ? "shrink" : "fullscreen");
    setLabel(controls.buttons.fullscreen, full ? t("Leave full screen") : t("Full screen"));
    const theatre = preference("theatre") === "on";
    controls.buttons.theatre.setAttribute("aria-pressed", String(theatre));
    this.showLatency();
  }

  private showLatency(): void {
    const engine = this.playback?.engine;
    const behind = this.video.paused ? null : (engine?.latency() ?? null);
    const shown = behind !== null && this.state === "live" && this.video.readyState > 2;
    const seconds = shown ? (Math.round(behind * 10) / 10).toFixed(1) : "";
    this.controls.latency.textContent = shown
      ? t("%(seconds)s s behind", {
          seconds: Number(seconds).toLocaleString(page.language, { minimumFractionDigits: 1 }),
        })
      : "";
    const live = !this.video.paused && engine?.atLive() === true;
    this.controls.buttons.live.dataset.behind = live ? "0" : "1";
  }
}
