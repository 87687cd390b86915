"""Forms made from the pydantic settings of chat modes: title, description and bounds of each
field come from the model, and so do the checks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from metropole_core.chat.modes import ModeState
from metropole_core.contracts.chat_mode import ChatMode
from metropole_core.pages.i18n import gettext as _

log = logging.getLogger("metropole.pages")

PREFIX = "s-"


class Field(msgspec.Struct, frozen=True):
    """One input.

    Fields:
        kind: "number", "checkbox", "select" or "text".
        low, high, step, longest: bounds of the model, None where it has none.
    """

    name: str
    label: str
    help: str
    kind: str
    value: str
    checked: bool
    low: float | None
    high: float | None
    step: str | None
    longest: int | None
    options: tuple[str, ...]
    error: str | None


class ModeForm(msgspec.Struct, frozen=True):
    """One chat mode's card."""

    name: str
    title: str
    description: str
    sentence: str
    enabled: bool
    fields: tuple[Field, ...]
    error: str | None


def mode_forms(
    states: Iterable[ModeState],
    refused: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]],
) -> list[ModeForm]:
    """The cards.

    Arguments:
        states: each installed mode as it is set in the channel.
        refused: by mode, what was sent and could not be taken, and what is wrong with it.
    """
    return [_form(state, *refused.get(state.mode.name, ({}, {}))) for state in states]


def parse_settings(
    mode: ChatMode, form: Mapping[str, str]
) -> tuple[BaseModel | None, dict[str, str]]:
    """The settings that a form holds, or None and a sentence for each field."""
    values: dict[str, Any] = {}
    for name, schema in _properties(mode).items():
        if schema.get("type") == "boolean":
            values[name] = PREFIX + name in form
        elif PREFIX + name in form:
            values[name] = form[PREFIX + name].strip()
    try:
        return mode.Settings.model_validate(values), {}
    except ValidationError as error:
        return None, {str(e["loc"][0]) if e["loc"] else "": _sentence(e) for e in error.errors()}


def _form(state: ModeState, sent: Mapping[str, Any], errors: Mapping[str, str]) -> ModeForm:
    mode, now = state.mode, state.settings.model_dump(mode="json")
    return ModeForm(
        name=mode.name,
        title=mode.title,
        description=mode.description,
        sentence=state.sentence,
        enabled=state.enabled,
        fields=tuple(
            _field(name, schema, sent.get(PREFIX + name, now.get(name)), errors.get(name))
            for name, schema in _properties(mode).items()
        ),
        error=errors.get(""),
    )


def _field(name: str, schema: Mapping[str, Any], value: object, error: str | None) -> Field:
    kind = {"boolean": "checkbox", "integer": "number", "number": "number"}.get(
        str(schema.get("type")), "text"
    )
    options = tuple(str(option) for option in schema.get("enum", ()))
    return Field(
        name=PREFIX + name,
        label=str(schema.get("title", name)),
        help=str(schema.get("description", "")),
        kind="select" if options else kind,
        value="" if value is None else str(value),
        checked=value is True,
        low=schema.get("minimum", schema.get("exclusiveMinimum")),
        high=schema.get("maximum", schema.get("exclusiveMaximum")),
        step=("1" if schema.get("type") == "integer" else "any") if kind == "number" else None,
        longest=schema.get("maxLength"),
        options=options,
        error=error,
    )


def _properties(mode: ChatMode) -> dict[str, Mapping[str, Any]]:
    try:
        schema = mode.Settings.model_json_schema()
    except Exception:
        # A plugin's mistake costs its own form, not the creator's page.
        log.exception("the settings of chat mode %s cannot be shown", mode.name)
        return {}
    definitions = schema.get("$defs", {})
    found: dict[str, Mapping[str, Any]] = {}
    for name, spec in schema.get("properties", {}).items():
        target = spec.get("$ref", "").rpartition("/")[2]
        found[name] = {**definitions.get(target, {}), **spec}
    return found


def _sentence(error: Mapping[str, Any]) -> str:
    bounds = error.get("ctx", {})
    kind = error["type"]
    if kind == "greater_than_equal":
        return _("At least %(n)s.") % {"n": bounds["ge"]}
    if kind == "less_than_equal":
        return _("At most %(n)s.") % {"n": bounds["le"]}
    if kind.startswith("int_"):
        return _("This must be a whole number.")
    if kind.startswith("float_"):
        return _("This must be a number.")
    return str(error["msg"])
