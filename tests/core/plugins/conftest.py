"""Throw-away distributions on `sys.path`, with the metadata that installers write."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from metropole_core.config import PluginsConfig, SiteConfig
from metropole_core.plugins import PluginManager, PluginRecord
from metropole_core.registry import Registry
from metropole_core.testing import make_context

HEAD = """
from pydantic import BaseModel, Field
from metropole_core import hookimpl
from metropole_core.contracts.checks import Check
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.theme import Theme

class Ingest:
    def __init__(self, name): self.name = name
    def point(self): return IngressPoint(self.name, self.name, "x://localhost")
    async def start(self): ...
    async def stop(self): ...
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """install(distribution, code, name=entry point): a distribution with one plugin."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    modules: list[str] = []

    def make(
        distribution: str, code: str, *, name: str | None = None, version: str = "1.0"
    ) -> None:
        module = distribution.replace("-", "_")
        modules.append(module)
        (folder / f"{module}.py").write_text(HEAD + textwrap.dedent(code))
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        entry = name or module.removeprefix("metropole_")
        (info / "entry_points.txt").write_text(f"[metropole]\n{entry} = {module}:Plugin\n")

    yield make
    for module in modules:
        sys.modules.pop(module, None)


class Loaded:
    """A manager after its start, and what it has registered."""

    def __init__(self, config: SiteConfig, stored: Mapping[str, Mapping[str, Any]]) -> None:
        self.registry = Registry()
        self.released: list[str] = []
        self.manager = PluginManager(config, self.registry, self.released.append)
        self.manager.construct(lambda name, s: make_context(s, name=name), stored)

    def record(self, name: str, distribution: str | None = None) -> PluginRecord:
        return next(
            record
            for record in self.manager.records()
            if record.name == name and distribution in (None, record.distribution)
        )


Load = Callable[..., Loaded]


@pytest.fixture
def load() -> Load:
    """load(enabled=..., disabled=..., plugin=..., stored=...): discover and construct."""

    def run(
        *,
        enabled: tuple[str, ...] = (),
        disabled: tuple[str, ...] = (),
        plugin: dict[str, dict[str, Any]] | None = None,
        stored: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Loaded:
        plugins = PluginsConfig(enabled=list(enabled), disabled=list(disabled))
        return Loaded(SiteConfig(plugins=plugins, plugin=plugin or {}), stored or {})

    return run
