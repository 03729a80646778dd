"""The account comes before all that hangs on it: who signs in and who deletes it never wait for one another.

On SQLite nobody writes beside somebody else, so this is about PostgreSQL.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from idp.domain.provisioning import Missing
from idp.storage.accounts import find_account
from idp.storage.consents import ConsentRequest, add_consent_request
from idp.storage.departures import hold_member, remove_account
from idp.storage.grants import NewGrant, insert_grant
from idp.storage.refresh_tokens import NewRefreshToken, insert_refresh_token, spend_refresh_token
from idp.usecases.activate_account import activate_account
from idp.usecases.decide_consent import decide_consent
from idp.usecases.deprovision_account import Deprovisioned, deprovision_account
from idp.usecases.endings import end_sessions
from idp.usecases.enrol_totp import begin_totp_enrolment, confirm_totp_enrolment
from idp.usecases.flow_outcomes import FlowLost, LinkDead, PasskeyRefused
from idp.usecases.present_passkey import present_passkey
from idp.usecases.sessions import find_session
from kernel.audit import SYSTEM
from kernel.crypto import digest
from tests.support.gatehouse import PASSWORD, Gatehouse, a_gatehouse
from tests.support.oidc import an_op
from tests.support.passkeys import a_passkey, asked
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from idp.usecases.services import IdpServices
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.oidc import Op

pytestmark = pytest.mark.race
HOME, ELSEWHERE = "browser-home", "browser-elsewhere"


@pytest.fixture
def gate(postgresql_gateway_database: Database, clock: FrozenClock) -> Gatehouse:
    """Give the sign-in of a Gateway."""
    return a_gatehouse(postgresql_gateway_database, clock)


def deleted_meanwhile(services: IdpServices, account_id: str, deed: Callable[[], object]) -> object:
    """Do ``deed`` while somebody who holds the account deletes it; return what the deed got in the end.

    Neither is undone for the other's sake.
    """
    database = services.store.database
    with ThreadPoolExecutor(1) as pool:
        with services.store.write() as unit:
            found = find_account(unit.connection, account_id)
            assert found is not None
            assert hold_member(unit.connection, account_id, source=found.source)[0] == found
            late = pool.submit(deed)
            done_or_waiting(database, late)
            end_sessions(unit, services, account_id=account_id, reason="deleted", actor=SYSTEM)
            remove_account(unit.connection, account_id)
        return late.result(60)


@pytest.mark.parametrize("browser", [HOME, ELSEWHERE])
def test_a_code_of_an_app(gate: Gatehouse, browser: str) -> None:
    """MF-03, I2: its last step is raised before the session is opened, or goes on in the browser that has one."""
    holder = gate.a_holder()
    flow = gate.start(browser)
    gate.give_password(flow, browser, holder.user_name)
    code = gate.code(holder.seed)
    got = deleted_meanwhile(gate.services, holder.id, lambda: gate.give_code(flow, browser, code))
    assert got == FlowLost()


@pytest.mark.parametrize("alone", [False, True])
def test_an_answer_of_a_passkey(gate: Gatehouse, *, alone: bool) -> None:
    """WebAuthn §6.1.1, I2: its counter is raised before the session is opened, of whomever it proves."""
    key = a_passkey(gate)
    flow = gate.start()
    if not alone:
        gate.give_password(flow, ELSEWHERE, "fieldn")
    answer = key.get(asked(gate, flow))
    [made] = gate.audit("gateway:account:activated")
    got = deleted_meanwhile(
        gate.services,
        made.target,
        lambda: present_passkey(gate.services, flow=flow, browser=ELSEWHERE, credential=answer),
    )
    assert got == (PasskeyRefused() if alone else FlowLost())


def test_an_app_that_is_being_enrolled(gate: Gatehouse) -> None:
    """MF-22, I2: it is confirmed, and the one before it purged, after the account was taken."""
    account = gate.provision()
    flow = gate.start_activation(account)
    gate.answer_question(flow, HOME)
    begin_totp_enrolment(gate.services, flow=flow, browser=HOME)
    code = gate.code(gate.pending_seed(flow, HOME))
    got = deleted_meanwhile(
        gate.services,
        account.id,
        lambda: confirm_totp_enrolment(gate.services, flow=flow, browser=HOME, code=code),
    )
    assert got == FlowLost()


def test_a_link_that_activates(gate: Gatehouse) -> None:
    """RC-05, I2: the link is spent after the account was taken, as whoever changes its address takes them."""
    account = gate.provision()
    token = gate.link_token(account.email)
    got = deleted_meanwhile(
        gate.services,
        account.id,
        lambda: activate_account(
            gate.services, token=token, browser=HOME, password=PASSWORD, repeat=PASSWORD
        ),
    )
    assert got == LinkDead()


def test_an_answer_to_what_an_application_asks(postgresql_gateway_database: Database) -> None:
    """The question is answered after the account was taken, for which the consent is kept."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    session = find_session(op.services, op.session(account_id))
    assert session is not None
    token = "q" * 43
    with op.services.store.write() as unit:
        scope, later = ("openid",), unit.now.replace(year=2030)
        question = ConsentRequest(digest(token), session.id, account_id, "emi", scope, {}, later)
        add_consent_request(unit.connection, question)
    got = deleted_meanwhile(
        op.services,
        account_id,
        lambda: decide_consent(op.services, token=token, session=session, allowed=True),
    )
    assert got is False


