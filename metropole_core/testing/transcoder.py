"""A transcoder that encodes nothing, and whose jobs tests lead by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from metropole_core.contracts.transcoder import Capability, Encoding, JobReport, JobState
from metropole_core.errors import Unavailable
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track


def make_capability(
    pixels_per_second: float = 1e9,
    *,
    hardware: bool = False,
    fourcc: str = "avc1",
    decodes: tuple[str, ...] = ("avc1", "hvc1"),
) -> Capability:
    """What a machine could do that encodes and decodes so much, up to 4K60."""
    return Capability(
        (Encoding(fourcc, 3840, 2160, 60.0, pixels_per_second),),
        decodes,
        pixels_per_second * 4,
        hardware,
        "as fast as a test wants it",
    )


@dataclass(slots=True)
class FakeJob:
    """A job: its test says what it reports, and when packets come out.

    Fields:
        closed: whether it was ended.
        handles: on the feeds of the renditions, by name.
    """

    stream: LiveStream
    plans: tuple[RenditionPlan, ...]
    report: Callable[[JobReport], None]
    closed: bool = False
    handles: dict[str, PublisherHandle] = field(default_factory=dict)

    def well(self, cpu_seconds: float = 0.0) -> None:
        """It keeps up."""
        self.report(JobReport(JobState.RUNNING, 0.1, cpu_seconds))

    def behind(self, lag: float = 2.0) -> None:
        """It does not."""
        self.report(JobReport(JobState.BEHIND, lag))

    def fail(self, reason: str = "the driver crashed") -> None:
        """It has ended by itself."""
        self._detach()
        self.report(JobReport(JobState.FAILED, reason=reason))

    def write(self, name: str, dts: int = 0) -> None:
        """A frame of a rendition comes out."""
        plan = next(plan for plan in self.plans if plan.name == name)
        if name not in self.handles:
            self.handles[name] = self.stream.ladder.feed(name).attach()
            track = Track(0, "video", "avc1", plan.codec, 90_000, b"", plan.width, plan.height)
            self.handles[name].describe((track,))
        self.handles[name].write(Packet(0, dts, dts, True, b"picture"))

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._detach()

    def _detach(self) -> None:
        for handle in self.handles.values():
            handle.detach()


class FakeTranscoder:
    """`contracts.transcoder.Transcoder`.

    Arguments:
        capability: what it says of itself; a sentence: why it does not work.

    Fields:
        jobs: all that were started.
        refuses: while true, `start` raises.
        probes: how often it was probed.
    """

    def __init__(self, name: str = "fake", capability: Capability | str | None = None) -> None:
        self.name = name
        self.title = name.title()
        self.capability = make_capability() if capability is None else capability
        self.jobs: list[FakeJob] = []
        self.refuses = False
        self.probes = 0

    async def probe(self) -> Capability:
        """At once what it was made with."""
        self.probes += 1
        if isinstance(self.capability, str):
            raise Unavailable(self.capability)
        return self.capability

    def start(
        self,
        stream: LiveStream,
        plans: tuple[RenditionPlan, ...],
        report: Callable[[JobReport], None],
    ) -> FakeJob:
        """A job that does nothing by itself."""
        if self.refuses:
            raise RuntimeError("no such encoder")
        job = FakeJob(stream, plans, report)
        self.jobs.append(job)
        return job

    @property
    def job(self) -> FakeJob:
        """The newest."""
        return self.jobs[-1]
