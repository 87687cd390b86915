"""Transcoders: a LiveStream in, more renditions of the same LiveStream out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a back-end can make, as it was measured on this machine.

    Fields:
        fourcc: sample entry of the codec ("avc1").
        max_width, max_height: pixels of the largest picture.
        max_frame_rate: frames a second at that size.
        pixels_per_second: that all its jobs together can encode, beside what else runs here.
    """

    fourcc: str
    max_width: int
    max_height: int
    max_frame_rate: float
    pixels_per_second: float


@dataclass(frozen=True, slots=True)
class Capability:
    """What a back-end can do on this machine.

    Fields:
        encodings: at least one.
        decodes: sample entries that it takes as a source ("avc1", "hvc1").
        decode_pixels_per_second: that all its jobs together can decode.
        hardware: whether it spares the processor.
        sentence: for the operator: what was measured.
    """

    encodings: tuple[Encoding, ...]
    decodes: tuple[str, ...]
    decode_pixels_per_second: float
    hardware: bool
    sentence: str


class JobState(str, Enum):
    """What becomes of a job."""

    RUNNING = "running"
    """Frames come out."""
    BEHIND = "behind"
    """Frames come out later and later: `JobReport.lag` says how late."""
    FAILED = "failed"
    """It has ended by itself (crash, hang, refused by the driver). Nothing follows."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """How a job is doing.

    Fields:
        state: see there.
        lag: seconds between the newest source frame that it was given and the newest that came
            out.
        cpu_seconds: processor time that it has used so far, 0.0 when unknown.
        reason: of a failure, a sentence for the operator; "" otherwise.
    """

    state: JobState
    lag: float = 0.0
    cpu_seconds: float = 0.0
    reason: str = ""


class Job(Protocol):
    """Renditions of one stream being made."""

    def close(self) -> None:
        """Stop at once and free everything; no report follows. Safe to call twice."""


class Transcoder(Protocol):
    """A back-end. Registered with `register_transcoder`.

    Jobs run outside of this process, with low priority and a memory bound: nothing that a stream
    or a driver does may touch ingest, chat or pages.
    """

    name: str
    title: str
    """For people: "NVIDIA (NVENC)"."""

    async def probe(self) -> Capability:
        """Try what works with a real encode, and measure it. Asked after the start of the site;
        budget 20 s.

        Raises:
            Unavailable: nothing works here; the sentence says why and what to do.
        """

    def start(
        self,
        stream: LiveStream,
        plans: tuple[RenditionPlan, ...],
        report: Callable[[JobReport], None],
    ) -> Job:
        """Begin to make these renditions, of whatever publisher the stream has.

        The job subscribes to `stream` and attaches to `stream.ladder.feed(name)` of each plan. It
        begins with the next key frame, puts a key frame wherever the source has one, and never
        holds the source back: what it cannot take it drops, whole groups of pictures at a time.
        While the publisher is away it waits. A rendition that is taken off the ladder it makes no
        more, and goes on with the others. It ends with the stream.

        Arguments:
            plans: none of them audio only.
            report: to be called on the event loop about once a second, and at once on a failure.
        """
