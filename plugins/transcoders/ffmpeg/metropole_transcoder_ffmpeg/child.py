"""One ffmpeg process: fragmented MP4 in, fragmented MP4 out of a pipe for each rendition."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from metropole_media.fmp4.movie import BadFile
from metropole_media.fmp4.reader import FragmentReader, Movie, ReadSample
from metropole_media.transcode.complaints import Cannot
from metropole_transcoder_ffmpeg.complaints import sentence

LAUNCH = (
    "import ctypes,os,sys;"
    "ctypes.CDLL(None).prctl(1,9);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);"
    "os.execvp(sys.argv[2],sys.argv[2:])"
)
"""ffmpeg dies with the process that started it, even when a driver hangs (PR_SET_PDEATHSIG)."""
PIPE_OCTETS = 1 << 20
MAX_LINES, MAX_LINE = 60, 500
READ_OCTETS = 1 << 18
FINISH_SECONDS = 5.0
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")

Hear = Callable[[int, Movie | ReadSample], None]
MakeCommand = Callable[[dict[int, int]], list[str]]


class CannotRun(Cannot):
    """ffmpeg ended, or could not be started."""


class Child:
    """A running ffmpeg.

    Arguments:
        numbers: of the renditions.
        make_command: the command, from the descriptors by number.
        hear: is given what comes out, with its number, on a thread for each rendition.
        broke: called once, on some thread, when ffmpeg ended without `finish` or its output
            cannot be read, with a sentence.

    Raises:
        CannotRun: it cannot be started.
    """

    def __init__(
        self,
        numbers: list[int],
        make_command: MakeCommand,
        hear: Hear,
        broke: Callable[[str], None],
    ) -> None:
        self._hear, self._broke = hear, broke
        self._finishing = False
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        pipes = {number: os.pipe() for number in numbers}
        inside = {number: pair[1] for number, pair in pipes.items()}
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-c", LAUNCH, str(os.getpid()), *make_command(inside)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=tuple(inside.values()),
                bufsize=0,
                env={**os.environ, "AV_LOG_FORCE_NOCOLOR": "1", "LIBVA_MESSAGING_LEVEL": "1"},
            )
        except OSError as error:
            for pair in pipes.values():
                os.close(pair[0])
            raise CannotRun(f"ffmpeg cannot be started: {error.strerror or error}.") from None
        finally:
            for descriptor in inside.values():
                os.close(descriptor)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
        self._complaints = threading.Thread(target=self._listen, daemon=True)
        self._complaints.start()
        self._readers = [
            threading.Thread(target=self._read, args=(number, pair[0]), daemon=True)
            for number, pair in pipes.items()
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Hand octets over; waits until ffmpeg has taken them.

        Raises:
            CannotRun: it is gone.
        """
        stdin = self._process.stdin
        assert stdin is not None
        left = memoryview(data)
        try:
            while left:
                left = left[stdin.write(left) :]
        except (OSError, ValueError):
            raise CannotRun(self._why()) from None

    def finish(self) -> None:
        """Say that nothing follows, and wait until all has come out.

        Raises:
            CannotRun: that took too long, or it failed at the end.
        """
        with self._lock:
            self._finishing = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        for reader in self._readers:
            reader.join(FINISH_SECONDS)
        try:
            code = self._process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise CannotRun(f"ffmpeg did not finish within {FINISH_SECONDS:g} s.") from None
        if code != 0:
            raise CannotRun(self._why())

    def kill(self) -> None:
        """End it at once; nothing more is said of it. Safe to call twice."""
        with self._lock:
            self._finishing = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def usage(self) -> tuple[float, int]:
        """Processor seconds used, octets of RAM held; zeros when it is gone."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            return (int(stat[11]) + int(stat[12])) / TICKS, pages * PAGE
        except (OSError, ValueError, IndexError):
            return 0.0, 0

    def _read(self, number: int, descriptor: int) -> None:
        reader = FragmentReader()
        try:
            with open(descriptor, "rb", buffering=0) as pipe:
                while octets := pipe.read(READ_OCTETS):
                    for event in reader.feed(octets):
                        self._hear(number, event)
        except BadFile as error:
            self._break(f"What ffmpeg writes cannot be read: {error}.")
        else:
            self._break("")

    def _break(self, why: str) -> None:
        with self._lock:
            if self._finishing:
                return
            self._finishing = True
        self._broke(why or self._why())

    def _why(self) -> str:
        """Why it ended."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "ffmpeg stopped writing."
        self._complaints.join(1.0)
        said = sentence(tuple(self._lines))
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        return said or f"ffmpeg ended by itself {how}."

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            rest = b""
            while octets := pipe.read(4096):
                *lines, rest = (rest + octets).replace(b"\r", b"\n").split(b"\n")
                rest = rest[-MAX_LINE:]
                # The first lines say what is wrong, the last ones how it ended.
                for line in lines:
                    if line.strip():
                        self._lines.append(line[:MAX_LINE].decode(errors="replace"))
