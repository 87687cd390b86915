"""Names for completion, straight from the database: quick, read-only, and never for long."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

SECONDS = 1
TABLES = frozenset(["channels", "users"])


def names_of(url: str, table: str, prefix: str, most: int) -> list[str]:
    """Names of channels or users that begin with `prefix`, in lower case.

    Raises:
        Exception: whatever the driver says; the caller passes over it.
    """
    if table not in TABLES:
        raise ValueError(table)
    like = prefix.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
    query = (
        f"SELECT name FROM {table} WHERE name_key LIKE {{}} ESCAPE '!'"  # noqa: S608
        " ORDER BY name_key LIMIT {}"
    )
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        import sqlite3
        from pathlib import Path

        address = Path(url.partition(":///")[2]).resolve().as_uri()
        database = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=SECONDS)
        try:
            rows = database.execute(query.format("?", "?"), (like, most)).fetchall()
        finally:
            database.close()
    else:
        import pymysql  # type: ignore[import-untyped]

        server = pymysql.connect(
            host=parts.hostname or "localhost",
            port=parts.port or 3306,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")),
            unix_socket=next(iter(parse_qs(parts.query).get("unix_socket", [])), None),
            charset="utf8mb4",
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
        )
        try:
            with server.cursor() as cursor:
                cursor.execute(query.format("%s", "%s"), (like, most))
                rows = list(cursor.fetchall())
        finally:
            server.close()
    return [str(row[0]) for row in rows]
