"""A site without its plugins, beside a running one, and with plugins that fail at start."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metropole_core.app import create_app, site_of
from metropole_core.channels import names
from metropole_core.contracts.events import LiveState
from metropole_core.contracts.publishing import Grant, Publication
from metropole_core.errors import MetropoleError
from metropole_core.plugins import PluginState
from metropole_core.site import Site
from metropole_media.hls.window import Window
from metropole_media.live import LiveStream, PublisherHandle
from metropole_media.packager import Packager
from tests.core.site.conftest import Configure, running
from tests.support.encoded import encode


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    target = tmp_path / "site.sqlite3"
    target.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{target}"


async def test_a_site_without_any_plugin_starts_and_says_what_is_missing(
    configure: Configure, sqlite_url: str
) -> None:
    full = Site.create(configure(sqlite_url))
    everything = [record.name for record in full.plugins.records()]
    config = configure(sqlite_url, plugins={"disabled": everything})
    async with running(config) as (site, _):
        assert {record.state for record in site.plugins.records()} <= {PluginState.DISABLED}
        sentences = site.missing()
        for word in ("streaming provider", "ingest", "egress", "theme", "chat mode"):
            assert any(word in sentence for sentence in sentences), word


async def test_nothing_is_installed(
    configure: Configure, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metropole_core.discovery.entry_points", lambda group: [])
    site = Site.create(configure(sqlite_url))
    assert site.plugins.records() == []
    sentences = site.missing()
    assert len(sentences) == 5
    assert "pip install metropole-provider-local" in sentences[0]


async def test_names_in_settings_that_are_not_installed(
    configure: Configure, sqlite_url: str
) -> None:
    site = Site.create(configure(sqlite_url, theme="neon", default_provider="cloud"))
    assert "The theme neon of the settings is not installed." in site.missing()
    assert "The default provider cloud of the settings is not installed." in site.missing()


async def test_offline_opens_no_port(configure: Configure, db_url: str) -> None:
    config = configure(db_url)
    async with Site.offline(config) as site:
        user = await site.accounts.create(
            name="ada", password="a long password", email=None, is_admin=True
        )
        assert user.is_admin
        assert not site.started
        async with running(config) as (other, _):
            assert await other.accounts.by_name("ada") is not None


async def test_offline_works_before_the_tables_are_made(
    configure: Configure, empty_db_url: str
) -> None:
    async with Site.offline(configure(empty_db_url)) as site:
        assert site.plugins.records()


class Part:
    """An ingest or provider that fails as told."""

    def __init__(self, error: Exception | None = None, stop_error: Exception | None = None) -> None:
        self.name = "part"
        self.error, self.stop_error = error, stop_error
        self.started = self.stopped = 0

    def point(self) -> Any:
        raise NotImplementedError

    async def start(self) -> None:
        self.started += 1
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        self.stopped += 1
        if self.stop_error is not None:
            raise self.stop_error


def with_part(monkeypatch: pytest.MonkeyPatch, part: Part) -> None:
    """Put a part into every site, as if plugin theme_default had registered it."""
    construct = Site.__init__

    def init(self: Site, *arguments: Any) -> None:
        construct(self, *arguments)
        made = self.plugins.construct

        def also(*more: Any) -> None:
            made(*more)
            self.registry.add("theme_default", "register_ingest", part)

        self.plugins.construct = also  # type: ignore[assignment,method-assign]

    monkeypatch.setattr(Site, "__init__", init)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MetropoleError("Port 1935 is taken."), "Port 1935 is taken."),
        (RuntimeError("broken"), "RuntimeError: broken"),
    ],
)
async def test_a_part_that_does_not_start_is_left_out(
    configure: Configure,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
) -> None:
    part = Part(error)
    with_part(monkeypatch, part)
    async with running(configure(sqlite_url)) as (site, _):
        record = next(r for r in site.plugins.records() if r.name == "theme_default")
        assert record.state is PluginState.FAILED
        assert record.reason == reason
        assert part not in site.registry.ingests()
    assert (part.started, part.stopped) == (1, 1)


async def test_a_part_that_does_not_stop_keeps_nobody(
    configure: Configure,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    part = Part(stop_error=RuntimeError("stuck"))
    with_part(monkeypatch, part)
    async with running(configure(sqlite_url)) as (site, _):
        assert part in site.registry.ingests()
    assert part.stopped == 1
    assert not site.db.is_connected
    assert "part did not stop cleanly: RuntimeError: stuck" in caplog.text


async def test_the_app_starts_its_site_by_itself(configure: Configure, sqlite_url: str) -> None:
    app = create_app(configure(sqlite_url))
    site = site_of(app)
    closed: list[bool] = []

    async def goodbye() -> None:
        closed.append(site.db.is_connected)

    async with app.test_app() as running_app:
        assert site.started
        site.closing.append(goodbye)
        response = await running_app.test_client().get("/healthz")
        assert response.status_code == 200
        assert {"signin", "dashboard", "assets"} <= names.RESERVED
    assert not site.started
    assert closed == [True]


async def test_broadcasts_leave_nothing_behind(
    configure: Configure, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metropole_egress_hls.egress.AFTER_END_SECONDS", 0.0)
    encoded = encode(seconds=2.5, gop=30)
    kinds = {LiveStream, Packager, Window}

    def left() -> int:
        gc.collect()
        return sum(type(each) in kinds for each in gc.get_objects())

    # Pictures are made by a process that is kept for a while.
    config = configure(sqlite_url, plugins={"disabled": ["egress_thumbnails"]})
    async with running(config) as (site, _):
        user = await site.accounts.create(name="anna", password="four random words", email=None)
        [channel] = await site.channels.of_owner(user.id)
        key = await site.channels.stream_key(channel.id)
        before, tasks = left(), len(asyncio.all_tasks())

        async def publish() -> tuple[PublisherHandle, Publication]:
            grant = await site.publishing.open("rtmp", key, "192.0.2.1")
            assert isinstance(grant, Grant)
            handle = grant.stream.attach()
            grant.publication.on_cut(lambda _sentence: handle.detach())
            handle.describe(encoded.tracks)
            async with asyncio.timeout(5):
                while grant.stream.ladder.plans is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            for packet in encoded.packets:
                handle.write(replace(packet))
            assert site.status.state(channel.id).state is LiveState.LIVE
            return handle, grant.publication

        for number in range(8):
            handle, publication = await publish()
            handle.detach()
            publication.lost("network")
            handle, publication = await publish()
            if number % 2:
                await site.status.end_by_creator(channel.id)
                await site.channels.refuse_until(channel.id, None)
            else:
                handle.detach()
                publication.ended()
        await site.status.settled()
        await site.events.settle()
        del handle, publication
        async with asyncio.timeout(5):
            while left() > before or len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert len(site.status._live) == 1
        assert not site.publishing._stays
