"""What a creator reads of limits and of the encoder's last trouble, in the page's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from metropole_core.limits import Amount, Limits, Notice, Sentence
from metropole_core.pages.i18n import gettext, language
from metropole_core.pages.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Fields:
    at: when it happened, UTC.
    what: "Your encoder was cut off".
    text: why, and what to do.
    serious: whether it is over for the encoder.
    """

    at: datetime
    what: str
    text: str
    serious: bool


def said(sentence: Sentence) -> str:
    """A sentence in the visitor's language."""
    return sentence.text(gettext, language())


def notice_view(notice: Notice | None) -> NoticeView | None:
    """The channel's last notice."""
    if notice is None:
        return None
    what = {
        "warning": _("Look at your encoder."),
        "quality": _("Your viewers have fewer qualities."),
        "cut": _("Your encoder was cut off."),
        "lost": _("The connection to your encoder ended."),
        "refused": _("Your encoder was not let in."),
    }[notice.kind]
    return NoticeView(
        notice.at, what, said(notice.words), notice.kind not in ("warning", "quality")
    )


def stream_limits(limits: Limits) -> str:
    """ "6 Mbit/s, 1080p, 4 hours"; empty when nothing is limited."""
    amounts = (
        Amount(limits.bitrate, "bit/s"),
        Amount(limits.height, "px"),
        Amount(limits.duration, "s"),
    )
    return ", ".join(amount.text(language()) for amount in amounts if amount.value)


def storage_limit(limits: Limits) -> str:
    """ "20 MB"; empty when there is none."""
    return Amount(limits.storage, "octets").text(language()) if limits.storage else ""
