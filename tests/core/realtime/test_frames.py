"""Frames that another implementation reads, and the protocol's bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from metropole_core.errors import Invalid, TooLarge
from metropole_core.realtime.frames import encode, join
from metropole_core.realtime.protocol import MAX_FRAME, Beat, Error, Hello, Say, parse


def read(wire: bytes) -> list[str]:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(wire)
    texts, partial = [], ""
    for event in client.events():
        assert isinstance(event, TextMessage)
        partial += event.data
        if event.message_finished:
            texts.append(partial)
            partial = ""
    return texts


@pytest.mark.parametrize("length", [0, 60, 90, 91, 92, 93, 1000, 65_400, 65_500, 65_536, 200_000])
def test_lengths(length: int) -> None:
    frame = encode(Error("x", "y" * length))
    assert read(frame.wire) == list(frame.texts)
    assert frame.texts[0] == '{"t":"error","code":"x","reason":"' + "y" * length + '"}'


def test_several_in_one_write() -> None:
    frames = [encode(Error("x", word)) for word in ("one", "zwölf", "🦉")]
    joined = join(frames)
    assert read(joined.wire) == [f.texts[0] for f in frames] == list(joined.texts)


@given(st.text())
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        parse(text)
    except (Invalid, TooLarge):
        return


@given(st.binary())
def test_any_octets_as_text(octets: bytes) -> None:
    try:
        parse(octets.decode("latin-1"))
    except (Invalid, TooLarge):
        return


def test_messages() -> None:
    assert parse('{"t":"hello","v":1,"channel":"lab","new":true}') == Hello(1, "lab")
    assert parse('{"t":"beat"}') == Beat()
    text = "x" * (MAX_FRAME - 40)
    assert parse('{"t":"say","nonce":"1","text":"' + text + '"}') == Say(text, "1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        '{"t":"welcome"}',
        '{"t":"hello"}',
        '{"t":"hello","v":"1"}',
        '{"t":"hello","v":1,"channel":"' + "x" * 26 + '"}',
        '{"t":"hello","v":1,"after":"' + "x" * 33 + '"}',
        '{"t":"say","text":"x","nonce":"' + "x" * 65 + '"}',
        '{"t":"say","text":"\ud800","nonce":"x"}'[:20],
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)


def test_too_large() -> None:
    for text in ("x" * (MAX_FRAME + 1), "ß" * (MAX_FRAME // 2 + 1)):
        with pytest.raises(TooLarge):
            parse(text)
