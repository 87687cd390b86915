"""From an SQLAlchemy Core statement to the driver's SQL and arguments, compiled once.

`databases` compiles a statement on every call, which costs more than the query. SQLAlchemy's own
cache of compiled statements is used here as its engine uses it; `connection.self_test` says at
start when a release of it moved what this file leans on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.sql.dml import Insert, UpdateBase
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.util import LRUCache

CACHE_SIZE = 500
READS = ("SELECT", "WITH", "PRAGMA", "EXPLAIN", "SHOW")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a driver takes.

    Fields:
        sql, args: as the driver wants them.
        processors: one per result column, None where the driver's value is right as it is.
        writes: whether it may change something.
        inserts: whether its result is the new row's id.
    """

    sql: str
    args: Any
    processors: tuple[Any, ...]
    writes: bool
    inserts: bool


def build(query: ClauseElement | str, values: Mapping[str, Any] | None) -> ClauseElement:
    """The statement with its values bound. Text takes `:name` parameters."""
    if isinstance(query, str):
        clause = text(query)
        return clause.bindparams(**values) if values else clause
    if not values:
        return query
    if isinstance(query, UpdateBase):
        return query.values(**values)  # type: ignore[attr-defined,no-any-return]
    return query.params(**values)


class Statements:
    """The compiled statements of one database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._cache: LRUCache[Any, Any] = LRUCache(CACHE_SIZE)

    def compile(self, query: ClauseElement) -> Statement:
        """One statement with its arguments.

        Raises:
            sqlalchemy.exc.InvalidRequestError: a required parameter has no value.
        """
        if isinstance(query, ExecutableDDLElement):
            ddl = str(query.compile(dialect=self._dialect))
            return Statement(ddl, self._no_args(), (), writes=True, inserts=False)
        compiled, extracted, collected = self._compiled(query, [])
        params = compiled.construct_params(
            extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        processors = compiled._bind_processors
        sql, order = compiled.string, compiled.positiontup
        if compiled.literal_execute_params or compiled.post_compile_params:
            expanded = compiled._process_parameters_for_postcompile(params)
            sql, order, params = expanded.statement, expanded.positiontup, expanded.parameters
            processors = {**processors, **expanded.processors}
        return Statement(
            sql,
            self._arguments(params, processors, order, compiled.escaped_bind_names),
            self._result_processors(compiled),
            writes=_writes(query, sql),
            inserts=isinstance(query, Insert) or sql.lstrip()[:6].upper() == "INSERT",
        )

    def compile_many(
        self, query: ClauseElement | str, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[str, list[Any]]:
        """One statement with the arguments of many rows, which all have the same keys."""
        clause = build(query, rows[0]) if isinstance(query, str) else query
        compiled, extracted, collected = self._compiled(clause, list(rows[0]))
        arguments = [
            self._arguments(
                compiled.construct_params(
                    dict(row),
                    extracted_parameters=extracted,
                    escape_names=False,
                    _collected_params=collected,
                ),
                compiled._bind_processors,
                compiled.positiontup,
                compiled.escaped_bind_names,
            )
            for row in rows
        ]
        return compiled.string, arguments

    def _compiled(self, query: ClauseElement, keys: list[str]) -> tuple[Any, Any, Any]:
        compiled, extracted, collected, _ = query._compile_w_cache(
            self._dialect, compiled_cache=self._cache, column_keys=keys
        )
        return compiled, extracted, collected

    def _no_args(self) -> Any:
        return () if self._dialect.positional else {}

    def _arguments(
        self, params: Any, processors: Any, order: list[str] | None, escaped: Any
    ) -> Any:
        values = {
            name: processors[name](value) if name in processors else value
            for name, value in params.items()
        }
        if self._dialect.positional:
            return tuple(values[name] for name in order or ())
        if escaped:
            return {escaped.get(name, name): value for name, value in values.items()}
        return values

    def _result_processors(self, compiled: Any) -> tuple[Any, ...]:
        # Kept on the compiled object, so that it goes when the cache lets go of it.
        found: tuple[Any, ...] | None = compiled.__dict__.get("_metropole_processors")
        if found is None:
            found = tuple(
                entry.type._cached_result_processor(self._dialect, None)
                for entry in compiled._result_columns
            )
            compiled.__dict__["_metropole_processors"] = found
        return found


def _writes(query: ClauseElement, sql: str) -> bool:
    if isinstance(query, TextClause):
        return not sql.lstrip().upper().startswith(READS)
    return isinstance(query, UpdateBase)
