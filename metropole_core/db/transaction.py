"""Connections and transactions that a cancelled task cannot break.

The classes of `databases` clean up with awaits: a cancel that arrives in one leaves a pool slot
taken for ever, and its rollback on a closed socket hides the CancelledError. The idea here: a
connection that saw a cancel is dropped, never cleaned, and giving it back contains no await.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from databases import core
from databases.interfaces import TransactionBackend
from sqlalchemy.sql import ClauseElement

from metropole_core.db.raw import RawConnection, TransactionLost
from metropole_core.db.rows import Row
from metropole_core.db.statements import build

if TYPE_CHECKING:
    from collections.abc import Callable


class Connection(core.Connection):
    """The connection of one task."""

    _connection: RawConnection

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        # No await in here: it cannot be cancelled.
        if exc_type is not None and not issubclass(exc_type, Exception):
            self._connection.dirty = True
        self._connection_counter -= 1
        if self._connection_counter == 0:
            if self._database._connection is self:
                self._database._connection = None
            raw, self._connection = self._connection, self._backend.connection()  # type: ignore[assignment]
            raw.release_now()

    async def execute_many(self, query: ClauseElement | str, values: list[dict[str, Any]]) -> None:
        """Run one statement for each row of values, by the driver's executemany."""
        async with self._query_lock:
            await self._connection.execute_rows(query, values)

    async def iterate(
        self, query: ClauseElement | str, values: dict[str, Any] | None = None
    ) -> AsyncGenerator[Row, None]:
        """The rows one by one; they are all fetched first, so mind the size."""
        for row in await self._connection.fetch_all(build(query, values)):
            yield row

    def transaction(self, *, force_rollback: bool = False, **options: Any) -> Transaction:
        return Transaction(lambda: self, force_rollback, **options)

    @staticmethod
    def _build_query(
        query: ClauseElement | str, values: Mapping[str, Any] | None = None
    ) -> ClauseElement:
        return build(query, values)


class Transaction(core.Transaction):
    """`async with database.transaction():` all or nothing. Nested ones are savepoints.

    What runs inside belongs to one task: another task has its own connection and does not see
    what is not committed yet.
    """

    # A plain attribute: the original keeps it in a context variable, which each task copies.
    _transaction: TransactionBackend | None = None
    _connection_callable: Callable[[], Connection]
    _held: Connection

    async def start(self) -> Transaction:
        held = self._held = self._connection_callable()
        await held.__aenter__()
        try:
            held._connection.usable()
            transaction = held._connection.transaction()
            await transaction.start(
                is_root=not held._transaction_stack, extra_options=self._extra_options
            )
        except BaseException as error:
            held._connection.dirty = True
            await held.__aexit__(type(error))
            raise
        held._transaction_stack.append(self)
        self._transaction = transaction
        return self

    async def commit(self) -> None:
        """Store it.

        Raises:
            TransactionLost: a statement in it was cancelled; nothing was stored.
        """
        await self._end("commit")

    async def rollback(self) -> None:
        """Forget it."""
        await self._end("rollback")

    async def _end(self, how: str) -> None:
        held = self._held
        if not held._transaction_stack or held._transaction_stack[-1] is not self:
            raise RuntimeError("transactions end in the reverse order of their starts")
        try:
            if not held._connection.dirty:
                await getattr(self._transaction, how)()
            elif how == "commit":
                raise TransactionLost
        except BaseException:
            # Whether it was stored is unknown: nobody may use this connection again.
            held._connection.dirty = True
            raise
        finally:
            held._transaction_stack.pop()
            await held.__aexit__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if exc_type is None and not self._force_rollback:
            return await self.commit()
        if exc_type is not None and not issubclass(exc_type, Exception):
            self._held._connection.dirty = True
        try:
            await self.rollback()
        except Exception:
            # The caller's own exception is the one to tell.
            if exc_type is None:
                raise
        return None
