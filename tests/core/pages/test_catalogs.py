"""The words of the core: each is in the template, and each language says all of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from tests.support.catalogs import LOCALES, extract, read

LANGUAGES = sorted(path.parent.parent.name for path in LOCALES.glob("*/LC_MESSAGES/messages.po"))
FIELDS = re.compile(r"%\(\w+\)s")


def _ids(catalog: Catalog) -> set[Any]:
    return {message.id for message in catalog if message.id}


def test_the_template_is_up_to_date() -> None:
    assert _ids(read(LOCALES / "messages.pot")) == _ids(extract()), (
        "run: python -m tests.support.catalogs"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    catalog = read(LOCALES / language / "LC_MESSAGES" / "messages.po")
    assert _ids(catalog) == _ids(extract()), "run: python -m tests.support.catalogs"
    for message in catalog:
        if not message.id:
            continue
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        for text in texts:
            assert set(FIELDS.findall(text)) == set(FIELDS.findall(sources[-1])), message.id


async def test_pages_speak_the_visitors_language(house: Any) -> None:
    browser = await house.visitor()
    german = await browser.get("/signin", {"Accept-Language": "de-CH, de;q=0.9, en;q=0.5"})
    assert '<html lang="de"' in german.html
    assert "Noch kein Konto?" in german.html
    assert "Accept-Language" in german.headers["Vary"]
    assert '"Unmute":"Ton an"' in german.html, "scripts as well"
    english = await browser.get("/signin", {"Accept-Language": "fr, en;q=0.5"})
    assert '<html lang="en"' in english.html
    assert "No account yet?" in english.html
