"""The process that makes the renditions of one stream: python -m metropole_media.transcode.worker

Its standard input is a socket on which it is told what to do and answers (`wire`). The main
thread reads and decodes; each size of the ladder has a thread that scales and encodes. When a size
falls behind, the main thread waits, then the socket fills, and the job on the other side drops.
It ends when the other side closes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from metropole_media.transcode.confine import confine, memory
from metropole_media.transcode.encoders import MAX_RUNGS, JobSpec
from metropole_media.transcode.wire import Begin, Failed, Message, Reader, Report, encode

if TYPE_CHECKING:
    from metropole_media.transcode.making import Maker

RECEIVE_OCTETS = 256 * 1024
WATCH_SECONDS = 0.25
REPORT_EVERY = 4


class Channel:
    """The socket, for all threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Write a message whole; ends the process when nobody is there to read."""
        data = b"".join(encode(message))
        try:
            with self._lock:
                self._connection.sendall(data)
        except OSError:
            os._exit(0)

    def messages(self) -> Iterator[Message]:
        """What the other side says, until it closes."""
        reader = Reader()
        buffer = bytearray(RECEIVE_OCTETS)
        while count := self._connection.recv_into(buffer):
            yield from reader.feed(memoryview(buffer)[:count])

    def fail(self, sentence: str) -> NoReturn:
        """Say why, and end at once: other threads may be anywhere."""
        self.send(Failed(sentence))
        os._exit(1)


def _watch(channel: Channel, maker: Maker, memory_octets: int) -> None:
    """Keep the bound of memory, and tell how it goes."""
    rounds = 0
    while True:
        octets = memory()
        if octets > memory_octets:
            channel.fail(
                f"The worker took {octets >> 20} MB of memory; it may have {memory_octets >> 20}."
            )
        if rounds % REPORT_EVERY == 0:
            channel.send(Report(time.process_time(), maker.frames, maker.damaged, octets))
        rounds += 1
        time.sleep(WATCH_SECONDS)


def main() -> None:
    """Until the other side closes."""
    channel = Channel(socket.socket(fileno=os.dup(sys.stdin.fileno())))
    messages = channel.messages()
    begin = next(messages, None)
    if not isinstance(begin, Begin):
        sys.exit(2)
    spec = JobSpec.from_json(begin.spec)
    if not 0 < len(spec.rungs) <= MAX_RUNGS:
        channel.fail(f"{len(spec.rungs)} renditions; 1 to {MAX_RUNGS} can be made.")
    confine(spec.niceness, spec.memory_octets)
    # Not before it is confined: FFmpeg's libraries are the part that is to be kept in.
    from metropole_media.transcode.making import Maker, sentence_of

    try:
        maker = Maker(spec, channel.send, channel.fail)
        watch = threading.Thread(
            target=_watch, args=(channel, maker, spec.memory_octets), daemon=True
        )
        watch.start()
        for message in messages:
            maker.take(message)
    except Exception as error:
        channel.fail(sentence_of(error))
    # Threads are in the middle of something: nobody is left who would want it.
    os._exit(0)


if __name__ == "__main__":
    main()
