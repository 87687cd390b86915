// The engine on what Apple's browsers play by themselves. They choose their own distance to live.

import type {
  EngineEvents,
  PlaybackEngine,
  PlaybackSource,
  Quality,
} from "@metropole/frontend/engine";

const NEAR_LIVE = 6; // s; these players keep two or three segments

export class NativeEngine implements PlaybackEngine {
  private video: HTMLVideoElement | null = null;
  private readonly listening = new AbortController();

  attach(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void {
    const { signal } = this.listening;
    this.video = video;
    video.addEventListener("error", () => events.failed(video.error?.message ?? "error"), {
      signal,
    });
    video.addEventListener("ended", () => events.ended(), { signal });
    video.addEventListener("resize", () => events.qualities(), { signal });
    video.src = source.url;
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
    this.video?.removeAttribute("src");
    this.video?.load();
  }

  private end(): number | null {
    const { seekable } = this.video ?? {};
    return seekable?.length ? seekable.end(seekable.length - 1) : null;
  }
}
