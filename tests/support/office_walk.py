"""The pages of the operator's staff, walked through in the world of :mod:`tests.support.page_walk`."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from tests.support.gateway import PASSWORD
from tests.support.page_walk import CROW, press
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from tests.support.page_walk import World

CLIENTS, REQUESTS = "/operator/clients", "/operator/provisioning"


def provisioning(world: World) -> None:
    """What Customer Relations see of requests: every kind, done and refused, and searches that find or do not."""
    robin = world.robin
    robin.open("/")
    for query in ("", "?q=nobody", "?from=x", "?from=2026-06-02&to=2026-06-01"):
        robin.open(f"{REQUESTS}{query}")
    one = world.send("POST", "/Users", a_user("moreau"))
    world.send("POST", "/Users", a_user("moreau", externalId="0oa1f2"), client_id="okta")
    group = world.send("POST", "/Groups", a_group(members=[{"value": one}]))
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    for operation in (
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "active", "value": "maybe"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": 'emails[value eq "x"].value', "value": "x"},
    ):
        world.send("PATCH", f"/Users/{one}", patch | {"Operations": [operation]})
    world.send("PATCH", f"/Groups/{group}", patch | {"Operations": [{"op": "remove", "path": "members"}]})
    world.send("PUT", f"/Users/{one}", {"schemas": []})
    for path in (
        f"/Users/{one}",
        "/Users",
        '/Users?filter=userName%20eq%20"x',
        "/Groups",
        "/Schemas",
        "/Nothing",
    ):
        world.send("GET", path)
    world.send("POST", "/Bulk", {"schemas": []})
    world.send("DELETE", f"/Users/{one}")
    world.send("DELETE", f"/Users/{one}", client_id="okta")
    world.scim.services.requests.flush(world.scim.services.store.database)
    for query in ("?q=moreau", "?show=everything"):
        robin.open(f"{REQUESTS}{query}")
    for path in dict.fromkeys(re.findall(rf"{REQUESTS}/[0-9A-Z]{{26}}", robin.text)):
        robin.open(path)


def clients(world: World) -> None:
    """What Customer Relations see of clients: the form of every kind, each deed before and after, each refusal."""
    robin, list_of = world.robin, f"{CLIENTS}/meter"
    robin.open(f"{CLIENTS}/nowhere")
    for query in ("", "?q=nothing", "?show=disabled"):
        robin.open(f"{CLIENTS}{query}")
    prove(world, "/operator/new-client")
    robin.send(kind="")
    for kind in ("browser", "native", "machine", "web"):
        robin.open(f"/operator/new-client?kind={kind}")
    robin.send(
        client_id="x y",
        redirect_uris="http://emi.example/*#x",
        scope="a  b",
        jwks="{",
        further='{"scope": 1}',
    )
    robin.send(jwks="", further="[]")
    robin.send(further='{"default_max_age": "x"}', launch_url="x")
    robin.send(
        client_id="meter", client_name="Meter", redirect_uris=CROW, scope="openid", further="", launch_url=""
    )
    assert "client-secret" in robin.text
    for deed in ("", "/secret", "/change", "/disable", "/delete", "/retire-secret", "/enable"):
        robin.open(f"{list_of}{deed}")
    robin.open(f"{list_of}/change")
    press(robin, list_of)
    for overlap in ("week", "day"):
        robin.open(f"{list_of}/new-secret")
        robin.send(overlap=overlap)
    for deed in ("retire-secret", "disable", "enable"):
        robin.open(f"{list_of}/{deed}")
        press(robin, list_of)
    robin.open(f"{list_of}/change")
    older = robin.page
    robin.send(description="Meter")
    robin.page = older
    press(robin, list_of)
    world.clock.advance(dt.timedelta(minutes=11))
    press(robin, list_of)
    prove(world, "/operator/proof")
    robin.open(f"{list_of}/delete")
    robin.send(client_id="x")
    robin.send(client_id="meter")
    assert robin.path == CLIENTS


def prove(world: World, path: str) -> None:
    """Open a page that asks who one is, and prove it."""
    world.clock.advance(dt.timedelta(minutes=11))
    world.robin.open(path)
    world.robin.send(password=PASSWORD)
    world.robin.give_code(world.app)
