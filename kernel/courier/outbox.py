"""The courier's outbox: posting inside a deed, claiming and settling by the worker."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic_core import to_json
from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, or_, select, update

from kernel.audit import JsonValue
from kernel.crypto import Sealer
from kernel.database import Database, UtcDateTime, insert
from kernel.prepared import Prepared
from kernel.randomness import Randomness, first_ulid
from kernel.sweeping import BATCH, remove_some
from kernel.tables import ONLY_ONCE, courier_message
from kernel.transaction import Transaction

LEASE = dt.timedelta(seconds=60)
GIVE_UP_AFTER = dt.timedelta(hours=72)
_BACKOFF_SECONDS = (1, 5, 30, 120, 600, 1800, 3600)


def wait_after(failures: int) -> dt.timedelta:
    """Return how long to wait after so many failures in a row, one at least."""
    return dt.timedelta(seconds=_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS)) - 1])


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message on its way. ``payload`` is what the carrier of ``channel`` understands."""

    id: str
    channel: str
    template: str
    payload: Mapping[str, JsonValue] = field(repr=False)
    created_at: dt.datetime
    attempts: int
    recipient: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Share:
    """Which messages a worker takes: of these channels alone if any are named, and none that is excepted."""

    channels: frozenset[str] = frozenset()
    but_channels: frozenset[str] = frozenset()
    but_recipients: frozenset[bytes] = frozenset()


ALL = Share()


def recipient_digest(sealer: Sealer, recipient: str) -> bytes:
    """Return the keyed digest under which a recipient's messages can be found."""
    return sealer.mac("courier recipient", recipient.strip().casefold().encode())


class Post:
    """Posts messages in a unit of work; nothing is sent unless the unit commits."""

    def __init__(
        self, transaction: Transaction, now: dt.datetime, randomness: Randomness, sealer: Sealer
    ) -> None:
        self._transaction = transaction
        self._now = now
        self._randomness = randomness
        self._sealer = sealer

    def post_email(
        self,
        *,
        to: str,
        subject: str,
        text: str,
        html: str | None = None,
        template: str = "",
        language: str = "en",
        dedupe_key: str | None = None,
    ) -> None:
        """Post an e-mail with a text part and, if given, an HTML part."""
        payload: dict[str, JsonValue] = {
            "to": to,
            "subject": subject,
            "text": text,
            "html": html,
            "language": language,
        }
        self.post(channel="email", payload=payload, recipient=to, template=template, dedupe_key=dedupe_key)

    def post_text(self, *, to: str, text: str, template: str = "", dedupe_key: str | None = None) -> None:
        """Post a text message to an E.164 number."""
        payload: dict[str, JsonValue] = {"to": to, "text": text}
        self.post(channel="sms", payload=payload, recipient=to, template=template, dedupe_key=dedupe_key)

    def post(
        self,
        *,
        channel: str,
        payload: Mapping[str, JsonValue],
        recipient: str = "",
        template: str = "",
        dedupe_key: str | None = None,
    ) -> None:
        """Post a message; a second one with the same ``dedupe_key`` is dropped.

        It is written with the last statements of the unit.
        """
        identifier = self._randomness.ulid(self._now)
        plain = to_json(dict(payload))
        sealed = self._sealer.seal(plain, table="courier_message", column="payload", row=identifier)
        _new(self._transaction.connection.dialect.name).at_last(
            self._transaction,
            id=identifier,
            channel=channel,
            template=template,
            recipient=recipient_digest(self._sealer, recipient),
            dedupe_key=dedupe_key,
            payload=sealed,
            state="queued",
            attempts=0,
            created_at=self._now,
            next_at=self._now,
        )


@cache
def _new(dialect: str) -> Prepared:
    return Prepared(
        insert(dialect, courier_message).on_conflict_do_nothing(
            index_elements=[courier_message.c.dedupe_key], index_where=ONLY_ONCE
        ),
        columns=(
            "id",
            "channel",
            "template",
            "recipient",
            "dedupe_key",
            "payload",
            "state",
            "attempts",
            "created_at",
            "next_at",
        ),
    )


def _due(now: dt.datetime | BindParameter[dt.datetime]) -> ColumnElement[bool]:
    free = or_(courier_message.c.lease_until.is_(None), courier_message.c.lease_until <= now)
    return and_(courier_message.c.state == "queued", courier_message.c.next_at <= now, free)


def _of(share: Share) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if share.channels:
        terms.append(courier_message.c.channel.in_(sorted(share.channels)))
    if share.but_channels:
        terms.append(courier_message.c.channel.not_in(sorted(share.but_channels)))
    if share.but_recipients:
        terms.append(courier_message.c.recipient.not_in(sorted(share.but_recipients)))
    return terms


_ANYTHING = Prepared(select(courier_message.c.id).where(_due(bindparam("now", type_=UtcDateTime))).limit(1))


