"""Addresses to listen on, as settings write them, and how many may wait there."""

from __future__ import annotations

import asyncio
import os
import socket

ACCEPT_AT_ONCE = 32
"""What to give asyncio as `backlog`: it is also how often it tries to accept in one go. When no
more files may be opened it tries all of them in vain, once a second for each try before, which
with a thousand takes most of a core. `let_wait` then sets how many wait."""


def let_wait(server: asyncio.Server, connections: int) -> None:
    """Let so many connections wait in the kernel until they are accepted."""
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.listen(connections)


def split_bind(value: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[host]:port".

    Raises:
        ValueError: it is neither.
    """
    host, colon, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("write an address and a port, like 127.0.0.1:8001")
    if ":" in host and not bracketed:
        raise ValueError("write an IPv6 address in brackets, like [::1]:8001")
    return host.strip("[]"), int(port)
