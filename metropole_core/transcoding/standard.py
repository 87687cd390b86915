"""The built-in ladder policy: H.264, smaller than the source, no more than the machine can.

H.264 plays everywhere. A source in another codec is not watched by everyone, so that it may also
get a rung of its own size.
"""

from __future__ import annotations

from metropole_core.contracts.ladder import Preset, Room, Source
from metropole_core.contracts.transcoder import Encoding
from metropole_media import rungs
from metropole_media.ladder import RenditionPlan
from metropole_media.live import Track


class StandardLadder:
    """`contracts.ladder.LadderPolicy`. Sans-IO."""

    name = "standard"
    title = "Standard: H.264"

    async def plan(
        self, source: Source, presets: tuple[Preset, ...], room: Room | None
    ) -> tuple[RenditionPlan, ...]:
        """See the contract."""
        videos = [track for track in source.tracks if track.kind == "video"]
        if not videos:
            return ()
        made: tuple[RenditionPlan, ...] = ()
        if room is not None and len(videos) == 1:
            made = _video(videos[0], source.frame_rate, presets, room)
        with_sound = any(track.kind == "audio" for track in source.tracks)
        sound = next((preset for preset in presets if preset.height == 0), None)
        if with_sound and sound is not None:
            made += (rungs.sound_alone(sound.name),)
        return made


def _video(
    track: Track, frame_rate: float, presets: tuple[Preset, ...], room: Room
) -> tuple[RenditionPlan, ...]:
    encoding = next((e for e in room.capability.encodings if e.fourcc == rungs.EVERYWHERE), None)
    if encoding is None or track.fourcc not in room.capability.decodes:
        return ()
    most = rungs.largest(track.width, track.height, track.fourcc)
    wanted = [
        plan
        for preset in sorted(presets, key=lambda each: (-each.height, -each.bitrate))
        if 0 < preset.height <= most
        and (plan := _rung(preset, track, frame_rate, encoding)) is not None
    ]
    rate = frame_rate or rungs.USUAL_FRAME_RATE
    pixels = track.width * track.height * rate
    return rungs.fitting(wanted, lambda plans: _fit(plans, pixels, room))


def _rung(
    preset: Preset, track: Track, frame_rate: float, encoding: Encoding
) -> RenditionPlan | None:
    """The rung that this encoder can make by itself; None when it can not."""
    try:
        plan = rungs.plan(
            preset.name,
            (track.width, track.height, frame_rate),
            (preset.height, preset.frame_rate, preset.bitrate),
        )
    except ValueError:
        return None
    largest = sorted((encoding.max_width, encoding.max_height))
    fits = all(a <= b for a, b in zip(sorted((plan.width, plan.height)), largest, strict=True))
    # What one encoder can do, whatever the size: that of the largest picture at its frame rate.
    pace = encoding.max_width * encoding.max_height * encoding.max_frame_rate
    return plan if fits and rungs.pixels_per_second(plan) <= pace * rungs.ROUNDING else None


def _fit(plans: list[RenditionPlan], source_pixels: float, room: Room) -> bool:
    encode = _part(sum(rungs.pixels_per_second(plan) for plan in plans), room.encode)
    decode = _part(source_pixels, room.decode)
    if room.capability.hardware:
        return encode <= 1 and decode <= 1
    # The same processor does both.
    return encode + decode <= 1


def _part(needed: float, free: float) -> float:
    return needed / free if free > 0 else float("inf")
