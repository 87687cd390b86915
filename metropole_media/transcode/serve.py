"""A worker's side of the talk with its job: told what to do on standard input, a socket, and
kept within bounds. What it does with that is a `Maker`'s.

The main thread reads and does what it is told. When that falls behind it waits, then the socket
fills, and the job on the other side drops. The process ends when the other side closes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol

from metropole_media.transcode.complaints import sentence_of
from metropole_media.transcode.confine import confine
from metropole_media.transcode.encoders import MAX_RUNGS, JobSpec
from metropole_media.transcode.wire import Begin, Failed, Message, Reader, Report, encode

RECEIVE_OCTETS = 256 * 1024
WATCH_SECONDS = 0.25
REPORT_EVERY = 4


class Send(Protocol):
    """Tells the job something, from any thread."""

    def __call__(self, message: Message) -> None: ...


class Fail(Protocol):
    """Ends the process with a sentence for the operator, from any thread."""

    def __call__(self, sentence: str) -> NoReturn: ...


class Maker(Protocol):
    """Makes the renditions."""

    @property
    def frames(self) -> int:
        """Of the source, decoded so far."""

    @property
    def damaged(self) -> int:
        """Packets that could not be decoded so far."""

    def take(self, message: Message) -> None:
        """Do what a message says; may wait."""

    def usage(self) -> tuple[float, int]:
        """Processor seconds used so far, octets of RAM held now. From another thread."""


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
        seconds, octets = maker.usage()
        if octets > memory_octets:
            channel.fail(
                f"The worker took {octets >> 20} MB of memory; it may have {memory_octets >> 20}."
            )
        if rounds % REPORT_EVERY == 0:
            channel.send(Report(seconds, maker.frames, maker.damaged, octets))
        rounds += 1
        time.sleep(WATCH_SECONDS)


def serve(make: Callable[[JobSpec, Send, Fail], Maker]) -> NoReturn:
    """Do what standard input says, until the other side closes.

    Arguments:
        make: called once the process is confined.
    """
    channel = Channel(socket.socket(fileno=os.dup(sys.stdin.fileno())))
    messages = channel.messages()
    begin = next(messages, None)
    if not isinstance(begin, Begin):
        sys.exit(2)
    spec = JobSpec.from_json(begin.spec)
    if not 0 < len(spec.rungs) <= MAX_RUNGS:
        channel.fail(f"{len(spec.rungs)} renditions; 1 to {MAX_RUNGS} can be made.")
    confine(spec.niceness, spec.memory_octets)
    try:
        maker = make(spec, channel.send, channel.fail)
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
