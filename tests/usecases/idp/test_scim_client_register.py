"""The register of SCIM clients: one is added, changed by one operator at a time, switched off and on, looked at."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.client_record import ClientState
from idp.usecases.change_scim_client import (
    NoSuchScimClient,
    ScimClientChanged,
    ScimClientOutdated,
    change_scim_client,
)
from idp.usecases.issue_scim_token import ScimTokenIssued, ScimTokenRefused, issue_scim_token
from idp.usecases.register_scim_client import (
    ScimClientRegistered,
    ScimClientTaken,
    ScimOrderRefused,
    register_scim_client,
)
from idp.usecases.show_scim_client import ScimClientDetail, search_scim_clients, show_scim_client
from idp.usecases.store_event_stream import StreamOrder, StreamRefused, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientRefused
from idp.usecases.switch_scim_client import switch_scim_client
from kernel.audit import SYSTEM, Actor
from kernel.clock import FrozenClock
from kernel.tables import audit_event
from tests.support.clock import NOON
from tests.support.scim import ScimWorld, a_scim_world, a_user
from tests.support.together import together

if TYPE_CHECKING:
    from kernel.database import Database

ROBIN = Actor("account", "robin")
OKTA = ScimClientOrder("okta", "Okta of Acme", profile="okta", allowed_addresses=("192.0.2.0/24",))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def world(gateway_database: Database, clock: FrozenClock) -> ScimWorld:
    """Give the service, with one SCIM client that may ask from one network alone."""
    found = a_scim_world(gateway_database, clock=clock)
    assert register_scim_client(found.services, OKTA, actor=ROBIN) == ScimClientRegistered()
    return found


def detail(world: ScimWorld, client_id: str = "okta") -> ScimClientDetail:
    found = show_scim_client(world.services, client_id)
    assert found is not None
    return found


def version(world: ScimWorld) -> int:
    return detail(world).line.registration.version


def order(**values: object) -> ScimClientOrder:
    """Return an order for the client of these tests that asks from anywhere."""
    return ScimClientOrder("okta", **{"name": "Okta", "profile": "okta", **values})  # type: ignore[arg-type]


def test_an_order_is_told_all_that_is_wrong_and_nothing_is_stored(world: ScimWorld) -> None:
    """WCAG 3.3.1, O4, O6, SA-11: every fault at once, so that a form is mended at once."""
    wrong = ScimClientOrder(
        " a",
        "x" * 101,
        profile="other",
        scopes=frozenset({"openid"}),
        requests_per_second=24,
        allowed_addresses=("192.0.2.1/24",),
    )
    refused = register_scim_client(world.services, wrong, actor=ROBIN)
    assert refused == ScimOrderRefused(tuple(ScimClientRefused))
    named = change_scim_client(world.services, order(name="a\nb"), version=1, actor=ROBIN)
    assert named == ScimOrderRefused((ScimClientRefused.NAME,))
    assert [each.registration.client.id for each in search_scim_clients(world.services).found] == ["okta"]
    assert version(world) == 1


def test_an_id_that_is_taken_leaves_its_client_as_it_is(world: ScimWorld) -> None:
    """O7: who registers a client never takes another's over."""
    before = detail(world)
    taken = ScimClientOrder("okta", "Mine", profile="strict")
    assert register_scim_client(world.services, taken, actor=SYSTEM) == ScimClientTaken()
    assert detail(world) == before


def test_of_two_who_change_a_client_at_once_the_later_is_told(world: ScimWorld) -> None:
    """A change names the version that it was made from; of many one wins."""
    nowhere = ScimClientOrder("nobody", "x")
    assert change_scim_client(world.services, nowhere, version=1, actor=ROBIN) == NoSuchScimClient()
    outcomes = together(
        4, lambda n: change_scim_client(world.services, order(name=f"Okta {n}"), version=1, actor=ROBIN)
    )
    assert (
        sorted(type(each).__name__ for each in outcomes) == ["ScimClientChanged"] + ["ScimClientOutdated"] * 3
    )
    assert ScimClientChanged(("name", "allowed_addresses"), 2) in outcomes
    assert ScimClientOutdated(2) in outcomes
    name = detail(world).line.registration.client.name
    same = change_scim_client(world.services, order(name=name), version=2, actor=ROBIN)
    assert (same, version(world)) == (ScimClientChanged((), 2), 2)


