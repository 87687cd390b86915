from __future__ import annotations

import pytest

from metropole_media.rtmp.errors import BadHandshake
from metropole_media.rtmp.handshake import BLOCK, RANDOM_OCTETS, ServerHandshake

RANDOM = bytes(range(191)) * 8


@pytest.mark.parametrize("size", [1, 100, 1537, 3073])
def test_answers_echo_the_client_and_nothing_more_is_taken(size: int) -> None:
    client = bytes(range(256)) * 6
    wire = memoryview(b"\x03" + client + bytes(BLOCK) + b"after")
    handshake = ServerHandshake(RANDOM)
    answer, taken = b"", 0
    while not handshake.done:
        used, more = handshake.receive(wire[taken : taken + size])
        taken, answer = taken + used, answer + more
    assert taken == 1 + 2 * BLOCK
    assert answer == b"\x03" + bytes(8) + RANDOM + client
    assert handshake.receive(wire[taken:]) == (0, b"")


@pytest.mark.parametrize(
    ("first", "words"),
    [(b"\x16\x03", "rtmps"), (b"GET /", "HTTP"), (b"\x06", "rtmpe"), (b"\x00", "not RTMP")],
)
def test_other_protocols_are_named(first: bytes, words: str) -> None:
    with pytest.raises(BadHandshake, match=words):
        ServerHandshake(RANDOM).receive(memoryview(first))


def test_the_random_part_has_its_length() -> None:
    with pytest.raises(ValueError, match=str(RANDOM_OCTETS)):
        ServerHandshake(b"")
