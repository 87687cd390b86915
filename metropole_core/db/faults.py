"""What a driver's exception means, the same for all of them."""

from __future__ import annotations

import re
import sqlite3

ACCESS_DENIED = 1045
DATABASE_DENIED = 1044
UNKNOWN_DATABASE = 1049
DUPLICATE = 1062
LOCK_WAIT = 1205
DEADLOCK = 1213
BROKEN = frozenset({1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006,
                    2012, 2013, 2014, 2045, 2055, 4031})  # fmt: skip
"""MySQL, MariaDB and their clients: no connection, or one that broke."""
CROWDED = frozenset({1040, 1203, 1226})
"""Likewise: a connection more than it gives, to all or to this account."""
FULL = frozenset({1021, 1114})
"""Likewise: the disk or the table space is full."""
_SECRET = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)
"""A password may stand in the query of a URL as well."""


def number(error: BaseException) -> int | None:
    """The server's error number, None when it has none (SQLite)."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None


def is_duplicate(error: BaseException) -> bool:
    """A unique key refused the row."""
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorname in {
            "SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_CONSTRAINT_PRIMARYKEY",
        }
    return type(error).__name__ == "IntegrityError" and number(error) == DUPLICATE


def is_transient(error: BaseException) -> bool:
    """The database broke the transaction off for the sake of another: try the whole again."""
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return type(error).__name__ in {"OperationalError", "InternalError"} and number(error) in {
        LOCK_WAIT,
        DEADLOCK,
    }


def is_broken(error: BaseException) -> bool:
    """The connection to the server failed, not the statement."""
    if isinstance(error, OSError | EOFError):
        return True
    kind = type(error).__name__
    if kind == "InterfaceError":
        return not isinstance(error, sqlite3.Error)  # of both drivers: not connected
    return kind in {"OperationalError", "InternalError"} and number(error) in BROKEN


def is_crowded(error: BaseException) -> bool:
    """The server is there, and gives no connection more."""
    return (
        type(error).__name__ in {"OperationalError", "InternalError"} and number(error) in CROWDED
    )


def is_locked(error: BaseException) -> bool:
    """Another program kept the SQLite file to itself for as long as we wait."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname.startswith(
        ("SQLITE_BUSY", "SQLITE_PROTOCOL")
    )


def is_full(error: BaseException) -> bool:
    """There is no space, or the disk fails."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        return name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"))
    return type(error).__name__ in {"OperationalError", "InternalError"} and number(error) in FULL


def words(error: BaseException) -> str:
    """What a driver says, in one line for the log."""
    text = str(error.args[-1]) if number(error) is not None and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__


def explain(error: BaseException, url: str) -> str:
    """A sentence for the operator about a database that cannot be opened. `url` without its
    password."""
    url = _SECRET.sub(r"\1********", url)
    code = number(error)
    if code in {ACCESS_DENIED, DATABASE_DENIED}:
        return f"The database server refuses the user of {url}. Check name, password and rights."
    if code == UNKNOWN_DATABASE:
        return f"The database of {url} does not exist. Create it, or correct the setting database."
    if isinstance(error, sqlite3.OperationalError):
        return f"The database file of {url} cannot be opened ({error}). Check folder and rights."
    return f"The database at {url} does not answer ({error}). Check that the server runs."
