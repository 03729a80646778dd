"""The table of our keys. The private part is sealed, and exists only while the key may sign, or open."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, LargeBinary, MetaData, String, Table, Text, text

from kernel.database import NAMING, JsonText, UtcDateTime
from kernel.dialect_options import PartialIndex

METADATA = MetaData(naming_convention=NAMING)

signing_key = Table(
    "signing_key",
    METADATA,
    Column("kid", String(64), primary_key=True, comment="RFC 7638 thumbprint"),
    Column("algorithm", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("public_jwk", JsonText, nullable=False),
    Column("sealed_private", LargeBinary, comment="PKCS #8, sealed; destroyed when it is of no more use"),
    Column("published_at", UtcDateTime, nullable=False),
    Column("activate_at", UtcDateTime, nullable=False, comment="from when on it may replace the active key"),
    Column("activated_at", UtcDateTime),
    Column("retire_at", UtcDateTime, comment="when a retained key leaves the key set"),
    Column("retired_at", UtcDateTime),
    Column("reason", Text, nullable=False, comment="why it left: rotated, or revoked"),
    CheckConstraint("state in ('next', 'active', 'retained', 'retired')", name="state_known"),
    CheckConstraint(
        "(state in ('next', 'active') or (state = 'retained' and algorithm in ('RSA-OAEP-256', 'ECDH-ES')))"
        " = (sealed_private is not null)",
        name="private_while_used",
    ),
    PartialIndex(
        "uq_signing_key_active",
        "algorithm",
        unique=True,
        where=text("state = 'active'"),
    ),
    PartialIndex(
        "uq_signing_key_next",
        "algorithm",
        unique=True,
        where=text("state = 'next'"),
    ),
    comment="One active and one next key per algorithm: the unique indexes let one rotation win.",
)
