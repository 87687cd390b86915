"""The plugins of one site: discovered, constructed, asked one by one, stopped.

Every call into a plugin stands in a try of its own: a plugin that fails is recorded as failed
with its reason, what it registered is dropped, and the site goes on without it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from metropole_core.config import SiteConfig, nearest
from metropole_core.contracts.checks import Check
from metropole_core.contracts.context import PluginContext
from metropole_core.discovery import (
    BrokenError,
    Candidate,
    PluginRecord,
    PluginState,
    discover,
    guarded,
)
from metropole_core.hookspecs import HookSpecs
from metropole_core.registry import KINDS, Registry
from metropole_core.settings import NoSettings, PluginSettings, resolve

__all__ = ["PluginManager", "PluginRecord", "PluginState"]

log = logging.getLogger("metropole.plugins")

START_HOOKS = tuple(hook for hook in KINDS if hook != "register_checks")
"""Asked at start; checks are asked when the doctor runs."""


@dataclass(slots=True)
class _Plugin:
    candidate: Candidate
    record: PluginRecord
    instance: Any = None
    settings: PluginSettings | None = None


class PluginManager:
    """What is installed, and what became of it.

    Arguments:
        config: enable, disable, settings.
        registry: receives what plugins hand over.
        release: called with the name of a plugin that failed or stops, to drop its
            subscriptions.
    """

    def __init__(
        self,
        config: SiteConfig,
        registry: Registry,
        release: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._config = config
        self._registry = registry
        self._release = release
        self._pluggy = pluggy.PluginManager("metropole")
        self._pluggy.add_hookspecs(HookSpecs)
        self._plugins = [_Plugin(c, c.record) for c in discover(config.plugins)]
        self._warn_of_unknown_names()

    def _warn_of_unknown_names(self) -> None:
        names = {plugin.record.name for plugin in self._plugins}
        tables = {
            "plugins.enabled": self._config.plugins.enabled,
            "plugins.disabled": self._config.plugins.disabled,
            "plugin": list(self._config.plugin),
        }
        for setting, given in tables.items():
            for name in given:
                if name not in names:
                    meant = nearest(name, names)
                    hint = f" Did you mean {meant}?" if meant else ""
                    log.warning("setting %s: no plugin %s is installed.%s", setting, name, hint)

    def construct(
        self,
        make_context: Callable[[str, Any], PluginContext[Any]],
        stored: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Make each wanted plugin with its context, and take what it registers.

        Arguments:
            make_context: from a plugin's name and settings.
            stored: settings from the database, by plugin.
        """
        for plugin in self._plugins:
            if plugin.candidate.cls is None:
                continue
            name = plugin.record.name
            try:
                self._construct(plugin, make_context, stored.get(name, {}))
                for hook in START_HOOKS:
                    self._ask(plugin, hook)
            except BrokenError as error:
                self.fail(name, str(error), cause=error.__cause__)

    def _construct(
        self,
        plugin: _Plugin,
        make_context: Callable[[str, Any], PluginContext[Any]],
        stored: Mapping[str, Any],
    ) -> None:
        name, cls = plugin.record.name, plugin.candidate.cls
        assert cls is not None
        model = plugin.candidate.settings or NoSettings
        settings = guarded(
            "reading its settings", lambda: resolve(name, model, stored, self._config)
        )
        plugin.settings = settings
        context = make_context(name, settings.value)
        arguments = () if cls.__init__ is object.__init__ else (context,)
        instance = guarded("its constructor", lambda: cls(*arguments))
        plugin.instance = instance
        guarded("taking its hooks", lambda: self._pluggy.register(instance, name))
        try:
            self._pluggy.check_pending()
        except pluggy.PluginValidationError:
            raise BrokenError(self._misspelt(instance)) from None

    def _misspelt(self, instance: Any) -> str:
        known = [hook for hook in vars(HookSpecs) if not hook.startswith("_")]
        callers = self._pluggy.get_hookcallers(instance) or []
        for caller in callers:
            if caller.spec is None:
                meant = nearest(caller.name, known)
                hint = f"; did you mean `{meant}`?" if meant else ""
                return f"it implements `{caller.name}`, which is no hook{hint}"
        return "it implements something that is no hook"

    def _ask(self, plugin: _Plugin, hook: str) -> None:
        """Call one plugin's implementation of one hook, with the arguments that it takes."""
        name = plugin.record.name
        for implementation in getattr(self._pluggy.hook, hook).get_hookimpls():
            if implementation.plugin_name != name:
                continue
            given = {"register": self._registry.receiver(name, hook)}
            arguments = [given[argument] for argument in implementation.argnames]
            guarded(f"hook {hook}", lambda: implementation.function(*arguments))  # noqa: B023

    def fail(self, name: str, reason: str, *, cause: BaseException | None = None) -> None:
        """Record a plugin as failed and drop all that it registered."""
        for plugin in self._plugins:
            if plugin.record.name == name and plugin.candidate.cls is not None:
                plugin.record = dataclasses.replace(
                    plugin.record, state=PluginState.FAILED, reason=reason
                )
                if plugin.instance is not None and self._pluggy.is_registered(plugin.instance):
                    self._pluggy.unregister(plugin.instance)
                plugin.instance = None
        self._registry.drop(name)
        self._release(name)
        log.error("plugin %s is left out: %s", name, reason)
        if cause is not None:
            log.debug("plugin %s", name, exc_info=cause)

    def records(self) -> list[PluginRecord]:
        """Every plugin that is installed, by name."""
        return [plugin.record for plugin in self._plugins]

    def loaded(self) -> list[str]:
        """Names of those that take part."""
        return [p.record.name for p in self._plugins if p.instance is not None]

    def settings(self, name: str) -> PluginSettings | None:
        """The settings of a loaded plugin, with where each came from."""
        for plugin in self._plugins:
            if plugin.record.name == name and plugin.instance is not None:
                return plugin.settings
        return None

    def assets(self) -> dict[str, Path]:
        """Folders of built front-end files, by plugin."""
        found = {}
        for plugin in self._plugins:
            folder = getattr(plugin.instance, "assets", None)
            if isinstance(folder, Path):
                found[plugin.record.name] = folder
        return found

    def checks(self) -> list[Check]:
        """What plugins look at for `metropole doctor`. One whose hook fails is logged and has
        none."""
        for plugin in self._plugins:
            if plugin.instance is None:
                continue
            self._registry.drop_hook(plugin.record.name, "register_checks")
            try:
                self._ask(plugin, "register_checks")
            except BrokenError as error:
                log.error("plugin %s: %s", plugin.record.name, error)
        return list(self._registry.checks())
