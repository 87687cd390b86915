"""Where a request comes from, whoever says what, and how often one address may do a thing.

Each limit is reached from one address; another one is not touched by it. The table of them
stands in `docs/explanation/threat-model.md`. Limits that are reached elsewhere: sockets of one
address (`test_an_address_has_a_bounded_number_of_sockets`), connections
(`test_connections_of_one_address_are_bounded`), chat (`tests/core/chat`).
"""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from werkzeug.datastructures import FileStorage, Headers

from metropole_core.contracts.publishing import Refusal
from metropole_core.errors import TooMany
from metropole_core.pages import pace, security
from metropole_core.pages.pace import BURST, MAX_ADDRESSES, PER_SECONDS, Pace
from metropole_core.streams import publishing
from tests.security.roles import Cast, Someone
from tests.support.house import House, open_house

HERE, THERE = "203.0.113.9", "203.0.113.10"
PROXY = "192.0.2.80"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _behind(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cast]:
    folder = tmp_path_factory.mktemp("behind")
    house = await open_house(sqlite_template, folder, trusted_proxies=[PROXY, "2001:db8:aa::/48"])
    people = Cast(house, folder)
    await people.gather()
    yield people
    people.close()
    await house.app.shutdown()


@pytest.fixture
async def behind(_behind: Cast) -> Cast:
    """A site behind a proxy, with people; nothing was counted there yet."""
    shared = _behind.house.site.shared
    for key in list(shared._entries):
        await shared.delete(key)
    return _behind


@pytest.mark.parametrize(
    ("peer", "headers", "real"),
    [
        (HERE, [("X-Forwarded-For", THERE)], HERE),
        (HERE, [("X-Real-IP", THERE), ("Forwarded", f"for={THERE}")], HERE),
        (HERE, [("CF-Connecting-IP", THERE), ("True-Client-IP", THERE)], HERE),
        (PROXY, [("X-Forwarded-For", HERE)], HERE),
        (PROXY, [("Forwarded", f"for={HERE}")], PROXY),
        (PROXY, [("X-Real-IP", HERE)], PROXY),
        (PROXY, [("X-Forwarded-For", f"{THERE}, {HERE}")], HERE),
        (PROXY, [("X-Forwarded-For", f"127.0.0.1, {HERE}")], HERE),
        (PROXY, [("X-Forwarded-For", f"{PROXY}, {HERE}")], HERE),
        (PROXY, [("X-Forwarded-For", f"{HERE}, {PROXY}")], HERE),
        (PROXY, [("X-Forwarded-For", THERE), ("X-Forwarded-For", HERE)], HERE),
        (PROXY, [("X-Forwarded-For", f"{HERE}, "), ("X-Forwarded-For", "")], HERE),
        (PROXY, [("X-Forwarded-For", "::ffff:203.0.113.9")], HERE),
        (PROXY, [("X-Forwarded-For", "[2001:db8::7]")], "2001:db8::7"),
        (PROXY, [("X-Forwarded-For", f"{HERE}, unknown")], PROXY),
        (PROXY, [("X-Forwarded-For", "' OR 1=1")], PROXY),
        (PROXY, [("X-Forwarded-For", "9" * 100_000)], PROXY),
        (f"::ffff:{PROXY}", [("X-Forwarded-For", HERE)], HERE),
        ("2001:db8:aa::1", [("X-Forwarded-For", "2001:db8:bb::1")], "2001:db8:bb::1"),
        ("2001:db8:ab::1", [("X-Forwarded-For", HERE)], "2001:db8:ab::1"),
        ("127.0.0.1", [("X-Forwarded-For", HERE)], "127.0.0.1"),
    ],
)
def test_the_real_peer_whoever_says_what(
    peer: str, headers: list[tuple[str, str]], real: str
) -> None:
    config = SimpleNamespace(trusted_proxies=[PROXY, "2001:db8:aa::/48"])
    site: Any = SimpleNamespace(config=config)
    assert security.address(site, peer, Headers(headers)) == real


async def test_a_spoofed_address_does_not_get_around_a_limit(behind: Cast) -> None:
    """One address that makes up another each time is still one."""
    guest = await behind.come("guest")
    statuses = []
    for n in range(33):
        spoofed = {"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"}
        answer = await guest.ask("POST", "/signin", {"login": f"someone{n}", "password": "x"},
                                 headers=spoofed, address=HERE)  # fmt: skip
        statuses.append(answer.status_code)
    assert set(statuses[:30]) == {422}
    assert set(statuses[30:]) == {429}


def sign_in(n: int) -> dict[str, str]:
    return {"login": f"nobody{n}", "password": "four random little words"}


def sign_up(n: int) -> dict[str, str]:
    return {"name": f"comer_{n}", "password": "four random little words"}


@pytest.mark.parametrize(
    ("path", "form", "allowed"),
    [
        ("/signup", sign_up, 5),
        ("/signin", sign_in, 30),
        ("/signin", lambda _: {"login": "owner", "password": "x"}, 10),
    ],
)
async def test_tries_of_one_address_are_bounded(
    behind: Cast, path: str, form: Callable[[int], dict[str, str]], allowed: int
) -> None:
    """IPv6 by the /64 that one line has, behind the proxy as well as in front of it."""
    home = "2001:db8:1:2::{n:x}"

    async def ask(n: int, address: str) -> Any:
        someone = await behind.come("guest")
        return await someone.ask("POST", path, form(n), headers={"X-Forwarded-For": address},
                                 address=PROXY)  # fmt: skip

    for n in range(allowed):
        answer = await ask(n, home.format(n=n + 1))
        assert answer.status_code != 429, n
    refused = await ask(allowed, home.format(n=allowed + 1))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "Too many tries" in (await refused.get_data()).decode()
    for other in ("2001:db8:1:3::1", HERE):
        assert (await ask(allowed + 1, other)).status_code != 429


