"""What a login asks about accounts, in one statement each: who is meant, and what the account has."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, or_, select

from idp.domain.account import Account
from idp.domain.factors import FactorKind, FactorSummary
from idp.domain.user_name import fold, user_name_key
from idp.storage.accounts import to_account
from idp.storage.credentials import StoredPassword
from idp.storage.tables import account, factor, known_device, password, security_question
from kernel.prepared import Prepared, Row

_ACCOUNT = tuple(account.c[field.name] for field in dataclasses.fields(Account))
_WIDTH = len(_ACCOUNT)
_FACTOR = _WIDTH + 6
_ITSELF = account.c.id == bindparam("id")


def _candidates(which: ColumnElement[bool]) -> Select[Any]:
    known = and_(known_device.c.account_id == account.c.id, known_device.c.digest == bindparam("by"))
    return (
        select(
            *_ACCOUNT,
            account.c.user_name_key,
            password.c.hash,
            known_device.c.account_id,
            password.c.temporary_until,
        )
        .outerjoin(password, password.c.account_id == account.c.id)
        .outerjoin(known_device, known)
        .where(which)
        .order_by(account.c.id)
    )


_MEANT = Prepared(
    _candidates(
        or_(account.c.user_name_key == bindparam("name"), account.c.email_key == bindparam("address"))
    )
)
_ALONE = Prepared(_candidates(_ITSELF))


def _standing(*, with_password: bool) -> Select[Any]:
    return (
        select(
            *_ACCOUNT,
            account.c.sign_ins_ended_at,
            password.c.hash,
            password.c.set_at,
            password.c.must_change,
            password.c.temporary_until,
            security_question.c.account_id,
            factor.c.id,
            factor.c.kind,
            factor.c.label,
            factor.c.created_at,
        )
        .join(password, password.c.account_id == account.c.id, isouter=not with_password)
        .outerjoin(security_question, security_question.c.account_id == account.c.id)
        .outerjoin(factor, and_(factor.c.account_id == account.c.id, factor.c.confirmed_at.is_not(None)))
        .where(_ITSELF)
        .order_by(factor.c.created_at, factor.c.id)
    )


_STANDING = Prepared(_standing(with_password=False))
_KEPT = Prepared(_standing(with_password=False).with_for_update(read=True, key_share=True, of=account))
_HELD = Prepared(
    _standing(with_password=True).with_for_update(key_share=True, of=(account, password))
)  # not against rows that only point to the account


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that somebody may mean: its password, and whether it signed in from this browser before.

    A password that is temporary opens nothing from ``temporary_until`` on.
    """

    account: Account
    hash: str | None = field(repr=False)
    known: bool
    temporary_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account has, as far as a login asks. ``factors`` are its confirmed ones, oldest first.

    No sign-in goes on that proved anything before ``sign_ins_ended_at``.
    """

    account: Account
    sign_ins_ended_at: dt.datetime | None
    password: StoredPassword | None
    has_question: bool
    factors: tuple[FactorSummary, ...]


def candidates(
    connection: Connection, typed: str, browser: bytes
) -> tuple[Candidate | None, tuple[Candidate, ...]]:
    """Return the account with the user name ``typed``, and those with that e-mail address (C5, SF-07).

    One statement, whoever is named and whether anybody is (EN-01).
    """
    key = user_name_key(typed)
    rows = _MEANT.within(connection, name=key, address=fold(typed) or None, by=browser)
    found = [(row[_WIDTH], _candidate(row)) for row in rows]
    named = next((each for name, each in found if name == key), None)
    address = fold(typed)
    sharing = tuple(each for _, each in found if address and fold(each.account.email) == address)
    return named, sharing


def candidate(connection: Connection, account_id: str, browser: bytes) -> Candidate | None:
    """Return the account with this id in the same way, or None."""
    rows = _ALONE.within(connection, id=account_id, by=browser)
    return _candidate(rows[0]) if rows else None


def _candidate(row: Sequence[Any]) -> Candidate:
    _, hashed, device, temporary_until = row[_WIDTH:]
    return Candidate(to_account(row[:_WIDTH]), hashed, device is not None, temporary_until)


def find_standing(connection: Connection, account_id: str) -> Standing | None:
    """Return what the account with this id has, or None if there is no such account."""
    return _to_standing(_STANDING.within(connection, id=account_id))


def keep_standing(connection: Connection, account_id: str) -> Standing | None:
    """Return the same, and keep the account as :func:`~idp.storage.accounts.keep_account` does."""
    return _to_standing(_KEPT.within(connection, id=account_id))


def hold_standing(connection: Connection, account_id: str) -> Standing | None:
    """Return the same of an account with a password, and keep both as they are until the unit of work ends.

    Whoever changes the password or deactivates the account then ends the session that this unit opens.
    """
    return _to_standing(_HELD.within(connection, id=account_id))


def _to_standing(rows: Sequence[Row]) -> Standing | None:
    if not rows:
        return None
    ended_at, hashed, set_at, must_change, temporary_until, question = rows[0][_WIDTH:_FACTOR]
    return Standing(
        to_account(rows[0][:_WIDTH]),
        ended_at,
        None if hashed is None else StoredPassword(hashed, set_at, must_change, temporary_until),
        question is not None,
        tuple(
            FactorSummary(id_, FactorKind(kind), label, since)
            for id_, kind, label, since in (row[_FACTOR:] for row in rows)
            if id_ is not None
        ),
    )
