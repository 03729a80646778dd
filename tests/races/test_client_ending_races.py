"""What is issued to a client at the very moment of its end."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from idp.storage.access_tokens import NewAccessToken, find_bearer, insert_machine_token, of_nobody
from idp.storage.exchanged_tokens import insert_exchanged_token
from idp.storage.grants import NewGrant, grant_state, insert_grant
from idp.usecases.delete_client import delete_client
from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.show_client import show_client
from kernel.audit import SYSTEM
from kernel.crypto import digest
from kernel.engines import TellingAsCore
from tests.support.oidc import ISSUER, an_op
from tests.support.together import done_or_waiting, together

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.store import Unit
    from tests.support.oidc import Op

pytestmark = pytest.mark.race


def test_a_client_is_disabled_while_something_is_issued_to_it(postgresql_gateway_database: Database) -> None:
    """Taking a client out of service waits for nobody, however many are about to be served."""
    op = an_op(postgresql_gateway_database, limits=False)
    op.machine()
    with op.services.store.write() as unit:
        stored_at_once(unit, a_late_token(op))
        with ThreadPoolExecutor(1) as pool:  # the token is not to be seen yet
            assert pool.submit(disable_client, op.services, "m2m", actor=SYSTEM).result(30)
    assert not is_alive(op, "late")
    assert enable_client(op.services, "m2m", actor=SYSTEM)
    assert not is_alive(op, "late")


@pytest.mark.parametrize("ending", ["disabled", "deleted"])
def test_a_token_whose_unit_outlasts_its_client_never_comes_to_life(
    postgresql_gateway_database: Database, ending: str
) -> None:
    """RFC 7592 §2.3: neither as the client is enabled again meanwhile, nor as another one gets its id.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    op = an_op(postgresql_gateway_database, limits=False)
    op.machine()
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            stored_at_once(unit, a_late_token(op))
            again = pool.submit(ended_and_begun_again, op, "m2m", ending)
            done_or_waiting(postgresql_gateway_database, again)
        assert again.result(60)
    assert not is_alive(op, "late")


def test_a_client_that_ends_before_its_token_is_stored_gets_none(
    postgresql_gateway_database: Database,
) -> None:
    """RFC 7592 §2.3: the token goes out with the end of its unit, and the client is looked at there."""
    op = an_op(postgresql_gateway_database, limits=False)
    op.machine()
    with pytest.raises(IntegrityError) as failed, op.services.store.write() as unit:
        insert_machine_token(unit.transaction, a_late_token(op), client_version=1, now=unit.now)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(ended_and_begun_again, op, "m2m", "disabled").result(60)
    assert of_nobody(failed.value)
    assert not is_alive(op, "late")


def test_a_client_that_is_disabled_gone_or_another_gets_no_token_of_its_own(
    gateway_database: Database,
) -> None:
    """Whatever a unit of work read of the client before, the statement that stores the token looks again."""
    op = an_op(gateway_database, limits=False)
    op.machine()
    op.machine("ended")
    assert disable_client(op.services, "ended", actor=SYSTEM)
    for client_id, version in (("m2m", 2), ("nobody", 1), ("ended", 1), ("ended", 2)):
        token = dataclasses.replace(a_late_token(op), client_id=client_id)
        with pytest.raises(IntegrityError) as failed, op.services.store.write() as unit:
            insert_machine_token(unit.transaction, token, client_version=version, now=unit.now)
        assert of_nobody(failed.value)
    assert not is_alive(op, "late")


def test_a_client_with_the_id_of_one_that_was_deleted_gets_no_token_of_the_former(
    gateway_database: Database,
) -> None:
    """RFC 7592 §2.3, RA-07: a request that knew the former finds another version, whenever it comes to store."""
    op = an_op(gateway_database, limits=False)
    op.machine()
    for known in range(1, 4):
        assert ended_and_begun_again(op, "m2m", "deleted")
        with pytest.raises(IntegrityError) as failed, op.services.store.write() as unit:
            insert_machine_token(unit.transaction, a_late_token(op), client_version=known, now=unit.now)
        assert of_nobody(failed.value)
    detail = show_client(op.services, "m2m")
    assert detail is not None
    assert detail.registration.client.version == 4
    assert not is_alive(op, "late")


def stored_at_once(unit: Unit, token: NewAccessToken) -> None:
    """Store a client's own token while its unit is still open, where PostgreSQL would get it with the end."""
    insert_machine_token(unit.transaction, token, client_version=1, now=unit.now)
    with TellingAsCore(unit.connection, "") as raw:
        raw.note(unit.transaction.last)
        raw.catch_up()
    unit.transaction.last.clear()


