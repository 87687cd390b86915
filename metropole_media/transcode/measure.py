"""How quick an encoder and a decoder are on this machine, by using them for a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict, dataclass

from metropole_media.transcode.encoders import SOFTWARE_DECODERS, VideoDecoder, VideoEncoder
from metropole_media.transcode.process import environment

MAX_ANSWER = 64 * 1024


class CannotMeasure(Exception):
    """It does not work here; with a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Pixels that were encoded (scaling included) and decoded.

    Fields:
        encode_per_cpu_second, decode_per_cpu_second: in a second of processor time.
        encode_per_second, decode_per_second: in a second of time, by one job alone.
    """

    encode_per_cpu_second: float
    encode_per_second: float
    decode_per_cpu_second: float
    decode_per_second: float


async def measure(
    encoder: VideoEncoder,
    decoder: VideoDecoder = SOFTWARE_DECODERS[0],
    *,
    size: tuple[int, int] = (1280, 720),
    source: tuple[int, int] = (1920, 1080),
    frame_rate: float = 30.0,
    seconds: float = 1.0,
    limit: float = 15.0,
    niceness: int = 0,
) -> Measurement:
    """Decode a test picture of H.264, scale it and encode it, in a process of its own.

    Arguments:
        decoder: one for H.264.
        size, source: pixels of what is encoded and of what is decoded.
        seconds: of video.
        limit: seconds that it may take.

    Raises:
        CannotMeasure: it did not work, crashed or took too long.
    """
    request = {
        "encoder": asdict(encoder),
        "decoder": asdict(decoder),
        "width": size[0],
        "height": size[1],
        "source_width": source[0],
        "source_height": source[1],
        "frame_rate": frame_rate,
        "seconds": seconds,
        "niceness": niceness,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "metropole_media.transcode.measuring"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
        limit=MAX_ANSWER,
    )
    try:
        answer, _ = await asyncio.wait_for(process.communicate(json.dumps(request).encode()), limit)
        result = json.loads(answer) if process.returncode == 0 else None
        if result is None:
            raise CannotMeasure(f"Trying {encoder.codec} crashed ({process.returncode}).")
        if "failure" in result:
            raise CannotMeasure(result["failure"])
        return Measurement(**result)
    except TimeoutError:
        raise CannotMeasure(f"Trying {encoder.codec} took more than {limit:g} s.") from None
    except (ValueError, TypeError) as error:
        raise CannotMeasure(f"Trying {encoder.codec} gave no figures: {error}.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
