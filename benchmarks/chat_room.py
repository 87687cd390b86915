"""A room full of people, in a process of its own: some speak, all listen, and how late it came.

Each message carries the time at which it was sent. Every socket looks at every message; frames are
taken apart by hand, because a client library would need more of the machine than the server does.
Prints milliseconds as JSON. Usage: python -m benchmarks.chat_room PORT CHANNEL SECONDS RATE
LISTENERS TOKEN...
"""

from __future__ import annotations

import base64
import json
import os
import re
import selectors
import socket
import struct
import sys
import time

MARK = b"at="
_SENT = re.compile(rb"at=(\d+);")


class Socket:
    """One open WebSocket, after the handshake and the welcome."""

    def __init__(self, port: int, channel: str, token: str | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cookie = f"Cookie: metropole_session={token}\r\n" if token else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws?channel={channel} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Origin: http://127.0.0.1:{port}\r\n{cookie}Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(65536)
        assert b" 101 " in answer[:20], answer
        self.send({"t": "hello", "v": 1, "channel": channel})
        while b'"welcome"' not in answer:
            answer += self.socket.recv(65536)

    def send(self, frame: dict[str, object]) -> None:
        """A text frame, masked as clients must (with a mask of zeros, which changes nothing)."""
        data = json.dumps(frame).encode()
        size = len(data)
        head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + struct.pack(">H", size)
        self.socket.sendall(head + bytes(4) + data)


def run(
    port: int, channel: str, seconds: float, rate: float, listeners: int, tokens: list[str]
) -> dict[str, object]:
    """Speak and listen; the first second does not count."""
    people = [Socket(port, channel, token) for token in tokens]
    everyone = people + [Socket(port, channel, None) for _ in range(listeners - len(people))]
    waiting = selectors.DefaultSelector()
    for each in everyone:
        each.socket.setblocking(False)
        waiting.register(each.socket, selectors.EVENT_READ)
    for each in people:
        each.socket.setblocking(True)
    delays: list[float] = []
    said = counted = 0
    began = time.monotonic()
    counts_from = time.monotonic_ns() + 1_000_000_000
    while (now := time.monotonic()) < began + seconds + 1.0:
        due = began + said / rate
        if now >= due and now < began + seconds:
            sent_at = time.monotonic_ns()
            counted += sent_at >= counts_from
            text = f"{MARK.decode()}{sent_at}; number {said}"
            people[said % len(people)].send({"t": "say", "text": text, "nonce": str(said)})
            said += 1
            continue
        for key, _ in waiting.select(max(0.0, min(due, began + seconds + 1.0) - now)):
            data = key.fileobj.recv(262_144)  # type: ignore[union-attr]
            assert data, "the server closed the connection"
            arrived = time.monotonic_ns()
            # A message that lies across two reads is left out: one in some thousand.
            times = [int(sent) for sent in _SENT.findall(data)]
            delays += [(arrived - sent) / 1e6 for sent in times if sent >= counts_from]
    delays.sort()
    return {
        "said": counted,
        "heard": len(delays),
        "wanted": counted * len(everyone),
        "p50": delays[len(delays) // 2],
        "p99": delays[int(len(delays) * 0.99)],
        "worst": delays[-1],
    }


if __name__ == "__main__":
    port, channel, seconds, rate, listeners, *tokens = sys.argv[1:]
    made = run(int(port), channel, float(seconds), float(rate), int(listeners), tokens)
    print(json.dumps(made))