async def test_changes_of_one_person_are_bounded(behind: Cast) -> None:
    owner, rival = await behind.come("owner"), await behind.come("rival")

    async def ask(someone: Someone, name: str) -> int:
        answer = await someone.ask("POST", f"/dashboard/{name}/chat", {"enabled": "on"})
        return int(answer.status_code)

    assert {await ask(owner, "owner") for _ in range(120)} == {303}
    assert await ask(owner, "owner") == 429
    assert await ask(rival, "rival") == 303
    rotate = await owner.ask("POST", "/dashboard/owner/key/rotate", {"confirm": "yes"})
    assert rotate.status_code == 429, "a new key is a change as well"


async def test_pictures_of_one_person_are_bounded(behind: Cast) -> None:
    made = io.BytesIO()
    Image.new("RGB", (2, 2)).save(made, "PNG")

    async def ask(someone: Someone, name: str) -> int:
        files = {"picture": FileStorage(io.BytesIO(made.getvalue()), "a.png", "picture")}
        answer = await someone.ask("POST", f"/dashboard/{name}/avatar", {}, files=files)
        return int(answer.status_code)

    owner, rival = await behind.come("owner"), await behind.come("rival")
    answers = [await ask(owner, "owner") for _ in range(21)]
    assert 429 not in answers[:20]
    assert answers[20] == 429
    assert await ask(rival, "rival") != 429


async def test_wrong_stream_keys_of_one_address_are_bounded(behind: Cast) -> None:
    house: House = behind.house
    service = house.site.publishing
    home = "2001:db8:5:6::{n:x}"
    for n in range(publishing.FAILURES):
        answer = await service.open("rtmp", f"mp_wrong{n}", home.format(n=n + 1))
        assert isinstance(answer, Refusal)
        assert answer.code == "bad_key"
    key = await house.site.channels.stream_key(behind.channel.id)
    refused = await service.open("rtmp", key, home.format(n=99))
    assert isinstance(refused, Refusal)
    assert refused.code == "rate_limited", "not even the right one is looked at"
    other = await service.open("rtmp", "mp_wrong", HERE)
    assert isinstance(other, Refusal)
    assert other.code == "bad_key"


@pytest.mark.parametrize("path", ["/", "/owner", "/search?q=a", "/api/v1/channels", "/no/such",
                                  "/signin"])  # fmt: skip
async def test_pages_of_one_address_are_bounded(
    people: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "BURST", 5)
    guest = await people.come("guest")
    pages = people.house.app.extensions["pages"]
    monkeypatch.setattr(pages, "pace", Pace(lambda: 50.0, [PROXY]))
    answers = [await guest.ask("GET", path, address=HERE) for _ in range(6)]
    assert 429 not in [answer.status_code for answer in answers[:5]]
    refused = answers[5]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "4"
    assert "public" not in refused.headers["Cache-Control"]
    assert "Too many requests came from your address" in (await refused.get_data()).decode()
    assert (await guest.ask("POST", "/signout", csrf="x", address=HERE)).status_code == 429
    assert (await guest.ask("GET", path, address=THERE)).status_code != 429
    # What pages are made of is not counted, and neither is who says nothing of the person.
    for free in ("/favicon.svg", "/healthz", "/art/owner.svg"):
        assert (await guest.ask("GET", free, address=HERE)).status_code == 200
    for address in ("127.0.0.1", "::1", PROXY, f"::ffff:{PROXY}", "<local>"):
        for _ in range(7):
            answer = await guest.ask("GET", path, address=address)
        assert answer.status_code != 429, address


def test_the_pace_of_an_address() -> None:
    now = 0.0
    kept = Pace(lambda: now, [], limit=3)
    assert [kept.take(HERE) for _ in range(BURST)] == [0.0] * BURST
    assert 0 < kept.take(HERE) <= PER_SECONDS / BURST
    now += PER_SECONDS / BURST
    assert kept.take(HERE) == 0.0
    assert kept.take(HERE) > 0
    assert kept.take("2001:db8:1:2::1") == 0.0
    for n in range(3):
        assert kept.take(f"198.51.100.{n}") == 0.0
        assert len(kept) <= 3
    assert kept.take(HERE) == 0.0, "forgotten: the table is bounded, and others come first"


def test_the_pace_costs_next_to_nothing() -> None:
    kept = Pace(time.monotonic, ["10.0.0.0/8", "192.168.0.0/16"])
    addresses = [f"203.0.{n % 250}.{n // 250}" for n in range(2000)]
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        for address in addresses:
            kept.take(address)
        best = min(best, (time.perf_counter() - began) / len(addresses))
    assert best < 20e-6, f"{best * 1e6:.1f} us"
    assert len(kept) <= MAX_ADDRESSES


async def test_tries_for_one_name_from_everywhere_are_bounded(behind: Cast) -> None:
    """Many addresses together do not guess on, and the owner's own tries count for the owner."""
    accounts = behind.house.site.accounts
    for n in range(100):
        with pytest.raises(Exception, match="wrong") as error:
            await accounts.sign_in(
                login="owner", password="x", address=f"198.51.{n}.1", user_agent=""
            )
        assert not isinstance(error.value, TooMany)
    with pytest.raises(TooMany):
        await accounts.sign_in(login="owner", password="x", address="198.51.200.1", user_agent="")
    await accounts.sign_in(
        login="rival", password="four random little words", address="198.51.200.1", user_agent=""
    )
