"""Rows as the database hands them out: tuples that also know the names of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any


class Row(tuple[Any, ...]):
    """One row: `row.title`, `row["title"]`, `row[0]`, or unpacked in the order of the columns."""

    __slots__ = ()
    names: tuple[str, ...] = ()
    positions: dict[str, int] = {}

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return tuple.__getitem__(self, self.positions[key])
        return tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        # Only reached when there is no such column: those are properties.
        raise AttributeError(f"the row has no column {name!r}, it has {', '.join(self.names)}")

    def as_dict(self) -> dict[str, Any]:
        """The columns by name."""
        return dict(zip(self.names, self, strict=True))


@lru_cache(maxsize=512)
def row_class(names: tuple[str, ...]) -> type[Row]:
    """The class for rows of those columns. Made once: making a class costs more than a query."""
    columns = {name: property(itemgetter(position)) for position, name in enumerate(names)}
    return type(
        "Row",
        (Row,),
        {
            **columns,
            "__slots__": (),
            "names": names,
            "positions": {name: position for position, name in enumerate(names)},
        },
    )


def make_rows(
    description: Sequence[Sequence[Any]],
    raw: Sequence[Sequence[Any]],
    processors: Sequence[Any],
) -> list[Row]:
    """Turn what the driver gave into rows, with each column's Python type."""
    cls = row_class(tuple(column[0] for column in description))
    active = [(index, process) for index, process in enumerate(processors) if process]
    if not active:
        return [cls(row) for row in raw]
    rows = []
    for row in raw:
        values = list(row)
        for index, process in active:
            values[index] = process(values[index])
        rows.append(cls(values))
    return rows
