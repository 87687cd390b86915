// Live status without a reload: every element that belongs to a channel follows it.
//
// The player keeps its own state (it plays out what it has before it says offline), so elements
// inside one and the player itself are left to it.

import { Fragments } from "./fragments.ts";
import { page } from "./page.ts";
import type { Status } from "./protocol.ts";
import type { Connection } from "./socket.ts";
import { clock, compact } from "./text.ts";

const PREVIEW_EVERY = 30_000; // ms
const SLOW_START = 3000; // ms from navigation to the socket after which lists may be out of date

export function followLive(connection: Connection): void {
  const fragments = new Fragments();
  let welcomed = false;
  connection.on("welcome", (frame) => {
    if (frame.status) show(frame.status, fragments);
    // What happened while there was no connection was not told: read the lists again.
    if (welcomed || performance.now() > SLOW_START) fragments.refresh();
    welcomed = true;
  });
  connection.on("status", (status) => show(status, fragments));
  connection.on("notice", ({ channel }) => {
    fragments.renew(`[data-notices="${CSS.escape(channel)}"]`);
  });
  connection.on("viewers", ({ channel, n }) => showViewers(channel, n));
  window.setInterval(tick, 1000);
  window.setInterval(renewPreviews, PREVIEW_EVERY);
  document.addEventListener("visibilitychange", tick);
}

function of(channel: string): NodeListOf<HTMLElement> {
  return document.querySelectorAll(`[data-channel="${CSS.escape(channel)}"]`);
}

function onAir(state: string | undefined): boolean {
  return state === "live" || state === "interrupted";
}

function show(status: Status, fragments: Fragments): void {
  let known = false;
  for (const element of of(status.channel)) {
    if (element.matches("metropole-player, metropole-chat")) continue;
    if (element.closest("[data-fragment]") !== null) {
      // A place in a list changes with going on and off air: the server knows the new order.
      if (onAir(element.dataset.state) !== onAir(status.state)) fragments.refresh();
      else known = true;
    }
    element.dataset.state = status.state;
    setText(element, ".title-text", status.title);
    setText(element, ".category-text", status.category);
    for (const uptime of element.querySelectorAll<HTMLElement>(".uptime")) {
      uptime.dataset.since = onAir(status.state) ? (status.started_at ?? "") : "";
    }
  }
  if (!known && onAir(status.state)) fragments.refresh();
  showViewers(status.channel, status.viewers);
  tick();
}

function setText(root: HTMLElement, selector: string, text: string): void {
  if (!text) return; // an empty title stands as the channel's name, which the server writes
  for (const element of root.querySelectorAll(selector)) element.textContent = text;
}

function showViewers(channel: string, n: number): void {
  const text = compact(n, page.language);
  const name = CSS.escape(channel);
  for (const element of document.querySelectorAll<HTMLElement>(
    `[data-channel="${name}"] .viewers, .viewers[data-of="${name}"]`,
  )) {
    element.dataset.viewers = String(n);
    element.textContent = text;
    const word = element.nextElementSibling;
    if (word instanceof HTMLElement && word.matches(".viewers-word")) {
      word.textContent = (n === 1 ? word.dataset.one : word.dataset.many) ?? "";
    }
  }
}

/** Fetches the pictures of live channels that can be seen anew; each is loaded before it is shown. */
function renewPreviews(): void {
  if (document.hidden) return;
  for (const image of document.querySelectorAll<HTMLImageElement>("img[data-preview]")) {
    const { top, bottom } = image.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight) continue;
    if (!onAir(image.closest<HTMLElement>("[data-state]")?.dataset.state)) continue;
    const next = new Image();
    next.src = `${image.dataset.preview}?v=${Math.floor(Date.now() / 1000)}`;
    next.decode().then(
      () => {
        image.src = next.src;
      },
      () => {}, // there is none just now: the one before stays
    );
  }
}

function tick(): void {
  if (document.hidden) return;
  for (const element of document.querySelectorAll<HTMLElement>(".uptime[data-since]")) {
    const since = Date.parse(element.dataset.since ?? "");
    const text = Number.isNaN(since) ? "" : clock((Date.now() - since) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
