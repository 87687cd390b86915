"""What plugins have registered, checked on receipt.

A plugin hands over objects that must fit a contract. What does not fit is refused at once, with
an error that names plugin, hook and field, instead of failing under a viewer's eyes. The needed
fields and methods are read from the contracts themselves, so the two cannot drift apart.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Union, cast, get_args, get_origin

from metropole_core.contracts.chat_mode import ChatMode
from metropole_core.contracts.checks import Check
from metropole_core.contracts.egress import Egress
from metropole_core.contracts.ingest import Ingest
from metropole_core.contracts.ladder import LadderPolicy
from metropole_core.contracts.provider import Provider
from metropole_core.contracts.theme import Theme
from metropole_core.contracts.transcoder import Transcoder
from metropole_core.errors import PluginError

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MAX_PER_KIND = 500
"""Objects of one kind, from all plugins."""

KINDS: dict[str, type[Any]] = {
    "register_provider": Provider,
    "register_ingest": Ingest,
    "register_egress": Egress,
    "register_transcoder": Transcoder,
    "register_ladder": LadderPolicy,
    "register_chat_mode": ChatMode,
    "register_theme": Theme,
    "register_checks": Check,
}
"""Hook, and the contract of what it hands over."""


class Registry:
    """Everything registered, by kind, in the order of the names.

    Arguments:
        default_provider: the operator's choice for channels that have none.
    """

    def __init__(self, default_provider: str | None = None) -> None:
        self._default_provider = default_provider
        self._items: dict[str, dict[str, tuple[str, Any]]] = {hook: {} for hook in KINDS}

    def receiver(self, plugin: str, hook: str) -> Callable[[Any], None]:
        """The `register` callback for one plugin's implementation of one hook."""

        def register(item: Any) -> None:
            self.add(plugin, hook, item)

        return register

    def add(self, plugin: str, hook: str, item: Any) -> None:
        """Take one object.

        Raises:
            PluginError: it does not fit the contract, or its name is taken.
        """
        where = f"plugin {plugin}, hook {hook}"
        check_contract(item, KINDS[hook], where)
        name = item.name
        if not NAME.fullmatch(name):
            raise PluginError(
                f"{where}: field `name` is {name[:50]!r}; it must be lower-case letters, digits "
                "and _, beginning with a letter, at most 40."
            )
        taken = self._items[hook]
        # Checks are named within their plugin, all else within the site.
        slot = f"{plugin}.{name}" if hook == "register_checks" else name
        if slot in taken:
            raise PluginError(
                f"{where}: field `name` is {name!r}, which plugin {taken[slot][0]} has registered "
                "already."
            )
        if len(taken) >= MAX_PER_KIND:
            raise PluginError(f"{where}: more than {MAX_PER_KIND} objects are registered.")
        if hook == "register_egress":
            self._check_prefix(item, where)
        taken[slot] = (plugin, item)

    def _check_prefix(self, egress: Egress, where: str) -> None:
        if not PREFIX.fullmatch(egress.prefix):
            raise PluginError(
                f"{where}: field `prefix` is {egress.prefix[:50]!r}; it must be lower-case "
                "letters, digits, - and _, without slashes."
            )
        for plugin, other in self._items["register_egress"].values():
            if other.prefix == egress.prefix:
                raise PluginError(
                    f"{where}: field `prefix` is {egress.prefix!r}, which plugin {plugin} has "
                    "registered already."
                )

    def drop(self, plugin: str) -> None:
        """Forget all that a plugin has registered."""
        for hook in self._items:
            self.drop_hook(plugin, hook)

    def drop_hook(self, plugin: str, hook: str) -> None:
        """Forget what a plugin has registered with one hook."""
        items = self._items[hook]
        for slot in [slot for slot, (owner, _) in items.items() if owner == plugin]:
            del items[slot]

    def providers(self) -> tuple[Provider, ...]:
        """Every provider, by name."""
        return self._all("register_provider")

    def provider(self, name: str) -> Provider | None:
        """The provider of that name, or None."""
        return cast("Provider | None", self._one("register_provider", name))

    def provider_for(self, chosen: str | None) -> Provider | None:
        """Who hosts a channel: its own choice, else the operator's default, else the first by
        name; None when no provider is installed."""
        for name in (chosen, self._default_provider):
            if name is not None and (found := self.provider(name)) is not None:
                return found
        return next(iter(self.providers()), None)

    def ingests(self) -> tuple[Ingest, ...]:
        """Every ingest, by name."""
        return self._all("register_ingest")

    def egresses(self) -> tuple[Egress, ...]:
        """Every egress, by name."""
        return self._all("register_egress")

    def transcoders(self) -> tuple[Transcoder, ...]:
        """Every transcoder, by name."""
        return self._all("register_transcoder")

    def ladders(self) -> tuple[LadderPolicy, ...]:
        """Every ladder policy, by name."""
        return self._all("register_ladder")

    def chat_modes(self) -> tuple[ChatMode, ...]:
        """Every chat mode, in the order in which they are asked: by stage, then by name."""
        return tuple(sorted(self._all("register_chat_mode"), key=lambda m: (m.stage, m.name)))

    def chat_mode(self, name: str) -> ChatMode | None:
        """The chat mode of that name, or None."""
        return cast("ChatMode | None", self._one("register_chat_mode", name))

    def themes(self) -> tuple[Theme, ...]:
        """Every theme, by name."""
        return self._all("register_theme")

    def theme(self, name: str) -> Theme | None:
        """The theme of that name, or None."""
        return cast("Theme | None", self._one("register_theme", name))

    def checks(self) -> tuple[Check, ...]:
        """Every check of `metropole doctor`, by plugin and name."""
        return self._all("register_checks")

    def owner(self, item: object) -> str | None:
        """Name of the plugin that registered it: whose assets belong to it."""
        for items in self._items.values():
            for plugin, known in items.values():
                if known is item:
                    return plugin
        return None

    def names(self, plugin: str) -> tuple[tuple[str, str], ...]:
        """(hook, name) of all that a plugin has registered."""
        return tuple(
            (hook, item.name)
            for hook, items in self._items.items()
            for owner, item in items.values()
            if owner == plugin
        )

    def _all(self, hook: str) -> tuple[Any, ...]:
        return tuple(item for _, (_, item) in sorted(self._items[hook].items()))

    def _one(self, hook: str, name: str) -> object | None:
        found = self._items[hook].get(name)
        return found[1] if found is not None else None


