"""The process that runs ffmpeg for one stream: python -m metropole_transcoder_ffmpeg.worker

It stands between a job of the toolkit (`metropole_media.transcode.job`) and ffmpeg.
"""

from __future__ import annotations

from metropole_media.transcode.serve import serve
from metropole_transcoder_ffmpeg.relay import Relay

if __name__ == "__main__":
    serve(Relay)
