"""The command of ffmpeg for one source and its renditions. Pure: compared word for word by tests.

The source comes in as fragmented MP4 on standard input, each rendition goes out as fragmented MP4
on a pipe of its own, frame by frame, with the time stamps of the source (`-copyts`, `passthrough`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metropole_media.transcode.encoders import Rung
from metropole_media.transcode.pace import MAX_GOP, TIMESCALE
from metropole_transcoder_ffmpeg.backends import Backend

MAX_GUESSED_RATE = 70.0
"""ffmpeg takes a frame rate from the durations in an MP4 only if it is lower than this."""
MAX_SAID_RATE = 210.0
"""A frame rate in the stream itself goes before that, if it is not higher than this."""
GOP_MULTIPLE = 12
"""Of frames between key frames: divides by the frames that each rendition leaves out."""
TAGS = {"avc1": "avc1", "hvc1": "hvc1"}


@dataclass(frozen=True, slots=True)
class Input:
    """What is known of the source.

    Fields:
        fourcc: sample entry.
        rate: frames a second, as measured.
        said: frames a second as its codec configuration says it, 0.0 if it does not.
    """

    fourcc: str
    rate: float
    said: float = 0.0


def declared_rate(source: Input) -> float:
    """Frames a second that the durations in the MP4 are to say."""
    return source.rate if source.rate < MAX_GUESSED_RATE else 60.0


def believed_rate(source: Input) -> float:
    """Frames a second that ffmpeg, and so its encoders, will take the source to have
    (libavformat's av_guess_frame_rate)."""
    return source.said if 0.0 < source.said <= MAX_SAID_RATE else declared_rate(source)


def step(source: Input, rung: Rung) -> int:
    """Each how manyth frame a rendition takes, counted from a key frame."""
    return max(1, math.ceil(source.rate / rung.frame_rate - 0.25)) if rung.frame_rate else 1


def command(
    program: str,
    backend: Backend,
    device: str,
    source: Input,
    rungs: Mapping[int, Rung],
    extra: Sequence[str] = (),
) -> list[str]:
    """The command.

    Arguments:
        rungs: by the descriptor that their output is written to.
        extra: further options of each encoder.
    """
    out = [
        program, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-copyts",
        *setup(backend, device),
        # Everything is in the first fragment: no probing, which would hold the first frames back.
        "-probesize", "32", "-analyzeduration", "1", "-fpsprobesize", "0", "-threads", "1",
    ]  # fmt: skip
    decoder = backend.decoders.get(source.fourcc)
    if decoder is not None:
        out += [*backend.decode, "-c:v", decoder]
    elif not backend.decoders:
        out += backend.decode
    out += ["-f", "mp4", "-i", "pipe:0", "-filter_complex_threads", "1"]
    out += ["-filter_complex", filters(backend, source, list(rungs.values()))]
    for number, (descriptor, rung) in enumerate(rungs.items()):
        out += ["-map", f"[out{number}]", *encoding(source, rung, extra), f"pipe:{descriptor}"]
    return out


def setup(backend: Backend, device: str) -> list[str]:
    """Arguments that open the graphics device."""
    return [word.format(device=device) for word in backend.setup]


def filters(backend: Backend, source: Input, rungs: Sequence[Rung]) -> str:
    """The filter graph: decoded once, a chain for each rendition."""
    first = [backend.upload] if backend.upload else []
    chains = []
    if len(rungs) > 1:
        first.append(f"split={len(rungs)}")
        chains.append("[0:v]" + ",".join(first) + "".join(f"[in{n}]" for n in range(len(rungs))))
    for number, rung in enumerate(rungs):
        chain = list(first) if len(rungs) == 1 else []
        each = step(source, rung)
        if each > 1:
            # Counted from the key frame, so that this one is never left out.
            chain.append(f"select='st(0,if(key,0,ld(0)+1));not(mod(ld(0),{each}))'")
        chain.append(backend.scale.format(width=rung.width, height=rung.height))
        source_name = "[0:v]" if len(rungs) == 1 else f"[in{number}]"
        chains.append(f"{source_name}{','.join(chain)}[out{number}]")
    return ";".join(chains)


def encoding(source: Input, rung: Rung, extra: Sequence[str] = ()) -> list[str]:
    """Arguments of one output, without its address."""
    encoder = rung.encoder
    each = step(source, rung)
    # The encoder counts its bits by frames of the rate that it believes in.
    scale = believed_rate(source) * each / source.rate
    bits = round(rung.bitrate * scale)
    out = ["-c:v", encoder.codec, "-threads", str(encoder.threads), "-b:v", str(bits)]
    if encoder.max_rate:
        out += ["-maxrate", str(round(bits * encoder.max_rate))]
    out += ["-bufsize", str(round(bits * encoder.buffer_seconds)), "-bf", "0"]
    longest = math.floor(source.rate * MAX_GOP / TIMESCALE)
    frames = max(GOP_MULTIPLE, longest - longest % GOP_MULTIPLE)
    out += ["-g", str(frames // each)]
    for name, value in encoder.options:
        out += [f"-{name}", value]
    out += [*extra, "-force_key_frames", "source", "-fps_mode", "passthrough"]
    out += ["-enc_time_base", f"1:{TIMESCALE}", "-tag:v", TAGS[encoder.fourcc], "-f", "mp4"]
    # Each frame leaves as soon as the next one comes, with its own time stamp.
    out += ["-movflags", "+frag_every_frame+empty_moov+default_base_moof+frag_discont+skip_trailer"]
    out += ["-use_editlist", "0", "-avoid_negative_ts", "disabled"]
    out += ["-video_track_timescale", str(TIMESCALE), "-flush_packets", "1"]
    return out
