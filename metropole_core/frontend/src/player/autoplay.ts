// Starting without a click. Browsers refuse sound until they trust a site, and some refuse all.

export type Started = "sound" | "muted" | "refused";

/**
 * Play, with sound if wanted and allowed, else without.
 *
 * @returns how it plays; "refused" means that a person has to press play
 */
export async function startPlaying(video: HTMLVideoElement, sound: boolean): Promise<Started> {
  if (sound) {
    video.muted = false;
    if (await tryPlay(video)) return "sound";
  }
  video.muted = true;
  return (await tryPlay(video)) ? "muted" : "refused";
}

async function tryPlay(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return true;
  } catch (error) {
    // An abort means that something else took over the video (a new source, a pause): no refusal.
    return !(error instanceof DOMException && error.name === "NotAllowedError");
  }
}
