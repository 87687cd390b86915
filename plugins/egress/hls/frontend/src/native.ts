// The engine on what Apple's browsers play by themselves. They choose their own distance to live.

import type {
  EngineEvents,
  PlaybackEngine,
  PlaybackSource,
  Quality,
} from "@metropole/frontend/engine";

import { surroundings } from "./surroundings.ts";
import { type Verdict, Way } from "./way.ts";

const STUCK = 3000; // ms without progress after which somebody looks why
const NEAR_LIVE = 6; // s; these players keep two or three segments

export class NativeEngine implements PlaybackEngine {
  private video: HTMLVideoElement | null = null;
  private readonly listening = new AbortController();
  private way: Way | null = null;
  private stuck: number | undefined;

  attach(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void {
    const { signal } = this.listening;
    this.video = video;
    const way = new Way(source.url, source.fallback_url, surroundings());
    this.way = way;
    const failed = () => {
      way.failed();
      events.failed(video.error?.message ?? "error");
    };
    video.addEventListener(
      "error",
      // The browser says neither what went wrong nor whether anybody answered.
      async () => {
        if (!this.obey(await way.check(), events)) failed();
      },
      { signal },
    );
    video.addEventListener("waiting", () => this.watch(way, events), { signal });
    video.addEventListener("timeupdate", () => window.clearTimeout(this.stuck), { signal });
    video.addEventListener("ended", () => events.ended(), { signal });
    video.addEventListener("resize", () => events.qualities(), { signal });
    void this.begin(way, events);
  }

  byFallback(): boolean {
    return this.way?.bySite ?? false;
  }

  qualities(): readonly Quality[] {
    const { videoWidth: width = 0, videoHeight: height = 0 } = this.video ?? {};
    if (height === 0) return [];
    return [{ id: "0", width, height, frameRate: 0, bitrate: 0, codec: "" }];
  }

  playing(): string | null {
    return this.video?.videoHeight ? "0" : null;
  }

  setQuality(): void {
    // The browser decides.
  }

  latency(): number | null {
    const end = this.end();
    return end === null || this.video === null ? null : Math.max(0, end - this.video.currentTime);
  }

  atLive(): boolean {
    return (this.latency() ?? Number.POSITIVE_INFINITY) < NEAR_LIVE;
  }

  jumpToLive(): void {
    const end = this.end();
    if (end !== null && this.video && !this.atLive()) this.video.currentTime = end;
  }

  stats(): readonly (readonly [string, string])[] {
    return [["Engine", "of the browser"]];
  }

  destroy(): void {
    this.listening.abort();
    window.clearTimeout(this.stuck);
    this.video?.removeAttribute("src");
    this.video?.load();
  }

  private async begin(way: Way, events: EngineEvents): Promise<void> {
    const verdict = await way.first();
    if (this.listening.signal.aborted || this.video === null) return;
    if (verdict === "full") {
      events.failed("full", "full");
      return;
    }
    this.load(way.url);
    this.obey(await way.race(() => (this.video?.readyState ?? 0) > 0), events);
  }

  /** Whether something was done about it. */
  private obey(verdict: Verdict, events: EngineEvents): boolean {
    if (this.listening.signal.aborted) return true;
    if (verdict === "full") events.failed("full", "full");
    else if (verdict === "turn" && this.way) this.load(this.way.url);
    return verdict !== "stay";
  }

  private load(url: string): void {
    const { video } = this;
    if (!video) return;
    const playing = !video.paused;
    video.src = url;
    if (playing) video.play().catch(() => {}); // a new address pauses a video
  }

  private watch(way: Way, events: EngineEvents): void {
    window.clearTimeout(this.stuck);
    this.stuck = window.setTimeout(async () => {
      this.obey(await way.check(), events);
    }, STUCK);
  }

  private end(): number | null {
    const { seekable } = this.video ?? {};
    return seekable?.length ? seekable.end(seekable.length - 1) : null;
  }
}
