// Ten times a second: looks at hls.js and the video, and does what the latency control says.

import type Hls from "hls.js/light";
import { type Aim, bufferedEnd, LatencyControl, type View } from "./latency.ts";

const EVERY = 100; // ms

export class LiveDriver {
  readonly control: LatencyControl;

  private readonly hls: Hls;
  private readonly video: HTMLVideoElement;
  private readonly timer: number;
  private readonly listening = new AbortController();
  private played = false;

  constructor(hls: Hls, video: HTMLVideoElement, aim: Aim) {
    this.control = new LatencyControl(aim);
    this.hls = hls;
    this.video = video;
    this.timer = window.setInterval(() => this.step(), EVERY);
    const { signal } = this.listening;
    video.addEventListener("waiting", () => this.stalled(), { signal });
    video.addEventListener("playing", () => this.moves(), { signal });
    // A hidden page's timers are slow, a sleeping machine's stand: catch up at once.
    document.addEventListener("visibilitychange", () => this.step(), { signal });
  }

  destroy(): void {
    window.clearInterval(this.timer);
    this.listening.abort();
    this.video.playbackRate = 1;
  }

  /** Seconds behind the newest media, null when unknown. */
  behind(): number | null {
    const view = this.view();
    return view && this.control.behind(view);
  }

  jumpToLive(): void {
    const view = this.view();
    if (!view) return;
    const behind = this.control.behind(view);
    // A jump closer than this is heard more than it helps.
    if (behind - this.control.target > 0.5) {
      this.video.currentTime = view.position + behind - this.control.target;
    }
  }

  private step(): void {
    const { video } = this;
    const view = this.view();
    if (!view || video.paused || video.seeking || video.buffered.length === 0) return;
    const action = this.control.step(view);
    if (action.do === "seek") video.currentTime = action.to;
    else if (video.playbackRate !== action.rate) video.playbackRate = action.rate;
  }

  private view(): View | null {
    const details = this.hls.latestLevelDetails;
    if (!details?.live) return null;
    const position = this.video.currentTime;
    return {
      now: performance.now(),
      edge: details.edge,
      age: details.age,
      part: details.partTarget || details.targetduration,
      position,
      bufferedEnd: bufferedEnd(this.video.buffered, position),
    };
  }

  private stalled(): void {
    if (this.played && !this.video.seeking && !this.video.paused) {
      this.control.stallBegan(performance.now());
    }
  }

  private moves(): void {
    this.played = true;
    this.control.stallEnded(performance.now());
  }
}
