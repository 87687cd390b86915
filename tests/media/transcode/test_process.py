"""A worker's process and the descriptors that it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any

import pytest

from metropole_media.transcode.process import WorkerProcess


def silent(_: object) -> None:
    """Nothing of this is looked at."""


@pytest.mark.parametrize("turns", range(4))
async def test_one_that_is_ended_while_it_begins_disturbs_no_other_socket(turns: int) -> None:
    """The number of its descriptor may be that of somebody else's a moment later."""
    loop = asyncio.get_running_loop()
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    before = len(os.listdir("/proc/self/fd"))
    worker = WorkerProcess(silent, silent)
    for _ in range(turns):
        await asyncio.sleep(0)
    worker.kill()
    heard = asyncio.Event()
    with contextlib.ExitStack() as stack:
        pairs = [[stack.enter_context(one) for one in socket.socketpair()] for _ in range(4)]
        for mine, _ in pairs:
            loop.add_reader(mine, heard.set)
        await asyncio.sleep(0.1)
        for mine, theirs in pairs:
            heard.clear()
            theirs.send(b"x")
            await asyncio.wait_for(heard.wait(), 1)
            loop.remove_reader(mine)
    assert not problems
    assert worker._process.returncode is not None
    assert len(os.listdir("/proc/self/fd")) == before
