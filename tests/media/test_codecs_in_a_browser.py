"""A real Chromium plays what is packaged, codec by codec, by the interface that hls.js uses."""

from __future__ import annotations

import base64
from typing import TypedDict

from metropole_media.live import Track
from tests.support.browser import chromium, person
from tests.support.clips import clip
from tests.support.packaging import Chain

SECONDS = 1.2
PLAYED = (
    ("av1", "opus"),
    ("vp9", "opus"),
    ("h264", "opus"),
    ("h264-b", "opus60"),
    ("av1-pq", "opus-5.1"),
    ("", "opus2.5"),
)
UNKNOWN = ("hevc", "hevc-pq")
"""Chromium as Debian builds it has no decoder for them; others have."""

PLAY = """
async ([type, chunks]) => {
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))
  const source = new MediaSource()
  const video = document.createElement('video')
  const failed = new Promise((_, reject) =>
    video.addEventListener('error', () => reject(new Error(video.error.message))))
  const happens = (target, name) =>
    Promise.race([failed, new Promise(done => target.addEventListener(name, done, { once: true }))])
  video.muted = true
  video.src = URL.createObjectURL(source)
  document.body.append(video)
  await happens(source, 'sourceopen')
  const buffer = source.addSourceBuffer(type)
  for (const chunk of chunks) {
    const end = happens(buffer, 'updateend')
    buffer.appendBuffer(bytes(chunk))
    await end
  }
  source.endOfStream()
  video.currentTime = video.buffered.start(0)
  video.playbackRate = 4
  const ended = happens(video, 'ended')
  await video.play()
  await ended
  const found = {
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    width: video.videoWidth,
    sound: video.webkitAudioDecodedByteCount,
    ranges: video.buffered.length,
    seconds: video.buffered.end(0) - video.buffered.start(0),
  }
  video.remove()
  return found
}
"""
SUPPORTED = "types => types.map(type => MediaSource.isTypeSupported(type))"


class Found(TypedDict):
    frames: int
    width: int
    sound: int
    ranges: int
    seconds: float


def mime(tracks: tuple[Track, ...]) -> str:
    kind = "video" if tracks[0].kind == "video" else "audio"
    return f'{kind}/mp4; codecs="{",".join(track.codec for track in tracks)}"'


async def test_what_chromium_knows_is_played_and_the_rest_is_recognised() -> None:
    """hls.js asks the same question with CODECS of the playlist, and leaves out what is not
    supported."""
    others = [mime(clip(video, "opus", 0.3).tracks) for video in UNKNOWN]
    assert others == [
        'video/mp4; codecs="hvc1.1.6.L60.90,opus"',
        'video/mp4; codecs="hvc1.2.4.L60.90,opus"',
    ]
    async with chromium() as browser, person(browser) as page:
        assert await page.evaluate(SUPPORTED, others) == [False, False]
        for video, audio in PLAYED:
            source = clip(video, audio, SECONDS, gop=20)
            chain = Chain()
            chain.send(chain.publish(*source.tracks), source.packets)
            chain.stream.end()
            type_ = mime(source.tracks)
            assert await page.evaluate(SUPPORTED, [type_]) == [True], type_
            chunks = [chain.taken.inits[0].data, *(part.data for part in chain.taken.parts)]
            encoded = [base64.b64encode(chunk).decode() for chunk in chunks]
            found: Found = await page.evaluate(PLAY, [type_, encoded])
            # Where playing begins, frames may be counted twice or be passed over.
            expected = len(source.of(0))
            assert expected - 3 <= found["frames"] <= expected + 3, (video, found)
            assert found["width"] == (320 if video else 0)
            assert found["sound"] > 1000
            assert found["ranges"] == 1
            assert abs(found["seconds"] - SECONDS) < 0.15
