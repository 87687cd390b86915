"""Which settings are secrets, and how they look when they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

HIDDEN = "********"
SECRET_NAME = re.compile(r"(^|_)(secret|password|passwd|token|key|dsn|credentials?)s?$")
"""Names of settings that hold a secret, whatever their type says. `key_file` names a path."""


def is_secret_name(name: str) -> bool:
    """Whether a setting of that name holds a secret."""
    return bool(SECRET_NAME.search(name.lower()))


def redact_url(text: str) -> str:
    """A URL without its password, which is as often in the query as before the @."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    shown = text
    if parts.password:
        # The text between the first ":" after the scheme and the last "@" is the password.
        head, _, tail = shown.partition("://")
        account, at, rest = tail.rpartition("@")
        user = account.partition(":")[0]
        shown = f"{head}://{user}:{HIDDEN}{at}{rest}"
    return re.sub(
        r"([?&](?:[^=&]*(?:password|passwd|secret|token|key))=)[^&#]+",
        lambda found: found[1] + quote(HIDDEN, safe="*"),
        shown,
        flags=re.IGNORECASE,
    )


def redact(name: str, value: Any) -> Any:
    """A setting's value as it may be shown: secrets hidden, all else as it is."""
    from pydantic import SecretBytes, SecretStr

    if isinstance(value, SecretStr | SecretBytes):
        return HIDDEN if value.get_secret_value() else ""
    if value is not None and value != "" and is_secret_name(name):
        return HIDDEN
    if isinstance(value, str):
        return redact_url(value) if "://" in value else value
    if isinstance(value, Mapping):
        return {key: redact(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(name, each) for each in value]
    return value


def holds_secrets(table: Mapping[str, Any]) -> bool:
    """Whether any value of a configuration would be hidden."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            if holds_secrets(value):
                return True
        elif redact(name, value) != value and value != []:
            return True
    return False
