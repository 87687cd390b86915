"""The rules for what a creator writes about a channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metropole_core.channels.model import (
    CATEGORY_LENGTH,
    DESCRIPTION_LENGTH,
    TAG_LENGTH,
    TAGS,
    TITLE_LENGTH,
    Channel,
)
from metropole_core.errors import Invalid
from metropole_core.text import one_line, paragraphs, search_key

SEARCH_LENGTH = 1000


def check_details(
    *, title: str, category: str, tags: Iterable[str], description: str
) -> dict[str, Any]:
    """The columns for what was typed.

    Raises:
        Invalid: something is too long or too many; the sentence says what.
    """
    return {
        "title": one_line(title, limit=TITLE_LENGTH, field="title", what="The title"),
        "category": one_line(
            category, limit=CATEGORY_LENGTH, field="category", what="The category"
        ),
        "tags": check_tags(tags),
        "description": paragraphs(
            description, limit=DESCRIPTION_LENGTH, field="description", what="The description"
        ),
    }


def check_tags(tags: Iterable[str]) -> list[str]:
    """Tags without empty ones, repetitions (whatever the case) and a leading #.

    Raises:
        Invalid: too many, too long, or with a comma.
    """
    found: dict[str, str] = {}
    for number, tag in enumerate(tags):
        if number >= 10 * TAGS:
            break
        text = one_line(tag.lstrip(" #"), limit=TAG_LENGTH, field="tags", what="A tag")
        if "," in text:
            raise Invalid("A tag cannot hold a comma.", field="tags")
        if text:
            found.setdefault(search_key(text), text)
    if len(found) > TAGS:
        raise Invalid(f"A channel can have at most {TAGS} tags.", field="tags")
    return list(found.values())


def search_text(channel: Channel) -> str:
    """What a search looks through."""
    parts = (channel.name, channel.display_name, channel.title, channel.category, *channel.tags)
    return search_key("\n".join(parts))[:SEARCH_LENGTH]
