"""The core's services on both databases, with a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from metropole_core.accounts import Accounts
from metropole_core.accounts.credentials import Credentials
from metropole_core.accounts.passwords import Argon2Parameters, PasswordHasher
from metropole_core.accounts.people import People
from metropole_core.backplane import MemoryShared
from metropole_core.channels import Channels
from metropole_core.community import Follows
from metropole_core.contracts.events import Event
from metropole_core.db.connection import Database
from metropole_core.keys import SiteKeys
from metropole_core.storage import Storage


class ManualClock:
    """Implements `contracts.context.Clock`."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.25

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class RecordedEvents:
    """Implements `contracts.context.Events`; keeps what was published."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def publish(self, event: Event) -> None:
        self.seen.append(event)

    def subscribe(self, kind: type[Any], handler: Callable[[Any], Awaitable[None]]) -> None:
        raise AssertionError("nothing here subscribes")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
def keys(tmp_path: Path) -> SiteKeys:
    return SiteKeys.create(tmp_path / "site.key")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files")


@pytest.fixture
def shared(clock: ManualClock) -> MemoryShared:
    return MemoryShared(clock.monotonic)


@pytest.fixture
def channels(
    database: Database,
    keys: SiteKeys,
    storage: Storage,
    clock: ManualClock,
    events: RecordedEvents,
) -> Channels:
    return Channels(database, keys, storage, clock, events)


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    """As cheap as argon2 lets it be."""
    cheap = PasswordHasher(Argon2Parameters(memory_kib=8, passes=1))
    yield cheap
    cheap.close()


@pytest.fixture
def accounts(
    database: Database,
    keys: SiteKeys,
    clock: ManualClock,
    channels: Channels,
    shared: MemoryShared,
    hasher: PasswordHasher,
) -> Accounts:
    return Accounts(database, keys, clock, channels=channels, shared=shared, hasher=hasher)


@pytest.fixture
def follows(database: Database, clock: ManualClock, events: RecordedEvents) -> Follows:
    return Follows(database, clock, events)


@pytest.fixture
def people(database: Database, channels: Channels, accounts: Accounts) -> People:
    return People(database, channels=channels, sessions=accounts.sessions)


@pytest.fixture
def credentials(
    database: Database,
    keys: SiteKeys,
    clock: ManualClock,
    accounts: Accounts,
    shared: MemoryShared,
) -> Credentials:
    return Credentials(
        database,
        keys,
        clock,
        sessions=accounts.sessions,
        hasher=accounts.hasher,
        shared=shared,
    )
