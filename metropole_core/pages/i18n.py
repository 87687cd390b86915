"""Words in the visitor's language.

Catalogs are gettext .po files in folders `locales/<language>/LC_MESSAGES/messages.po` of the core
and of themes; they are read when a language is first asked for and merged, the core's first, so
that a theme can word something otherwise. English is the language of the sources and needs none.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from metropole_core.text import N_ as N_

SOURCE_LANGUAGE = "en"

_current: ContextVar[NullTranslations] = ContextVar("metropole_translations")
_language: ContextVar[str] = ContextVar("metropole_language", default=SOURCE_LANGUAGE)
_none = NullTranslations()


def gettext(message: str) -> str:
    """The message in the current language."""
    return str(_current.get(_none).gettext(message)) if message else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    """The message for a number in the current language."""
    return str(_current.get(_none).ngettext(singular, plural, n))


_ = gettext


def language() -> str:
    """Code of the current language ("de")."""
    return _language.get()


class Catalogs:
    """Every language that the core and the themes in use speak."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._loaded: dict[str, NullTranslations] = {}
        found = {po.parent.parent.name for folder in self._folders for po in _catalogs(folder)}
        self.languages = (SOURCE_LANGUAGE, *sorted(found - {SOURCE_LANGUAGE}))

    def use(self, code: str) -> None:
        """Speak that language in the current task. An unknown one means English."""
        if code not in self.languages:
            code = SOURCE_LANGUAGE
        _language.set(code)
        _current.set(self.translations(code))

    def translations(self, code: str) -> NullTranslations:
        """The merged catalog of a language."""
        if code == SOURCE_LANGUAGE:
            return _none
        if code not in self._loaded:
            merged: Translations | None = None
            for folder in self._folders:
                path = folder / code / "LC_MESSAGES" / "messages.po"
                if path.is_file():
                    catalog = _read(path, code)
                    merged = catalog if merged is None else merged.merge(catalog)
            self._loaded[code] = merged or _none
        return self._loaded[code]

    def words(self, messages: Iterable[str]) -> dict[str, str]:
        """What scripts say, from English to the current language; empty for English."""
        if language() == SOURCE_LANGUAGE:
            return {}
        return {m: t for m in messages if (t := gettext(m)) != m}


def _catalogs(folder: Path) -> Iterable[Path]:
    return folder.glob("*/LC_MESSAGES/messages.po")


def _read(path: Path, code: str) -> Translations:
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return Translations(compiled)
