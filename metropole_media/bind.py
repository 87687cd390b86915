"""Addresses to listen on, as settings write them."""

from __future__ import annotations


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
