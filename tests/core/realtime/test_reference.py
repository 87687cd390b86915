"""The reference page says what the protocol is."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest

from metropole_core.realtime import protocol

PAGE = (Path(__file__).parents[3] / "docs/reference/websocket.md").read_text(encoding="utf-8")


def tables(half: str) -> dict[str, list[str]]:
    """Kind of message: its fields as the page names them."""
    text = PAGE.partition(f"\n## {half}\n")[2].partition("\n## ")[0]
    found = {}
    for section in text.split("\n### ")[1:]:
        kind, _, body = section.partition("\n")
        found[kind] = re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)
    return found


@pytest.mark.parametrize(
    ("half", "union"),
    [("From the client", protocol.FromClient), ("From the server", protocol.FromServer)],
)
def test_every_message_with_its_fields(half: str, union: object) -> None:
    messages: tuple[type[msgspec.Struct], ...] = typing.get_args(union)
    real = {str(each.__struct_config__.tag): list(each.__struct_fields__) for each in messages}
    assert {kind: set(fields) for kind, fields in tables(half).items()} == {
        kind: set(fields) for kind, fields in real.items()
    }
    assert list(tables(half)) == list(real)


def test_the_objects_within() -> None:
    for struct in (protocol.You, protocol.Here, protocol.ModeOn, protocol.ChatState):
        for name in struct.__struct_fields__:
            assert f"`{name}`" in PAGE


def test_optional_fields() -> None:
    for struct in typing.get_args(protocol.FromClient):
        for field in msgspec.structs.fields(struct):
            row = re.search(
                rf"### {struct.__struct_config__.tag}\n.*?\| `{field.name}` \| ([^|]*) \|",
                PAGE,
                re.DOTALL,
            )
            assert row is not None
            assert ("optional" in row[1]) == (not field.required), (struct, field.name)


def test_close_codes() -> None:
    rows = dict(re.findall(r"^\| (\d{4}) \| (.*) \|$", PAGE, re.MULTILINE))
    assert {int(code): words for code, words in rows.items()} == protocol.CLOSE_CODES
    assert set(typing.get_args(protocol.CloseCode)) == set(protocol.CLOSE_CODES)
