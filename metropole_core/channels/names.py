"""Names of channels and accounts: the rules, and what the site keeps for itself.

Channels and accounts share one space of names, since the name is the address of a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from metropole_core.errors import Invalid

MIN_LENGTH = 3
MAX_LENGTH = 25
DISPLAY_LENGTH = 40
_NAME = re.compile(rf"[a-z0-9_]{{{MIN_LENGTH},{MAX_LENGTH}}}", re.ASCII)

RESERVED: set[str] = {
    "-", "about", "account", "admin", "administrator", "analytics", "anonymous", "api", "assets",
    "auth", "billing", "blog", "browse", "categories", "category", "channel", "channels", "chat",
    "clips", "community", "contact", "copyright", "create", "dashboard", "demo", "directory",
    "discover", "docs", "download", "downloads", "embed", "everyone", "explore", "events", "faq",
    "favicon", "feed", "feeds", "file", "files", "follow", "followers", "following", "guest",
    "healthz", "help", "here", "hls", "home", "imprint", "inbox", "index", "info", "invite", "jobs",
    "legal", "live", "login", "logout", "media", "messages", "metrics", "metropole", "moderation",
    "moderator", "mods", "new", "new_channel", "notifications", "null", "official", "openapi",
    "operator", "payments", "player", "playlist", "plugins", "popular", "press", "privacy",
    "profile", "providers", "recommended", "register", "report", "reports", "robots", "root",
    "rtmp", "rules", "schedule", "search", "security", "services", "session", "sessions",
    "settings", "setup", "sign_in", "sign_out", "sign_up", "signin", "signout", "signup", "site",
    "sitemap",
    "staff", "static", "status", "store", "stream", "streams", "subscribe", "subscriptions",
    "support", "system", "tags", "team", "terms", "theme", "themes", "undefined", "upload",
    "user", "users", "video", "videos", "watch", "webhook", "webhooks", "well_known", "whep",
    "whip", "widget", "ws",
}  # fmt: skip
"""Names that nobody can take. `reserve` adds the first words of every route of the site."""


def reserve(names: Iterable[str]) -> None:
    """Keep more names for the site; called at start with what the route map holds."""
    RESERVED.update(name.casefold() for name in names)


def name_key(text: str) -> str:
    """What makes a name the same as another: "Anna" and "anna" are one."""
    return text.strip().casefold()


def is_name(text: str) -> bool:
    """Whether it has the form of a name; says nothing about who has it."""
    return _NAME.fullmatch(name_key(text)) is not None


def check_name(text: str, *, field: str = "name", reserved: bool = False) -> str:
    """The name that someone typed, in small letters.

    Arguments:
        reserved: whether names that the site keeps for itself are fine (accounts made by the
            operator, which get no page).

    Raises:
        Invalid: it breaks a rule; the sentence says which.
    """
    name = name_key(text[: 4 * MAX_LENGTH])
    if not MIN_LENGTH <= len(name) <= MAX_LENGTH:
        raise Invalid(
            f"A name has {MIN_LENGTH} to {MAX_LENGTH} characters.", code="bad_name", field=field
        )
    if _NAME.fullmatch(name) is None:
        raise Invalid(
            "A name has only the letters a to z, digits and _.", code="bad_name", field=field
        )
    if not name.strip("_"):
        raise Invalid("A name needs a letter or a digit.", code="bad_name", field=field)
    if not reserved and name in RESERVED:
        raise Invalid(
            f"The site keeps the name {name} for itself. Choose another.",
            code="reserved_name",
            field=field,
        )
    return name
