"""Tells Prometheus what a node counts, and what waits in its system's database; nothing of a person.

Runs beside the web server, on an address of its own (``kernel.metrics_address``). What is counted is of all
processes of the node that one supervisor started; what waits is of the whole system, whichever node is asked.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, FromClause, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from idp.storage.tables import deferred_request, security_event
from kernel.counters import SPANS, SUM, UNTOLD, Series, count_all
from kernel.database import Database, UtcDateTime
from kernel.errors import SwitchyardError
from kernel.settings import KernelSettings
from kernel.store import Store
from kernel.tables import courier_message
from registration.storage.tables import OUTBOX_OPEN, outbox, target_health
from switchyard import counted
from switchyard.metrics_server import MetricsServer
from switchyard.ports import look_at_address
from switchyard.revisions import System
from switchyard.settings import place_of

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Counter:
    """What is counted: its name in the file, that of the metric, what it means, and its labels."""

    series: str
    name: str
    meaning: str
    labels: tuple[str, ...] = ()


_COUNTED = (
    _Counter(
        counted.REQUESTS,
        "switchyard_requests",
        "Requests by face, the path of their route, method and status.",
        ("face", "route", "method", "status"),
    ),
    _Counter(
        counted.DEEDS,
        "switchyard_deeds",
        "Deeds as the audit has them, by tag and outcome.",
        ("deed", "outcome"),
    ),
    _Counter(counted.TOKENS, "switchyard_tokens_issued", "Issues of tokens by grant type.", ("grant_type",)),
    _Counter(
        counted.CONTENTION,
        "switchyard_contention",
        "Units of work that others stood in the way of: undone, or late.",
        ("how",),
    ),
    _Counter(UNTOLD[0], "switchyard_untold", "Counts of series that found no place any more."),
)
_SPENT = (
    _Counter(
        counted.REQUEST_SECONDS,
        "switchyard_request_seconds",
        "Seconds from a request's last byte to its answer, by face.",
        ("face",),
    ),
    _Counter(
        counted.HASH_WAIT, "switchyard_password_hash_wait_seconds", "Seconds in line for a password's hash."
    ),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One question to the database: how many rows there are by a label, and since when the oldest waits."""

    name: str
    meaning: str
    table: FromClause
    where: ColumnElement[bool] | None = None
    label: ColumnElement[str] | None = None
    since: ColumnElement[dt.datetime] | None = None

    def question(self) -> Select[Any]:
        """Return the statement: the label if there is one, how many, and the oldest."""
        columns: list[ColumnElement[Any]] = [] if self.label is None else [self.label]
        columns.append(func.count())
        if self.since is not None:
            columns.append(func.min(self.since, type_=UtcDateTime))
        statement = select(*columns).select_from(self.table)
        if self.where is not None:
            statement = statement.where(self.where)
        return statement if self.label is None else statement.group_by(self.label)

    def asked(self, database: Database, now: dt.datetime) -> Iterator[Metric]:
        """Ask the database and return how many wait, and for how long."""
        named = [] if self.label is None else [str(self.label.key)]
        many = GaugeMetricFamily(self.name, self.meaning, labels=named)
        oldest = GaugeMetricFamily(
            f"{self.name}_oldest_seconds", f"{self.meaning} Seconds the oldest is due.", labels=named
        )
        with database.read() as connection:
            rows = connection.execute(self.question()).all()
        for row in rows:
            values = [str(row[0])] if named else []
            many.add_metric(values, float(row[len(named)]))
            if self.since is not None and row[-1] is not None:
                oldest.add_metric(values, max(0.0, (now - row[-1]).total_seconds()))
        yield many
        if self.since is not None:
            yield oldest


