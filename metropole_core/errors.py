"""The one tree of errors: a code, an HTTP status, a sentence for the person, whether a retry helps.

Code raises the class that fits and gives the sentence that the person reading can act on. Pages,
API and socket translate; they never invent a sentence of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metropole_core.limits.words import Sentence


class MetropoleError(Exception):
    """Base of every error that a person may read.

    Fields:
        code: stable word for programs ("name_taken").
        status: HTTP status it becomes.
        sentence: what the person can do about it; complete, without jargon.
        retry_after: seconds after which a retry helps, None when it does not.
        field: name of the form field it belongs to, or None.
    """

    code = "error"
    status = 500

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.retry_after = retry_after
        if code is not None:
            self.code = code


class Invalid(MetropoleError):
    """The input cannot be taken as it is; the sentence says what would be."""

    code, status = "invalid", 422


class NotSignedIn(MetropoleError):
    """An account is needed."""

    code, status = "not_signed_in", 401


class Forbidden(MetropoleError):
    """This account may not do that."""

    code, status = "forbidden", 403


class NotFound(MetropoleError):
    """There is no such thing, or it is not for this person."""

    code, status = "not_found", 404


class Conflict(MetropoleError):
    """It collides with what exists (a name that is taken)."""

    code, status = "conflict", 409


class TooLarge(MetropoleError):
    """A stated bound was passed."""

    code, status = "too_large", 413


class OverLimit(TooLarge):
    """One of the operator's limits was reached; `words` say it in any language."""

    code = "limit"

    def __init__(self, words: Sentence, *, field: str | None = None) -> None:
        super().__init__(words.text(), field=field)
        self.words = words


class TooMany(MetropoleError):
    """A rate limit was reached; `retry_after` says when to try again."""

    code, status = "too_many", 429


class Unavailable(MetropoleError):
    """Something this needs is not there now; trying again later helps."""

    code, status = "unavailable", 503


class Told(Unavailable):
    """Likewise. Whoever noticed has told the log, once for all: others need not."""


class DatabaseAway(Told):
    """The database does not answer, or cannot store."""

    code = "database"

    def __init__(
        self,
        sentence: str = "The site cannot reach its database right now. Try again in a moment.",
        *,
        retry_after: float = 5,
    ) -> None:
        super().__init__(sentence, retry_after=retry_after)


class ConfigError(MetropoleError):
    """The operator's configuration cannot be used; the sentence names the setting."""

    code, status = "config", 500


class PluginError(MetropoleError):
    """A plugin broke its contract; the sentence names plugin, hook and field."""

    code, status = "plugin", 500
