// The builds of hls.js: the light one, which plays what nearly every stream is, and the full one
// for streams with several tracks of sound, fetched when there is one.

import Light, { type HlsConfig, type ManifestParsedData } from "hls.js/light";

export type Build = typeof Light;

export const light: Build = Light;

/** The full build, in a file of its own. Throws when it cannot be loaded. */
export async function full(): Promise<Build> {
  const { default: Full } = await import("hls.js");
  return Full as unknown as Build;
}

/** Whether the light build would play the picture alone: it knows no sound beside the picture. */
export function needsFull(manifest: ManifestParsedData): boolean {
  return manifest.audioTracks.some((track) => Boolean(track.url));
}

/**
 * @param estimate bit/s that this line is thought to carry
 */
export function settings(estimate: number): Partial<HlsConfig> {
  return {
    lowLatencyMode: true, // at normal latency too: with parts the same distance holds more reserve
    enableWorker: false, // the content security policy allows no scripts from blobs
    backBufferLength: 10,
    liveDurationInfinity: true,
    liveSyncOnStallIncrease: 0.2, // its default of 1 s sticks after one stall at the start
    maxLiveSyncPlaybackRate: 1, // at 1 it leaves the speed to us
    capLevelToPlayerSize: true, // nobody sees more lines than there are on the screen
    abrEwmaDefaultEstimate: estimate,
    // Small fast parts hardly count in its default estimate, so that it would stay low for long.
    abrBandWidthUpFactor: 0.95,
    abrEwmaFastLive: 2,
    abrEwmaSlowLive: 5,
  };
}
