"""The life of a client in the operator's hands: changed, disabled and enabled, its secrets rotated, deleted."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from idp.domain.client_record import ClientState
from idp.storage.sessions import find_live
from idp.usecases.change_client import ClientChanged, ClientOutdated, NoSuchClient, change_client
from idp.usecases.delete_client import delete_client
from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.register_client import ClientOrder, RegistrationRefused
from idp.usecases.register_scim_client import register_scim_client
from idp.usecases.retire_client_secret import retire_client_secret
from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret
from idp.usecases.secret_renewal import StillRotating
from idp.usecases.secrets_to_show import WAITS, keep_for_its_page
from idp.usecases.show_client import search_clients, show_client
from idp.usecases.show_client_secret import SecretOf, secret_waits, take_secret_up
from idp.usecases.store_scim_client import ScimClientOrder
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import Actor, verify_chains
from kernel.crypto import digest
from tests.support.oidc import ISSUER, Op
from tests.support.together import together

if TYPE_CHECKING:
    from idp.domain.session import LiveSession

STAFF = Actor("operator", "robin")
ASKED = {"grant_type": "client_credentials", "scope": "scim.read", "resource": f"{ISSUER}/scim/v2"}


def _signed_in(op: Op) -> tuple[str, dict[str, Any]]:
    """Give a session of Nora's, and what the client ``emi`` got from it."""
    cookie = op.session(op.account())
    return cookie, op.tokens(cookie, scope="openid profile offline_access", prompt="consent")


def _live(op: Op, cookie: str) -> LiveSession:
    now = op.clock.now()
    found = find_live(op.services.store.database, digest(cookie), now=now, idle=dt.timedelta(hours=1))
    assert found is not None
    return found


def _order(op: Op, client_id: str = "emi", **changes: object) -> tuple[ClientOrder, int]:
    """Return the order that leaves a client as it is, but for ``changes`` of its metadata, and its version."""
    detail = show_client(op.services, client_id)
    assert detail is not None
    client = detail.registration.client
    metadata = {**detail.registration.metadata, **changes}
    return ClientOrder(client.id, client.name, metadata, profile=client.profile), client.version


def test_a_disabled_client_loses_all_it_holds_and_gets_none_of_it_back(op_on_both: Op) -> None:
    """Grants and tokens end in the deed's own transaction; enabling works, and people sign in anew."""
    op = op_on_both
    op.client()
    op.machine()
    cookie, held = _signed_in(op)
    machine = op.post("/oauth2/token", ASKED, headers=op.basic("m2m")).json()["access_token"]
    detail = show_client(op.services, "emi")
    assert detail is not None
    assert (detail.holdings.grants, detail.holdings.last_used_at) == (1, op.clock.now())
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    code = op.code(cookie)
    for client in ("emi", "m2m"):
        assert disable_client(op.services, client, actor=STAFF, reason="leaked")
        assert not disable_client(op.services, client, actor=STAFF), "it is disabled once"
    assert op.userinfo(held["access_token"]).status == 401
    assert op.refresh(held["refresh_token"]).status == 401
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m")).status == 401
    for client in ("emi", "m2m"):
        assert enable_client(op.services, client, actor=STAFF)
        assert not enable_client(op.services, client, actor=STAFF)
    assert op.userinfo(held["access_token"]).status == 401, "what it had stays dead"
    assert op.refresh(held["refresh_token"]).json()["error"] == "invalid_grant"
    assert op.redeem(code).json()["error"] == "invalid_grant"
    assert op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=pushed).status == 400
    assert not op.introspect(machine, op.basic("m2m"))["active"]
    assert op.userinfo(op.tokens(cookie)["access_token"]).status == 200
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m")).status == 200
    (disabled, _machine) = op.audit("gateway:client:disabled")
    assert (disabled.actor_id, disabled.target, disabled.reason) == ("robin", "emi", "leaked")
    assert [row.target for row in op.audit("gateway:client:enabled")] == ["emi", "m2m"]


