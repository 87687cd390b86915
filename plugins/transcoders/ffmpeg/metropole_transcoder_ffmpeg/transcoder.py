"""The back-end: tries what ffmpeg can do, and starts a worker for each stream."""

from __future__ import annotations

import os
from collections.abc import Callable

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
from metropole_transcoder_ffmpeg.backends import BACKENDS, Backend, encoder_for
from metropole_transcoder_ffmpeg.probe import MAX_RATE, Speed, Trial, Wanted, measure
from metropole_transcoder_ffmpeg.program import CannotUse, check_version, locate, run
from metropole_transcoder_ffmpeg.relay import How
from metropole_transcoder_ffmpeg.settings import FfmpegSettings

WORKER = "metropole_transcoder_ffmpeg.worker"
AUTOMATIC = ("vaapi", "qsv")
"""x264 is tried only if it is asked for: the software transcoder does that better."""
SIZES = ((3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480), (640, 360))
TITLES = {"avc1": "H.264", "hvc1": "HEVC"}


class FfmpegTranscoder:
    """Child processes of an ffmpeg program."""

    name = "ffmpeg"
    title = "ffmpeg (VAAPI, Quick Sync)"

    def __init__(self, settings: FfmpegSettings, trial: Trial | None = None) -> None:
        self._settings = settings
        self._trial = trial or Trial()
        self._found: Backend | None = None
        self._decodes: tuple[str, ...] = ()
        self._jobs: list[TranscodeJob] = []

    async def probe(self) -> Capability:
        """The first hardware that works."""
        settings = self._settings
        self._found = None
        try:
            program = locate(settings.program)
            ran = await run([program, "-version"], limit=self._trial.limit)
            version = check_version(ran.out.decode(errors="replace"))
        except CannotUse as error:
            raise Unavailable(str(error)) from None
        wanted = Wanted(
            program,
            settings.device,
            settings.codecs,
            settings.preset,
            settings.threads,
            settings.extra_arguments,
        )
        names = AUTOMATIC if settings.backend == "auto" else (settings.backend,)
        reasons = []
        for name in names:
            backend = BACKENDS[name]
            try:
                speed = await measure(backend, wanted, self._trial)
            except CannotUse as error:
                reasons.append(str(error))
                continue
            self._found, self._decodes = backend, speed.decodes
            return self._capability(backend, speed, version)
        # The same device is missing for both: said once.
        raise Unavailable(" ".join(dict.fromkeys(reasons)))

    def start(
        self,
        stream: LiveStream,
        plans: tuple[RenditionPlan, ...],
        report: Callable[[JobReport], None],
    ) -> Job:
        """See the contract."""
        settings = self._settings
        self._jobs = [job for job in self._jobs if not job.over]

        def tell(status: JobStatus) -> None:
            state = JobState(status.state)
            report(JobReport(state, status.lag, status.cpu_seconds, status.reason))

        try:
            spec, refused = self._spec(plans), ""
        except CannotUse as error:
            spec, refused = JobSpec(()), str(error)
        if len(self._jobs) >= settings.max_jobs:
            refused = f"{settings.max_jobs} streams are encoded already (setting max_jobs)."
        job = TranscodeJob(stream, spec, tell, refused=refused)
        self._jobs.append(job)
        return job

    def _spec(self, plans: tuple[RenditionPlan, ...]) -> JobSpec:
        settings, backend = self._settings, self._found
        if backend is None:
            raise CannotUse("It has not been tried whether ffmpeg works here.")
        rungs = []
        for plan in plans:
            encoder = encoder_for(backend, plan.codec, settings.preset, settings.threads)
            if encoder is None:
                raise CannotUse(f"{backend.title} has no encoder for {plan.codec}.")
            rungs.append(make_rung(plan, encoder))
        how = How(settings.program, backend.name, settings.device, settings.extra_arguments)
        return JobSpec(
            tuple(rungs),
            tuple(each for each in SOFTWARE_DECODERS if each.fourcc in self._decodes),
            settings.memory_mb << 20,
            settings.niceness,
            WORKER,
            how.facts(),
        )

    def _capability(self, backend: Backend, speed: Speed, version: str) -> Capability:
        # What one job can do: in software it has as many processors as its encoders have threads.
        share = 1.0
        if not backend.hardware:
            cores = os.cpu_count() or 1
            share = min(self._settings.threads, cores) / cores
        encodings = tuple(
            _encoding(fourcc, pixels, pixels * share, speed.largest)
            for fourcc, pixels in speed.encode.items()
        )
        count = encodings[0].pixels_per_second / (1280 * 720 * 30)
        names = " and ".join(TITLES[each.fourcc] for each in encodings)
        words = f"ffmpeg {version} encodes {names} by {backend.title}: about {count:.1f}"
        return Capability(
            encodings,
            speed.decodes,
            speed.decode,
            backend.hardware,
            " ".join((f"{words} renditions of 720p30.", *speed.failures)),
        )


def _encoding(
    fourcc: str, pixels: float, pixels_of_one: float, largest: tuple[int, int]
) -> Encoding:
    """With the largest size that is made in time, at 30 frames a second or more."""
    for width, height in SIZES:
        rate = pixels_of_one / (width * height)
        if width <= largest[0] and rate >= 30:
            return Encoding(fourcc, width, height, min(MAX_RATE, rate), pixels)
    width, height = SIZES[-1]
    return Encoding(fourcc, width, height, pixels_of_one / (width * height), pixels)
