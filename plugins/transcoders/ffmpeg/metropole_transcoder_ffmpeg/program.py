"""The ffmpeg program as it is on this machine: where it is, how old, what it was built with."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metropole_media.transcode.process import environment

OLDEST = (5, 1)
MAX_OUTPUT = 4 << 20
MAX_COMPLAINTS = 64 * 1024


class CannotUse(Exception):
    """It does not work here; with a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the program.

    Fields:
        code: exit status.
        out: standard output.
        lines: standard error.
        stamps: seconds after the start at which parts of the output came, and how many octets
            had come with each.
        seconds: time.
    """

    code: int
    out: bytes
    lines: tuple[str, ...]
    stamps: tuple[tuple[float, int], ...]
    seconds: float


async def run(command: Sequence[str], given: bytes = b"", *, limit: float) -> Ran:
    """Run a command to its end.

    Arguments:
        given: for its standard input.
        limit: seconds that it may take.

    Raises:
        CannotUse: it cannot be started, takes too long or writes too much.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment(), "AV_LOG_FORCE_NOCOLOR": "1", "LIBVA_MESSAGING_LEVEL": "1"},
        )
    except OSError as error:
        raise CannotUse(f"{command[0]} cannot be started: {error.strerror or error}.") from None
    stamps: list[tuple[float, int]] = []
    parts: list[bytes] = []

    async def feed() -> None:
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()

    async def take() -> None:
        assert process.stdout is not None
        total = 0
        while part := await process.stdout.read(1 << 16):
            total += len(part)
            if total > MAX_OUTPUT:
                _kill(process)
                continue
            stamps.append((loop.time() - began, total))
            parts.append(part)
        if total > MAX_OUTPUT:
            raise CannotUse(f"{command[0]} writes without end.")

    async def listen() -> bytes:
        assert process.stderr is not None
        heard = b""
        while part := await process.stderr.read(1 << 12):
            heard = (heard + part)[:MAX_COMPLAINTS]
        return heard

    try:
        async with asyncio.timeout(limit):
            _, _, complaints = await asyncio.gather(feed(), take(), listen())
            code = await process.wait()
    except TimeoutError:
        raise CannotUse(f"{command[0]} did not finish within {limit:g} s.") from None
    finally:
        if process.returncode is None:
            _kill(process)
            await process.communicate()
    lines = tuple(complaints.decode(errors="replace").splitlines())
    return Ran(code, b"".join(parts), lines, tuple(stamps), loop.time() - began)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def locate(program: str) -> str:
    """Its path.

    Raises:
        CannotUse: it is not there.
    """
    found = shutil.which(program)
    if found is not None:
        return found
    if "/" in program:
        raise CannotUse(f"{program} does not exist, or may not be run (setting program).")
    raise CannotUse(f"{program} is not installed: apt-get install ffmpeg.")


def check_version(output: str) -> str:
    """The version that `ffmpeg -version` prints. Builds of a day have no number, and are taken.

    Raises:
        CannotUse: too old, or no ffmpeg.
    """
    found = re.match(r"ffmpeg version (\S+)", output)
    if found is None:
        raise CannotUse("That program is no ffmpeg (setting program).")
    number = re.match(r"n?(\d+)\.(\d+)", found[1])
    if number is not None and (int(number[1]), int(number[2])) < OLDEST:
        raise CannotUse(
            f"ffmpeg {number[0]} is too old: {OLDEST[0]}.{OLDEST[1]} or newer is needed."
        )
    return found[1]


def listed(output: str) -> frozenset[str]:
    """The names in what `-encoders`, `-decoders` or `-filters` print."""
    return frozenset(re.findall(r"^ [A-Z.]{3,6} (\w[\w-]*)", output, re.MULTILINE))


def check_device(path: str) -> None:
    """Whether this user may use a graphics device.

    Raises:
        CannotUse: not; says why and what to do.
    """
    device = Path(path)
    if not device.exists():
        raise CannotUse(
            f"{path} does not exist: there is no graphics card that Linux has a driver for"
            f" (in Docker: --device {device.parent})."
        )
    if os.access(device, os.R_OK | os.W_OK):
        return
    number = device.stat().st_gid
    try:
        name = grp.getgrgid(number).gr_name
    except KeyError:
        name = str(number)
    raise CannotUse(
        f"{path} belongs to the group {name}, and the site's user is not in it:"
        f" usermod -aG {name} <user> (in Docker: --group-add {number})."
    )
