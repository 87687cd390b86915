"""One site: its parts, put together, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from metropole_core.accounts import Accounts
from metropole_core.accounts.credentials import Credentials
from metropole_core.accounts.first_run import FirstRun
from metropole_core.accounts.limits import RateLimit
from metropole_core.accounts.people import People
from metropole_core.accounts.rights import StreamRights
from metropole_core.addresses import SiteAddresses
from metropole_core.backplane import MemoryShared
from metropole_core.bus import EventBus
from metropole_core.channels import Channels
from metropole_core.channels.refs import ChannelRefs
from metropole_core.chat import Chat
from metropole_core.chat.retention import Retention
from metropole_core.clock import SystemClock
from metropole_core.community import Follows
from metropole_core.config import SiteConfig
from metropole_core.context import ContextMaker
from metropole_core.contracts.context import Clock
from metropole_core.contracts.ingest import Ingest
from metropole_core.contracts.provider import Provider
from metropole_core.db.connection import make_database
from metropole_core.discovery import describe
from metropole_core.errors import ConfigError
from metropole_core.keys import SiteKeys
from metropole_core.limits import ChannelLimits, Notices
from metropole_core.limits.storage import StorageRoom
from metropole_core.looks import Looks
from metropole_core.plugins import PluginManager
from metropole_core.registry import Registry
from metropole_core.settings.store import SettingsStore
from metropole_core.storage import Storage
from metropole_core.streams.fallback import MediaFallback
from metropole_core.streams.health import StreamsHealth
from metropole_core.streams.limiter import Limiter
from metropole_core.streams.previews import LivePreviews
from metropole_core.streams.publishing import PublishingService
from metropole_core.streams.status import LiveStatus
from metropole_core.streams.store import StreamStore
from metropole_core.streams.viewers import Viewers
from metropole_core.tls import Certificate, certificate_of
from metropole_core.transcoding import TranscodingService

log = logging.getLogger("metropole.site")

START_SECONDS = 5.0
STOP_SECONDS = 1.0
CLOSING_SECONDS = 1.0
"""How long those who keep connections open may take to say good-bye."""

NEEDED = {
    "provider": (
        "No streaming provider is installed, so nobody can go live.",
        "metropole-provider-local",
    ),
    "ingest": (
        "No ingest is installed, so encoders such as OBS cannot connect.",
        "metropole-ingest-rtmp",
    ),
    "egress": (
        "No egress is installed, so what is streamed here cannot be played.",
        "metropole-egress-hls",
    ),
    "theme": (
        "No theme is installed, so pages look plain.",
        "metropole-theme-default",
    ),
    "chat_mode": (
        "No chat mode is installed, so creators cannot slow their chat down.",
        "metropole-chat-mode-slow",
    ),
}
"""What a complete site has, by kind: what is the matter without it, and who brings it."""


class Site:
    """Everything that pages, API and socket work with.

    Made by `Site.create`; nothing is opened before `start`. After it, `closing` holds what is to
    be called first when the site goes down: whoever keeps connections open says good-bye there,
    within a second. `looks` are asked every few seconds while it runs.
    """

    def __init__(self, config: SiteConfig, clock: Clock | None = None) -> None:
        self.config = config
        self.clock: Clock = clock or SystemClock()
        self.keys = SiteKeys.load(config.key_file)
        self.db = make_database(config.database)
        self.storage = Storage(config.data_dir / "files")
        self.addresses = SiteAddresses(config)
        self.events = EventBus()
        self.shared = MemoryShared(self.clock.monotonic)
        self.rate_limit = RateLimit(self.shared)
        self.registry = Registry(config.default_provider)
        self.limits = ChannelLimits(self.db, config.limits)
        self.channels = Channels(
            self.db,
            self.keys,
            self.storage,
            self.clock,
            self.events,
            config.channels_per_account,
            StorageRoom(self.limits, self.storage),
        )
        self.accounts = Accounts(
            self.db,
            self.keys,
            self.clock,
            channels=self.channels,
            shared=self.shared,
            registration=config.registration,
        )
        self.people = People(self.db, channels=self.channels, sessions=self.accounts.sessions)
        self.credentials = Credentials(
            self.db,
            self.keys,
            self.clock,
            sessions=self.accounts.sessions,
            hasher=self.accounts.hasher,
            shared=self.shared,
        )
        self.first_run = FirstRun(self.accounts, self.shared)
        self.rights = StreamRights(self.db, config.streaming)
        self.follows = Follows(self.db, self.clock, self.events)
        self.chat = Chat(
            self.db, self.channels, self.follows, self.registry, self.events, self.clock
        )
        self.media_fallback = MediaFallback(
            config.media_fallback.max_viewers,
            config.media_fallback.max_waiting,
            self.clock.monotonic,
        )
        self.retention = Retention(self.db, config.limits.chat_history)
        self.viewers = Viewers(self.clock, self.events, self._name_of)
        self.status = LiveStatus(
            StreamStore(self.db),
            self.channels,
            self.registry,
            self.viewers,
            self.events,
            self.clock,
            config.reconnect_window,
            config.latency,
        )
        self.notices = Notices(self.clock, self.events)
        self.limiter = Limiter(self.limits, self.status, self.notices, self.clock)
        self.health = StreamsHealth(self.clock, self.events)
        self.publishing = PublishingService(
            self.channels,
            self.registry,
            self.status,
            self.shared,
            self.clock,
            self.rights,
            self.limiter,
            self.health,
        )
        self.transcoding = TranscodingService(
            self.registry, config.transcoding, self.notices, self.events, self.clock
        )
        self.people.changed.append(self.publishing.recheck)
        self.channels.key_rotated.append(self.publishing.key_rotated)
        self.previews = LivePreviews(self.channels, self.storage, self.clock)
        self.settings = SettingsStore(self.db, self.keys)
        self._contexts = ContextMaker(
            clock=self.clock,
            bus=self.events,
            shared=self.shared,
            registry=self.registry,
            addresses=self.addresses,
            channels=ChannelRefs(self.channels),
            publishing=self.publishing,
            transcoding=self.transcoding,
            previews=self.previews,
        )
        self.plugins = PluginManager(config, self.registry, self._contexts.release)
        self.certificate: Certificate | None = None
        self.closing: list[Callable[[], Awaitable[None]]] = []
        self.looks = Looks([self.publishing.recheck, self.limiter.reread])
        self.started = False
        self.instance = secrets.token_hex(8)
        """Tells this run of the site from every other."""
        self._running: list[Provider | Ingest] = []

    @classmethod
    def create(cls, config: SiteConfig) -> Site:
        """The site of these settings, nothing opened yet.

        Raises:
            ConfigError: key file or database setting cannot be used.
        """
        return cls(config)

    @classmethod
    @asynccontextmanager
    async def offline(cls, config: SiteConfig) -> AsyncIterator[Site]:
        """A site whose database is connected and whose plugins are there, but which opens no
        port and takes over no stream: for commands beside a running site."""
        site = cls(config)
        try:
            await site._open(migrated=False)
            yield site
        finally:
            await site._close()

    async def start(self) -> None:
        """Open the database, make the plugins, take over what was live, open their ports.

        What a plugin fails at is recorded with its reason, and the site starts without it.

        Raises:
            ConfigError: database or certificate cannot be used; the sentence says what to do.
        """
        self.certificate = certificate_of(self.config)
        if self.certificate is not None:
            self._contexts.tls = self.certificate.context
            self.looks.asked.append(self.certificate.renew)
        try:
            await self._open(migrated=True)
            await self.first_run.begin()
            await self.status.recover()
            self.limiter.start()
            self.health.start()
            self.transcoding.start()
            for provider in self.registry.providers():
                await self._start_part(provider)
            self.publishing.resume()
            for ingest in self.registry.ingests():
                await self._start_part(ingest)
        except BaseException:
            await self.stop()
            raise
        self.started = True
        self.looks.start()
        self.retention.start()
        for sentence in self.missing():
            log.warning(sentence)

    async def say_goodbye(self) -> None:
        """Let everyone who keeps connections open end them, within `CLOSING_SECONDS`."""
        tasks = [asyncio.ensure_future(callback()) for callback in self.closing]
        if not tasks:
            return
        done, late = await asyncio.wait(tasks, timeout=CLOSING_SECONDS)
        for task in late:
            task.cancel()
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("closing connections failed", exc_info=error)

    async def stop(self) -> None:
        """Close everything that `start` opened, publishers first. Takes about a second at most
        for each kind of part that does not answer."""
        self.started = False
        # Ingests before providers, as they were started the other way round.
        providers = self.registry.providers()
        ingests = [part for part in self._running if part not in providers]
        for parts in (ingests, [part for part in self._running if part in providers]):
            await asyncio.gather(*(self._stop_part(part) for part in parts))
        self._running.clear()
        await self._close()

    def missing(self) -> list[str]:
        """What a complete site has and this one has not, in sentences; empty when all is there."""
        found = []
        have = {
            "provider": self.registry.providers(),
            "ingest": self.registry.ingests(),
            # One without an origin plays nothing: it makes thumbnails, say.
            "egress": [each for each in self.registry.egresses() if each.origin is not None],
            "theme": self.registry.themes(),
            "chat_mode": self.registry.chat_modes(),
        }
        records = self.plugins.records()
        for kind, (sentence, distribution) in NEEDED.items():
            if have[kind]:
                continue
            idle = next((r for r in records if r.kind == kind and r.state.value != "loaded"), None)
            if idle is None:
                found.append(f"{sentence} Install one: pip install {distribution}")
            else:
                what = sentence.replace("is installed", "works")
                found.append(f"{what} Plugin {idle.name} is {idle.state.value}.")
        theme, provider = self.config.theme, self.config.default_provider
        if theme is not None and self.registry.theme(theme) is None:
            found.append(f"The theme {theme} of the settings is not installed.")
        if provider is not None and self.registry.provider(provider) is None:
            found.append(f"The default provider {provider} of the settings is not installed.")
        return found

    async def _open(self, *, migrated: bool) -> None:
        await self.db.connect()
        if migrated:
            await self.db.self_test()
            await self._check_migrations()
        self.plugins.construct(self._contexts.make, await self._stored_settings(migrated))

    async def _check_migrations(self) -> None:
        from metropole_core.db import revision

        url = self.config.database
        current, head = await asyncio.to_thread(revision.current, url), revision.head()
        if current == head:
            return
        if not self.config.auto_upgrade:
            raise ConfigError(
                "The database is empty or of another release. Back it up, then run: "
                "metropole db upgrade",
                field="database",
            )
        from metropole_core.db import migrate

        log.info("upgrading the database from %s to %s", current or "nothing", head)
        await asyncio.to_thread(migrate.upgrade, url)

    async def _stored_settings(self, migrated: bool) -> Mapping[str, Mapping[str, Any]]:
        try:
            return await self.settings.all()
        except Exception:
            if migrated:
                raise
            return {}  # a database that was not made yet holds no settings

    async def _start_part(self, part: Provider | Ingest) -> None:
        owner = self.registry.owner(part)
        if owner is None:
            return  # an earlier part of the same plugin failed
        self._running.append(part)
        try:
            async with asyncio.timeout(START_SECONDS):
                await part.start()
        except Exception as error:
            reason = (
                f"it did not start within {START_SECONDS:g} s"
                if isinstance(error, TimeoutError)
                else describe(error)
            )
            mine = [each for each in self._running if self.registry.owner(each) == owner]
            self.plugins.fail(owner, reason, cause=error)
            for each in mine:
                self._running.remove(each)
                await self._stop_part(each)

    async def _stop_part(self, part: Provider | Ingest) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await part.stop()
        except Exception as error:
            log.error("%s did not stop cleanly: %s", part.name, describe(error))

    async def _close(self) -> None:
        steps = (
            self.looks.stop,
            self.retention.stop,
            self.limiter.stop,
            self.health.stop,
            self.transcoding.stop,
            self.status.stop,
            self.chat.stop,
            self._contexts.stop,
            self.viewers.stop,
            self.events.stop,
        )
        for step in steps:
            try:
                async with asyncio.timeout(2 * STOP_SECONDS):
                    await step()
            except Exception as error:
                log.error("%s did not stop cleanly: %s", step.__qualname__, describe(error))
        self.accounts.close()
        if self.db.is_connected:
            await self.db.disconnect()

    async def _name_of(self, channel_id: int) -> str | None:
        channel = await self.channels.by_id(channel_id)
        return channel.name if channel is not None else None
