// A sentence for the person, said aloud by screen readers, gone after five seconds.

import { make } from "./dom.ts";

const SHOWN = 5000;
const MOST = 4;

export function toast(sentence: string, kind: "info" | "good" | "bad" = "info"): void {
  const box = document.getElementById("toasts");
  if (box === null) return;
  const one = make("div", { class: "toast", "data-kind": kind }, sentence);
  box.append(one);
  while (box.childElementCount > MOST) box.firstElementChild?.remove();
  window.setTimeout(() => one.remove(), SHOWN);
}