def test_a_deleted_client_leaves_nothing_that_works_and_its_id_inherits_nothing(op_on_both: Op) -> None:
    """RFC 7592 §2.3: secrets, grants, tokens and consents go with it, and the audit stays."""
    op = op_on_both
    op.client()
    _cookie, held = _signed_in(op)
    assert delete_client(op.services, "emi", actor=STAFF, reason="no longer used")
    assert not delete_client(op.services, "emi", actor=STAFF)
    assert show_client(op.services, "emi") is None
    assert op.userinfo(held["access_token"]).status == 401
    op.client(secret="another secret of 32 characters!!")
    assert op.refresh(held["refresh_token"]).status == 401, "the former secret is gone"
    other = op.basic("emi", "another secret of 32 characters!!")
    assert op.refresh(held["refresh_token"], headers=other).json()["error"] == "invalid_grant"
    assert op.userinfo(held["access_token"]).status == 401
    (row,) = op.audit("gateway:client:deleted")
    assert (row.target, row.reason, row.details["grants"]) == ("emi", "no longer used", 1)


def test_of_two_who_change_a_client_at_once_the_later_is_told(op_on_both: Op) -> None:
    """Nothing of the earlier change is lost, and a change of nothing is none."""
    op = op_on_both
    op.client()
    order, version = _order(op, contacts=["first@acme.example"])
    assert change_client(op.services, *(_order(op)[0],), version=version, actor=STAFF).changed == ()  # type: ignore[union-attr]
    outcomes = together(
        2,
        lambda number: change_client(
            op.services,
            replace(order, metadata={**order.metadata, "contacts": [f"{number}@acme.example"]}),
            version=version,
            actor=STAFF,
        ),
    )
    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == [ClientChanged.__name__, ClientOutdated.__name__]
    (row,) = op.audit("gateway:client:changed")
    assert row.details == {"changed": ["contacts"]}
    assert change_client(op.services, order, version=version, actor=STAFF) == ClientOutdated(version + 1)
    gone = ClientOrder("nobody", "Nobody", order.metadata)
    assert change_client(op.services, gone, version=1, actor=STAFF) == NoSuchClient()


def test_of_the_same_change_ordered_at_one_moment_one_is_made_and_none_is_outdated(op_on_both: Op) -> None:
    """Of two clicks neither blames a colleague: whoever comes second finds what she ordered."""
    op = op_on_both
    op.client()
    order, version = _order(op, contacts=["ops@acme.example"])
    outcomes = together(4, lambda _n: change_client(op.services, order, version=version, actor=STAFF))
    assert {type(each) for each in outcomes} == {ClientChanged}
    told = [(each.changed, each.client.version) for each in outcomes if isinstance(each, ClientChanged)]
    assert sorted(told) == [((), version + 1)] * 3 + [(("contacts",), version + 1)]


def test_a_change_is_judged_like_a_registration_and_leaves_a_disabled_client_disabled(op: Op) -> None:
    """Every field that is wrong is named; the state of the client is another deed."""
    op.client()
    order, version = _order(op, redirect_uris=["https://emi.example/cb#part"], scope="a  b")
    refused = change_client(op.services, order, version=version, actor=STAFF)
    assert isinstance(refused, RegistrationRefused)
    assert {fault.name for fault in refused.faults} == {"redirect_uris", "scope"}
    disable_client(op.services, "emi", actor=STAFF)
    order, version = _order(op, scope="openid")
    done = change_client(op.services, order, version=version, actor=STAFF)
    assert isinstance(done, ClientChanged)
    assert (done.changed, done.client.disabled, done.secret) == (("scope",), True, "")


def test_a_client_that_proves_itself_in_another_way_loses_its_secrets(op: Op) -> None:
    """No secret waits for the day on which the method is changed back: then a new one is made."""
    op.client()
    order, version = _order(op, token_endpoint_auth_method="none")
    assert isinstance(change_client(op.services, order, version=version, actor=STAFF), ClientChanged)
    order, version = _order(op, token_endpoint_auth_method="client_secret_post")
    done = change_client(op.services, order, version=version, actor=STAFF)
    assert isinstance(done, ClientChanged)
    assert len(done.secret) >= 43
    assert done.secret not in repr(done)
    detail = show_client(op.services, "emi")
    assert detail is not None
    assert len(detail.secrets) == 1


