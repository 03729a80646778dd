"""SCIM clients that know nothing but a static token, and how a registered client is read."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select

from idp.domain.scim_client import fingerprint
from idp.domain.scim_token import is_mistyped
from idp.storage.tables import scim_token
from idp.usecases.disable_client import disable_client
from idp.usecases.issue_scim_token import (
    ScimTokenIssued,
    ScimTokenRefused,
    fix_scim_token,
    issue_scim_token,
)
from idp.usecases.list_scim_clients import list_scim_clients
from idp.usecases.revoke_scim_token import RevocationRefused, ScimTokenRevoked, revoke_scim_token
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientRefused, store_scim_client
from kernel.audit import SYSTEM
from kernel.clock import FrozenClock
from kernel.crypto import digest
from kernel.database import Database
from kernel.tables import audit_event
from tests.support.clock import NOON
from tests.support.scim import ScimWorld, a_scim_world, a_user

LIFE = ScimTokenRefused.LIFE


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def world(gateway_database: Database, clock: FrozenClock) -> ScimWorld:
    return a_scim_world(gateway_database, clock=clock)


def stored(world: ScimWorld, identifier: str = "okta-prod", **order: object) -> None:
    store_scim_client(
        world.services,
        ScimClientOrder(identifier, identifier, **order),  # type: ignore[arg-type]
        actor=SYSTEM,
    )


def issued(world: ScimWorld, life: dt.timedelta | None = None) -> str:
    made = issue_scim_token(world.services, "okta-prod", actor=SYSTEM, life=life)
    assert isinstance(made, ScimTokenIssued)
    return made.token


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        (ScimClientOrder("", "x"), ScimClientRefused.ID),
        (ScimClientOrder("a" * 65, "x"), ScimClientRefused.ID),
        (ScimClientOrder("a\n", "x"), ScimClientRefused.ID),
        (ScimClientOrder("a", "x", profile="other"), ScimClientRefused.PROFILE),
        (ScimClientOrder("a", "x", scopes=frozenset()), ScimClientRefused.SCOPES),
        (ScimClientOrder("a", "x", scopes=frozenset({"openid"})), ScimClientRefused.SCOPES),
    ],
)
def test_what_is_no_client_is_not_stored(
    sqlite_gateway_database: Database, order: ScimClientOrder, refused: ScimClientRefused
) -> None:
    services = a_scim_world(sqlite_gateway_database).services
    assert store_scim_client(services, order, actor=SYSTEM) is refused
    assert issue_scim_token(services, order.id, actor=SYSTEM) is ScimTokenRefused.UNKNOWN_CLIENT


def test_a_static_token_is_a_client_of_its_own_and_a_source_of_its_own(world: ScimWorld) -> None:
    """O2, O7: what it makes is its own; a token that is nobody's, expired or of a disabled client answers 401."""
    stored(world)
    token = issued(world)
    made = world.post("/Users", a_user("erin"), token=token)
    assert made.status == 201
    assert world.get(f"/Users/{made['id']}", token=token).status == 200
    assert world.get(f"/Users/{made['id']}").status == 404
    for wrong in (token + "x", token[:-1], "fixed", "a.b.c", "é"):
        assert world.get("/Users", token=wrong).status == 401
    stored(world, disabled=True)
    assert world.get("/Users", token=token).status == 401
    stored(world)
    assert world.get("/Users", token=token).status == 200


def test_its_scopes_bound_a_static_token(world: ScimWorld) -> None:
    """O4: a client that may read cannot write; the challenge names the scope."""
    stored(world, scopes=frozenset({"scim.read"}))
    token = issued(world)
    assert world.get("/Users", token=token).status == 200
    refused = world.post("/Users", a_user("erin"), token=token)
    assert refused.status == 403


def test_two_tokens_live_at_once_and_a_third_is_refused(world: ScimWorld, clock: FrozenClock) -> None:
    """O2, SA-10: rotation without a gap; an operator ends the former token, or it ends by itself."""
    stored(world)
    assert issue_scim_token(world.services, "okta-prod", actor=SYSTEM, life=dt.timedelta(0)) is LIFE
    former, brief = issued(world), issued(world, dt.timedelta(hours=1))
    assert issue_scim_token(world.services, "okta-prod", actor=SYSTEM) is ScimTokenRefused.TWO_LIVE
    assert [world.get("/Users", token=each).status for each in (former, brief)] == [200, 200]
    clock.advance(dt.timedelta(hours=1))
    assert [world.get("/Users", token=each).status for each in (former, brief)] == [200, 401]
    latter = issued(world)
    assert [world.get("/Users", token=each).status for each in (former, brief, latter)] == [200, 401, 200]
    (view,) = list_scim_clients(world.services)
    names = [each.fingerprint for each in view.tokens]
    assert names == [fingerprint(digest(former)), fingerprint(digest(latter))]
    for wrong in ("", names[0][:3], "ffffffffffff"):
        refused = revoke_scim_token(world.services, "okta-prod", wrong, actor=SYSTEM)
        assert refused is RevocationRefused.NO_SUCH
    gone = revoke_scim_token(world.services, "nobody", names[0], actor=SYSTEM)
    assert gone is RevocationRefused.UNKNOWN_CLIENT
    done = revoke_scim_token(world.services, "okta-prod", names[0], actor=SYSTEM)
    assert done == ScimTokenRevoked()
    assert [world.get("/Users", token=each).status for each in (former, latter)] == [401, 200]


