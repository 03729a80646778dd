"""What is issued to a client at the very moment of its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from idp.storage.access_tokens import NewAccessToken, find_bearer, insert_machine_token
from idp.usecases.delete_client import delete_client
from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from kernel.audit import SYSTEM
from kernel.crypto import digest
from tests.support.oidc import ISSUER, an_op

if TYPE_CHECKING:
    from kernel.database import Database

pytestmark = pytest.mark.race


@pytest.mark.parametrize("ending", ["disabled", "deleted"])
def test_what_was_issued_as_a_client_ended_never_comes_to_life(
    postgresql_gateway_database: Database, ending: str
) -> None:
    """RFC 7592 §2.3: neither as the client is enabled again, nor as another one gets its id.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    op = an_op(postgresql_gateway_database, limits=False)
    op.machine()
    row = NewAccessToken(
        digest("late"), None, "m2m", "m2m", "scim.read", ISSUER, op.clock.now().replace(year=2030)
    )
    ends = disable_client if ending == "disabled" else delete_client
    with op.services.store.write() as unit:
        assert insert_machine_token(unit.connection, row, client_version=1, now=unit.now)
        with ThreadPoolExecutor(1) as pool:  # the token is not to be seen yet
            assert pool.submit(ends, op.services, "m2m", actor=SYSTEM).result(30)
    if ending == "disabled":
        assert enable_client(op.services, "m2m", actor=SYSTEM)
    else:
        op.machine()
    store = op.services.store
    assert find_bearer(store.database, digest("late"), now=store.clock.now()) is None
