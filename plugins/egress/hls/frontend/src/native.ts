// The engine on what Apple's browsers play by themselves. They choose their own distance to live.

import type {
  EngineEvents,
  PlaybackEngine,
  PlaybackSource,
  Quality,
} from "@metropole/frontend/engine";

import { surroundings } from "./surroundings.ts";
import { type Verdict, Way } from "./way.ts";

const LOOK_EVERY = 1000; // ms
const STUCK = 3000; // ms without progress after which somebody looks why
const PATIENCE = 10_000; // ms for an answer that only tells whether anybody is there
const NEAR_LIVE = 6; // s; these players keep two or three segments

export class NativeEngine implements PlaybackEngine {
  private video: HTMLVideoElement | null = null;
  private readonly listening = new AbortController();
  private way: Way | null = null;
  private looking: number | undefined;
  private loaded = false;
  private position = 0;
  private movedAt = 0;

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
    this.looking = window.setInterval(() => this.look(way, events), LOOK_EVERY);
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
    return [{ id: "0", width, height, frameRate: 0, bitrate: 0, codec: "", source: false }];
  }

  playing(): string | null {
    return this.video?.videoHeight ? "0" : null;
  }

  setQuality(): void {
    // The browser decides.
  }

  chooses(): boolean {
    return false;
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
    window.clearInterval(this.looking);
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
    // The browser is slow to say that it has something, so somebody else asks, too.
    let heard = false;
    const around = surroundings();
    void around.probe(way.url, PATIENCE).then((answer) => {
      heard = answer !== "silent";
    });
    this.obey(await way.race(() => heard || (this.video?.readyState ?? 0) > 0), events);
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
    // A new address pauses a video, and so does one that cannot be reached.
    const playing = !video.paused || (this.loaded && video.readyState === 0);
    this.loaded = true;
    video.src = url;
    if (playing) video.play().catch(() => {});
  }

  /** A picture that stands still may have lost the media port. */
  private async look(way: Way, events: EngineEvents): Promise<void> {
    const { video } = this;
    const now = performance.now();
    if (!video || video.paused || video.currentTime !== this.position) {
      this.position = video?.currentTime ?? 0;
      this.movedAt = now;
    } else if (now - this.movedAt > STUCK && video.readyState > 0) {
      this.movedAt = now;
      this.obey(await way.check(), events);
    }
  }

  private end(): number | null {
    const { seekable } = this.video ?? {};
    return seekable?.length ? seekable.end(seekable.length - 1) : null;
  }
}