def test_a_token_tells_scanners_what_it_is(world: ScimWorld) -> None:
    """O2: a prefix, 256 bits and check digits; one that is mistyped costs no statement."""
    stored(world)
    token = issued(world)
    assert re.fullmatch(r"swscim_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", token)
    assert not is_mistyped(token)
    other = "A" if token[20] != "A" else "B"
    for wrong in (token[:20] + other + token[21:], token[:-1], "swscim_"):
        assert is_mistyped(wrong)
        assert world.get("/Users", token=wrong).status == 401
        refused = fix_scim_token(world.services, "okta-prod", wrong, actor=SYSTEM)
        assert refused is ScimTokenRefused.FORM


def test_every_deed_with_tokens_is_audited_and_no_row_holds_one(world: ScimWorld) -> None:
    """O11: who made, fixed or ended a token; the audit knows its fingerprint alone."""
    stored(world)
    token = issued(world)
    name = fingerprint(digest(token))
    revoke_scim_token(world.services, "okta-prod", name, actor=SYSTEM)
    fix_scim_token(world.services, "okta-prod", "fixed-token", actor=SYSTEM)
    with world.services.store.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(audit_event))]
    told = repr(rows)
    assert token not in told
    assert "fixed-token" not in told
    assert name in told
    for tag in ("scim-client:stored", "scim-token:issued", "scim-token:revoked", "scim-token:fixed"):
        assert f"gateway:{tag}" in told


def test_tokens_are_kept_as_digests_and_their_use_is_noted_once_a_minute(
    world: ScimWorld, clock: FrozenClock
) -> None:
    """O2: the table holds no token; a read costs no write each time."""
    stored(world)
    token = issued(world)

    def noted() -> dt.datetime | None:
        with world.services.store.read() as connection:
            row = connection.execute(select(scim_token)).one()
        assert row.digest == digest(token)
        assert token not in repr(tuple(row))
        return row.last_used_at  # type: ignore[no-any-return]

    assert noted() is None
    world.get("/Users", token=token)
    assert noted() == NOON
    clock.advance(dt.timedelta(seconds=59))
    world.get("/Users", token=token)
    assert noted() == NOON
    clock.advance(dt.timedelta(seconds=2))
    world.get("/Users", token=token)
    assert noted() == NOON + dt.timedelta(seconds=61)


def test_a_fixed_token_replaces_the_others_and_belongs_to_one_client(world: ScimWorld) -> None:
    """A laboratory's file states tokens of any form; stating one again changes nothing."""
    stored(world)
    stored(world, "entra-prod")
    before = issued(world)
    for _ in range(2):
        made = fix_scim_token(world.services, "okta-prod", "fixed-token", actor=SYSTEM)
        assert made == ScimTokenIssued("fixed-token", fingerprint(digest("fixed-token")))
    assert world.get("/Users", token="fixed-token").status == 200
    assert world.get("/Users", token=before).status == 401
    world.post("/Users", a_user("erin"), token="fixed-token")
    assert fix_scim_token(world.services, "entra-prod", "fixed-token", actor=SYSTEM) == made
    assert world.get("/Users", token="fixed-token")["totalResults"] == 0, "it is the other client's now"
    unknown = fix_scim_token(world.services, "nobody", "other", actor=SYSTEM)
    assert unknown is ScimTokenRefused.UNKNOWN_CLIENT


def test_the_profile_of_a_client_holds_for_its_access_tokens_too(world: ScimWorld) -> None:
    """Q, R: an OAuth client that is registered as a SCIM client is read by its profile, or not at all."""
    body = a_user("erin") | {"active": "True"}
    access = world.token("okta-prod")
    assert world.post("/Users", body, token=access).status == 400
    stored(world, profile="entra")
    assert world.post("/Users", body, token=access).status == 201
    stored(world, profile="entra", disabled=True)
    assert world.get("/Users", token=access).status == 401


def test_an_oauth_client_that_is_disabled_has_no_static_tokens_either(world: ScimWorld) -> None:
    """O2: it is one client, whichever token it shows."""
    stored(world)
    access, static = world.token("okta-prod"), issued(world)
    assert [world.get("/Users", token=each).status for each in (access, static)] == [200, 200]
    disable_client(world.services, "okta-prod", actor=SYSTEM, reason="")
    assert [world.get("/Users", token=each).status for each in (access, static)] == [401, 401]
