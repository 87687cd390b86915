// Panels over the picture: statistics for the curious, and the list of keys.

import { make } from "../dom.ts";
import { t } from "../words.ts";
import type { PlaybackSource } from "./engine.ts";
import type { Playback } from "./playback.ts";

const EVERY = 500; // ms

export class StatsPanel {
  readonly element = make("dl", { class: "player-stats", hidden: true });
  private readonly video: HTMLVideoElement;
  private readonly playback: () => Playback;
  private timer: number | undefined;

  constructor(video: HTMLVideoElement, playback: () => Playback) {
    this.video = video;
    this.playback = playback;
  }

  get shown(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    this.element.hidden = this.shown;
    window.clearInterval(this.timer);
    if (!this.shown) return;
    this.fill();
    this.timer = window.setInterval(() => this.fill(), EVERY);
  }

  private fill(): void {
    const { videoWidth, videoHeight } = this.video;
    const frames = this.video.getVideoPlaybackQuality();
    const { engine, source } = this.playback();
    const detour = engine?.byFallback?.();
    const rows: (readonly [string, string])[] = [
      ["Picture", `${videoWidth}×${videoHeight}`],
      ["Frames", `${frames.totalVideoFrames}, dropped ${frames.droppedVideoFrames}`],
      ...(engine?.stats() ?? []),
    ];
    if (source) rows.push([t("Latency"), latencyWord(source.latency)]);
    if (detour !== undefined) {
      rows.push([t("Route"), detour ? t("through the site's port") : t("from the media port")]);
    }
    this.element.replaceChildren(
      ...rows.flatMap(([label, value]) => [make("dt", {}, label), make("dd", {}, value)]),
    );
  }
}

function latencyWord(latency: PlaybackSource["latency"]): string {
  return { normal: t("Normal"), low: t("Low"), ultra_low: t("Ultra-low") }[latency];
}

export class HelpPanel {
  readonly element = make("dl", { class: "player-stats player-help", hidden: true });

  constructor() {
    const rows: [string, string][] = [
      [t("Space, K"), t("Play or pause")],
      ["M", t("Sound on or off")],
      ["↑ ↓", t("Volume")],
      ["L", t("Jump to live")],
      ["F", t("Full screen")],
      ["T", t("Theatre mode")],
      ["C", t("Show or hide the chat")],
      ["?", t("Show or hide the keys")],
    ];
    this.element.append(
      ...rows.flatMap(([key, what]) => [make("dt", {}, key), make("dd", {}, what)]),
    );
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
  }
}
