"""Whole sites on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from metropole_core.config import SiteConfig
from metropole_core.keys import SiteKeys
from metropole_core.server import serve
from metropole_core.site import Site


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Configure = Callable[..., SiteConfig]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """configure(db_url, **settings): settings of a site on free ports."""

    def make(db_url: str, **settings: Any) -> SiteConfig:
        port = free_port()
        data = tmp_path / "data"
        if not (data / "site.key").exists():
            SiteKeys.create(data / "site.key")
        values: dict[str, Any] = {
            "bind": f"127.0.0.1:{port}",
            "public_url": f"http://127.0.0.1:{port}",
            "data_dir": data,
            "key_file": data / "site.key",
            "database": db_url,
            "transcoding": {"enabled": False},
            "plugin": {
                "provider_local": {"bind": f"127.0.0.1:{free_port()}"},
                "ingest_rtmp": {"bind": f"127.0.0.1:{free_port()}"},
            },
        }
        return SiteConfig.model_validate(values | settings)

    return make


@asynccontextmanager
async def running(config: SiteConfig) -> AsyncIterator[tuple[Site, asyncio.Event]]:
    """A site that serves, and what stops it."""
    stop, up = asyncio.Event(), asyncio.Event()
    sites: list[Site] = []

    async def ready(site: Site) -> None:
        sites.append(site)
        up.set()

    task = asyncio.create_task(serve(config, ready=ready, stop=stop))
    waiter = asyncio.create_task(up.wait())
    await asyncio.wait([task, waiter], timeout=20, return_when=asyncio.FIRST_COMPLETED)
    if not up.is_set():
        waiter.cancel()
        stop.set()
        await task  # raises what went wrong
        raise AssertionError("the site ended before it was ready")
    try:
        yield sites[0], stop
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
