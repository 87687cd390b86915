// The engine on hls.js.

import type {
  EngineEvents,
  PlaybackEngine,
  PlaybackSource,
  Quality,
} from "@metropole/frontend/engine";
import Hls, { type ErrorData, ErrorTypes, Events } from "hls.js/light";
import { LiveDriver } from "./live.ts";
import { Recovery } from "./recovery.ts";
import { FULL, surroundings } from "./surroundings.ts";
import { isGateway, type Verdict, Way } from "./way.ts";

const NEAR_LIVE = 1; // s beyond the target that still count as live

export class HlsEngine implements PlaybackEngine {
  private readonly hls = new Hls({
    lowLatencyMode: true,
    enableWorker: false, // the content security policy allows no scripts from blobs
    backBufferLength: 10,
    liveDurationInfinity: true,
    liveSyncOnStallIncrease: 0.2, // its default of 1 s sticks after one stall at the start
    maxLiveSyncPlaybackRate: 1, // at 1 it leaves the speed to us
    // Small fast parts hardly count in its default estimate, so that it would stay low for long.
    abrBandWidthUpFactor: 0.95,
    abrEwmaFastLive: 2,
    abrEwmaSlowLive: 5,
    xhrSetup: (xhr, url) => {
      const mapped = this.way?.map(url) ?? url;
      if (mapped !== url) xhr.open("GET", mapped, true);
    },
  });
  private readonly recovery = new Recovery();
  private driver: LiveDriver | null = null;
  private video: HTMLVideoElement | null = null;
  private way: Way | null = null;
  private retry: number | undefined;
  private loaded = false;
  private destroyed = false;

  attach(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void {
    const { hls } = this;
    this.video = video;
    this.way = new Way(source.url, source.fallback_url, surroundings());
    // iPhones hand out their MediaSource only to videos that cannot be sent to a television.
    video.disableRemotePlayback = true;
    hls.on(Events.MANIFEST_PARSED, () => {
      this.loaded = true;
      events.qualities();
    });
    hls.on(Events.LEVEL_SWITCHED, () => events.qualities());
    hls.on(Events.ERROR, (_, data) => void this.trouble(data, events));
    video.addEventListener("ended", events.ended);
    hls.once(Events.DESTROYING, () => video.removeEventListener("ended", events.ended));
    hls.attachMedia(video);
    this.driver = new LiveDriver(hls, video, {
      behind: source.target_ms / 1000,
      steady: source.latency === "normal",
    });
    void this.begin(this.way, events);
  }

  byFallback(): boolean {
    return this.way?.bySite ?? false;
  }

  qualities(): readonly Quality[] {
    return this.hls.levels
      .map((level, index) => ({
        id: String(index),
        width: level.width,
        height: level.height,
        frameRate: level.frameRate || 0,
        bitrate: level.maxBitrate,
        codec: level.videoCodec ?? "",
      }))
      .sort((a, b) => b.height - a.height || b.bitrate - a.bitrate);
  }

  playing(): string | null {
    const level = this.hls.currentLevel;
    return level < 0 ? null : String(level);
  }

  setQuality(id: string | null): void {
    this.hls.nextLevel = id === null ? -1 : Number(id);
  }

  latency(): number | null {
    return this.driver?.behind() ?? null;
  }

  atLive(): boolean {
    const behind = this.latency();
    const target = this.driver?.control.target ?? 0;
    return behind !== null && behind < target + NEAR_LIVE;
  }

  jumpToLive(): void {
    this.driver?.jumpToLive();
  }

  stats(): readonly (readonly [string, string])[] {
    const { hls, driver, video } = this;
    const level = hls.levels[hls.currentLevel];
    const behind = this.latency();
    return [
      ["Engine", `hls.js ${Hls.version}`],
      ["Codecs", [level?.videoCodec, level?.audioCodec].filter(Boolean).join(", ") || "–"],
      ["Bit rate", level ? `${(level.maxBitrate / 1e6).toFixed(1)} Mbit/s` : "–"],
      ["Network", `${(hls.bandwidthEstimate / 1e6).toFixed(1)} Mbit/s`],
      [
        "Behind",
        behind === null ? "–" : `${behind.toFixed(2)} s of ${driver?.control.target.toFixed(1)} s`,
      ],
      ["Speed", `${video?.playbackRate.toFixed(2)}×`],
      ["Stalls", String(driver?.control.stalls ?? 0)],
    ];
  }

  destroy(): void {
    this.destroyed = true;
    window.clearTimeout(this.retry);
    this.driver?.destroy();
    this.hls.destroy();
  }

  private async begin(way: Way, events: EngineEvents): Promise<void> {
    const verdict = await way.first();
    if (this.destroyed) return;
    if (verdict === "full") {
      events.failed("full", "full");
      return;
    }
    this.hls.loadSource(way.url);
    this.obey(await way.race(() => this.loaded), events);
  }

  private obey(verdict: Verdict, events: EngineEvents): void {
    if (this.destroyed || verdict === "stay") return;
    if (verdict === "full") {
      events.failed("full", "full");
      return;
    }
    window.clearTimeout(this.retry);
    const { hls, video, way } = this;
    if (this.loaded) {
      // What is buffered plays on; requests under way are let go and made again, the other way.
      hls.stopLoad();
      hls.startLoad();
    } else if (way) {
      const playing = video?.paused === false;
      hls.loadSource(way.url);
      if (playing) video?.play().catch(() => {}); // a new address pauses a video
    }
  }

  /** hls.js mends what is not fatal by itself; nobody needs to hear of it. */
  private async trouble(data: ErrorData, events: EngineEvents): Promise<void> {
    const { way } = this;
    if (way && !way.bySite && isSilence(data)) {
      this.obey(await way.check(), events);
      if (this.destroyed || way.bySite) return;
    }
    if (!data.fatal) return;
    if (isFull(data)) {
      events.failed("full", "full");
      return;
    }
    const what =
      data.type === ErrorTypes.NETWORK_ERROR
        ? "network"
        : data.type === ErrorTypes.MEDIA_ERROR
          ? "media"
          : "other";
    const gone = data.response?.code === 404 || data.response?.code === 410;
    const { remedy, wait } = this.recovery.remedy(what, gone, performance.now());
    if (remedy === "recover") {
      this.hls.recoverMediaError();
      // It stopped all loading because of the error, and begins again with all but the playlists.
      this.hls.startLoad();
      this.video?.play().catch(() => {});
    } else if (remedy === "reload") {
      this.retry = window.setTimeout(() => {
        if (this.loaded) this.hls.startLoad();
        else if (way) this.hls.loadSource(way.url);
      }, wait);
    } else {
      if (what === "network") way?.failed();
      events.failed(`${data.details}${data.response ? ` ${data.response.code}` : ""}`);
    }
  }
}

/** Whether nobody answered, or only somebody on the way. */
function isSilence(data: ErrorData): boolean {
  if (!/Load(Error|TimeOut)$/.test(data.details)) return false;
  const code = data.response?.code ?? 0;
  return code === 0 || isGateway(code);
}

/** The site's port serves this, and has no room (its `media_url` leads there, say). */
function isFull(data: ErrorData): boolean {
  const request: unknown = data.networkDetails;
  return (
    data.response?.code === 503 &&
    request instanceof XMLHttpRequest &&
    request.responseURL.startsWith(`${location.origin}/`) && // no other lets us read it
    request.getResponseHeader(FULL) === "full"
  );
}
