"""The pages of the operator's staff, walked through in the world of :mod:`tests.support.page_walk`."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from idp.usecases.protect_account import protect_account
from idp.usecases.show_account import show_account
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.models import GROUP_SCHEMA
from tests.support.gateway import PASSWORD
from tests.support.page_walk import CROW, press
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from tests.support.page_walk import World

DESK = "/operator/accounts"
CLIENTS, REQUESTS = "/operator/clients", "/operator/provisioning"
SCIM_CLIENTS, SCIM_CLIENT = "/operator/scim-clients", "/operator/scim-client"


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
    order = ScimClientOrder("okta", "Okta", leave_out_unknown_members=True)
    assert isinstance(store_scim_client(world.scim.services, order, actor=SYSTEM), ScimClientStored)
    nobody = {"schemas": [GROUP_SCHEMA], "displayName": "Moreau", "members": [{"value": "nobody"}]}
    of_nobody = world.send("POST", "/Groups", nobody, client_id="okta")
    world.send("PUT", f"/Groups/{of_nobody}", nobody, client_id="okta")
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
    robin.open(f"{list_of}/change")
    session = robin.client.get_cookie("gateway_session")
    assert session is not None
    robin.client.delete_cookie("gateway_session")
    press(robin, list_of)
    robin.client.set_cookie("gateway_session", session.value)
    robin.open(f"{list_of}/delete")
    robin.send(client_id="x")
    robin.send(client_id="meter")
    assert robin.path == CLIENTS


def scim_clients(world: World) -> None:
    """What Customer Relations see of SCIM clients: the form, each deed before and after, each refusal."""
    robin = world.robin
    for path in (SCIM_CLIENTS, f"{SCIM_CLIENTS}?q=nothing", f"{SCIM_CLIENT}?id=nobody"):
        robin.open(path)
    prove(world, "/operator/new-scim-client")
    robin.send(client_id="", client_name="x" * 101, requests_per_second="x", allowed_addresses="anywhere")
    robin.send(requests_per_second="24", scopes=[], profile="")  # type: ignore[arg-type]
    crowd = "\n".join(f"192.0.2.{number}" for number in range(101))
    robin.send(requests_per_second="", allowed_addresses=crowd, client_name="", scopes="scim.write")
    robin.send(client_id="dir", allowed_addresses="192.0.2.0/24", profile="rfc")
    robin.open("/operator/new-scim-client")
    robin.send(client_id="dir")
    for wrong in ({"ends": ""}, {"ends": "day", "day": "x"}, {"ends": "day", "day": "2001-01-01"}):
        _make_token(world, **wrong)
    _make_token(world, label="x" * 61)
    robin.open(f"{SCIM_CLIENT}/new-token?id=dir")
    known_to_none = robin.page
    _make_token(world, ends="never", label="Annuaire")
    robin.page = known_to_none
    robin.send(ends="year")
    _make_token(world, ends="quarter")
    robin.page = known_to_none
    robin.send(ends="year")
    robin.open(f"{SCIM_CLIENT}/new-token?id=dir")
    one, other = dict.fromkeys(re.findall(r"token=(\w+)", robin.text))
    robin.open(f"{SCIM_CLIENT}/revoke-token?id=dir&token={one}")
    question = robin.page
    for name in (one, other):
        robin.open(f"{SCIM_CLIENT}/revoke-token?id=dir&token={name}")
        press(robin, SCIM_CLIENT)
    robin.page = question
    press(robin, SCIM_CLIENT)
    for deed in ("disable", "enable"):
        robin.open(f"{SCIM_CLIENT}/{deed}?id=dir")
        press(robin, SCIM_CLIENT)
    for profile in ("entra", "okta"):
        robin.open(f"{SCIM_CLIENT}/change?id=dir")
        outdated = robin.page
        robin.send(profile=profile, require_match="yes", leave_out_unknown_members="yes")
        _make_token(world)
    for page in (outdated, robin.open(f"{SCIM_CLIENT}/change?id=dir")):
        robin.page = page
        press(robin, SCIM_CLIENT)
    robin.open(f"{SCIM_CLIENT}/events?id=dir")
    robin.send(provisioning="none")
    robin.send(provisioning="notice", endpoint_url="x")
    robin.send(endpoint_url="", authorization="x")
    robin.send(authorization="", description="x" * 257, algorithm="none")
    robin.send(description="Annuaire", algorithm="")
    for deed in ("pause", "resume", "remove"):
        robin.open(f"{SCIM_CLIENT}/{deed}-events?id=dir")
        press(robin, SCIM_CLIENT)
    for path in (f"{SCIM_CLIENT}/token?id=dir", SCIM_CLIENTS):
        robin.open(path)


def _make_token(world: World, **chosen: str) -> None:
    """Fill in the form of a new token of the SCIM client of this walk."""
    world.robin.open(f"{SCIM_CLIENT}/new-token?id=dir")
    world.robin.send(**({"ends": "year"} | chosen))


def help_desk(world: World) -> None:
    """What the help desk sees: whoever is found or not, how accounts stand, each deed, each refusal."""
    robin, gateway = world.robin, world.gateway
    sure = {"checks": ["called-back", "person-id", "organization"], "ticket": "INC-4711"}
    new = gateway.provision("moreau2", given_name="Zoe", email="zoe@acme.example")
    one = gateway.provision(
        "lees", given_name="Sam", email="sam@acme.example", phone="tel:+1-416-555-0123;ext=7"
    )
    sam = world.visitor()
    secret = sam.activate("sam@acme.example")
    for query in ("", "?q=zz", "?q=sam", "?q=moreau2"):
        robin.open(f"{DESK}{query}")
    prove(world, f"{DESK}/{one}/lock")
    for account_id in (new, one):
        for deed in ("", "/lock", "/temporary-password", "/sign-out", "/invitation", "/password", "/deny"):
            robin.open(f"{DESK}/{account_id}{deed}")
    press(robin, DESK)
    robin.send(doubt="impostor", ticket="INC-1")
    stated: tuple[tuple[str, dict[str, str]], ...] = (
        ("temporary-password", {}),
        ("sign-out", {"ground": "holder"}),
        ("lock", {"ground": "staff", "reason": "suspicion"}),
        ("temporary-password", {}),
        ("unlock", {}),
    )
    world.sign_in(secret, "lees")
    robin.open(f"{DESK}/{one}/sign-out")
    press(robin, DESK)
    robin.send(**sure, ground="holder")  # type: ignore[arg-type]
    for deed, more in stated:
        robin.open(f"{DESK}/{one}/{deed}")
        asked = robin.page
        if deed not in robin.path:  # there is nothing to do
            continue
        press(robin, DESK)
        robin.send(**sure, **more)  # type: ignore[arg-type]
        robin.open(f"{DESK}/{one}/password")
        robin.open(f"{DESK}/{one}")
        robin.page = asked
        robin.send(**sure, **more)  # type: ignore[arg-type]
    robin.open(f"{DESK}/{new}/invitation")
    robin.send(**sure)  # type: ignore[arg-type]
    protect_account(gateway.services, "lees", actor=SYSTEM)
    own = show_account(gateway.services, "clarkr")
    assert own is not None
    for account_id in (one, own.account.id):
        robin.open(f"{DESK}/{account_id}")


def prove(world: World, path: str) -> None:
    """Open a page that asks who one is, and prove it."""
    world.clock.advance(dt.timedelta(minutes=11))
    world.robin.open(path)
    world.robin.send(password=PASSWORD)
    world.robin.give_code(world.app)
