"""What a single setting may hold: addresses, networks, URLs. Each returns the value or says what
would be right."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def split_bind(bind: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8000" or "[::1]:8000".

    Raises:
        ValueError: it is neither.
    """
    host, colon, port = bind.rpartition(":")
    host = host.strip("[]") if host.startswith("[") else host
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError('must be an address and a port, such as "127.0.0.1:8000"')
    return host, int(port)


def bind(value: str) -> str:
    split_bind(value)
    return value


def web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('must begin with http:// or https://, such as "https://live.example"')
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must not hold a query, a fragment or a user name")
    return value.rstrip("/")


def site_url(value: str) -> str:
    value = web_url(value)
    if urlsplit(value).path:
        raise ValueError("must not hold a path: the site needs a host name of its own")
    return value


def rtmp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("rtmp", "rtmps") or not parts.hostname:
        raise ValueError('must begin with rtmp:// or rtmps://, such as "rtmp://live.example"')
    return value.rstrip("/")


def database_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
        if "://" not in value or ("@" in value and parts.scheme != "sqlite" and not parts.hostname):
            raise ValueError
    except ValueError:
        # What cannot be read may be a part of the password: it is not repeated.
        raise ValueError(
            'must be a URL such as "mysql://user:password@host/name", the special characters of '
            "the password written as %XX (%2F for /, %23 for #)"
        ) from None
    return value


def networks(value: list[str]) -> list[str]:
    for network in value:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise ValueError(
                f'{network!r} is no network; write an address or a CIDR such as "10.0.0.0/8"'
            ) from None
    return value
