"""The multivariant playlist: what there is to choose from, measured where it can be.

Source: RFC 8216bis sections 4.4.6.1 (renditions), 4.4.6.2 (variants) and 4.4.2.1
(EXT-X-INDEPENDENT-SEGMENTS).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from metropole_media.codecs.model import VideoRange
from metropole_media.hls.playlist import VERSION
from metropole_media.hls.window import Window
from metropole_media.live import Track

START_BANDWIDTH = 4_000_000
"""bit/s: the variant that players begin with is the best one that needs no more."""
SOUND_BANDWIDTH = 192_000
SMALLEST_BANDWIDTH = 300_000
"""bit/s, as long as nothing is known."""
HEADROOM = 1.1
"""What a planned bit rate may be passed by, containers included."""
GROUP = "audio"


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bits a second, of the segments that are kept: of the one with most, and of all."""

    peak: int
    average: int

    def __add__(self, other: Bandwidth) -> Bandwidth:
        return Bandwidth(self.peak + other.peak, self.average + other.average)


NOTHING = Bandwidth(0, 0)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rendition will be, as long as it is not there.

    Fields:
        codecs: RFC 6381 strings.
        width, height: pixels, 0 for sound alone.
        frame_rate: frames a second, 0.0 when nobody says.
        video_range: of its colours.
        bitrate: bit/s of all, 0 when nobody says.
    """

    codecs: tuple[str, ...]
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    video_range: VideoRange = "SDR"
    bitrate: int = 0

    @classmethod
    def of(cls, tracks: Sequence[Track], frame_rate: float = 0.0) -> Expected:
        """What these tracks are."""
        video = next((track for track in tracks if track.kind == "video"), None)
        codecs = tuple(track.codec for track in tracks)
        if video is None:
            return cls(codecs)
        colours = video.colour.video_range if video.colour is not None else "SDR"
        rate = frame_rate or video.frame_rate
        return cls(codecs, video.width, video.height, rate, colours)


@dataclass(slots=True)
class Variant:
    """A media playlist that a player can choose.

    Fields:
        uri: of it.
        window: what is in it.
        expected: what will be.
    """

    uri: str
    window: Window
    expected: Expected

    @property
    def seen(self) -> Expected:
        """What it is; what will be, as long as there is nothing."""
        if not self.window.listed:
            return self.expected
        init = self.window.listed[-1].init
        return Expected.of(init.tracks, init.frame_rate)


@dataclass(slots=True)
class AudioRendition(Variant):
    """A media playlist with one of several sounds, beside pictures without sound.

    Fields:
        name: for people, unique.
        language: BCP 47 tag, or "".
        channels: count.
    """

    name: str = ""
    language: str = ""
    channels: int = 0


@dataclass(slots=True)
class Menu:
    """All that a player can choose from.

    Fields:
        variants: the source first, then the others, best first.
        sounds: where there are several, the first is the one to play; else none.
    """

    variants: list[Variant] = field(default_factory=list)
    sounds: list[AudioRendition] = field(default_factory=list)


def measure(window: Window) -> Bandwidth | None:
    """The bandwidth of the complete segments; None when there is none.

    A segment shorter than half the target duration does not count as a peak (4.4.6.2: a peak is
    measured over 0.5 to 1.5 target durations), unless there are no others.
    """
    complete = [segment for segment in window.listed if segment.complete]
    seconds = sum(segment.seconds for segment in complete)
    if not seconds:
        return None
    average = sum(segment.octets for segment in complete) * 8 / seconds
    peaks = [
        segment.octets * 8 / segment.seconds
        for segment in complete
        if segment.seconds >= window.target_duration / 2
    ]
    return Bandwidth(round(max([average, *peaks])), round(average))


def multivariant_playlist(menu: Menu) -> str:
    """The playlist of all there is.

    The first variant is the one that players begin with, before they have measured anything: the
    best that is there and loads quickly nearly everywhere. Behind it the others, best first, and
    what has no picture last.
    """
    lines = ["#EXTM3U\n", f"#EXT-X-VERSION:{VERSION}\n"]
    windows = [each.window for each in (*menu.variants, *menu.sounds)]
    if not any(window.dependent for window in windows):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS\n")
    lines += [_media(sound, number == 0) for number, sound in enumerate(menu.sounds)]
    heard = [_bandwidth(sound, menu) for sound in menu.sounds]
    sound = max(heard, key=lambda each: each.peak, default=NOTHING)
    spoken = tuple(dict.fromkeys(codec for each in menu.sounds for codec in each.seen.codecs))
    ranges = {variant.seen.video_range for variant in menu.variants} != {"SDR"}
    rows = []
    for variant in menu.variants:
        seen, bandwidth = variant.seen, _bandwidth(variant, menu)
        codecs = seen.codecs
        if menu.sounds and seen.height:
            bandwidth, codecs = bandwidth + sound, (*codecs, *spoken)
        rows.append(_Row(bandwidth, seen, codecs, variant.uri, measure(variant.window) is not None))
    for bandwidth, seen, codecs, uri, _ in _ordered(rows):
        attributes = [
            f"BANDWIDTH={bandwidth.peak}",
            f"AVERAGE-BANDWIDTH={bandwidth.average}",
            f'CODECS="{",".join(codecs)}"',
        ]
        if seen.height:
            attributes.append(f"RESOLUTION={seen.width}x{seen.height}")
            if seen.frame_rate:
                attributes.append(f"FRAME-RATE={seen.frame_rate:.3f}")
            if ranges:
                attributes.append(f"VIDEO-RANGE={seen.video_range}")
        if menu.sounds:
            attributes.append(f'AUDIO="{GROUP}"')
        lines.append(f"#EXT-X-STREAM-INF:{','.join(attributes)}\n{uri}\n")
    return "".join(lines)


class _Row(NamedTuple):
    bandwidth: Bandwidth
    seen: Expected
    codecs: tuple[str, ...]
    uri: str
    there: bool


def _ordered(rows: list[_Row]) -> list[_Row]:
    def rank(row: _Row) -> tuple[int, float, int]:
        return row.seen.width * row.seen.height, row.seen.frame_rate, row.bandwidth.peak

    rows = sorted(rows, key=rank, reverse=True)
    pictures = [row for row in rows if row.seen.height]
    pictures = [row for row in pictures if row.there] or pictures
    quick = [row for row in pictures if row.bandwidth.peak <= START_BANDWIDTH] or pictures[-1:]
    return [*quick[:1], *(row for row in rows if row not in quick[:1])]


def _bandwidth(variant: Variant, menu: Menu) -> Bandwidth:
    measured = measure(variant.window)
    if measured is not None:
        return measured
    expected = variant.expected
    bitrate = expected.bitrate
    if not bitrate and expected.height:
        # The source is there before all others: as it, by the size of the picture.
        source = menu.variants[0]
        known, pixels = measure(source.window), source.seen.width * source.seen.height
        if known is not None and pixels:
            bitrate = round(known.peak * expected.width * expected.height / pixels)
        bitrate = max(bitrate, SMALLEST_BANDWIDTH)
    bitrate = bitrate or SOUND_BANDWIDTH
    return Bandwidth(round(bitrate * HEADROOM), bitrate)


def _media(sound: AudioRendition, default: bool) -> str:
    attributes = ["TYPE=AUDIO", f'GROUP-ID="{GROUP}"', f'NAME="{sound.name}"']
    if sound.language:
        attributes.append(f'LANGUAGE="{sound.language}"')
    attributes += [f"DEFAULT={'YES' if default else 'NO'}", "AUTOSELECT=YES"]
    if sound.channels:
        attributes.append(f'CHANNELS="{sound.channels}"')
    return f'#EXT-X-MEDIA:{",".join(attributes)},URI="{sound.uri}"\n'