def a_family(op: Op, account_id: str) -> str:
    """Store a grant with its first refresh token, and return its id."""
    with op.services.store.write() as unit:
        family, later = unit.randomness.ulid(unit.now), unit.now.replace(year=2030)
        new = NewGrant(family, "emi", account_id, None, "openid", later)
        assert insert_grant(unit.connection, new, now=unit.now)
        first = NewRefreshToken(b"first", family, "emi", {}, later)
        insert_refresh_token(unit.transaction, first, now=unit.now)
    return family


def test_a_deletion_by_whom_the_account_is_not_waits_for_no_token(
    postgresql_gateway_database: Database,
) -> None:
    """O8: what another source may not delete it does not take either, not even for a moment."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    a_family(op, account_id)
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        assert spend_refresh_token(unit.connection, b"first", "emi", now=unit.now)
        deletion = pool.submit(
            deprovision_account, op.services, actor=SYSTEM, source="another", account_id=account_id
        )
        done_or_waiting(postgresql_gateway_database, deletion)
        assert deletion.done()
        assert deletion.result() == Missing()


def test_a_second_deletion_of_an_account_that_is_in_a_group(postgresql_gateway_database: Database) -> None:
    """I1: the group and the account come before its refresh tokens; one deletes it, and the other finds it gone."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    op.member(account_id)
    a_family(op, account_id)
    got = deleted_meanwhile(
        op.services,
        account_id,
        lambda: deprovision_account(op.services, actor=SYSTEM, source="test", account_id=account_id),
    )
    assert got == Missing()


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_token_that_is_being_refreshed(postgresql_gateway_database: Database, *, signed_in: bool) -> None:
    """RT-07: its heir takes the grant; the deletion waits for the token before it takes the grant along."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    if signed_in:
        op.session(account_id)
    family = a_family(op, account_id)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert spend_refresh_token(unit.connection, b"first", "emi", now=unit.now)
            deletion = pool.submit(
                deprovision_account, op.services, actor=SYSTEM, source="test", account_id=account_id
            )
            done_or_waiting(postgresql_gateway_database, deletion)
            later = unit.now.replace(year=2030)
            heir = NewRefreshToken(b"heir", family, "emi", {}, later, b"first")
            insert_refresh_token(unit.transaction, heir, now=unit.now)
        assert deletion.result(60) == Deprovisioned()
    with op.services.store.write() as unit:
        assert spend_refresh_token(unit.connection, b"heir", "emi", now=unit.now) is None