def is_anything_due(database: Database, *, now: dt.datetime, share: Share = ALL) -> bool:
    """Tell whether there is anything to claim, without asking for the right to write.

    Mostly nothing at all is due, which costs next to nothing to see.
    """
    if _ANYTHING.first(database, now=now) is None:
        return False
    with database.read() as connection:
        statement = select(courier_message.c.id).where(_due(now), *_of(share)).limit(1)
        return connection.scalar(statement) is not None


def claim(
    connection: Connection,
    sealer: Sealer,
    *,
    owner: str,
    now: dt.datetime,
    limit: int = 20,
    share: Share = ALL,
) -> list[Envelope]:
    """Lease up to ``limit`` due messages to ``owner``: one statement, so two workers never share one."""
    wanted = (  # PostgreSQL asks a plain subquery again and again, and would claim more than the limit
        select(courier_message.c.id)
        .where(_due(now), *_of(share))
        .order_by(courier_message.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    rows = connection.execute(
        update(courier_message)
        .where(courier_message.c.id.in_(select(wanted.c.id)), _due(now))
        .values(lease_owner=owner, lease_until=now + LEASE, attempts=courier_message.c.attempts + 1)
        .returning(
            courier_message.c.id,
            courier_message.c.channel,
            courier_message.c.template,
            courier_message.c.payload,
            courier_message.c.created_at,
            courier_message.c.attempts,
            courier_message.c.recipient,
        )
    ).all()
    return sorted((_open(sealer, row) for row in rows), key=lambda envelope: envelope.id)


def _open(sealer: Sealer, row: tuple[str, str, str, bytes, dt.datetime, int, bytes]) -> Envelope:
    identifier, channel, template, sealed, created_at, attempts, recipient = row
    plain = sealer.open(sealed, table="courier_message", column="payload", row=identifier)
    return Envelope(identifier, channel, template, json.loads(plain), created_at, attempts, recipient)


def release(connection: Connection, envelopes: Iterable[Envelope], *, owner: str) -> None:
    """Give messages back that ``owner`` did not come to, as if it had never claimed them."""
    identifiers = [envelope.id for envelope in envelopes]
    connection.execute(
        update(courier_message)
        .where(courier_message.c.id.in_(identifiers), courier_message.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, attempts=courier_message.c.attempts - 1)
    )


def settle_sent(connection: Connection, envelope: Envelope, *, owner: str, now: dt.datetime) -> bool:
    """Mark the message sent and wipe its payload; False if the lease was lost meanwhile."""
    return _end(connection, envelope, owner=owner, state="sent", error=None, now=now)


def settle_abandoned(
    connection: Connection, envelope: Envelope, *, owner: str, error: str, now: dt.datetime
) -> bool:
    """Give the message up for good and wipe its payload."""
    return _end(connection, envelope, owner=owner, state="abandoned", error=error, now=now)


def settle_retry(
    connection: Connection,
    envelope: Envelope,
    *,
    owner: str,
    error: str,
    now: dt.datetime,
    retry_after: dt.timedelta | None = None,
) -> bool:
    """Put the message back with a growing wait; after 72 hours it is abandoned."""
    if now - envelope.created_at > GIVE_UP_AFTER:
        return settle_abandoned(connection, envelope, owner=owner, error=error, now=now)
    wait = max(wait_after(envelope.attempts), retry_after or dt.timedelta(0))
    done = connection.execute(
        update(courier_message)
        .where(courier_message.c.id == envelope.id, courier_message.c.lease_owner == owner)
        .values(next_at=now + wait, lease_owner=None, lease_until=None, last_error=error)
    )
    return done.rowcount == 1


def give_up_old(connection: Connection, like: Envelope, *, error: str, now: dt.datetime) -> int:
    """Give some messages to the recipient of ``like`` up whose time is over, too; return how many.

    Who is away for days is tried now and then, so that most of what waits for it would never have its turn.
    """
    found = (
        select(courier_message.c.id)
        .where(
            _due(now),
            courier_message.c.channel == like.channel,
            courier_message.c.recipient == like.recipient,
            courier_message.c.created_at < now - GIVE_UP_AFTER,
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    done = connection.execute(
        update(courier_message)
        .where(courier_message.c.id.in_(select(found.c.id)))
        .values(state="abandoned", ended_at=now, payload=None, last_error=error)
    )
    return done.rowcount


def _end(
    connection: Connection, envelope: Envelope, *, owner: str, state: str, error: str | None, now: dt.datetime
) -> bool:
    done = connection.execute(
        update(courier_message)
        .where(courier_message.c.id == envelope.id, courier_message.c.lease_owner == owner)
        .values(state=state, ended_at=now, payload=None, lease_owner=None, lease_until=None, last_error=error)
    )
    return done.rowcount == 1


def sweep(connection: Connection, *, posted_before: dt.datetime) -> int:
    """Remove some messages posted before ``posted_before`` that were sent or given up; return how many.

    What is not sent stays, however old. They are found in the order of their ids, which is that of time.
    """
    over = and_(courier_message.c.id < first_ulid(posted_before), courier_message.c.state != "queued")
    return remove_some(connection, courier_message, over, oldest_first=courier_message.c.id)
