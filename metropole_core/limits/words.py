"""Sentences about limits, in any language: what an encoder gets in English, a page says in its
visitor's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from babel.numbers import format_decimal
from babel.units import format_unit

from metropole_core.text import N_

_SECONDS = ((86400, "duration-day"), (3600, "duration-hour"), (60, "duration-minute"))


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit.

    Fields:
        value: in units of `unit`.
        unit: "bit/s", "px" (of the shorter side), "s", "octets", "" for a count, "plain" for a
            number without grouping.
    """

    value: float
    unit: str = ""

    def text(self, language: str = "en") -> str:
        """ "6 Mbit/s", "1080p", "4 hours", "20 MB"."""
        if self.unit == "plain":
            return f"{self.value:.0f}"
        if self.unit == "px":
            return f"{self.value:.0f}p"
        if self.unit == "s":
            return _duration(self.value, language)
        if self.unit == "bit/s":
            return _scaled(self.value, "bit/s", language)
        if self.unit == "octets":
            return _scaled(self.value, "B", language)
        return _number(self.value, language)


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is the same in every language ("720p60")."""

    value: str

    def text(self, language: str = "en") -> str:
        """The name."""
        return self.value


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words for a person, still in no language.

    Fields:
        message: as the catalogs know it, with `%(name)s` for each of `amounts`.
        amounts: numbers and names in it.
        then: another one that follows.
    """

    message: str
    amounts: Mapping[str, Amount | Name] = field(default_factory=lambda: MappingProxyType({}))
    then: Sentence | None = None

    def text(self, translate: Callable[[str], str] = str, language: str = "en") -> str:
        """In the language of `translate`.

        Arguments:
            translate: from the English message to another language's.
            language: its code, for numbers.
        """
        message = translate(self.message)
        if self.amounts:
            said = {name: amount.text(language) for name, amount in self.amounts.items()}
            message %= said
        return f"{message} {self.then.text(translate, language)}" if self.then else message


def sentence(message: str, then: Sentence | None = None, **amounts: Amount | Name) -> Sentence:
    """A `Sentence` of a message that `N_` marked."""
    return Sentence(message, MappingProxyType(amounts), then)


def too_fast(limit: float, rate: float) -> Sentence:
    """Its bitrate is over the channel's limit."""
    return sentence(
        N_(
            "This channel may send at most %(limit)s; yours sends %(rate)s. "
            "Lower the bitrate in OBS > Settings > Output."
        ),
        limit=Amount(limit, "bit/s"),
        rate=Amount(rate, "bit/s"),
    )


def cut_soon(why: Sentence, seconds: float) -> Sentence:
    """It goes on for now."""
    last = sentence(
        N_("If it goes on like this, it is cut off in %(seconds)s."), seconds=Amount(seconds, "s")
    )
    return Sentence(why.message, why.amounts, last)


def too_large(limit: int, width: int, height: int) -> Sentence:
    """Its picture is over the channel's limit."""
    return sentence(
        N_(
            "This channel may send pictures of at most %(limit)s; yours are "
            "%(width)s x %(height)s. Lower the output resolution in OBS > Settings > Video."
        ),
        limit=Amount(limit, "px"),
        width=Amount(width, "plain"),
        height=Amount(height, "plain"),
    )


def ends_soon(limit: float, left: float) -> Sentence:
    """Its time is nearly over."""
    return sentence(
        N_("A broadcast may last %(limit)s here; this one ends in %(left)s."),
        limit=Amount(limit, "s"),
        left=Amount(left, "s"),
    )


def too_long(limit: float) -> Sentence:
    """Its time is over."""
    return sentence(
        N_("A broadcast may last %(limit)s here; this one has ended. Stop your encoder."),
        limit=Amount(limit, "s"),
    )


def wait(why: Sentence, seconds: float) -> Sentence:
    """It was cut off, and is back too early."""
    last = sentence(N_("The stream key works again in %(seconds)s."), seconds=Amount(seconds, "s"))
    return Sentence(why.message, why.amounts, last)


def too_many_streams(limit: int) -> Sentence:
    """The site is full."""
    return sentence(
        N_(
            "This site takes %(limit)s broadcasts at a time, and there is no place left. "
            "Try again when one has ended."
        ),
        limit=Amount(limit),
    )


def too_many_of_yours(limit: int) -> Sentence:
    """Its owner streams enough already."""
    return sentence(
        N_(
            "Your account may have %(limit)s channels on air at a time. "
            "End one of your broadcasts first."
        )
        if limit != 1
        else N_("Your account may have one channel on air at a time. End that broadcast first."),
        limit=Amount(limit),
    )


def site_too_fast(limit: float) -> Sentence:
    """All together send too much."""
    return sentence(
        N_(
            "All streams of this site together use the %(limit)s that it may take. "
            "Try again later, or with a lower bitrate."
        ),
        limit=Amount(limit, "bit/s"),
    )


def channel_full(limit: float, needed: float) -> Sentence:
    """The channel's files are over its limit."""
    return sentence(
        N_(
            "The files of this channel may take %(limit)s, and would take %(needed)s with this "
            "one. Choose a smaller picture."
        ),
        limit=Amount(limit, "octets"),
        needed=Amount(needed, "octets"),
    )


def site_full(limit: float) -> Sentence:
    """The site's files are over its limit."""
    return sentence(
        N_(
            "The files of this site may take %(limit)s, and there is no room left. "
            "Tell the people who run it."
        ),
        limit=Amount(limit, "octets"),
    )


def _number(value: float, language: str) -> str:
    return str(format_decimal(round(value, 1), locale=language))


def _scaled(value: float, unit: str, language: str) -> str:
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{_number(value / factor, language)} {prefix}{unit}"
    return f"{_number(value, language)} {unit}"


def _duration(value: float, language: str) -> str:
    whole = max(0, round(value))
    parts = []
    for factor, unit in _SECONDS:
        if whole >= factor:
            parts.append(str(format_unit(whole // factor, unit, locale=language)))
            whole %= factor
    if whole or not parts:
        parts.append(str(format_unit(whole, "duration-second", locale=language)))
    return " ".join(parts[:2])
