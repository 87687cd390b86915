"""Makes what plugins get from the house."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, SecretStr

from metropole_core.backplane import PrefixShared
from metropole_core.bus import EventBus
from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.channels import Channels
from metropole_core.contracts.context import Addresses, Clock, PluginContext, Registry
from metropole_core.contracts.previews import Previews
from metropole_core.contracts.publishing import Publishing
from metropole_core.contracts.transcoding import Transcoding
from metropole_core.tasks import TaskOwner

MIN_SECRET = 4
"""Shorter secrets are not looked for in the log: they would blacken every line."""


class Redact(logging.Filter):
    """Blackens secrets in log lines."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if len(secret) >= MIN_SECRET]

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        record.msg, record.args = text, ()
        return True


class ContextMaker:
    """Makes a `PluginContext` for each plugin, and takes back what a plugin holds."""

    def __init__(
        self,
        *,
        clock: Clock,
        bus: EventBus,
        shared: Shared,
        registry: Registry,
        addresses: Addresses,
        channels: Channels,
        publishing: Publishing,
        transcoding: Transcoding,
        previews: Previews,
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._shared = shared
        self._registry = registry
        self._addresses = addresses
        self._channels = channels
        self._publishing = publishing
        self._transcoding = transcoding
        self._previews = previews
        self._tasks: dict[str, TaskOwner] = {}
        self.tls: ssl.SSLContext | None = None

    def make(self, name: str, settings: Any) -> PluginContext[Any]:
        """Everything for one plugin."""
        log = logging.getLogger(f"metropole.plugin.{name}")
        log.filters = [each for each in log.filters if not isinstance(each, Redact)]
        secrets = list(_secrets(settings))
        if secrets:
            log.addFilter(Redact(secrets))
        tasks = self._tasks[name] = TaskOwner(name, log)
        return PluginContext(
            name=name,
            settings=settings,
            clock=self._clock,
            events=self._bus.view(name),
            shared=PrefixShared(self._shared, f"plugin/{name}"),
            registry=self._registry,
            addresses=self._addresses,
            channels=self._channels,
            publishing=self._publishing,
            transcoding=self._transcoding,
            previews=self._previews,
            tls=self.tls,
            log=log,
            spawn=tasks.spawn,
        )

    def release(self, name: str) -> None:
        """Take everything back from a plugin that failed."""
        self._bus.drop(name)
        tasks = self._tasks.get(name)
        if tasks is not None:
            tasks.cancel()

    async def stop(self) -> None:
        """End every plugin's tasks."""
        for tasks in self._tasks.values():
            await tasks.stop()


def _secrets(settings: Any) -> Iterable[str]:
    if isinstance(settings, SecretStr):
        yield settings.get_secret_value()
    elif isinstance(settings, BaseModel):
        for field in type(settings).model_fields:
            yield from _secrets(getattr(settings, field))
    elif isinstance(settings, list | tuple | set | frozenset):
        for each in settings:
            yield from _secrets(each)
    elif isinstance(settings, dict):
        for each in settings.values():
            yield from _secrets(each)
