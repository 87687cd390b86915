"""Rows on their way to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from metropole_core.chat.batcher import BATCH, Batcher
from metropole_core.errors import Unavailable


class Table:
    """Takes rows; refuses or stands still when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.error: Exception | None = None
        self.bad: set[int] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, rows: Sequence[int]) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        if self.bad & set(rows):
            raise ValueError("a bad row")
        self.batches.append(list(rows))

    @property
    def rows(self) -> list[int]:
        return [row for batch in self.batches for row in batch]


@pytest.fixture
async def table() -> Table:
    return Table()


async def test_the_first_goes_at_once_and_the_rest_together(table: Table) -> None:
    batcher = Batcher(table.write)
    await batcher.put(0)
    await asyncio.gather(*(batcher.put(n) for n in range(1, 31)))
    assert table.batches == [[0], list(range(1, 31))]


async def test_a_full_batch_does_not_wait(table: Table) -> None:
    batcher = Batcher(table.write)
    done = [batcher.put(n) for n in range(3 * BATCH)]
    assert all(not each.done() for each in done)
    order: list[int] = []
    for n, each in enumerate(done):
        each.add_done_callback(lambda _, n=n: order.append(n))  # type: ignore[misc]
    await asyncio.gather(*done)
    await asyncio.sleep(0)
    assert [len(batch) for batch in table.batches] == [BATCH] * 3
    assert order == list(range(3 * BATCH))


async def test_a_database_that_is_gone_refuses_in_words(table: Table) -> None:
    batcher = Batcher(table.write)
    table.error = OSError("gone")
    with pytest.raises(Unavailable) as refused:
        await batcher.put(1)
    assert refused.value.code == "chat_unavailable"
    assert refused.value.retry_after
    table.error = None
    await batcher.put(2)
    assert table.rows == [2]


async def test_the_queue_is_bounded(table: Table) -> None:
    batcher = Batcher(table.write, max_waiting=10)
    table.open.clear()
    first = batcher.put(0)
    await asyncio.sleep(0)
    done = [batcher.put(n) for n in range(1, 11)]
    with pytest.raises(Unavailable):
        batcher.put(11)
    table.open.set()
    await asyncio.gather(first, *done)
    assert table.rows == list(range(11))


async def test_a_database_that_stands_still_is_not_waited_for(table: Table) -> None:
    batcher = Batcher(table.write, write_seconds=0.1)
    table.open.clear()
    first = batcher.put(0)
    await asyncio.sleep(0.01)
    second = batcher.put(1)
    for done in (first, second):
        with pytest.raises(Unavailable):
            await done
    table.open.set()
    await batcher.put(2)
    assert table.rows == [2]


async def test_one_bad_row_does_not_hurt_the_others(table: Table) -> None:
    batcher = Batcher(table.write, is_fault_of_row=lambda e: isinstance(e, ValueError))
    table.bad = {2}
    await batcher.put(0)
    results = await asyncio.gather(*(batcher.put(n) for n in (1, 2, 3)), return_exceptions=True)
    assert [type(r) for r in results] == [type(None), Unavailable, type(None)]
    assert table.rows == [0, 1, 3]


async def test_stop_writes_what_waits_and_takes_no_more(table: Table) -> None:
    batcher = Batcher(table.write)
    done = [batcher.put(n) for n in range(5)]
    await batcher.stop()
    assert table.rows == list(range(5))
    assert all(each.done() for each in done)
    with pytest.raises(Unavailable):
        batcher.put(6)


async def test_stop_does_not_wait_for_ever(table: Table) -> None:
    batcher = Batcher(table.write, write_seconds=0.1)
    table.open.clear()
    done = [batcher.put(n) for n in range(2 * BATCH)]
    await asyncio.wait_for(batcher.stop(), 3)
    results = await asyncio.gather(*done, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
