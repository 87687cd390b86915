"""`metropole demo`: the first thing that a newcomer types."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.demo import GREETED, ON_AIR, Demo


def command_line(process: int) -> str:
    """Of a running process; empty when it has ended."""
    try:
        raw = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace")


def children_of(process: int) -> dict[int, str]:
    """Command lines of the processes that it has started and that run."""
    numbers = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {int(number): command_line(int(number)) for number in numbers}


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    if demo.process.returncode is None:
        await demo.end(signal.SIGTERM)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_goes_on_air_and_ends_without_a_trace(demo: Demo, how: signal.Signals) -> None:
    await demo.start()
    await demo.says(GREETED)
    await demo.says(ON_AIR)
    children = children_of(demo.process.pid)
    assert any("metropole_cli.testcard" in line for line in children.values())
    for line in children.values():  # everyone on the machine can read them
        assert "mp_" not in line
        assert f":{demo.rtmp}/" not in line
    assert await demo.end(how) == 0
    text = demo.said.decode()
    assert "Traceback" not in text, text
    assert re.search(r"Sign in: +mayor / \S{10,}", text)
    assert f"rtmp://127.0.0.1:{demo.rtmp}/live" in text
    assert [command_line(each) for each in (demo.process.pid, *children)] == [""] * (
        1 + len(children)
    )
    for port in (demo.port, demo.media, demo.rtmp):
        socket.create_server(("127.0.0.1", port)).close()

    # The second start finds everything made, with the same passwords.
    password = re.search(r"mayor / (\S+)", text)
    assert password is not None
    began = time.monotonic()
    await demo.start()
    await demo.says(GREETED)
    print(f"second start: {time.monotonic() - began:.1f} s")
    assert await demo.end(how) == 0
    assert password[1] in demo.said.decode()


async def test_a_port_that_is_taken_is_named(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.media)):
        await demo.start()
        said, _ = await asyncio.wait_for(demo.process.communicate(), 30)
    assert demo.process.returncode == 1
    assert f"Port {demo.media} is taken" in said.decode()
    assert "--media-port" in said.decode()
    assert not demo.folder.exists()