def test_of_the_same_change_ordered_at_one_moment_one_is_made_and_none_is_outdated(world: ScimWorld) -> None:
    """Of two clicks neither blames a colleague: whoever comes second finds what she ordered."""
    wanted = order(name="Okta 2")
    outcomes = together(4, lambda _n: change_scim_client(world.services, wanted, version=1, actor=ROBIN))
    found = [each.changed for each in outcomes if isinstance(each, ScimClientChanged) and each.version == 2]
    assert sorted(found) == [(), (), (), ("name", "allowed_addresses")]


def test_a_change_opens_no_client_that_is_disabled_and_ends_no_token(world: ScimWorld) -> None:
    """O2: disabling is a deed of its own; tokens stay, and are good again once it is enabled."""
    change_scim_client(world.services, order(), version=1, actor=ROBIN)
    made = issue_scim_token(world.services, "okta", actor=ROBIN, label="Acme's tenant")
    assert isinstance(made, ScimTokenIssued)
    assert world.get("/Users", token=made.token).status == 200
    assert switch_scim_client(world.services, "okta", enabled=False, actor=ROBIN, reason="leaked")
    assert not switch_scim_client(world.services, "okta", enabled=False, actor=ROBIN), "it is so already"
    assert not switch_scim_client(world.services, "nobody", enabled=False, actor=ROBIN)
    assert world.get("/Users", token=made.token).status == 401
    stale = change_scim_client(world.services, order(profile="rfc"), version=2, actor=ROBIN)
    assert stale == ScimClientOutdated(3), "switching is a change that others have to see"
    change_scim_client(world.services, order(profile="rfc"), version=3, actor=ROBIN)
    found = detail(world).line
    assert (found.registration.client.disabled, found.registration.client.profile) == (True, "rfc")
    assert world.get("/Users", token=made.token).status == 401
    assert switch_scim_client(world.services, "okta", enabled=True, actor=ROBIN)
    assert world.get("/Users", token=made.token).status == 200
    assert [each.label for each in detail(world).line.tokens] == ["Acme's tenant"]
    with world.services.store.read() as connection:
        rows = connection.execute(
            select(audit_event.c.tag, audit_event.c.actor_id, audit_event.c.reason, audit_event.c.details)
            .where(audit_event.c.target == "okta")
            .order_by(audit_event.c.at, audit_event.c.seq)
        ).all()
    assert [row.tag.removeprefix("gateway:scim-") for row in rows] == [
        "client:registered",
        "client:changed",
        "token:issued",
        "client:disabled",
        "client:changed",
        "client:enabled",
    ]
    assert {row.actor_id for row in rows} == {"robin"}
    assert (rows[3].reason, rows[4].details["changed"], rows[4].details["disabled"]) == (
        "leaked",
        ["profile"],
        True,
    )
    deeds = detail(world).deeds
    assert [each.tag for each in deeds] == [row.tag for row in reversed(rows)]
    assert deeds[3].details["fingerprint"] == made.fingerprint


def test_a_token_has_an_end_that_is_still_to_come_and_a_label_that_can_be_read(
    world: ScimWorld, clock: FrozenClock
) -> None:
    """O2: a moment that is past, one that no calendar has any use for, and a label of two lines make none."""
    for life in (clock.now(), clock.now() - dt.timedelta(days=1), dt.timedelta(days=36_501)):
        refused = issue_scim_token(world.services, "okta", actor=ROBIN, life=life)
        assert refused is ScimTokenRefused.LIFE
    for label in ("x" * 61, "a\nb"):
        assert issue_scim_token(world.services, "okta", actor=ROBIN, label=label) is ScimTokenRefused.LABEL
    assert detail(world).line.tokens == ()
    end = clock.now() + dt.timedelta(seconds=1)
    assert isinstance(issue_scim_token(world.services, "okta", actor=ROBIN, life=end), ScimTokenIssued)
    assert detail(world).line.next_expiry == end
    clock.advance(dt.timedelta(seconds=1))
    assert detail(world).line.next_expiry is None


