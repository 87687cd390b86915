"""The back-end: tries what the card can do, and starts a worker for each stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
from metropole_media.transcode.encoders import JobSpec, VideoDecoder, VideoEncoder, make_rung
from metropole_media.transcode.job import JobStatus, TranscodeJob
from metropole_media.transcode.measure import CannotMeasure, Measurement, measure
from metropole_transcoder_nvenc.complaints import missing, sentence
from metropole_transcoder_nvenc.encoders import CODECS, FOURCCS, decoders, make_encoder
from metropole_transcoder_nvenc.settings import NvencSettings

TITLES = {"avc1": "H.264", "hvc1": "HEVC", "av01": "AV1"}
LARGEST = {"avc1": (4096, 4096), "hvc1": (8192, 8192), "av01": (8192, 8192)}
"""Pixels, of all cards that encode the codec (NVIDIA's Video Encode and Decode Support Matrix)."""
MAX_RATE = 120.0
LIMIT_SECONDS = 6.0
"""For one codec: three of them fit into the budget of a probe."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a codec."""

    fourcc: str
    speed: Measurement | None
    why_not: str = ""


class NvencTranscoder:
    """Workers of the toolkit with the encoders of an NVIDIA card."""

    name = "nvenc"
    title = "NVIDIA (NVENC)"

    def __init__(self, settings: NvencSettings) -> None:
        self._settings = settings
        self._jobs: list[tuple[TranscodeJob, int]] = []
        self._decoders = decoders(settings)

    async def probe(self) -> Capability:
        """Encode and decode for a second."""
        settings = self._settings
        nothing = missing()
        if nothing:
            raise Unavailable(nothing)
        self._decoders = decoders(settings)
        tried = [await self._try(FOURCCS[codec]) for codec in dict.fromkeys(settings.codecs)]
        works = [(each.fourcc, each.speed) for each in tried if each.speed is not None]
        reasons = dict.fromkeys(each.why_not for each in tried if each.why_not)
        if not works:
            raise Unavailable(" ".join(reasons))
        encodings = tuple(_encoding(fourcc, speed) for fourcc, speed in works)
        count = encodings[0].pixels_per_second / (1280 * 720 * 30)
        names = ", ".join(TITLES[fourcc] for fourcc, _ in works)
        where = "the card" if self._decoders[0].hwaccel else "the processor"
        words = (
            f"NVENC encodes {names}: about {count:.0f} renditions of 720p30, at most"
            f" {settings.max_sessions} at a time; {where} decodes."
        )
        return Capability(
            encodings,
            tuple(each.fourcc for each in self._decoders),
            min(speed.decode_per_second for _, speed in works),
            hardware=True,
            sentence=" ".join((words, *reasons)),
        )

    def start(
        self,
        stream: LiveStream,
        plans: tuple[RenditionPlan, ...],
        report: Callable[[JobReport], None],
    ) -> Job:
        """See the contract."""
        settings = self._settings
        self._jobs = [(job, sessions) for job, sessions in self._jobs if not job.over]
        taken = sum(sessions for _, sessions in self._jobs)

        def tell(status: JobStatus) -> None:
            state = JobState(status.state)
            reason = sentence(status.reason)
            report(JobReport(state, status.lag, status.cpu_seconds, reason))

        refused = ""
        unknown = [plan.codec for plan in plans if plan.codec[:4] not in CODECS]
        if unknown:
            refused = f"NVENC has no encoder for {unknown[0]}."
        elif taken + len(plans) > settings.max_sessions:
            refused = (
                f"{taken} qualities are encoded already, and {len(plans)} more would be too many"
                f" (setting max_sessions: {settings.max_sessions})."
            )
        rungs = (
            ()
            if refused
            else tuple(
                make_rung(plan, make_encoder(plan.codec[:4], settings, plan.codec))
                for plan in plans
            )
        )
        spec = JobSpec(rungs, self._decoders, settings.memory_mb << 20)
        job = TranscodeJob(stream, spec, tell, refused=refused)
        self._jobs.append((job, len(plans)))
        return job

    async def _try(self, fourcc: str) -> Tried:
        encoder = make_encoder(fourcc, self._settings)
        try:
            return Tried(fourcc, await self._measure(encoder, self._decoders[0]))
        except CannotMeasure as error:
            first = str(error)
        if self._decoders[0].hwaccel and "decoder" in first:
            # The encoder may work all the same.
            without = decoders(self._settings.model_copy(update={"decode": False}))
            try:
                speed = await self._measure(encoder, without[0])
            except CannotMeasure as error:
                return Tried(fourcc, None, sentence(str(error)))
            self._decoders = without
            return Tried(fourcc, speed, f"Not decoded on the card: {sentence(first)}")
        return Tried(fourcc, None, sentence(first))

    async def _measure(self, encoder: VideoEncoder, decoder: VideoDecoder) -> Measurement:
        return await measure(encoder, decoder, limit=LIMIT_SECONDS)


def _encoding(fourcc: str, speed: Measurement) -> Encoding:
    width, height = LARGEST[fourcc]
    pixels = speed.encode_per_second
    # The largest picture that it makes in time at 30 frames a second, within what cards take.
    while width * height * 30 > pixels and width > 640:
        width, height = width // 2, height // 2
    return Encoding(fourcc, width, height, min(MAX_RATE, pixels / (width * height)), pixels)
