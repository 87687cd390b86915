"""What ffmpeg and the hardware under it can do, by using them for a second."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from metropole_media.fmp4 import Run, Sample, fragment, init_segment
from metropole_media.fmp4.init import TrackEntry
from metropole_media.fmp4.movie import BadFile
from metropole_media.fmp4.reader import FragmentReader, Movie, ReadSample
from metropole_media.live import Track
from metropole_media.rungs import codec as codec_string
from metropole_media.transcode.encoders import Rung
from metropole_media.transcode.pace import TIMESCALE
from metropole_transcoder_ffmpeg.arguments import Input, command, encoding, setup
from metropole_transcoder_ffmpeg.backends import (
    CODECS,
    SOFTWARE_DECODERS,
    Backend,
    encoder_for,
)
from metropole_transcoder_ffmpeg.complaints import sentence
from metropole_transcoder_ffmpeg.program import CannotUse, Ran, check_device, listed, run

LARGEST = ((3840, 2160), (2560, 1440), (1920, 1080))
MAX_RATE = 60.0
BITS_PER_PIXEL = 0.1
LIST_SECONDS = 5.0
LEAST_PART = 0.1
"""Of the output that has to come after the first of it, or all of the time is counted."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How it is tried.

    Fields:
        width, height, rate: of the picture.
        frames: of it.
        limit: seconds that one run may take.
    """

    width: int = 1280
    height: int = 720
    rate: float = 30.0
    frames: int = 30
    limit: float = 6.0


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Fields:
        encode: pixels a second by sample entry.
        decode: pixels a second.
        largest: width and height of the largest picture that was encoded.
        decodes: sample entries that are taken as a source.
        failures: why a codec is not among those, sentences.
    """

    encode: dict[str, float]
    decode: float
    largest: tuple[int, int]
    decodes: tuple[str, ...]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried.

    Fields:
        program: its path.
        codecs: "h264", "hevc".
        preset, threads: of software encoders.
        extra: further arguments.
    """

    program: str
    device: str
    codecs: tuple[str, ...]
    preset: str
    threads: int
    extra: tuple[str, ...]


async def measure(backend: Backend, wanted: Wanted, trial: Trial) -> Speed:
    """Encode a test picture in each codec, then decode it again and scale it, with the arguments
    that a job has.

    Raises:
        CannotUse: H.264 does not work, whatever else does; says why.
    """
    if backend.hardware:
        check_device(wanted.device)
    encode: dict[str, float] = {}
    failures = []
    clip = b""
    for codec in dict.fromkeys(("h264", *wanted.codecs)):
        try:
            rung = _rung(backend, wanted, trial, CODECS[codec])
            ran = await _encode(backend, wanted, trial, rung)
        except CannotUse as error:
            if codec == "h264":
                raise
            failures.append(f"Not {codec}: {error}")
            continue
        if codec == "h264":
            clip = ran.out
        if codec in wanted.codecs:
            encode[CODECS[codec]] = _speed(ran, trial, backend)
    if not encode:
        raise CannotUse(" ".join(failures))
    decode = await _decode(backend, wanted, trial, clip)
    largest = await _largest(backend, wanted, trial)
    return Speed(encode, decode, largest, await _decodes(backend, wanted), tuple(failures))


def test_command(backend: Backend, wanted: Wanted, trial: Trial, rung: Rung) -> list[str]:
    """Encode a moving picture."""
    # With noise: what costs about as much as a game.
    picture = f"testsrc2=size={rung.width}x{rung.height}:rate={trial.rate:g},noise=alls=8:allf=t"
    upload = "format=nv12,hwupload" if backend.hardware else "format=yuv420p"
    return [
        wanted.program, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning",
        *setup(backend, wanted.device), "-f", "lavfi", "-i", picture,
        "-frames:v", str(trial.frames), "-vf", upload,
        *encoding(Input("", trial.rate), rung, wanted.extra), "pipe:1",
    ]  # fmt: skip


def _rung(
    backend: Backend,
    wanted: Wanted,
    trial: Trial,
    fourcc: str,
    size: tuple[int, int] | None = None,
) -> Rung:
    width, height = size or (trial.width, trial.height)
    bits = round(width * height * trial.rate * BITS_PER_PIXEL)
    said = codec_string(fourcc, width, height, trial.rate, bits)
    encoder = encoder_for(backend, said, wanted.preset, wanted.threads)
    if encoder is None:
        raise CannotUse(f"{backend.title} has no encoder for {fourcc}.")
    return Rung("test", width, height, trial.rate, bits, encoder)


async def _encode(backend: Backend, wanted: Wanted, trial: Trial, rung: Rung) -> Ran:
    ran = await run(_counted(test_command(backend, wanted, trial, rung)), limit=trial.limit)
    found = _frames(ran)
    if len(found) < trial.frames:
        raise CannotUse(f"{rung.encoder.codec} made {len(found)} of {trial.frames} pictures.")
    return ran


async def _decode(backend: Backend, wanted: Wanted, trial: Trial, clip: bytes) -> float:
    """Pixels a second that are decoded, scaled and, much smaller, encoded."""
    movie, *frames = FragmentReader().feed(clip)
    assert isinstance(movie, Movie)
    (track,) = movie.tracks
    plain = Track(
        0, "video", "avc1", "avc1", TIMESCALE, track.config, width=track.width, height=track.height
    )
    given = init_segment([TrackEntry(1, TIMESCALE, plain)])
    duration = round(TIMESCALE / trial.rate)
    for number, frame in enumerate(frames):
        assert isinstance(frame, ReadSample)
        sample = Sample(frame.data, duration, frame.key, frame.pts - frame.dts)
        given += fragment(number + 1, [Run(1, frame.dts, [sample])])
    small = max(160, trial.width // 8 * 2), max(90, trial.height // 8 * 2)
    rung = _rung(backend, wanted, trial, next(iter(backend.encoders)), small)
    words = command(
        wanted.program, backend, wanted.device, Input("avc1", trial.rate), {1: rung}, wanted.extra
    )
    ran = await run(_counted(words), given, limit=trial.limit)
    found = _frames(ran)
    if len(found) < trial.frames - 1:
        raise CannotUse(
            f"{backend.title} decoded {len(found)} of {trial.frames} pictures of H.264."
        )
    return _speed(ran, trial, backend)


async def _largest(backend: Backend, wanted: Wanted, trial: Trial) -> tuple[int, int]:
    """Of the usual sizes; without a look where the processor does it, which takes any."""
    if not backend.hardware:
        return LARGEST[0]
    few = Trial(trial.width, trial.height, trial.rate, 3, trial.limit)
    for size in LARGEST:
        try:
            fourcc = CODECS[wanted.codecs[0]]
            await _encode(backend, wanted, few, _rung(backend, wanted, few, fourcc, size))
        except CannotUse:
            continue
        return size
    return trial.width, trial.height


async def _decodes(backend: Backend, wanted: Wanted) -> tuple[str, ...]:
    ran = await run([wanted.program, "-hide_banner", "-decoders"], limit=LIST_SECONDS)
    names = listed(ran.out.decode(errors="replace"))
    return tuple(
        fourcc
        for fourcc, name in SOFTWARE_DECODERS.items()
        if backend.decoders.get(fourcc, name) in names
    )


def _frames(ran: Ran) -> list[ReadSample]:
    """The pictures in what ffmpeg wrote.

    Raises:
        CannotUse: it failed.
    """
    if ran.code != 0:
        said = sentence(ran.lines)
        raise CannotUse(said or f"ffmpeg ended with status {ran.code}.")
    try:
        events = FragmentReader().feed(ran.out)
    except BadFile as error:
        raise CannotUse(f"What ffmpeg writes cannot be read: {error}.") from None
    return [event for event in events if isinstance(event, ReadSample)]


def _counted(words: list[str]) -> list[str]:
    """The command, made to say how much processor time it took."""
    told = ["level+info" if word == "level+warning" else word for word in words]
    return [told[0], "-benchmark", *told[1:]]


def _speed(ran: Ran, trial: Trial, backend: Backend) -> float:
    """Pixels a second of the pictures that were tried; with all processors where they do it."""
    pixels = trial.width * trial.height
    found = re.search(r"bench: utime=([\d.]+)s stime=([\d.]+)s", "\n".join(ran.lines))
    if not backend.hardware and found is not None:
        cores = os.cpu_count() or 1
        return pixels * trial.frames * cores / max(float(found[1]) + float(found[2]), 1e-3)
    # Drivers take long to start: counted is what comes after the first output.
    first, last = ran.stamps[0], ran.stamps[-1]
    part = (last[1] - first[1]) / last[1]
    seconds = last[0] - first[0]
    if part < LEAST_PART or seconds <= 0:
        part, seconds = 1.0, ran.seconds
    return pixels * trial.frames * part / max(seconds, 1e-3)