def test_who_asks_for_a_token_several_times_at_once_gets_one(world: ScimWorld) -> None:
    """O2: the token is made beside those that the asker knew; a second click makes none that nobody saw."""
    outcomes = together(4, lambda _n: issue_scim_token(world.services, "okta", actor=ROBIN, beside=()))
    (made,) = (each for each in outcomes if isinstance(each, ScimTokenIssued))
    assert outcomes.count(ScimTokenRefused.MEANWHILE) == 3
    (stored,) = detail(world).line.tokens
    assert (stored.fingerprint, detail(world).holding(made.token)) == (made.fingerprint, stored)
    known = (made.fingerprint,)
    assert isinstance(issue_scim_token(world.services, "okta", actor=ROBIN, beside=known), ScimTokenIssued)
    third = issue_scim_token(world.services, "okta", actor=ROBIN, beside=known)
    assert third is ScimTokenRefused.TWO_LIVE


def test_of_two_who_give_a_client_its_events_at_once_the_later_is_told(world: ScimWorld) -> None:
    """P2: an order names the stream that it was made from; the header of another address is never kept."""
    services = world.services
    ordered = StreamOrder("okta", endpoint_url="https://a.example/", authorization="Bearer x")
    assert (
        store_event_stream(services, replace(ordered, client_id="nobody"), actor=ROBIN)
        is StreamRefused.CLIENT
    )
    outcomes = together(4, lambda _n: store_event_stream(services, ordered, actor=ROBIN, known=""))
    assert outcomes.count(StreamRefused.MEANWHILE) == 3
    made = detail(world).stream
    assert made is not None
    assert made.authorization is not None
    for address, stays in (("https://a.example/", True), ("https://a.example/b", False), ("", False)):
        store_event_stream(services, ordered, actor=ROBIN)
        store_event_stream(services, replace(ordered, endpoint_url=address, authorization=None), actor=ROBIN)
        kept = detail(world).stream
        assert kept is not None
        assert (kept.id, kept.authorization is not None) == (made.id, stays)


def test_the_list_says_when_each_client_was_heard_from_and_whose_token_ends_next(
    world: ScimWorld, clock: FrozenClock
) -> None:
    """By id, narrowed by words and state; another client's tokens and requests do not count."""
    for number in range(26):
        client = ScimClientOrder(f"s{number:02}", f"Source {number}")
        register_scim_client(world.services, client, actor=SYSTEM)
    switch_scim_client(world.services, "s07", enabled=False, actor=SYSTEM)
    life = dt.timedelta(days=90)
    made = issue_scim_token(world.services, "s03", actor=SYSTEM, life=life)
    assert isinstance(made, ScimTokenIssued)
    issue_scim_token(world.services, "s03", actor=SYSTEM, life=2 * life)
    clock.advance(dt.timedelta(hours=1))
    world.get("/Users", token=made.token)
    clock.advance(dt.timedelta(hours=1))
    assert world.post("/Users", a_user("erin"), token=world.token("s04")).status == 201
    world.services.requests.flush(world.services.store.database)
    first = search_scim_clients(world.services, words="S")
    assert len(first.found) == 25
    second = search_scim_clients(world.services, words="s", after=first.after)
    assert [each.registration.client.id for each in second.found] == ["s25"]
    assert search_scim_clients(world.services, words="s", before=second.before).found == first.found
    by_id = {each.registration.client.id: each for each in first.found}
    assert (by_id["s03"].last_used_at, by_id["s03"].next_expiry) == (
        NOON + dt.timedelta(hours=1),
        NOON + life,
    )
    assert (by_id["s04"].last_used_at, by_id["s04"].next_expiry) == (NOON + dt.timedelta(hours=2), None)
    assert by_id["s05"].last_used_at is None
    disabled = search_scim_clients(world.services, state=ClientState.DISABLED).found
    assert [each.registration.client.id for each in disabled] == ["s07"]
    assert show_scim_client(world.services, "S03") is None
