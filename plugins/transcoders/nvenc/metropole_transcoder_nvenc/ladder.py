"""The ladder policy of this plugin: HEVC for the large rungs, H.264 for all others.

Whoever watches 1440p or more has a recent machine, and HEVC needs a third fewer bits; the smaller
ones are what everybody else plays.
"""

from __future__ import annotations

from metropole_core.contracts.ladder import Preset, Room, Source
from metropole_core.contracts.transcoder import Encoding
from metropole_media import rungs
from metropole_media.ladder import RenditionPlan
from metropole_media.live import Track

LEAN = "hvc1"
LARGE = 1440
"""Pixels of the shorter side from which on a rung is encoded in HEVC."""


class NvencLadder:
    """`contracts.ladder.LadderPolicy`. Sans-IO."""

    name = "nvenc"
    title = "NVIDIA: HEVC from 1440p on, H.264 below"

    async def plan(
        self, source: Source, presets: tuple[Preset, ...], room: Room | None
    ) -> tuple[RenditionPlan, ...]:
        """See the contract."""
        videos = [track for track in source.tracks if track.kind == "video"]
        made: tuple[RenditionPlan, ...] = ()
        if room is not None and len(videos) == 1:
            made = _video(videos[0], source.frame_rate, presets, room)
        has_sound = any(track.kind == "audio" for track in source.tracks)
        sound = next((preset for preset in presets if preset.height == 0), None)
        if videos and has_sound and sound is not None:
            made += (rungs.sound_alone(sound.name),)
        return made


def _video(
    track: Track, frame_rate: float, presets: tuple[Preset, ...], room: Room
) -> tuple[RenditionPlan, ...]:
    if track.fourcc not in room.capability.decodes:
        return ()
    encodings = {each.fourcc: each for each in room.capability.encodings}
    most = rungs.largest(track.width, track.height, track.fourcc)
    wanted = [
        plan
        for preset in sorted(presets, key=lambda each: (-each.height, -each.bitrate))
        if 0 < preset.height <= most
        and (plan := _rung(preset, track, frame_rate, encodings)) is not None
    ]
    pixels = track.width * track.height * (frame_rate or rungs.USUAL_FRAME_RATE)
    return rungs.fitting(wanted, lambda plans: _fits(plans, pixels, room, encodings))


def _rung(
    preset: Preset, track: Track, frame_rate: float, encodings: dict[str, Encoding]
) -> RenditionPlan | None:
    """In the codec that suits its size; None when the card cannot."""
    for fourcc in (LEAN, rungs.EVERYWHERE) if preset.height >= LARGE else (rungs.EVERYWHERE,):
        encoding = encodings.get(fourcc)
        if encoding is None or (fourcc == LEAN and track.fourcc == LEAN and _same(preset, track)):
            continue
        try:
            plan = rungs.plan(
                preset.name,
                (track.width, track.height, frame_rate),
                (preset.height, preset.frame_rate, preset.bitrate),
                fourcc,
            )
        except ValueError:
            continue
        largest = sorted((encoding.max_width, encoding.max_height))
        fits = all(a <= b for a, b in zip(sorted((plan.width, plan.height)), largest, strict=True))
        # What one encoder can do, whatever the size.
        pace = encoding.max_width * encoding.max_height * encoding.max_frame_rate
        if fits and rungs.pixels_per_second(plan) <= pace * rungs.ROUNDING:
            return plan
    return None


def _same(preset: Preset, track: Track) -> bool:
    return preset.height > min(track.width, track.height) * rungs.HARDLY_SMALLER


def _fits(
    plans: list[RenditionPlan],
    source_pixels: float,
    room: Room,
    encodings: dict[str, Encoding],
) -> bool:
    """Whether the card can: its codecs are not equally quick, and `room.encode` counts in pixels
    of the quickest."""
    quickest = max(each.pixels_per_second for each in encodings.values())
    needed = sum(
        rungs.pixels_per_second(plan) * quickest / encodings[plan.codec[:4]].pixels_per_second
        for plan in plans
    )
    return needed <= room.encode and source_pixels <= room.decode
