// What a quality is called.

import type { Quality, Sound } from "./engine.ts";

const NAMES: Record<number, string> = { 4320: "8K", 2160: "4K" };
const CODECS: [RegExp, string][] = [
  [/^(hvc1|hev1)/, "HEVC"],
  [/^av01/, "AV1"],
  [/^vp09/, "VP9"],
];

/** "1080p60", "4K 2160p60 · AV1"; "" for sound alone. H.264 goes without saying. */
export function qualityLabel(quality: Quality): string {
  if (quality.height === 0) return "";
  // A picture held upright is named by its short side, as people do.
  const lines = Math.min(quality.height, quality.width || quality.height);
  const rate = quality.frameRate > 31 ? String(Math.round(quality.frameRate)) : "";
  const name = NAMES[lines] ? `${NAMES[lines]} ` : "";
  const codec = CODECS.find(([pattern]) => pattern.test(quality.codec))?.[1];
  return `${name}${lines}p${rate}${codec ? ` · ${codec}` : ""}`;
}

/** "2.5 Mbit/s", "250 kbit/s"; empty when unknown. */
export function rateLabel(bitrate: number, language: string): string {
  if (bitrate <= 0) return "";
  const many = bitrate >= 999_500;
  const value = many ? Math.round(bitrate / 1e5) / 10 : Math.round(bitrate / 1e4) * 10;
  return `${value.toLocaleString(language)} ${many ? "Mbit/s" : "kbit/s"}`;
}

/** A track's own name, else its language, written in the reader's. */
export function soundLabel(sound: Sound, language: string): string {
  if (sound.name) return sound.name;
  try {
    return new Intl.DisplayNames([language], { type: "language" }).of(sound.language) ?? sound.id;
  } catch {
    return sound.language || sound.id;
  }
}

/** The quality on offer that is nearest to a remembered height, not above it if possible. */
export function nearest(qualities: readonly Quality[], height: number): Quality | undefined {
  const fitting = qualities.filter((quality) => quality.height <= height);
  const by = (direction: 1 | -1) => (a: Quality, b: Quality) => direction * (a.height - b.height);
  return fitting.length > 0 ? fitting.sort(by(-1))[0] : [...qualities].sort(by(1))[0];
}
