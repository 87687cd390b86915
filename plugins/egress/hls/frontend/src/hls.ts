// The engine on hls.js.

import type {
  EngineEvents,
  PlaybackEngine,
  PlaybackSource,
  Quality,
  Sound,
} from "@metropole/frontend/engine";
import {
  type ErrorData,
  ErrorDetails,
  ErrorTypes,
  Events,
  type default as Hls,
} from "hls.js/light";
import { type Build, full, light, needsFull, settings } from "./build.ts";
import { expected, note } from "./line.ts";
import { LiveDriver } from "./live.ts";
import { Recovery } from "./recovery.ts";
import { SlowLine } from "./slow.ts";
import { downlink, FULL, shelf, surroundings } from "./surroundings.ts";
import { codecNames, idOf, levelOf, qualities, sounds } from "./tracks.ts";
import { isGateway, type Verdict, Way } from "./way.ts";

const NEAR_LIVE = 1; // s beyond the target that still count as live
const NOTE_EVERY = 10_000; // ms

export class HlsEngine implements PlaybackEngine {
  private readonly recovery = new Recovery();
  private hls: Hls = this.make(light);
  private driver: LiveDriver | null = null;
  private slow: SlowLine | null = null;
  private video: HTMLVideoElement | null = null;
  private way: Way | null = null;
  private retry: number | undefined;
  private noting: number | undefined;
  private codecs: string[] = [];
  private pictures: string[] = [];
  private loaded = false;
  private destroyed = false;

  attach(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void {
    this.video = video;
    this.way = new Way(source.url, source.fallback_url, surroundings());
    // iPhones hand out their MediaSource only to videos that cannot be sent to a television.
    video.disableRemotePlayback = true;
    this.noting = window.setInterval(() => this.note(), NOTE_EVERY);
    this.listen(video, source, events);
    void this.begin(this.way, events);
  }

  byFallback(): boolean {
    return this.way?.bySite ?? false;
  }

  qualities(): readonly Quality[] {
    return qualities(this.hls.levels);
  }

  playing(): string | null {
    const level = this.hls.levels[this.hls.currentLevel];
    return level ? idOf(level) : null;
  }

  setQuality(id: string | null): void {
    this.hls.nextLevel = id === null ? -1 : levelOf(this.hls.levels, id);
  }

  sounds(): readonly Sound[] {
    return sounds(this.hls.audioTracks ?? []);
  }

  sound(): string | null {
    const track = this.hls.audioTracks?.find((each) => each.id === this.hls.audioTrack);
    return track ? String(track.id) : null;
  }

  setSound(id: string): void {
    this.hls.audioTrack = Number(id);
  }

  unseen(): string {
    const { levels } = this.hls;
    if (levels.length === 0 || levels.some((level) => level.height > 0)) return "";
    return codecNames(this.pictures);
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
      ["Engine", `hls.js ${light.version}`],
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
    window.clearInterval(this.noting);
    this.note();
    this.driver?.destroy();
    this.slow?.destroy();
    this.hls.destroy();
  }

  private make(build: Build): Hls {
    return new build({
      ...settings(expected(shelf(), Date.now(), downlink())),
      xhrSetup: (xhr, url) => {
        const mapped = this.way?.map(url) ?? url;
        if (mapped !== url) xhr.open("GET", mapped, true);
      },
    });
  }

  private listen(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void {
    const { hls } = this;
    hls.on(Events.MANIFEST_LOADED, (_, { levels }) => {
      this.codecs = levels.map((level) => level.attrs.CODECS ?? "");
      this.pictures = levels.flatMap((level) => level.videoCodec ?? []);
    });
    hls.on(Events.MANIFEST_PARSED, (_, manifest) => {
      this.loaded = true;
      if (hls instanceof light && needsFull(manifest)) void this.exchange(video, source, events);
      else events.qualities();
    });
    for (const event of [
      Events.LEVELS_UPDATED,
      Events.LEVEL_SWITCHED,
      Events.AUDIO_TRACKS_UPDATED,
      Events.AUDIO_TRACK_SWITCHED,
    ] as const) {
      hls.on(event, () => events.qualities());
    }
    hls.on(Events.ERROR, (_, data) => void this.trouble(data, events));
    video.addEventListener("ended", events.ended);
    hls.once(Events.DESTROYING, () => video.removeEventListener("ended", events.ended));
    hls.attachMedia(video);
    this.slow = new SlowLine(hls);
    this.driver = new LiveDriver(hls, video, {
      behind: source.target_ms / 1000,
      steady: source.latency === "normal",
    });
  }

  /** Begin again with the build that plays sound from playlists of its own. */
  private async exchange(
    video: HTMLVideoElement,
    source: PlaybackSource,
    events: EngineEvents,
  ): Promise<void> {
    this.hls.stopLoad();
    let build: Build;
    try {
      build = await full();
    } catch {
      if (!this.destroyed) events.failed("the full build cannot be loaded");
      return;
    }
    if (this.destroyed) return;
    const playing = !video.paused;
    this.driver?.destroy();
    this.slow?.destroy();
    this.hls.destroy();
    this.hls = this.make(build);
    this.listen(video, source, events);
    if (this.way) this.hls.loadSource(this.way.url);
    if (playing) video.play().catch(() => {});
  }

  /** Remember what the line carries. Of one quality nothing is learned that the next page needs. */
  private note(): void {
    const { hls, video } = this;
    if (hls.levels.length > 1 && video?.paused === false && hls.currentLevel >= 0) {
      note(shelf(), Date.now(), hls.bandwidthEstimate);
    }
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
    if (this.isShed(data)) {
      this.remove(data);
      return;
    }
    if (!data.fatal) return;
    if (data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      events.failed(codecNames(this.codecs), "codec");
      return;
    }
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
    const { remedy, wait } = this.recovery.remedy(what, isGone(data), performance.now());
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

  /** Whether the server makes a quality no longer, while there are others. */
  private isShed(data: ErrorData): boolean {
    return (
      data.details === ErrorDetails.LEVEL_LOAD_ERROR && isGone(data) && this.hls.levels.length > 1
    );
  }

  /** hls.js changes over by itself; but it would come back. */
  private remove(data: ErrorData): void {
    const { hls } = this;
    const level = hls.levels[data.level ?? data.context?.level ?? -1];
    // Later: others still work on this error, with the numbers that levels have now.
    window.setTimeout(() => {
      const index = level && !this.destroyed ? hls.levels.indexOf(level) : -1;
      if (index < 0 || hls.levels.length < 2) return;
      const loading = hls.loadLevel === index;
      hls.removeLevel(index);
      if (loading) hls.nextLoadLevel = Math.max(0, index - 1);
    });
  }
}

function isGone(data: ErrorData): boolean {
  return data.response?.code === 404 || data.response?.code === 410;
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
