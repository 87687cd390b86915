"""The pytest plugin: fixtures for tests of plugins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from metropole_core.contracts.context import PluginContext
    from metropole_core.testing.clock import FakeClock


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands still until `advance`."""
    from metropole_core.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def make_plugin_context(fake_clock: FakeClock) -> Callable[..., PluginContext[Any]]:
    """`testing.make_context` with the clock of the fixture `fake_clock`."""
    from metropole_core.testing.context import make_context

    def make(settings: Any, **parts: Any) -> PluginContext[Any]:
        parts.setdefault("clock", fake_clock)
        return make_context(settings, **parts)

    return make