@pytest.mark.parametrize("ending", ["disabled", "deleted"])
def test_a_sign_in_whose_unit_outlasts_its_client_gives_nothing(
    postgresql_gateway_database: Database, ending: str
) -> None:
    """The grant of a code that is under way ends with the client, or the code comes to life with the next."""
    op = an_op(postgresql_gateway_database, limits=False)
    op.client("m2m")
    account = op.account()
    end = op.clock.now().replace(year=2030)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            new = NewGrant(unit.randomness.ulid(unit.now), "m2m", account, None, "openid", end)
            assert insert_grant(unit.connection, new, now=unit.now)
            again = pool.submit(ended_and_begun_again, op, "m2m", ending)
            done_or_waiting(postgresql_gateway_database, again)
        assert again.result(60)
    with op.services.store.read() as connection:
        state = grant_state(connection, new.id, now=op.clock.now())
    assert state is not None
    assert state.revoked


def test_a_client_that_is_disabled_or_gone_is_given_no_grant(gateway_database: Database) -> None:
    """Whatever a unit of work read of the client before, the statement that stores the grant looks again."""
    op = an_op(gateway_database, limits=False)
    op.client("m2m")
    account = op.account()
    assert disable_client(op.services, "m2m", actor=SYSTEM)
    with op.services.store.write() as unit:
        end = unit.now.replace(year=2030)
        for client_id in ("m2m", "nobody"):
            new = NewGrant(unit.randomness.ulid(unit.now), client_id, account, None, "openid", end)
            assert not insert_grant(unit.connection, new, now=unit.now)


def a_late_token(op: Op) -> NewAccessToken:
    end = op.clock.now().replace(year=2030)
    return NewAccessToken(digest("late"), None, "m2m", "m2m", "scim.read", ISSUER, end)


def ended_and_begun_again(op: Op, client_id: str, ending: str) -> bool:
    """End the client, and have it, or another one of its id, in service at once."""
    if ending == "disabled":
        ended = disable_client(op.services, client_id, actor=SYSTEM)
        return enable_client(op.services, client_id, actor=SYSTEM) and ended
    ended = delete_client(op.services, client_id, actor=SYSTEM)
    op.machine(client_id)
    return ended


EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
FRONT, BACK = "https://front.example", "https://back.example"
PARTIES = ["front", "emi"]
"""Who gets a token in exchange, and whose token it was."""


def an_exchange(database: Database) -> tuple[Op, str]:
    """Return a provider with both parties, and a person's token that can be exchanged."""
    op = an_op(database, limits=False)
    grants = ["client_credentials", EXCHANGE]
    op.machine("front", grant_types=grants, scope="email", serves=[FRONT], resources=[BACK])
    op.client(resources=[FRONT])
    cookie = op.session(op.account())
    return op, op.tokens(cookie, resource=FRONT, scope="openid email")["access_token"]


def is_alive(op: Op, token: str) -> bool:
    store = op.services.store
    return find_bearer(store.database, digest(token), now=store.clock.now()) is not None


@pytest.mark.parametrize("party", PARTIES)
def test_a_token_that_is_being_exchanged_as_a_client_ends_stays_dead(
    postgresql_gateway_database: Database, party: str
) -> None:
    """RFC 8693: whoever disables one of the two waits for it, however soon the client is enabled again."""
    op, token = an_exchange(postgresql_gateway_database)

    def disabled_and_enabled() -> bool:
        ended = disable_client(op.services, party, actor=SYSTEM)
        return enable_client(op.services, party, actor=SYSTEM) and ended

    subject = find_bearer(postgresql_gateway_database, digest(token), now=op.clock.now())
    assert subject is not None
    row = NewAccessToken(
        digest("late"), subject.grant_id, "front", subject.subject, "email", BACK, subject.expires_at
    )
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert insert_exchanged_token(
                unit.connection, row, source=digest(token), client_version=1, now=unit.now
            )
            ending = pool.submit(disabled_and_enabled)
            done_or_waiting(postgresql_gateway_database, ending)
        assert ending.result(60)
    assert not is_alive(op, "late")


@pytest.mark.parametrize("party", PARTIES)
def test_of_many_exchanges_as_a_client_ends_none_leaves_a_live_token(
    gateway_database: Database, party: str
) -> None:
    """RFC 8693: each comes before the end, and dies by it, or after it, and gets nothing."""
    op, token = an_exchange(gateway_database)
    fields = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}

    def deed(number: int) -> str:
        if number == 5:
            assert disable_client(op.services, party, actor=SYSTEM)
            return ""
        answer = op.post("/oauth2/token", fields, headers=op.basic("front"))
        assert answer.status in {200, 400, 401, 503}, answer.body
        return str(answer.json().get("access_token", ""))

    assert op.post("/oauth2/token", fields, headers=op.basic("front")).status == 200
    issued = [each for each in together(16, deed) if each]
    assert enable_client(op.services, party, actor=SYSTEM)
    assert [each for each in (token, *issued) if is_alive(op, each)] == ([token] if party == "front" else [])