def check_contract(item: Any, contract: type[Any], where: str) -> None:
    """Check that an object has the fields and methods of a contract.

    Raises:
        PluginError: naming `where` and the field or method that does not fit.
    """
    if isinstance(item, type):
        raise PluginError(
            f"{where}: got the class {item.__name__}; hand over an object of it, made with "
            f"{item.__name__}(...)."
        )
    if is_dataclass(contract):
        if not isinstance(item, contract):
            raise PluginError(
                f"{where}: got {type(item).__name__}, not a contracts {contract.__name__}."
            )
        wanted = {field.name for field in fields(contract)}
    else:
        wanted = set()
    for name, hint in typing.get_type_hints(contract).items():
        if name.startswith("_"):
            continue
        wanted.add(name)
        try:
            value = getattr(item, name)
        except Exception as error:
            why = "is missing" if isinstance(error, AttributeError) else f"raises {error!r}"
            raise PluginError(f"{where}: field `{name}` of {_name(item)} {why}.") from None
        if not fits(value, hint):
            raise PluginError(
                f"{where}: field `{name}` of {_name(item)} is {_short(value)}; it must be "
                f"{_describe(hint)}."
            )
    for name, method in vars(contract).items():
        if name.startswith("_") or name in wanted or not inspect.isfunction(method):
            continue
        _check_method(item, name, method, where)


def _check_method(item: Any, name: str, wanted: Callable[..., Any], where: str) -> None:
    method = getattr(item, name, None)
    if not callable(method):
        raise PluginError(f"{where}: method `{name}` of {_name(item)} is missing.")
    is_async = inspect.iscoroutinefunction(method)
    if inspect.iscoroutinefunction(wanted) != is_async:
        kind = "a plain method, not `async def`" if is_async else "`async def`"
        raise PluginError(f"{where}: method `{name}` of {_name(item)} must be {kind}.")
    parameters = list(inspect.signature(wanted).parameters)[1:]
    try:
        inspect.signature(method).bind(*parameters)
    except TypeError:
        raise PluginError(
            f"{where}: method `{name}` of {_name(item)} must take ({', '.join(parameters)})."
        ) from None
    except ValueError:
        return  # made in C, without a signature to look at


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type, as deep as a mistake in a plugin goes."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is ClassVar:
        return fits(value, arguments[0])
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is type:
        return isinstance(value, type) and issubclass(value, arguments[0])
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, arguments[0]) for each in value)
    if origin is not None:
        # Callables and the like: what they take is seen when they are called.
        return isinstance(value, origin)
    if getattr(hint, "_is_protocol", False):
        members = [n for n, m in vars(hint).items() if inspect.isfunction(m) and n[0] != "_"]
        return all(callable(getattr(value, member, None)) for member in members)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is ClassVar:
        return _describe(get_args(hint)[0])
    if origin is type:
        return f"a subclass of {_describe(get_args(hint)[0])}"
    if origin is None:
        return "None" if hint is type(None) else str(getattr(hint, "__name__", hint))
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(argument) for argument in get_args(hint))
    return str(hint).replace("collections.abc.", "").replace("typing.", "")


def _name(item: object) -> str:
    return type(item).__name__


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
