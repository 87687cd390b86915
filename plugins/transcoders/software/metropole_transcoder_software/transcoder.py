"""The back-end: measures what the processor can do, and starts a worker for each stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from metropole_core.contracts.transcoder import (
    Capability,
    Encoding,
    Job,
    JobReport,
    JobState,
)
from metropole_core.errors import Unavailable
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream
from metropole_media.transcode.encoders import SOFTWARE_DECODERS, JobSpec, make_rung
from metropole_media.transcode.job import JobStatus, TranscodeJob
from metropole_media.transcode.measure import CannotMeasure
from metropole_transcoder_software.codecs import FOURCCS, make_encoder
from metropole_transcoder_software.settings import SoftwareSettings
from metropole_transcoder_software.speed import measured

SPARE = 0.8
"""How much of its core a thread may be planned to use."""
PIXELS_PER_THREAD = 100e6
"""Encoded in a second of processor time, until it is measured."""
SIZES = ((7680, 4320), (3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480))
SMALLEST = (640, 360)
MAX_FRAME_RATE = 120.0
CODEC_TITLES = {"h264": "H.264", "hevc": "HEVC", "av1": "AV1"}


class SoftwareTranscoder:
    """x264, x265 or SVT-AV1 in worker processes."""

    name = "software"
    title = "Software"

    def __init__(self, settings: SoftwareSettings) -> None:
        self._settings = settings
        self._per_core = PIXELS_PER_THREAD

    async def probe(self) -> Capability:
        """Measure, or remember what was measured."""
        settings, cores = self._settings, self._settings.usable_cores
        encoder = make_encoder(settings.codec, settings.preset, 1)
        try:
            speed = await measured(encoder)
        except CannotMeasure as error:
            raise Unavailable(
                f"Renditions cannot be encoded in software: {error} Reinstall the package av."
            ) from None
        self._per_core = speed.encode_per_cpu_second
        encode = speed.encode_per_cpu_second * cores
        width, height, rate = largest(speed.encode_per_cpu_second * self._most_threads() * SPARE)
        fourcc = FOURCCS[settings.codec]
        words = "1 core encodes" if cores == 1 else f"{cores} cores encode"
        return Capability(
            (Encoding(fourcc, width, height, rate, encode),),
            tuple(decoder.fourcc for decoder in SOFTWARE_DECODERS),
            speed.decode_per_cpu_second * cores,
            hardware=False,
            sentence=f"{words} {CODEC_TITLES[settings.codec]} at {settings.preset}: about "
            f"{encode / (1280 * 720 * 30):.1f} renditions of 720p30, less what decoding takes.",
        )

    def start(
        self,
        stream: LiveStream,
        plans: tuple[RenditionPlan, ...],
        report: Callable[[JobReport], None],
    ) -> Job:
        """See the contract."""
        settings = self._settings
        rungs = tuple(
            make_rung(
                plan,
                make_encoder(settings.codec, settings.preset, self._threads(plan), plan.codec),
            )
            for plan in plans
        )
        cores = settings.usable_cores
        decoders = tuple(replace(decoder, threads=cores) for decoder in SOFTWARE_DECODERS)
        spec = JobSpec(rungs, decoders, memory_octets=settings.memory_mb << 20)

        def tell(status: JobStatus) -> None:
            state = JobState(status.state)
            report(JobReport(state, status.lag, status.cpu_seconds, status.reason))

        return TranscodeJob(stream, spec, tell)

    def _most_threads(self) -> int:
        return self._settings.threads or self._settings.usable_cores

    def _threads(self, plan: RenditionPlan) -> int:
        """One, unless that is too slow for such pictures."""
        if self._settings.threads:
            return self._settings.threads
        needed = plan.width * plan.height * plan.frame_rate / (self._per_core * SPARE)
        return max(1, min(math.ceil(needed), self._settings.usable_cores))


def largest(pixels_per_second: float) -> tuple[int, int, float]:
    """Width, height and frames a second of the largest picture that one encoder makes in time, at
    30 frames a second or more."""
    for width, height in SIZES:
        if width * height * 30 <= pixels_per_second:
            return width, height, min(pixels_per_second / (width * height), MAX_FRAME_RATE)
    width, height = SMALLEST
    return width, height, pixels_per_second / (width * height)
