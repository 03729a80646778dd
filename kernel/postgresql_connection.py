"""A connection to PostgreSQL that runs prepared statements straight through libpq.

Owns how a prepared statement reaches the server: it is prepared once for each connection, BEGIN goes out with
the first statement of a transaction and COMMIT with the last, without a way to the server of their own; a
transaction whose statements all go out together needs neither. The driver's cursor asks for each of them
singly, and takes three times the processor time for it. Values are turned by the driver's own adapters, both
ways.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from threading import get_ident, main_thread
from typing import Any, TypeVar

from psycopg import Connection, Error, IsolationLevel, OperationalError
from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.adapt import Transformer as Adapting
from psycopg.errors import InFailedSqlTransaction, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

_Found = TypeVar("_Found")
_Row = tuple[Any, ...]
_Types = tuple[int, ...]
_Ready = tuple[bytes, Sequence[Any], Any]
"""Name of a prepared statement, its values as the server reads them, and their formats."""

_USUAL = (None, IsolationLevel.READ_COMMITTED)
"""As :func:`kernel.engines.postgresql_engine` has the transactions of a connection."""
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_OUTDATED = frozenset({"0A000", "26000"})  # the plan's columns changed; the statement is not known any more
_LOOKS_AGAIN = 1000
"""Milliseconds after which a wait looks again."""
_STOPS_IN = 5.0
"""Seconds that the server has to stop what it does."""
_MAIN = main_thread().ident
_NOT_HEARD = (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)
_AT_ONCE = 200
"""Statements on their way whose answers were not read: few enough that neither side has to wait."""


class PostgresqlConnection(Connection[Any]):
    """The driver's connection, with a short way for prepared statements; for one thread at a time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the driver's own
        super().__init__(*arguments, **options)
        self._known: dict[tuple[bytes, _Types], bytes] = {}
        self._told = 0
        self._transformer: Transformer | None = None
        self._noted: list[_Ready] = []

    @property
    def is_in_doubt(self) -> bool:
        """Whether nobody knows how far the server came: it was not heard to the end."""
        return self.pgconn.transaction_status in _NOT_HEARD

    def run(self, statement: bytes, values: Sequence[Any]) -> list[_Row]:
        """Run ``statement`` (its places are ``$1``, ``$2``) and return its rows, if it gives any.

        Outside autocommit a transaction is begun where none is open.

        Raises:
            psycopg.Error: as a cursor would.
        """
        return self._again_if_outdated(partial(self._run, statement, values))

    def run_together(self, statements: Sequence[tuple[bytes, Sequence[Any]]]) -> list[list[_Row]]:
        """Run ``statements`` one after the other without waiting in between; return the rows of each.

        A transaction is begun where none is open. Each sees what those before it did.

        Raises:
            psycopg.Error: of the first that failed; the transaction is then undone.
        """
        return self._again_if_outdated(partial(self._run_together, statements))

    def run_many(self, statement: bytes, rows: Iterable[Sequence[Any]]) -> None:
        """Run ``statement`` once for each of ``rows``, without waiting for one before the next is sent.

        Raises:
            psycopg.Error: of the first that failed; the others are undone with the transaction.
        """
        ready = [self._ready(statement, values) for values in rows]
        for first in range(0, len(ready), _AT_ONCE):
            self._send(ready[first : first + _AT_ONCE])

    def commit_with(self, statements: Iterable[tuple[bytes, Sequence[Any]]]) -> None:
        """Run the last ``statements`` of the transaction, and commit it, in one go.

        Raises:
            psycopg.Error: of the first that failed; the transaction is then undone, and may still be open.
        """
        ready = [self._ready(statement, values) for statement, values in statements]
        while len(ready) > _AT_ONCE:
            self._send(ready[:_AT_ONCE])
            del ready[:_AT_ONCE]
        if self._begins() and not self._noted:
            self._send(ready, whole=True)
        else:
            self._send([*ready, self._ready(b"COMMIT", ())])

    def note(self, statements: Iterable[tuple[bytes, Sequence[Any]]]) -> None:
        """Have ``statements`` run within the open transaction before whatever goes to the server next.

        One that fails then fails that, too. Nobody reads what they give.
        """
        self._noted += [self._ready(statement, values) for statement, values in statements]

    def catch_up(self) -> None:
        """Run what was noted.

        Raises:
            psycopg.Error: of the first that failed.
        """
        if self._noted:
            self._send(())

    def see_whole(self) -> None:
        """See that what was done in the transaction can stand: else a COMMIT undoes it, and tells nobody.

        Raises:
            psycopg.errors.InFailedSqlTransaction: if a statement failed, and whoever asked for it went on.
        """
        if self.pgconn.transaction_status == TransactionStatus.INERROR:
            raise InFailedSqlTransaction("a statement of the transaction failed, and was not undone alone")

    def undo_to(self, savepoint: bytes) -> None:
        """Undo what was done since ``savepoint``, which stays.

        Raises:
            psycopg.Error: if there is none of this name.
        """
        self._send((), last=b"ROLLBACK TO SAVEPOINT " + savepoint)

    def rollback(self) -> None:
        """Undo the transaction, and forget what was noted for it."""
        self._noted.clear()
        super().rollback()

    def cursor(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return the driver's cursor, for what comes after that which was noted."""
        self.catch_up()
        return super().cursor(*arguments, **options)

    def _again_if_outdated(self, run: Callable[[], _Found]) -> _Found:
        # What was noted belongs to the transaction of others, though it has not begun.
        again = self.pgconn.transaction_status == TransactionStatus.IDLE and not self._noted
        try:
            return run()
        except Error as error:
            if not (error.sqlstate in _OUTDATED and again):
                raise
            if not self.autocommit:
                self.rollback()
        return run()

    def _run(self, statement: bytes, values: Sequence[Any]) -> list[_Row]:
        ready = self._ready(statement, values)
        # The main thread, on which commands run, waits so that it can be interrupted.
        if self._begins() or self._noted or get_ident() == _MAIN:
            result = self._send([ready])[-1]
        else:
            result = self.pgconn.exec_prepared(*ready)
            if result.status not in _DONE:
                raise self._failed(result)
        return self._rows(result)

    def _run_together(self, statements: Sequence[tuple[bytes, Sequence[Any]]]) -> list[list[_Row]]:
        results = self._send([self._ready(statement, values) for statement, values in statements])
        return [self._rows(result) for result in results[-len(statements) :]]

    def _rows(self, result: Any) -> list[_Row]:  # noqa: ANN401 - the driver's result
        if result.status != ExecStatus.TUPLES_OK:
            return []
        transformer = self._adapting()
        transformer.set_pgresult(result)
        rows: list[_Row] = transformer.load_rows(0, result.ntuples, tuple)
        transformer.set_pgresult(None)  # or the connection would keep the memory of its last rows
        return rows

    def _ready(self, statement: bytes, values: Sequence[Any]) -> _Ready:
        """Turn the values into the server's, and have the statement prepared for their types."""
        transformer = self._adapting()
        turned = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types = transformer.types or ()
        name = self._known.get((statement, types))
        if name is None:
            self.catch_up()  # or one that cannot be prepared would fail before the savepoint it is undone to
            self._told += 1
            name = b"switchyard_%d" % self._told
            result = self.pgconn.prepare(name, statement, types)
            if result.status not in _DONE:
                raise self._failed(result)
            self._known[statement, types] = name
        return name, turned, transformer.formats

    def _adapting(self) -> Transformer:
        # Not before the first use: whoever opened the connection may still add adapters.
        if self._transformer is None:
            self._transformer = Adapting(self)
        return self._transformer

    def _begins(self) -> bool:
        return not self.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE

    def _start(self) -> bytes:
        """Return what begins a transaction: nothing is said of it where it is as usual on the connection."""
        unusual = self.isolation_level not in _USUAL or self.read_only or self.deferrable
        return self._get_tx_start_command() if unusual else b"BEGIN"

    def _send(self, ready: Sequence[_Ready], *, last: bytes | None = None, whole: bool = False) -> list[Any]:
        """Send it all in one go, after what was noted, or BEGIN if no transaction is open.

        What is ``whole`` needs none: what goes out together is one transaction by itself, which ends with it.
        Return the driver's results.
        """
        way = self.pgconn
        if self._noted:
            ready = [*self._noted, *ready]
            self._noted.clear()
        if self._begins() and not whole:
            ready = [self._ready(self._start(), ()), *ready]
        expected = len(ready) + (last is not None)
        way.enter_pipeline_mode()
        try:
            for name, values, formats in ready:
                way.send_query_prepared(name, values, formats)
            if last is not None:
                way.send_query_params(last, None)
            way.pipeline_sync()
            while way.flush():
                self._wait(select.POLLIN | select.POLLOUT)
            return self._read(expected)
        except KeyboardInterrupt:
            self._stop()
            raise
        finally:
            with suppress(OperationalError):  # only of a connection that broke, which was said
                way.exit_pipeline_mode()

    def _read(self, expected: int) -> list[Any]:
        results: list[Any] = []
        failed: Any = None
        for _ in range(expected):
            result = self._next()
            results.append(result)
            if failed is None and result.status not in _DONE:
                failed = result
            self._arrived()  # the end of this statement's results
        while (end := self._next()).status != ExecStatus.PIPELINE_SYNC:
            failed = failed or end  # of what is looked at only as the transaction ends
            self._arrived()
        if failed is not None:
            raise self._failed(failed)
        return results

    def _next(self) -> Any:  # noqa: ANN401 - the driver's result
        result = self._arrived()
        if result is None or self.pgconn.status == ConnStatus.BAD:
            raise self._lost(result)
        return result

    def _arrived(self) -> Any:  # noqa: ANN401 - the driver's result
        """Return the next result, or None. get_result() would wait with the interpreter's lock held."""
        while self.pgconn.is_busy():
            self._wait(select.POLLIN)
        return self.pgconn.get_result()

    def _wait(self, awaited: int) -> None:
        news = select.poll()
        news.register(self.pgconn.socket, awaited)
        news.poll(_LOOKS_AGAIN)  # what TLS has decrypted already is no news on the socket
        self.pgconn.consume_input()

    def _failed(self, result: Any) -> Exception:  # noqa: ANN401 - the driver's result
        """Return the error of ``result``; if a statement is outdated, all of them are prepared anew."""
        if self.pgconn.status == ConnStatus.BAD:
            return self._lost(result)
        error = error_from_result(result, self.info.encoding)
        if error.sqlstate in _OUTDATED:
            # A release that changed one table changed others, and a pooler forgets all: one by one they would
            # fail a unit each, where they are not its first.
            self._known.clear()
        return error

    def _lost(self, result: Any) -> Exception:  # noqa: ANN401 - the driver's result
        told = error_from_result(result) if result is not None else None
        return told if isinstance(told, OperationalError) else OperationalError("the connection was lost")

    def _stop(self) -> None:
        """Have the server stop what it does, as the driver does, and hear it to the end."""
        with suppress(Error):
            self.cancel_safe(timeout=_STOPS_IN)
            self.pgconn.pipeline_sync()
            while self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self._arrived()
