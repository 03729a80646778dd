"""Several deeds as one: what they write, and what they tell the audit and the courier, stands or falls together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, MetaData, Table, Text, func, select

from kernel.audit import SYSTEM, verify_chains
from kernel.joined import joined
from kernel.tables import audit_event, courier_message
from tests.support.clock import a_store

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.store import Store


_METADATA = MetaData()
_THING = Table("thing", _METADATA, Column("name", Text, primary_key=True))


@pytest.fixture(autouse=True)
def _things(gateway_database: Database) -> None:
    _METADATA.create_all(gateway_database.engine)


class _WrongError(Exception):
    """Something went wrong."""


def _deed(store: Store, name: str, *, wrong: bool = False) -> None:
    with store.write() as unit:
        unit.connection.execute(_THING.insert().values(name=name))
        unit.audit.record("kernel:deed:done", actor=SYSTEM, target=name)
        unit.courier.post_email(
            to=f"{name}@acme.example", subject="s", text="t", template="test", language="en"
        )
        if wrong:
            raise _WrongError


def _seen(database: Database) -> tuple[list[str], int]:
    with database.read() as connection:
        targets = connection.scalars(select(audit_event.c.target).order_by(audit_event.c.seq)).all()
        assert sorted(connection.scalars(select(_THING.c.name))) == sorted(targets)
        return [*targets], connection.scalar(select(func.count()).select_from(courier_message)) or 0


def test_joined_deeds_are_kept_together(gateway_database: Database) -> None:
    """K5: one commit, one chain of audit rows, and nothing is seen by others before it."""
    store = a_store(gateway_database)
    with joined(store) as together:
        _deed(together, "first")
        _deed(together, "second")
        assert _seen(gateway_database) == ([], 0)
        with together.read() as connection:
            assert sorted(connection.scalars(select(_THING.c.name))) == ["first", "second"]
    assert _seen(gateway_database) == (["first", "second"], 2)
    assert verify_chains(gateway_database).faults == []


def test_a_part_that_fails_is_undone_alone(gateway_database: Database) -> None:
    """K5: neither its rows nor its line in the audit stay, and the others go on."""
    store = a_store(gateway_database)
    with joined(store) as together:
        _deed(together, "first")
        with pytest.raises(_WrongError):
            _deed(together, "second", wrong=True)
        _deed(together, "third")
    assert _seen(gateway_database) == (["first", "third"], 2)
    assert verify_chains(gateway_database).faults == []


def test_joined_deeds_are_undone_together(gateway_database: Database) -> None:
    """K5: a body that raises leaves nothing, and the chain of the audit goes on unbroken."""
    store = a_store(gateway_database)
    with pytest.raises(_WrongError), joined(store) as together:
        _deed(together, "first")
        raise _WrongError
    assert _seen(gateway_database) == ([], 0)
    _deed(store, "after")
    assert _seen(gateway_database) == (["after"], 1)
    assert verify_chains(gateway_database).faults == []
