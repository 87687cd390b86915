"""The process that makes the renditions of one stream: python -m metropole_media.transcode.worker

The main thread reads (`serve`) and decodes; each size of the ladder has a thread that scales and
encodes.
"""

from __future__ import annotations

from metropole_media.transcode.encoders import JobSpec
from metropole_media.transcode.serve import Fail, Maker, Send, serve


def _make(spec: JobSpec, send: Send, fail: Fail) -> Maker:
    # Not before the process is confined: FFmpeg's libraries are the part that is to be kept in.
    from metropole_media.transcode.making import FrameMaker

    return FrameMaker(spec, send, fail)


if __name__ == "__main__":
    serve(_make)
