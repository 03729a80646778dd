"""A request that waited is judged by what the units of work before it in line left, committed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.storage.clients import disable_client
from idp.usecases.answer_authorization import ToClient
from idp.usecases.authorize import ErrorPage, resume
from tests.support.oidc import an_op

if TYPE_CHECKING:
    from kernel.database import Database


def test_a_client_that_was_disabled_earlier_in_line_is_answered_no_more(gateway_database: Database) -> None:
    """On SQLite what an earlier unit of the line wrote is seen within the transaction only."""
    op = an_op(gateway_database, limits=False)
    op.client()
    store = op.services.store
    request = {"params": {name: [value] for name, value in op.ask().items()}}
    with store.write() as unit:
        assert isinstance(resume(op.services, unit, request, session=None), ToClient)
        assert disable_client(unit.connection, "emi", now=unit.now)
        assert isinstance(resume(op.services, unit, request, session=None), ErrorPage)
