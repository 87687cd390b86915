"""The short texts of templates that need a number, a date or a name, and what scripts say."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zlib import crc32

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal

from metropole_core.pages.i18n import N_, language


def compact(n: int) -> str:
    """A number as cards show it: "861", "2.4K"."""
    if n < 1000:
        return str(n)
    return _compact(n, language())


def number(n: int) -> str:
    """A number with the language's grouping: "2,418"."""
    return str(n) if n < 1000 else str(format_decimal(n, locale=language()))


@lru_cache(maxsize=4096)
def _compact(n: int, locale: str) -> str:
    return str(format_compact_decimal(n, locale=locale, fraction_digits=1))


def duration(since: datetime | None, now: datetime | None = None) -> str:
    """Time since then, as a clock that runs on: "3:12:40"; empty when there is no start."""
    if since is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - since).total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def day(when: datetime | None) -> str:
    """A date as the language writes it: "24 Nov 2026"; empty for none."""
    return "" if when is None else str(format_date(when, "medium", locale=language()))


def iso(when: datetime | None) -> str:
    """For `datetime` attributes and scripts: UTC with "Z"."""
    if when is None:
        return ""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def hue(name: str) -> int:
    """The colour of an account or channel without a picture, 0 to 359; stable."""
    return crc32(name.casefold().encode()) % 360


def initials(name: str) -> str:
    """What stands in a picture-less avatar."""
    return "".join(c for c in name if c.isalnum())[:2].upper() or "?"


SCRIPT_WORDS = (
    N_("%(count)s new message"),
    N_("%(count)s new messages"),
    N_("%(count)s s"),
    N_("%(name)s has switched the chat off."),
    N_("%(names)s and %(count)s other joined"),
    N_("%(names)s and %(count)s other left"),
    N_("%(names)s and %(count)s others joined"),
    N_("%(names)s and %(count)s others left"),
    N_("%(names)s joined"),
    N_("%(names)s left"),
    N_("%(quality)s (source)"),
    N_("%(seconds)s s behind"),
    N_("A message was deleted."),
    N_("Auto"),
    N_("C"),
    N_("Cancel"),
    N_("Continue"),
    N_("Copied"),
    N_("Creator"),
    N_("Delete this message"),
    N_("Follow"),
    N_("Following"),
    N_("Full screen"),
    N_("Hide"),
    N_("Jump to live"),
    N_("LIVE"),
    N_("Latency"),
    N_("Leave full screen"),
    N_("Link copied"),
    N_("Low"),
    N_("M"),
    N_("Message %(name)s's chat"),
    N_("Moderator"),
    N_("Mute"),
    N_("Narrow the sidebar"),
    N_("Normal"),
    N_("Pause"),
    N_("Picture in picture"),
    N_("Play"),
    N_("Play or pause"),
    N_("Press Ctrl+C to copy"),
    N_("Quality"),
    N_("Route"),
    N_("Saved"),
    N_("Send"),
    N_("Settings"),
    N_("Show"),
    N_("Show or hide the chat"),
    N_("Show or hide the keys"),
    N_("Sign in"),
    N_("Sound"),
    N_("Sound on or off"),
    N_("Space, K"),
    N_("Statistics"),
    N_("That did not work. Reload the page and try again."),
    N_("The connection to the chat was lost. Reconnecting…"),
    N_("The creator is reconnecting…"),
    N_("The stream has ended"),
    N_("Theatre mode"),
    N_("There is no connection to the chat at the moment."),
    N_("This browser cannot play %(codec)s, which this channel sends. Another browser may."),
    N_("This browser cannot play %(codec)s, so you hear the sound alone. Another browser may."),
    N_("This message was not sent, because the connection was lost."),
    N_("Ultra-low"),
    N_("Unmute"),
    N_("Volume"),
    N_("Widen the sidebar"),
    N_("Your network does not reach the media server, and the detour is full. Trying again…"),
    N_("from the media port"),
    N_("through the site's port"),
    N_("to chat. Everyone can read."),
)
"""What the core's scripts look up in the page data; see `frontend/` for where each is said."""