def test_no_more_than_two_secrets_work_at_a_time(op_on_both: Op) -> None:
    """CA-11: a second rotation waits for the end of the first, is told of it, or replaces both at once."""
    op = op_on_both
    op.machine()
    first = rotate_client_secret(op.services, "m2m", actor=STAFF)
    assert isinstance(first, SecretRotated)
    until = op.clock.now() + dt.timedelta(days=1)
    assert rotate_client_secret(op.services, "m2m", actor=STAFF) == StillRotating(until)
    detail = show_client(op.services, "m2m")
    assert detail is not None
    assert [age.expires_at for age in detail.secrets] == [None, until]
    assert retire_client_secret(op.services, "m2m", actor=STAFF)
    assert not retire_client_secret(op.services, "m2m", actor=STAFF)
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m")).status == 401
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m", first.secret)).status == 200
    rotate_client_secret(op.services, "m2m", actor=STAFF)
    last = rotate_client_secret(op.services, "m2m", actor=STAFF, overlap=dt.timedelta(0))
    assert isinstance(last, SecretRotated)
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m", first.secret)).status == 401
    assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m", last.secret)).status == 200
    assert len(op.audit("gateway:client:credential-retired")) == 1


def _acting(session: LiveSession) -> Actor:
    return Actor("account", session.account.id, session.id)


def _kept(op: Op, session: LiveSession, owner: str, secret: str, of: SecretOf = SecretOf.CLIENT) -> None:
    """Keep a secret as each deed does that makes one."""
    with op.services.store.write() as unit:
        keep_for_its_page(unit, _acting(session), owner, secret, of)


def _taken(op: Op, session: LiveSession, owner: str = "emi", of: SecretOf = SecretOf.CLIENT) -> str:
    return take_secret_up(op.services, session, owner_id=owner, of=of)


def test_a_new_secret_waits_sealed_for_one_session_and_is_shown_once(op_on_both: Op) -> None:
    """CA-09: no other session finds it, the second look finds nothing, and after minutes nobody does."""
    op = op_on_both
    op.client()
    account = op.account()
    mine, other = (_live(op, op.session(account)) for _ in range(2))
    _kept(op, mine, "emi", "x" * 43)
    assert _taken(op, other) == ""
    assert _taken(op, mine, "m2m") == ""
    found = together(4, lambda _number: _taken(op, mine))
    assert sorted(found) == ["", "", "", "x" * 43]
    _kept(op, mine, "emi", "y" * 43)
    op.clock.advance(WAITS)
    assert _taken(op, mine) == ""


def test_whoever_finds_a_secret_made_finds_it_waiting(op_on_both: Op) -> None:
    """CA-09: of clicks at one moment, too; each of them leads to the page that shows what the first made."""
    op = op_on_both
    op.client()
    mine = _live(op, op.session(op.account()))

    def click(_number: int) -> tuple[type, bool]:
        done = rotate_client_secret(op.services, "emi", actor=_acting(mine))
        return type(done), secret_waits(op.services, mine, owner_id="emi", of=SecretOf.CLIENT)

    found = together(4, click)
    assert sorted(each.__name__ for each, _ in found) == ["SecretRotated", *["StillRotating"] * 3]
    assert all(waits for _, waits in found)


def test_where_the_session_ended_meanwhile_a_secret_is_dropped_and_what_was_done_stands(
    op_on_both: Op,
) -> None:
    """CA-09, CA-11: nobody else comes to see it; who acts in no browser has it from the deed alone."""
    op = op_on_both
    op.machine()
    over = replace(_live(op, op.session(op.account())), id="01ARZ3NDEKTSV4RRFFQ69G5FAV")
    for actor in (_acting(over), STAFF):
        done = rotate_client_secret(op.services, "m2m", actor=actor, overlap=dt.timedelta())
        assert isinstance(done, SecretRotated)
        assert op.post("/oauth2/token", ASKED, headers=op.basic("m2m", done.secret)).status == 200
        assert _taken(op, over, "m2m") == ""


def test_a_token_of_a_scim_client_waits_apart_from_the_secret_of_its_namesake(op_on_both: Op) -> None:
    """CA-09, O2: each page shows its own; what nobody came to see is swept."""
    op = op_on_both
    op.client()
    register_scim_client(op.services, ScimClientOrder("emi", "Energy Market"), actor=STAFF)
    mine = _live(op, op.session(op.account()))
    _kept(op, mine, "emi", "x" * 43)
    _kept(op, mine, "emi", "y" * 43, SecretOf.SCIM_CLIENT)
    assert _taken(op, mine) == "x" * 43
    assert _taken(op, mine, of=SecretOf.SCIM_CLIENT) == "y" * 43
    _kept(op, mine, "emi", "z" * 43, SecretOf.SCIM_CLIENT)
    op.clock.advance(WAITS)
    assert sweep_tokens(op.services) == 1


