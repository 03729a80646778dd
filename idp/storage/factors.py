"""Authenticator apps, passkeys and the challenges of their ceremonies."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from idp.domain.factors import FactorKind, FactorSummary, PasskeyFactor, TotpFactor
from idp.domain.webauthn_policy import Ceremony, NewPasskey
from idp.storage.tables import factor, webauthn_challenge
from kernel.crypto import digest
from kernel.database import insert
from kernel.prepared import Prepared
from kernel.sweeping import remove_some

_CONFIRMED = Prepared(
    select(factor.c.id, factor.c.kind, factor.c.label, factor.c.created_at)
    .where(factor.c.account_id == bindparam("account"), factor.c.confirmed_at.is_not(None))
    .order_by(factor.c.created_at, factor.c.id)
)


def confirmed_factors(connection: Connection, account_id: str) -> tuple[FactorSummary, ...]:
    """Return the account's confirmed factors, oldest first."""
    rows = _CONFIRMED.within(connection, account=account_id)
    return tuple(FactorSummary(id_, FactorKind(kind), label, since) for id_, kind, label, since in rows)


def count_factors(connection: Connection, account_id: str, kind: FactorKind) -> int:
    """Return how many confirmed factors of a kind the account has."""
    statement = select(func.count()).where(
        factor.c.account_id == account_id, factor.c.kind == kind.value, factor.c.confirmed_at.is_not(None)
    )
    return connection.execute(statement).scalar_one()


# --- authenticator apps --------------------------------------------------------------------------


def totp_factors(connection: Connection, account_id: str) -> tuple[TotpFactor, ...]:
    """Return the account's confirmed authenticator apps."""
    rows = connection.execute(
        select(factor.c.id, factor.c.account_id, factor.c.sealed_secret, factor.c.last_step)
        .where(
            factor.c.account_id == account_id,
            factor.c.kind == FactorKind.TOTP.value,
            factor.c.confirmed_at.is_not(None),
        )
        .order_by(factor.c.id)
    )
    return tuple(TotpFactor(*row) for row in rows)


def begin_totp(
    connection: Connection,
    *,
    factor_id: str,
    account_id: str,
    flow_id: bytes,
    sealed: bytes,
    now: dt.datetime,
) -> None:
    """Store a pending app that only its flow may confirm; what was begun before is purged (MF-22)."""
    connection.execute(
        delete(factor).where(factor.c.account_id == account_id, factor.c.confirmed_at.is_(None))
    )
    connection.execute(
        factor.insert(),
        {
            "id": factor_id,
            "account_id": account_id,
            "kind": FactorKind.TOTP.value,
            "label": "",
            "created_at": now,
            "flow_id": flow_id,
            "sealed_secret": sealed,
        },
    )


def add_totp(
    connection: Connection, *, factor_id: str, account_id: str, sealed: bytes, label: str, now: dt.datetime
) -> None:
    """Store an app that needs no confirmation."""
    connection.execute(
        factor.insert(),
        {
            "id": factor_id,
            "account_id": account_id,
            "kind": FactorKind.TOTP.value,
            "label": label,
            "created_at": now,
            "confirmed_at": now,
            "sealed_secret": sealed,
        },
    )


def remove_factors(connection: Connection, account_id: str, kind: FactorKind) -> None:
    """Remove every factor of a kind from the account, confirmed or not."""
    connection.execute(delete(factor).where(factor.c.account_id == account_id, factor.c.kind == kind.value))


def pending_totp(connection: Connection, account_id: str, flow_id: bytes) -> TotpFactor | None:
    """Return the app that this flow has begun to enrol for the account, or None."""
    row = connection.execute(
        select(factor.c.id, factor.c.account_id, factor.c.sealed_secret, factor.c.last_step).where(
            factor.c.account_id == account_id,
            factor.c.flow_id == flow_id,
            factor.c.kind == FactorKind.TOTP.value,
            factor.c.confirmed_at.is_(None),
        )
    ).first()
    return None if row is None else TotpFactor(*row)


def confirm_totp(
    connection: Connection, factor_id: str, *, flow_id: bytes, label: str, step: int, now: dt.datetime
) -> bool:
    """Confirm the pending app of this flow with the step of its first code; False if it is not pending."""
    done = connection.execute(
        update(factor)
        .where(factor.c.id == factor_id, factor.c.flow_id == flow_id, factor.c.confirmed_at.is_(None))
        .values(confirmed_at=now, last_used_at=now, last_step=step, label=label, flow_id=None)
    )
    return done.rowcount == 1


