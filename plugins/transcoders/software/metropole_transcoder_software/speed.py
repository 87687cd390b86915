"""What this processor can do: measured once, and remembered for the next start."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from metropole_media.transcode.encoders import VideoEncoder
from metropole_media.transcode.measure import Measurement, measure

KEPT_SECONDS = 30 * 86_400
MAX_FILE = 64 * 1024
LIMIT_SECONDS = 15.0


async def measured(encoder: VideoEncoder) -> Measurement:
    """The speed of an encoder, from the file of earlier measurements if it is in there.

    Raises:
        CannotMeasure: it does not work here.
    """
    path, name = cache_path(), _name(encoder)
    known = _read(path)
    if name in known:
        return known[name]
    found = await measure(encoder, limit=LIMIT_SECONDS)
    _write(path, name, found)
    return found


def cache_path() -> Path:
    """Where measurements are kept: the folder that systemd made for the service's cache, else
    the user's."""
    folder = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if not folder:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        folder = f"{home}/metropole"
    return Path(folder) / "transcoder_software.json"


def _name(encoder: VideoEncoder) -> str:
    """Of this encoder with this FFmpeg on this processor."""
    try:
        library = version("av")
    except PackageNotFoundError:
        library = ""
    facts = json.dumps([asdict(encoder), library, _processor()])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model", "CPU part")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(path: Path) -> dict[str, Measurement]:
    try:
        with path.open("rb") as file:
            raw = json.loads(file.read(MAX_FILE))
        return {
            name: Measurement(**{key: float(each) for key, each in entry["speed"].items()})
            for name, entry in raw.items()
            if 0 <= time.time() - entry["at"] < KEPT_SECONDS
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(path: Path, name: str, found: Measurement) -> None:
    """Remember it, if there is where; the next start measures again otherwise."""
    entries = {
        each: {"at": time.time(), "speed": asdict(speed)}
        for each, speed in [*_read(path).items(), (name, found)][-16:]
    }
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            json.dump(entries, file)
        Path(temporary).replace(path)
