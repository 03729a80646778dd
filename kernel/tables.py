"""The tables the kernel owns in every database: audit, limits and the courier's outbox."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from kernel.database import NAMING, JsonText, UtcDateTime
from kernel.dialect_options import ClusteredTable, PartialIndex

METADATA = MetaData(naming_convention=NAMING)

audit_chain = Table(
    "audit_chain",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("chain", String(26), nullable=False, unique=True),
    Column("node", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    comment="One row a writer process: the register that shows if a whole chain is gone.",
)

audit_event = ClusteredTable(
    "audit_event",
    METADATA,
    Column("chain", String(26), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("tag", String(80), nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("details", JsonText, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("seq > 0", name="seq_positive"),
    # No index on the time or the actor: each deed would pay for it, and a chain is in the order of time.
    Index("ix_audit_event_target", "target", "at"),
    comment="Append-only, hash-chained per writer process; one row per deed, in the deed's transaction.",
)

rate_limit = ClusteredTable(
    "rate_limit",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("used", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    comment="Counters of every limit, shared by all nodes; keys are digests.",
)

courier_message = Table(
    "courier_message",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("template", String(64), nullable=False),
    Column("recipient", LargeBinary, nullable=False, comment="keyed digest: to find a person's messages"),
    Column("dedupe_key", Text),
    Column("payload", LargeBinary, comment="sealed; wiped once sent or abandoned"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("last_error", Text),
    CheckConstraint("state in ('queued', 'sent', 'abandoned')", name="state_known"),
    Index("ix_courier_message_due", "state", "next_at"),
    comment="Messages to the outside, written in the deed's transaction and sent after it.",
)
ONLY_ONCE = courier_message.c.dedupe_key.is_not(None)
"""Which messages are posted once at most; most are not among them, and cost that index nothing."""
PartialIndex(
    "uq_courier_message_dedupe_key",
    courier_message.c.dedupe_key,
    where=ONLY_ONCE,
    unique=True,
)
