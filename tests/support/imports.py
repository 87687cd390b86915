"""What a Python file imports, wherever in the file it does so, and the rules about it.

`pyproject.toml` holds the rules between packages (import-linter). Here are those that depend on
the name of a file, or on what is not imported but written.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

SQL_PACKAGES = ("sqlalchemy", "databases", "aiosqlite", "sqlite3", "pymysql", "alembic")
SQL_TABLES = "metropole_core.db.tables"
SQL_TEXT = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\s",
    re.DOTALL,
)
SQL_HOMES = ("*/store.py", "*_store.py", "metropole_core/db/*")

HTTP_PACKAGES = ("quart", "quart_schema", "hypercorn", "werkzeug", "flask")
HTTP_HOMES = (
    "metropole_core/pages/*",
    "metropole_core/api/*",
    "metropole_core/realtime/*",
    "metropole_core/app.py",
    "metropole_core/server.py",
    "metropole_core/hypercorn_parts.py",
)

OUTSIDE = ("asyncio", "socket", "ssl", "selectors", "threading", "time", "random", "secrets")
SANS_IO = (
    "metropole_media/codecs/*",
    "metropole_media/rtmp/*",
    "metropole_media/fmp4/*",
    "metropole_media/hls/*",
    "metropole_media/live.py",
    "metropole_media/packager.py",
    "metropole_media/transcode/bitstream.py",
    "metropole_media/transcode/encoders.py",
    "metropole_media/transcode/pace.py",
    "metropole_media/transcode/tone.py",
    "metropole_media/transcode/wire.py",
    "metropole_media/http/encoding.py",
    "metropole_media/http/origin.py",
    "metropole_media/http/parser.py",
    "metropole_media/http/ranges.py",
    "metropole_core/streams/fallback.py",
    "metropole_core/streams/limits.py",
    "metropole_core/streams/machine.py",
)
MEDIA_EXTRAS = ("av", "aiortc")
IN_A_WORKER = tuple(
    f"metropole_media/transcode/{name}.py"
    for name in ("decoding", "encoding", "filtering", "listening", "making", "scaling")
)
"""What only a worker's process loads: they import what others may import late only, and the rest
of the toolkit imports them late only."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a file imports.

    Fields:
        name: dotted; for `from a import b` both "a" and "a.b" are listed.
        line: where.
        late: inside a function, so not at start-up.
    """

    name: str
    line: int
    late: bool


def imports(tree: ast.Module) -> Iterator[Imported]:
    """All absolute imports of a file, `TYPE_CHECKING` ones too."""
    late = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield Imported(name, node.lineno, id(node) in late)


def breaches(path: str, source: str) -> list[str]:
    """What a file does that the plan of the house forbids, a sentence each.

    Arguments:
        path: relative to the repository, with slashes.
    """
    tree = ast.parse(source)
    found = []
    for one in imports(tree):
        top = one.name.partition(".")[0]
        where = f"{path}:{one.line}"
        if (top in SQL_PACKAGES or one.name == SQL_TABLES) and not _in(path, SQL_HOMES):
            found.append(f"{where} imports {one.name}: SQL stands only in store modules")
        if top in HTTP_PACKAGES and _is_core(path) and not _in(path, HTTP_HOMES):
            found.append(f"{where} imports {one.name}: HTTP stands only in pages, api, realtime")
        if top in OUTSIDE and _in(path, SANS_IO):
            found.append(f"{where} imports {one.name}: protocol and policy code is sans-IO")
        if path.startswith("metropole_media/") and not _media_may(path, one, top):
            found.append(f"{where} imports {one.name}: the media toolkit needs nothing installed")
    if not _in(path, SQL_HOMES):
        found += [
            f"{path}:{line} holds SQL: it stands only in store modules" for line in _sql(tree)
        ]
    return found


def _media_may(path: str, one: Imported, top: str) -> bool:
    if top in MEDIA_EXTRAS or f"{one.name.replace('.', '/')}.py" in IN_A_WORKER:
        return one.late or path in IN_A_WORKER
    return top == "metropole_media" or top in sys.stdlib_module_names


def _sql(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and SQL_TEXT.match(node.value)
        ):
            yield node.lineno


def _is_core(path: str) -> bool:
    return path.startswith("metropole_core/")


def _in(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)
