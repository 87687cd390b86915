"""Finds plugins by entry point. Nothing in a distribution can keep the site from starting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from metropole_core.config import PluginsConfig
from metropole_core.hookspecs import API_VERSION

GROUP = "metropole"
KINDS = ("provider", "ingest", "egress", "transcoder", "chat_mode", "backplane", "theme")
OURS = "metropole-"
"""What names of distributions begin with whose plugins are loaded without being asked for."""
MAX_REASON = 500

T = TypeVar("T")


class PluginState(str, Enum):
    """What became of a plugin."""

    LOADED = "loaded"
    DISABLED = "disabled"
    FOUND = "found"
    INCOMPATIBLE = "incompatible"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """One plugin for people: `metropole plugins`, the doctor, the admin page.

    Fields:
        name: of its entry point ("ingest_rtmp").
        kind: what the name begins with ("ingest"), empty when it begins with none.
        distribution, version: whose entry point it is.
        state: what became of it.
        reason: why it is not loaded, and what to do; empty when it is.
    """

    name: str
    kind: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""


class BrokenError(Exception):
    """A plugin cannot be used; the text says why. `state` is what it becomes."""

    def __init__(self, reason: str, state: PluginState = PluginState.FAILED) -> None:
        super().__init__(reason)
        self.state = state


def guarded(doing: str, call: Callable[[], T]) -> T:
    """Run a plugin's code. Whatever it raises, `SystemExit` included, becomes BrokenError; only
    Ctrl-C goes through.

    Raises:
        BrokenError: saying what was done and what went wrong.
    """
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BrokenError:
        raise
    except BaseException as error:
        raise BrokenError(f"{doing} failed: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """An exception in one line."""
    sentence = getattr(error, "sentence", None)
    if isinstance(sentence, str):
        return sentence
    if isinstance(error, SystemExit):
        return f"it tried to end the program (SystemExit: {error.code})"
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}"[:MAX_REASON] if text else type(error).__name__


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry point, and the class behind it when it is to be loaded."""

    record: PluginRecord
    cls: type[Any] | None = None
    settings: type[BaseModel] | None = None


def discover(config: PluginsConfig) -> list[Candidate]:
    """Look at every entry point of the group, import those that are wanted, check each.

    What is disabled, or not enabled yet, is not imported.
    """
    seen: dict[str, str] = {}
    found = []
    for entry in _ordered(entry_points(group=GROUP)):
        kind = next((k for k in KINDS if entry.name.startswith(f"{k}_")), "")
        distribution = entry.dist.name if entry.dist is not None else "?"
        version = entry.dist.version if entry.dist is not None else "?"
        cls: type[Any] | None = None
        settings: type[BaseModel] | None = None
        state, reason = PluginState.LOADED, ""
        try:
            _decide(entry.name, kind, distribution, config, seen)
            seen[entry.name] = distribution
            cls, settings = _load(entry)
        except BrokenError as error:
            state, reason = error.state, str(error)
        record = PluginRecord(entry.name, kind, distribution, version, state, reason)
        found.append(Candidate(record, cls, settings))
    return found


def _ordered(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    """By name. Of two with the same name, ours comes first, and wins."""

    def key(entry: EntryPoint) -> tuple[str, bool, str]:
        name = entry.dist.name if entry.dist is not None else ""
        return entry.name, not _is_ours(name), name

    return sorted(entries, key=key)


def _is_ours(distribution: str) -> bool:
    return canonicalize_name(distribution).startswith(OURS)


def _decide(
    name: str, kind: str, distribution: str, config: PluginsConfig, seen: dict[str, str]
) -> None:
    """Whether to import it at all."""
    if not kind:
        raise BrokenError(
            f"the name of its entry point must begin with its kind, one of {', '.join(KINDS)}"
        )
    if name in seen:
        raise BrokenError(
            f"distribution {seen[name]} brings a plugin of the same name; remove one of them"
        )
    if name in config.disabled:
        raise BrokenError("disabled by the setting plugins.disabled", PluginState.DISABLED)
    if not _is_ours(distribution) and name not in config.enabled:
        raise BrokenError(
            f'not enabled yet; to use it, add "{name}" to the setting plugins.enabled',
            PluginState.FOUND,
        )


def _load(entry: EntryPoint) -> tuple[type[Any], type[BaseModel] | None]:
    cls = guarded("its import", entry.load)
    if not isinstance(cls, type):
        raise BrokenError(f"its entry point {entry.value} names no class")
    check_api(getattr(cls, "requires_api", None))
    settings = getattr(cls, "Settings", None)
    if settings is not None and not (
        isinstance(settings, type) and issubclass(settings, BaseModel)
    ):
        raise BrokenError("its `Settings` is not a pydantic model")
    return cls, settings


def check_api(requires: object) -> None:
    """Compare a plugin's `requires_api` with the hooks' version.

    Raises:
        BrokenError: it was written for another version, or does not say for which.
    """
    if requires is None:
        raise BrokenError(
            "it does not say for which plugin API it was written; its class needs "
            f'requires_api = ">={API_VERSION.partition(".")[0]},'
            f'<{int(API_VERSION.partition(".")[0]) + 1}"',
            PluginState.INCOMPATIBLE,
        )
    try:
        wanted = SpecifierSet(requires)  # type: ignore[arg-type]
    except (InvalidSpecifier, TypeError, AttributeError):
        raise BrokenError(
            f"its requires_api {requires!r} is not a version specifier", PluginState.INCOMPATIBLE
        ) from None
    if not wanted.contains(API_VERSION):
        raise BrokenError(
            f"it needs plugin API {requires}, this site has {API_VERSION}; install a release of "
            "the plugin that fits",
            PluginState.INCOMPATIBLE,
        )