def accept_step(connection: Connection, factor_id: str, step: int, *, now: dt.datetime) -> bool:
    """Move the app's last step forward to ``step``; False if it stands there or beyond (MF-02, MF-03)."""
    done = connection.execute(
        update(factor)
        .where(factor.c.id == factor_id, or_(factor.c.last_step.is_(None), factor.c.last_step < step))
        .values(last_step=step, last_used_at=now)
    )
    return done.rowcount == 1


# --- passkeys ------------------------------------------------------------------------------------

_PASSKEY = (
    factor.c.id,
    factor.c.account_id,
    factor.c.credential_id,
    factor.c.public_key,
    factor.c.sign_count,
    factor.c.transports,
    factor.c.backup_eligible,
)
_IS_PASSKEY = and_(factor.c.kind == FactorKind.PASSKEY.value, factor.c.confirmed_at.is_not(None))


def _passkey(row: Any) -> PasskeyFactor:  # noqa: ANN401 - a row of _PASSKEY
    return PasskeyFactor(
        row.id,
        row.account_id,
        row.credential_id,
        row.public_key,
        row.sign_count,
        tuple(row.transports),
        row.backup_eligible,
    )


def passkeys(connection: Connection, account_id: str) -> tuple[PasskeyFactor, ...]:
    """Return the account's passkeys."""
    statement = select(*_PASSKEY).where(factor.c.account_id == account_id, _IS_PASSKEY).order_by(factor.c.id)
    return tuple(_passkey(row) for row in connection.execute(statement))


def find_passkey(connection: Connection, credential_id: bytes) -> PasskeyFactor | None:
    """Return the passkey with this credential id, whosever it is, or None."""
    row = connection.execute(
        select(*_PASSKEY).where(factor.c.credential_id == credential_id, _IS_PASSKEY)
    ).first()
    return None if row is None else _passkey(row)


def add_passkey(
    connection: Connection,
    new: NewPasskey,
    *,
    factor_id: str,
    account_id: str,
    label: str,
    now: dt.datetime,
) -> bool:
    """Store a passkey; False if its credential id is enrolled already, for whomever (WA-07)."""
    done = connection.execute(
        insert(connection, factor)
        .values(
            id=factor_id,
            account_id=account_id,
            kind=FactorKind.PASSKEY.value,
            label=label,
            created_at=now,
            confirmed_at=now,
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            aaguid=new.aaguid,
            transports=list(new.transports),
            backed_up=new.backed_up,
            backup_eligible=new.backup_eligible,
        )
        .on_conflict_do_nothing(index_elements=[factor.c.credential_id])
    )
    return done.rowcount == 1


def use_passkey(
    connection: Connection, factor_id: str, *, sign_count: int, backed_up: bool, now: dt.datetime
) -> bool:
    """Note a use of a passkey; False if its counter did not grow: it was copied, or the answer is old."""
    grows = factor.c.sign_count < sign_count
    counts = or_(grows, factor.c.sign_count == 0) if sign_count == 0 else grows
    done = connection.execute(
        update(factor)
        .where(factor.c.id == factor_id, counts)
        .values(sign_count=sign_count, backed_up=backed_up, last_used_at=now)
    )
    return done.rowcount == 1


def add_challenge(
    connection: Connection,
    challenge: bytes,
    *,
    flow_id: bytes,
    ceremony: Ceremony,
    expires_at: dt.datetime,
) -> None:
    """Keep a challenge for one flow and one ceremony."""
    connection.execute(
        webauthn_challenge.insert(),
        {
            "digest": digest(challenge),
            "flow_id": flow_id,
            "purpose": ceremony.value,
            "challenge": challenge,
            "expires_at": expires_at,
        },
    )


def spend_challenge(
    connection: Connection, challenge: bytes, *, flow_id: bytes, ceremony: Ceremony, now: dt.datetime
) -> bool:
    """Spend a challenge of this flow and ceremony; False if it is not ours, used, or too old (WA-01)."""
    done = connection.execute(
        update(webauthn_challenge)
        .where(
            webauthn_challenge.c.digest == digest(challenge),
            webauthn_challenge.c.flow_id == flow_id,
            webauthn_challenge.c.purpose == ceremony.value,
            webauthn_challenge.c.used_at.is_(None),
            webauthn_challenge.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


def sweep_challenges(connection: Connection, *, now: dt.datetime) -> int:
    """Remove some challenges that are too old to be answered; return how many."""
    ended = webauthn_challenge.c.expires_at
    return remove_some(connection, webauthn_challenge, ended <= now, oldest_first=ended)
