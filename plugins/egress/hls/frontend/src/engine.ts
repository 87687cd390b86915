// What the player imports: HLS by hls.js where the browser lets scripts feed a video, else by the
// browser itself.

import type { EngineModule, PlaybackEngine, PlaybackSource } from "@metropole/frontend/engine";
import Hls from "hls.js/light";
import { HlsEngine } from "./hls.ts";
import { NativeEngine } from "./native.ts";

// `canPlayType` says "maybe" in browsers that cannot, so scripts come first.
const scripted = Hls.isSupported();

export function canPlay(source: PlaybackSource, video: HTMLVideoElement): boolean {
  return scripted || video.canPlayType(source.mime_type) !== "";
}

export function create(): PlaybackEngine {
  return scripted ? new HlsEngine() : new NativeEngine();
}

({ canPlay, create }) satisfies EngineModule;
