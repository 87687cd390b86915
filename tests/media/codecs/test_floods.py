"""Frames that are made to cost much, and records that no decoder could use."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from metropole_media.codecs.avc import read_access_unit, with_sets
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.hevc import read_hevc
from metropole_media.codecs.model import AccessUnit
from metropole_media.codecs.nal import MAX_ONES, sei_messages
from metropole_media.codecs.opus import parse_opus
from tests.support.rtmp_encoder import AVCC

AVC_IDR, AVC_SEI = b"\x65\x88\x84", b"\x06"
HEVC_IDR, HEVC_SEI = b"\x26\x01\xaf", b"\x4e\x01"
MEGABYTE = 1 << 20


def units(*nals: bytes) -> memoryview:
    return memoryview(b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals))


def avc(data: memoryview) -> AccessUnit:
    return read_access_unit(data, 4, True)


def hevc(data: memoryview) -> AccessUnit:
    return read_hevc(data, 4)


@pytest.mark.parametrize(
    ("read", "flood", "picture"),
    [
        (avc, [AVC_SEI + b"\xff" * (8 * MEGABYTE)], AVC_IDR),
        (hevc, [HEVC_SEI + b"\xff" * (8 * MEGABYTE)], HEVC_IDR),
        # Many short messages in many units.
        (avc, [AVC_SEI + b"\x05\0" * 40] * 1000, AVC_IDR),
        (hevc, [HEVC_SEI + b"\x05\0" * 40] * 1000, HEVC_IDR),
        # A light level in megabytes of others.
        (hevc, [HEVC_SEI + b"\x90\4\0\0\0\0" + b"\0\0\3" * MEGABYTE] * 4, HEVC_IDR),
    ],
)
def test_messages_hold_nobody_up(
    read: Callable[[memoryview], AccessUnit], flood: list[bytes], picture: bytes
) -> None:
    data = units(*flood, picture)
    began = time.process_time()
    unit = read(data)
    assert time.process_time() - began < 0.05
    assert unit.key
    assert not unit.sets


def test_the_size_of_a_message_is_read_over_many_octets() -> None:
    long = b"\x05" + b"\xff\xff\x02" + bytes(512) + b"\x06\x01\x07"
    assert [(kind, len(data)) for kind, data in sei_messages(long)] == [(5, 512), (6, 1)]
    assert list(sei_messages(b"\x05" + b"\xff" * MAX_ONES + b"\0" + bytes(70_000))) == []
    assert list(sei_messages(b"\x05" + b"\xff" * 3)) == []


@pytest.mark.parametrize(
    ("read", "sets", "picture"),
    [(avc, [b"\x67", b"\x68"], AVC_IDR), (hevc, [b"\x40\1", b"\x42\1", b"\x44\1"], HEVC_IDR)],
)
def test_sets_that_fit_in_no_record_are_not_looked_at(
    read: Callable[[memoryview], AccessUnit], sets: list[bytes], picture: bytes
) -> None:
    unit = read(units(*(head + b"\x22" * 70_000 for head in sets), picture))
    assert unit.key
    assert unit.whole
    assert not unit.sets


def test_many_large_sets_are_no_record_either() -> None:
    large = [b"\x68" + bytes((each,)) + b"\x22" * 4094 for each in range(20)]
    with pytest.raises(BadRecord, match="longer than 64 KiB"):
        with_sets(AVCC, avc(units(*large, AVC_IDR)).sets)


def test_an_opus_configuration_has_a_bound() -> None:
    head = bytes.fromhex("4f707573486561640102380180bb0000000000")
    assert parse_opus(head).channels == 2
    with pytest.raises(BadRecord, match="too long"):
        parse_opus(head + bytes(MEGABYTE))
