// Qualities and tracks of sound as hls.js knows them, in the player's words.

import type { Quality, Sound } from "@metropole/frontend/engine";
import type { Level, MediaPlaylist } from "hls.js/light";

/** Files of the picture as it was sent; what was made of it has other numbers. */
const SOURCE = /\/v0[.-][^/]*$/;

/** Best first. */
export function qualities(levels: readonly Level[]): Quality[] {
  return levels
    .map((level) => ({
      id: idOf(level),
      width: level.width,
      height: level.height,
      frameRate: level.frameRate || 0,
      bitrate: level.maxBitrate,
      codec: level.videoCodec ?? "",
      source: SOURCE.test(path(level.uri)),
    }))
    .sort((a, b) => b.height - a.height || b.bitrate - a.bitrate);
}

/** The place of a quality among hls.js's levels, -1 when it is gone. */
export function levelOf(levels: readonly Level[], id: string): number {
  return levels.findIndex((level) => idOf(level) === id);
}

/** hls.js numbers levels by their place, which changes when one is taken away. */
export function idOf(level: Level): string {
  return level.uri;
}

export function sounds(tracks: readonly MediaPlaylist[]): Sound[] {
  return tracks.map((track) => ({
    id: String(track.id),
    name: track.name,
    language: track.lang ?? "",
  }));
}

/** The codecs in RFC 6381 strings, each by the name that people know, once. */
export function codecNames(codecs: readonly string[]): string {
  const names = codecs.flatMap((each) => each.split(",")).map((each) => nameOf(each.trim()));
  return [...new Set(names)].join(", ");
}

const NAMES: [RegExp, string][] = [
  [/^(hvc1|hev1)/, "HEVC (H.265)"],
  [/^avc[13]/, "H.264"],
  [/^av01/, "AV1"],
  [/^vp09/, "VP9"],
  [/^mp4a/, "AAC"],
  [/^opus/i, "Opus"],
];

function nameOf(codec: string): string {
  return NAMES.find(([pattern]) => pattern.test(codec))?.[1] ?? codec;
}

function path(uri: string): string {
  return new URL(uri).pathname;
}
