// The seam between the player element and what plays: a playback engine.
//
// An egress plugin ships an engine as a built ES module (`Engine.asset` in its Python half) whose
// exports are an `EngineModule`. The player imports it when a source names it, asks whether this
// browser can play, and attaches it to its <video>. The engine keeps the picture going by itself;
// it speaks up only when it cannot go on. It shows nothing, and it knows nothing of the site.

/** One way to play a stream, best first in the page's list. */
export interface PlaybackSource {
  /** Name of the engine. */
  engine: string;
  /** Absolute URL. */
  url: string;
  mime_type: string;
  /** What the creator chose. */
  latency: "normal" | "low" | "ultra_low";
  /** What a viewer can expect. */
  latency_ms: number;
  /** How far behind the newest media to keep the picture; 0: as the engine likes it. */
  target_ms: number;
  /** Absolute URL of the same on the site's own port, for when `url` cannot be reached. */
  fallback_url: string | null;
}

/** One quality on offer. */
export interface Quality {
  /** Stable while the source is attached. */
  id: string;
  width: number;
  height: number;
  /** Frames a second, 0 when unknown. */
  frameRate: number;
  /** bit/s, 0 when unknown. */
  bitrate: number;
  /** RFC 6381, "" when unknown. */
  codec: string;
  /** Whether it is what the creator sends, rather than made of it. */
  source: boolean;
}

/** One track of sound on offer. */
export interface Sound {
  /** Stable while the source is attached. */
  id: string;
  /** As the creator's software calls it. */
  name: string;
  /** BCP 47, "" when unknown. */
  language: string;
}

export type Trouble = "full" | "codec";

export interface EngineEvents {
  /** Qualities, tracks of sound, or those that play, changed. */
  qualities(): void;
  /** The stream's last frame was shown. */
  ended(): void;
  /**
   * The engine gave up; the player destroys it, asks the site what to play and starts again.
   *
   * @param why "full": the source cannot be reached, and its fallback has no room; "codec": this
   *   browser has no decoder for any of it, `reason` names the codecs as people know them
   */
  failed(reason: string, why?: Trouble): void;
}

export interface PlaybackEngine {
  /** Start loading. Called once. The player calls `play()` on the video itself. */
  attach(video: HTMLVideoElement, source: PlaybackSource, events: EngineEvents): void;
  /** Best first; empty until known. */
  qualities(): readonly Quality[];
  /** Id of the quality that plays, null before the first. */
  playing(): string | null;
  /** Play this quality, or null to choose by the network. */
  setQuality(id: string | null): void;
  /** Whether it obeys `setQuality`; an engine that does leaves this out. */
  chooses?(): boolean;
  /** Tracks of sound to choose from; an engine that plays what there is leaves these three out. */
  sounds?(): readonly Sound[];
  /** Id of the one that plays, null before the first. */
  sound?(): string | null;
  setSound?(id: string): void;
  /**
   * What this browser cannot show though it plays the sound: names of codecs as people know them,
   * "" when the picture is there. An engine that never plays sound alone leaves this out.
   */
  unseen?(): string;
  /** Seconds behind the newest that the server has, null when unknown. */
  latency(): number | null;
  /** Whether the picture is as close to live as this engine goes. */
  atLive(): boolean;
  jumpToLive(): void;
  /** Whether it plays by the source's fallback; an engine that knows none leaves this out. */
  byFallback?(): boolean;
  /** Label and value, for people who ask; not translated. */
  stats(): readonly (readonly [string, string])[];
  /** Free everything and let go of the video. */
  destroy(): void;
}

export interface EngineModule {
  canPlay(source: PlaybackSource, video: HTMLVideoElement): boolean;
  create(): PlaybackEngine;
}
