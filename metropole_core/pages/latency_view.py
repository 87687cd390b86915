"""The latencies that a creator can choose from, in words."""

from __future__ import annotations

from dataclasses import dataclass

from metropole_core.contracts.latency import Latency
from metropole_core.pages.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class LatencyChoice:
    """One of them.

    Fields:
        value: as the form sends it.
        title, sentence: what it is called, what it brings and costs.
        chosen: whether it holds for the channel.
        usual: whether it is the site's setting.
    """

    value: str
    title: str
    sentence: str
    chosen: bool
    usual: bool


def latency_choices(chosen: Latency | None, usual: Latency) -> list[LatencyChoice]:
    """All of them, the most delay first.

    Arguments:
        chosen: by the creator; None: nothing.
        usual: the site's setting.
    """
    words = {
        Latency.NORMAL: (
            _("Normal"),
            _("4 to 5 seconds. Plays through on bad lines and costs viewers' devices the least. "
              "For lectures, services, concerts."),
        ),
        Latency.LOW: (
            _("Low"),
            _("A little over a second: quick enough to talk with the chat. Plays through when a "
              "line stutters for half a second."),
        ),
        Latency.ULTRA_LOW: (
            _("Ultra-low"),
            _("Little more than half a second, on good lines only: others fall back by themselves, "
              "with a stutter. Twice as many requests to the server. For auctions and quizzes."),
        ),
    }  # fmt: skip
    holds = chosen or usual
    return [
        LatencyChoice(each.value, *words[each], chosen=each is holds, usual=each is usual)
        for each in Latency
    ]
