"""Passwords, their history, and security questions: hashes only (G-48, G-51)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, select, update

from idp.domain.temporary_password import may_be_given
from idp.storage.tables import account, password, password_history, question_offer, security_question
from kernel.database import insert
from kernel.prepared import Prepared

_FIND_PASSWORD = Prepared(
    select(password.c.hash, password.c.set_at, password.c.must_change, password.c.temporary_until).where(
        password.c.account_id == bindparam("account")
    )
)
_SPEND_TEMPORARY = Prepared(
    update(password)
    .where(
        password.c.account_id == bindparam("account"),
        password.c.hash == bindparam("hashed"),
        password.c.temporary_until > bindparam("now", type_=password.c.temporary_until.type),
    )
    .values(temporary_until=bindparam("now", type_=password.c.temporary_until.type))
    .returning(password.c.account_id)
)


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """The password of an account, as its hash. One that is temporary opens nothing from then on."""

    hash: str = field(repr=False)
    set_at: dt.datetime
    must_change: bool
    temporary_until: dt.datetime | None = None

    def opens(self, now: dt.datetime) -> bool:
        """Tell whether it may be given at all."""
        return may_be_given(self.temporary_until, now=now)


def find_password(connection: Connection, account_id: str) -> StoredPassword | None:
    """Return the account's password, or None if it has none."""
    rows = _FIND_PASSWORD.within(connection, account=account_id)
    return StoredPassword(*rows[0]) if rows else None


def recent_hashes(connection: Connection, account_id: str, count: int) -> tuple[str, ...]:
    """Return the hashes of the last ``count`` passwords, the present one among them."""
    return tuple(
        connection.scalars(
            select(password_history.c.hash)
            .where(password_history.c.account_id == account_id)
            .order_by(password_history.c.set_at.desc())
            .limit(count)
        )
    )


def set_password(
    connection: Connection, account_id: str, new_hash: str, *, now: dt.datetime, history: int
) -> None:
    """Store the account's password and note it in the history, of which ``history`` entries are kept."""
    _put(connection, account_id, new_hash, now=now, temporary_until=None)
    _remember(connection, account_id, new_hash, now=now, history=history)


def replace_password(
    connection: Connection,
    account_id: str,
    new_hash: str,
    *,
    instead_of: str,
    now: dt.datetime,
    history: int,
) -> bool:
    """Replace exactly the password ``instead_of``; False if it was replaced meanwhile."""
    done = connection.execute(
        update(password)
        .where(password.c.account_id == account_id, password.c.hash == instead_of)
        .values(hash=new_hash, set_at=now, must_change=False, temporary_until=None)
    )
    if done.rowcount != 1:
        return False
    _remember(connection, account_id, new_hash, now=now, history=history)
    return True


def set_temporary_password(
    connection: Connection, account_id: str, new_hash: str, *, until: dt.datetime, now: dt.datetime
) -> None:
    """Store a temporary password in the place of the account's; no history keeps what nobody chose."""
    _put(connection, account_id, new_hash, now=now, temporary_until=until)


def _put(
    connection: Connection,
    account_id: str,
    new_hash: str,
    *,
    now: dt.datetime,
    temporary_until: dt.datetime | None,
) -> None:
    """Store the account's password, whatever stood there; a temporary one has to be changed."""
    new = {
        "hash": new_hash,
        "set_at": now,
        "must_change": temporary_until is not None,
        "temporary_until": temporary_until,
    }
    connection.execute(
        insert(connection, password)
        .values(account_id=account_id, **new)
        .on_conflict_do_update(index_elements=[password.c.account_id], set_=new)
    )


def spend_temporary_password(
    connection: Connection, account_id: str, hashed: str, *, now: dt.datetime
) -> bool:
    """Use a temporary password up; False if it was, or its time is over: one guarded UPDATE decides."""
    return bool(_SPEND_TEMPORARY.within(connection, account=account_id, hashed=hashed, now=now))


def refresh_hash(connection: Connection, account_id: str, new_hash: str, *, instead_of: str) -> None:
    """Store the same password under new costs, unless it was changed meanwhile."""
    connection.execute(
        update(password)
        .where(password.c.account_id == account_id, password.c.hash == instead_of)
        .values(hash=new_hash)
    )


def _remember(
    connection: Connection, account_id: str, new_hash: str, *, now: dt.datetime, history: int
) -> None:
    if not history:
        return
    entry = insert(connection, password_history).values(account_id=account_id, set_at=now, hash=new_hash)
    connection.execute(
        entry.on_conflict_do_update(
            index_elements=[password_history.c.account_id, password_history.c.set_at],
            set_={"hash": new_hash},
        )
    )
    kept = (
        select(password_history.c.set_at)
        .where(password_history.c.account_id == account_id)
        .order_by(password_history.c.set_at.desc())
        .limit(history)
        .scalar_subquery()
    )
    connection.execute(
        delete(password_history).where(
            password_history.c.account_id == account_id, password_history.c.set_at.not_in(kept)
        )
    )


def mark_activated(connection: Connection, account_id: str, *, now: dt.datetime) -> bool:
    """Note that the account was activated; False if it was before, or is not active (RC-20)."""
    done = connection.execute(
        update(account)
        .where(account.c.id == account_id, account.c.active, account.c.activated_at.is_(None))
        .values(activated_at=now)
    )
    return done.rowcount == 1


def set_question(
    connection: Connection, account_id: str, question: str, answer_hash: str, *, now: dt.datetime
) -> None:
    """Store the account's question and the hash of its answer, in the place of earlier ones."""
    new = {"question": question, "answer_hash": answer_hash, "set_at": now}
    connection.execute(
        insert(connection, security_question)
        .values(account_id=account_id, **new)
        .on_conflict_do_update(index_elements=[security_question.c.account_id], set_=new)
    )


def offered_questions(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Return the short list that was drawn for the account, empty if none was."""
    found = connection.scalar(
        select(question_offer.c.questions).where(question_offer.c.account_id == account_id)
    )
    return tuple(found or ())


def offer_questions(connection: Connection, account_id: str, drawn: Sequence[str]) -> None:
    """Keep the short list drawn for the account, so that reloading the page does not draw another (G-34)."""
    connection.execute(
        insert(connection, question_offer)
        .values(account_id=account_id, questions=list(drawn))
        .on_conflict_do_nothing(index_elements=[question_offer.c.account_id])
    )
