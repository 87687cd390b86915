// Full screen and picture-in-picture, with the ways of older Apple devices.

interface AppleVideo extends HTMLVideoElement {
  webkitEnterFullscreen?(): void;
}

export function isFullscreen(player: HTMLElement): boolean {
  return document.fullscreenElement === player;
}

export function toggleFullscreen(player: HTMLElement, video: AppleVideo): void {
  if (isFullscreen(player)) void document.exitFullscreen();
  else if (player.requestFullscreen) player.requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.();
}

export function canPip(): boolean {
  return document.pictureInPictureEnabled === true;
}

export function togglePip(video: HTMLVideoElement): void {
  const done =
    document.pictureInPictureElement === video
      ? document.exitPictureInPicture()
      : video.requestPictureInPicture();
  done.catch(() => {}); // before the first frame there is nothing to show
}
