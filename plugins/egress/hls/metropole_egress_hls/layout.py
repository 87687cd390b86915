"""Which renditions there are of a stream, from its tracks and its ladder. No I/O.

With one sound, pictures and sound lie in the same parts: half the requests, and what plays needs
less of a player. With several, each has a playlist of its own beside pictures without sound.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from metropole_media.hls.multivariant import SOUND_BANDWIDTH, Expected
from metropole_media.ladder import RenditionPlan
from metropole_media.live import Track
from metropole_media.packager import FIRST, Choice, writable

SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rendition that is to be.

    Fields:
        key: the same as long as it is the same rendition.
        choice: its tracks, of the stream or of the plan's feed.
        expected: what it will be.
        fed: name of the plan whose feed has its pictures; None: they are those of the stream.
        sound: its track, where it is one of several sounds.
    """

    key: Hashable
    choice: Choice
    expected: Expected
    fed: str | None = None
    sound: Track | None = None

    @property
    def audio_only(self) -> bool:
        """Whether it has no picture."""
        return self.choice.video is None


@dataclass(frozen=True, slots=True)
class Layout:
    """All renditions of a stream.

    Fields:
        renditions: the source first.
        alone: key of the one that plays without picture; None without.
    """

    renditions: tuple[Wanted, ...]
    alone: Hashable | None = None


def several_sounds(tracks: Sequence[Track]) -> bool:
    """Whether sounds are kept apart from pictures."""
    return len(writable(tracks, "video")) > 0 and len(writable(tracks, "audio")) > 1


def lay_out(tracks: Sequence[Track], plans: Sequence[RenditionPlan], apart: bool) -> Layout:
    """The renditions of a stream.

    Arguments:
        tracks: of the source, as far as they are known.
        plans: of its ladder.
        apart: whether sounds are kept apart from pictures.
    """
    videos, audios = writable(tracks, "video"), writable(tracks, "audio")
    muxed = audios[:1] if not apart else []
    source = Choice(FIRST, None if apart else FIRST)
    found = [Wanted(SOURCE, source, Expected.of([*videos[:1], *muxed]))]
    found += [
        Wanted(("video", track.id), Choice(track.id, None), Expected.of([track, *muxed]))
        for track in videos[1:]
    ]
    pictures = [plan for plan in plans if not plan.audio_only] if videos else []
    for plan in pictures:
        codecs = (plan.codec, *(track.codec for track in muxed))
        bitrate = plan.bitrate + SOUND_BANDWIDTH * len(muxed)
        expected = Expected(codecs, plan.width, plan.height, plan.frame_rate, bitrate=bitrate)
        found.append(Wanted(plan, Choice(FIRST, None), expected, plan.name))
    alone: Hashable | None = None
    if apart:
        sounds = [
            Wanted(("audio", track.id), Choice(None, track.id), Expected.of([track]), sound=track)
            for track in audios
        ]
    else:
        # Its name is that of the stream's sound, whichever plan it came with.
        sounds = [Wanted("audio", Choice(None, FIRST), Expected.of(muxed))] if muxed else []
    if videos and any(plan.audio_only for plan in plans):
        alone = sounds[0].key if sounds else None
    elif not apart:
        sounds = []
    return Layout((*found, *sounds), alone)