_MAIL = (
    Waiting(
        "switchyard_messages_waiting",
        "E-mails, text messages and notices of sign-out on their way, by channel.",
        courier_message,
        courier_message.c.state == "queued",
        courier_message.c.channel,
        courier_message.c.next_at,
    ),
    Waiting(
        "switchyard_messages_given_up",
        "Messages given up within `courier_record_life`, by channel.",
        courier_message,
        courier_message.c.state == "abandoned",
        courier_message.c.channel,
    ),
)
_OF_THE_GATEWAY = (
    *_MAIL,
    Waiting(
        "switchyard_events_waiting",
        "Security events that their receivers have not taken.",
        security_event,
        since=security_event.c.created_at,
    ),
    Waiting(
        "switchyard_deferred_requests_waiting",
        "Asynchronous SCIM requests that are not done.",
        deferred_request,
        deferred_request.c.ended_at.is_(None),
        since=deferred_request.c.created_at,
    ),
)
_OF_REGISTRATION = (
    *_MAIL,
    Waiting(
        "switchyard_deliveries_waiting",
        "Accounts, groups and memberships that the worker has to deliver, by lane.",
        outbox,
        OUTBOX_OPEN,  # type: ignore[arg-type]  # a condition in words
        outbox.c.lane,
        func.coalesce(outbox.c.first_failed_at, outbox.c.next_at),
    ),
    Waiting(
        "switchyard_delivery_targets_failing",
        "Gateways that do not answer the worker, or refuse it, by cause.",
        target_health,
        target_health.c.failures > 0,
        target_health.c.cause,
        target_health.c.first_failed_at,
    ),
    Waiting(
        "switchyard_deliveries_failed",
        "Deliveries that go on when somebody has looked at them, by state.",
        outbox,
        outbox.c.state.in_(("case", "dead", "abandoned")),
        outbox.c.state,
    ),
)
WAITING: Mapping[System, tuple[Waiting, ...]] = {
    "gateway": _OF_THE_GATEWAY,
    "registration": _OF_REGISTRATION,
}


class NodeMetrics(Collector):
    """The metrics of one node: its counters, if its processes share a file of them, and what waits."""

    def __init__(self, store: Store, questions: Sequence[Waiting], handle: int | None) -> None:
        self._store = store
        self._questions = questions
        self._handle = handle

    def collect(self) -> Iterable[Metric]:
        """Return all of them as they are now."""
        series = {} if self._handle is None else count_all(self._handle)
        for each in _COUNTED:
            yield _counter(each, series)
        for each in _SPENT:
            yield _histogram(each, series)
        yield from self._waiting()

    def describe(self) -> Iterable[Metric]:
        """Return none: what there is needs the database."""
        return ()

    def _waiting(self) -> Iterator[Metric]:
        found: list[Metric] = []
        reached = GaugeMetricFamily("switchyard_database_answers", "1 where the database answered, 0 if not.")
        try:
            now = self._store.clock.now()
            for question in self._questions:
                found += question.asked(self._store.database, now)
            reached.add_metric([], 1)
        except (SwitchyardError, SQLAlchemyError) as error:
            _log.warning("metrics.database_not_asked", error=type(error).__name__)
            reached.add_metric([], 0)
        yield reached
        yield from found


def _counter(each: _Counter, series: dict[Series, float]) -> Metric:
    family = CounterMetricFamily(each.name, each.meaning, labels=each.labels)
    for (name, *labels), number in sorted(series.items()):
        if name == each.series:
            family.add_metric(labels, number)
    return family


def _histogram(each: _Counter, series: dict[Series, float]) -> Metric:
    family = HistogramMetricFamily(each.name, each.meaning, labels=each.labels)
    for labels in sorted({key[1:-1] for key in series if key[0] == each.series}):
        total, buckets = 0.0, []
        for bound in SPANS:
            total += series.get((each.series, *labels, bound), 0.0)
            buckets.append((bound, total))
        family.add_metric(labels, buckets, series.get((each.series, *labels, SUM), 0.0))
    return family


def metrics_background(
    kernel: KernelSettings, store: Store, questions: Sequence[Waiting]
) -> dict[str, Callable[[threading.Event], None]]:
    """Return the deed that serves the metrics, if the settings ask for it.

    Raises:
        OSError: naming the place, if nobody can listen there, or somebody does.
    """
    if not kernel.metrics_address:
        return {}
    host, port = place_of(kernel.metrics_address)
    look_at_address(host, port)
    registry = CollectorRegistry()
    registry.register(NodeMetrics(store, questions, counted.shared_handle()))

    def serve(stop: threading.Event) -> None:
        with MetricsServer(host, port, registry) as server:
            thread = threading.Thread(target=server.serve_forever, name="metrics-server")
            thread.start()
            stop.wait()
            server.shutdown()
            thread.join()

    return {"metrics": serve}
