// Keys of the player, wherever on the page the focus is, except in text fields.

import { typing } from "../dom.ts";

export type KeyAct =
  | "play"
  | "mute"
  | "louder"
  | "quieter"
  | "live"
  | "fullscreen"
  | "theatre"
  | "chat"
  | "help"
  | "close";

const KEYS: Record<string, KeyAct> = {
  k: "play",
  m: "mute",
  l: "live",
  f: "fullscreen",
  t: "theatre",
  c: "chat",
  "?": "help",
  Escape: "close",
};

export function listenKeys(player: HTMLElement, act: (act: KeyAct) => void): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || typing(event)) return;
    const found = KEYS[event.key] ?? KEYS[event.key.toLowerCase()] ?? nearby(player, event);
    if (found === undefined) return;
    if (event.repeat && found !== "louder" && found !== "quieter") return;
    if (found !== "close") event.preventDefault();
    act(found);
  });
}

/** Space and arrows belong to buttons, sliders and scrolling, unless the player has the focus. */
function nearby(player: HTMLElement, event: KeyboardEvent): KeyAct | undefined {
  const target = event.target as HTMLElement;
  const inside = player.contains(target);
  if (event.key === " " && !target.closest("button, a, input, summary, [role=log]")) return "play";
  if (!inside || target.matches("input") || target.closest("[role=menu]")) return undefined;
  if (event.key === "ArrowUp") return "louder";
  if (event.key === "ArrowDown") return "quieter";
  return undefined;
}
