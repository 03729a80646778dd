"""From where a SCIM client may ask (SA-11)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.domain.networks import is_within
from idp.storage.tables import scim_token
from idp.usecases.authenticate_receiver import ReceiverRefused, receiver
from idp.usecases.issue_scim_token import ScimTokenIssued, issue_scim_token
from idp.usecases.store_scim_client import (
    ScimClientOrder,
    ScimClientRefused,
    ScimClientStored,
    store_scim_client,
)
from kernel.audit import SYSTEM
from kernel.origin import Origin, origin
from kernel.tables import audit_event
from kernel.web.lane import Lane
from kernel.web.proxies import peer_address
from scim.web.routes import scim_routes
from tests.support.scim import ERROR_SCHEMA, ScimWorld

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT = "registration-worker"
NETWORKS = ("192.0.2.0/24", "2001:db8::/32", "203.0.113.7")
SPOOFS = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
    "X-Original-Forwarded-For",
)


def behind(world: ScimWorld, *, proxies: int) -> ScimWorld:
    """Return the world as a server with so many trusted proxies; ``X-Peer`` stands for the connection."""

    def peer(environ: Mapping[str, Any]) -> str:
        return peer_address({**environ, "REMOTE_ADDR": environ.get("HTTP_X_PEER", "")}, proxies)

    lane = Lane(
        world.flask_app.wsgi_app,
        scim_routes(world.services),
        randomness=world.services.store.randomness,
        peer=peer,
        host_is_ours=lambda _host: True,
    )
    return dataclasses.replace(world, lane=lane)


def allow(world: ScimWorld, *networks: str) -> None:
    order = ScimClientOrder(CLIENT, "", allowed_addresses=networks)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()


@pytest.mark.parametrize(
    "wrong", ["everywhere", "192.0.2.1/24", "192.0.2.0/33", "", "192.0.2.0/24 10.0.0.0/8"]
)
def test_what_is_no_network_is_not_stored(sqlite_world: ScimWorld, wrong: str) -> None:
    """SA-11: a slip in a network is told at once, for it would let in too many or nobody."""
    order = ScimClientOrder(CLIENT, "", allowed_addresses=(wrong,))
    assert store_scim_client(sqlite_world.services, order, actor=SYSTEM) is ScimClientRefused.ADDRESSES


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.200", True),
        ("::ffff:192.0.2.200", True),
        ("203.0.113.7", True),
        ("2001:db8:1::5", True),
        ("192.0.3.1", False),
        ("203.0.113.8", False),
        ("2001:db9::1", False),
        ("::1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_an_address_is_within_a_network_or_not(address: str, allowed: bool) -> None:  # noqa: FBT001
    """SA-11: both families, and an IPv4 address in IPv6's clothes; what is no address is nowhere."""
    assert is_within(address, NETWORKS) is allowed


def test_a_client_asks_from_its_networks_alone(world: ScimWorld) -> None:
    """SA-11, N5, O11: 403 in SCIM's words before anything is read; recorded, and told to the audit once."""
    allow(world, *NETWORKS)
    asked = behind(world, proxies=0)
    issued = issue_scim_token(world.services, CLIENT, actor=SYSTEM)
    assert isinstance(issued, ScimTokenIssued)
    for token in (world.token(CLIENT), issued.token):
        for method, path, raw in (("GET", "/Users", None), ("POST", "/Users", b"{"), ("POST", "/Bulk", b"[")):
            refused = asked.request(method, path, raw=raw, token=token, headers={"X-Peer": "198.51.100.1"})
            assert (refused.status, refused["schemas"], refused["status"]) == (403, [ERROR_SCHEMA], "403")
            assert "network" in refused.detail
    for header in SPOOFS:
        lie = "for=192.0.2.5" if header == "Forwarded" else "192.0.2.5"
        spoofed = asked.get("/Users", headers={"X-Peer": "198.51.100.1", header: lie})
        assert spoofed.status == 403, header
    with world.services.store.read() as connection:
        assert connection.execute(select(scim_token.c.last_used_at)).scalars().all() == [None]
        told = select(audit_event.c.reason).where(audit_event.c.tag == "gateway:scim-client:refused")
        assert connection.execute(told).scalars().all() == ["address"]
    for token in (world.token(CLIENT), issued.token):
        assert asked.get("/Users", token=token, headers={"X-Peer": "192.0.2.9"}).status == 200
    allow(world)
    assert asked.get("/Users", headers={"X-Peer": "198.51.100.1"}).status == 200


def test_only_the_trusted_proxy_says_where_a_client_is(sqlite_world: ScimWorld) -> None:
    """SA-11, OR-04: of forwarded addresses the one that our own proxy wrote counts."""
    allow(sqlite_world, *NETWORKS)
    asked = behind(sqlite_world, proxies=1)
    for forwarded, status in (
        ("192.0.2.5", 200),
        ("198.51.100.1", 403),
        ("192.0.2.5, 198.51.100.1", 403),
        ("198.51.100.1, 192.0.2.5", 200),
        ("192.0.2.5, nonsense", 403),
    ):
        answer = asked.get("/Users", headers={"X-Peer": "10.0.0.1", "X-Forwarded-For": forwarded})
        assert answer.status == status, forwarded


def test_no_event_is_heard_from_elsewhere(sqlite_world: ScimWorld) -> None:
    """SA-11: the same token opens no stream of events from a network that is not the client's."""
    allow(sqlite_world, *NETWORKS)
    token = sqlite_world.token(CLIENT)
    with origin(Origin("198.51.100.1")):
        assert isinstance(receiver(sqlite_world.services, token), ReceiverRefused)
    with origin(Origin("192.0.2.1")):
        assert not isinstance(receiver(sqlite_world.services, token), ReceiverRefused)