def test_that_a_secret_waits_is_told_to_the_session_that_asked_until_it_is_shown(op_on_both: Op) -> None:
    """CA-09, G-69: no other session hears of it, nor of what waits for another owner; to ask takes nothing."""
    op = op_on_both
    op.client()
    register_scim_client(op.services, ScimClientOrder("emi", "Energy Market"), actor=STAFF)
    account = op.account()
    mine, other = (_live(op, op.session(account)) for _ in range(2))

    def told(session: LiveSession, owner: str, of: SecretOf) -> bool:
        return secret_waits(op.services, session, owner_id=owner, of=of)

    for of, owner in zip(SecretOf, ("emi", "emi", account), strict=True):
        _kept(op, mine, owner, "x" * 43, of)
        asked = [(mine, owner), (mine, owner), (other, owner), (mine, "m2m")]
        assert [told(*each, of) for each in asked] == [True, True, False, False], of
    assert _taken(op, mine) == "x" * 43
    assert [told(mine, "emi", of) for of in SecretOf][:2] == [False, True]
    _kept(op, mine, "emi", "x" * 43)
    op.clock.advance(WAITS)
    assert not told(mine, "emi", SecretOf.CLIENT)
    assert sweep_tokens(op.services) == len(SecretOf), "of every kind"


def test_the_list_of_clients_is_searched_and_paged_by_id(op_on_both: Op) -> None:
    """A word is found in id and name, in any case; wildcards are characters like others."""
    op = op_on_both
    for number in range(27):
        op.client(f"app-{number:02}")
    op.machine("meter_reader")
    op.machine("meterXreader")
    disable_client(op.services, "app-03", actor=STAFF)
    first = search_clients(op.services, words="APP The")
    assert [each.client.id for each in first.found] == [f"app-{number:02}" for number in range(25)]
    assert (first.before, first.after) == ("", "app-24")
    second = search_clients(op.services, words="APP", after=first.after)
    assert [each.client.id for each in second.found] == ["app-25", "app-26"]
    assert (second.before, second.after) == ("app-25", "")
    back = search_clients(op.services, words="APP", before=second.before)
    assert [each.client.id for each in back.found] == [each.client.id for each in first.found]
    assert (back.before, back.after) == ("", "app-24")
    assert [each.client.id for each in search_clients(op.services, words="r_r").found] == ["meter_reader"]
    disabled = search_clients(op.services, state=ClientState.DISABLED)
    assert [each.client.id for each in disabled.found] == ["app-03"]
    assert "app-03" not in {
        each.client.id for each in search_clients(op.services, state=ClientState.ENABLED).found
    }


def test_an_operator_sees_who_made_a_client_and_what_was_done_to_it(op: Op) -> None:
    """Told by the audit; nothing on the way of a token is noted for it."""
    op.machine()
    rotate_client_secret(op.services, "m2m", actor=Actor("account", op.account("clarkr")))
    disable_client(op.services, "m2m", actor=STAFF, reason="a drill")
    detail = show_client(op.services, "m2m")
    assert detail is not None
    assert detail.made_by is not None
    assert detail.made_by.who == "switchyard"
    newest = detail.deeds[0]
    assert (newest.tag, newest.who, newest.reason) == ("gateway:client:disabled", "robin", "a drill")
    assert {deed.who for deed in detail.deeds} == {"robin", "Nora Field", "switchyard"}
    assert detail.holdings.last_used_at is None


def test_a_reason_stands_in_one_line_of_the_audit(op: Op) -> None:
    """LI-03, CVE-2021-42574: whoever reads the audit, or its letters and lists, is not led astray by it."""
    op.client()
    assert disable_client(op.services, "emi", actor=STAFF, reason="leaked\n2026-11-22 enabled \u202eyb")
    (row,) = op.audit("gateway:client:disabled")
    assert row.reason == "leaked 2026-11-22 enabled yb"
    assert not verify_chains(op.services.store.database).faults
