"""Amounts as operators write them, and limits in the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_core.config import load_config
from metropole_core.config.amounts import bitrate, height, octets, seconds
from metropole_core.config.limits import LimitsConfig
from metropole_core.errors import ConfigError
from metropole_core.limits.words import Amount


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (bitrate, 6_000_000, 6_000_000),
        (bitrate, "6000000", 6_000_000),
        (bitrate, "6M", 6_000_000),
        (bitrate, " 6.5 Mbit/s ", 6_500_000),
        (bitrate, "800kbps", 800_000),
        (bitrate, 1.5, 2),
        (bitrate, "0", 0),
        (octets, "20M", 20_000_000),
        (octets, "20 MB", 20_000_000),
        (octets, "1GiB", 1 << 30),
        (octets, "2T", 2 * 10**12),
        (height, 1080, 1080),
        (height, "1080p", 1080),
        (seconds, 14_400, 14_400),
        (seconds, "14400", 14_400),
        (seconds, "4h", 14_400),
        (seconds, "1h 30m", 5_400),
        (seconds, "1d12h", 129_600),
        (seconds, "90min", 5_400),
    ],
)
def test_amounts(read: Callable[[object], int], text: object, value: int) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (bitrate, "fast"),
        (bitrate, "-1"),
        (bitrate, -1),
        (bitrate, True),
        (bitrate, None),
        (bitrate, ""),
        (bitrate, "6MB"),
        (bitrate, "1e9"),
        (bitrate, float("inf")),
        (bitrate, "9" * 30),
        (bitrate, "9" * 1000),
        (octets, "1PB"),
        (height, "tall"),
        (height, 1 << 31),
        (seconds, ""),
        (seconds, "4 hours 3 parsecs"),
        (seconds, "h"),
        (seconds, "99999999d"),
        (seconds, "-4h"),
    ],
)
def test_no_amounts(read: Callable[[object], int], text: object) -> None:
    with pytest.raises(ValueError, match=r"must be .* such as"):
        read(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for read in (bitrate, octets, height, seconds):
        with contextlib.suppress(ValueError):
            assert 0 <= read(text) <= 1 << 53


@pytest.mark.parametrize(
    ("amount", "english", "german"),
    [
        (Amount(6_000_000, "bit/s"), "6 Mbit/s", "6 Mbit/s"),
        (Amount(9_440_000, "bit/s"), "9.4 Mbit/s", "9,4 Mbit/s"),
        (Amount(999, "bit/s"), "999 bit/s", "999 bit/s"),
        (Amount(1_250_000_000, "bit/s"), "1.2 Gbit/s", "1,2 Gbit/s"),
        (Amount(20_000_000, "octets"), "20 MB", "20 MB"),
        (Amount(2160, "px"), "2160p", "2160p"),
        (Amount(3840, "plain"), "3840", "3840"),
        (Amount(2000), "2,000", "2.000"),
        (Amount(14_400, "s"), "4 hours", "4 Stunden"),
        (Amount(5_400, "s"), "1 hour 30 minutes", "1 Stunde 30 Minuten"),
        (Amount(59.6, "s"), "1 minute", "1 Minute"),
        (Amount(0.2, "s"), "0 seconds", "0 Sekunden"),
        (Amount(90_061, "s"), "1 day 1 hour", "1 Tag 1 Stunde"),
    ],
)
def test_amounts_in_words(amount: Amount, english: str, german: str) -> None:
    assert amount.text() == english
    assert amount.text("de") == german


def test_limits_in_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "metropole.toml"
    file.write_text('[limits]\nbitrate = "8M"\nduration = "4h"\nstreams = 0\n')
    limits = load_config(file, {"METROPOLE_LIMITS__HEIGHT": "1080p"}).limits
    assert limits == LimitsConfig(bitrate=8_000_000, duration=14_400, streams=0, height=1080)


def test_nothing_is_limited_but_the_number_of_streams_and_the_length_of_chats() -> None:
    limits = LimitsConfig()
    assert {name for name, value in limits if value} == {"streams", "chat_history"}
    assert (limits.streams, limits.chat_history) == (100, 100_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[limits]\nbitrate = "fast"', "setting `limits.bitrate`: must be bit/s, such as 6000000"),
        ("[limits]\nbitrat = 1", "there is no setting `bitrat`. Did you mean `bitrate`?"),
        ("[limits]\nstreams = -1", "setting `limits.streams`"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "metropole.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert said in caught.value.sentence
