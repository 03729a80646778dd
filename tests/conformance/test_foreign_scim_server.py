"""Registration's worker against a SCIM server that is not ours: scim2-server, over real HTTP."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from kernel.clock import FrozenClock
from registration.domain.person import NewPerson
from registration.domain.plan import RequestMade
from registration.domain.provisioning import DesiredUser
from registration.outbound.http import Outbound
from registration.outbound.scim_client import ScimDirectory
from tests.support.clock import NOON
from tests.support.registration_world import EMI_SUBMIT, REPORTS, a_form, a_world
from tests.support.wsgi_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database

TOKEN = "a-token-of-the-foreign-server"


class GivenToken:
    """A credential that the foreign server's operator handed over."""

    def current(self) -> str:
        return TOKEN

    def forget(self, token: str) -> None:
        raise AssertionError(token)


@pytest.fixture
def foreign() -> Iterator[str]:
    """The address of a SCIM server that knows the core schemas and none of ours."""
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    application = BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[TOKEN])
    with serving(application) as address:
        yield f"{address}/v2"


def resources(foreign: str, kind: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{foreign}/{kind}", headers={"Authorization": f"Bearer {TOKEN}"})
    found: list[dict[str, Any]] = answer.json().get("Resources", [])
    return found


def test_the_worker_provisions_a_server_that_knows_the_standard_alone(
    sqlite_registration_database: Database, foreign: str
) -> None:
    """Users, groups, memberships, changes, deactivation: the same worker, told nothing of whom it speaks to."""
    world = a_world(sqlite_registration_database)
    outbound = Outbound([foreign], timeout=dt.timedelta(seconds=10))
    directory = ScimDirectory(outbound, GivenToken(), world.clock, base_url=foreign)
    world.services = dataclasses.replace(world.services, directory=directory)
    made = world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT, REPORTS)
    assert isinstance(made, RequestMade)
    world.settle()
    assert world.backlog() == {"done"}
    user = one(resources(foreign, "Users"), "externalId", f"acct:{made.account_id}")
    assert user["active"] is True
    assert user["emails"][0]["value"] == "jim.smith@acme.example"
    groups = {each["externalId"]: each for each in resources(foreign, "Groups")}
    for role in (EMI_SUBMIT, REPORTS):
        assert [each["value"] for each in groups[f"grp:100001:{role}"]["members"]] == [user["id"]]
    gone = world.revoke("ra", made.person_id)
    assert isinstance(gone, RequestMade), gone
    world.settle()
    assert world.backlog() == {"done"}
    user = one(resources(foreign, "Users"), "externalId", f"acct:{made.account_id}")
    groups = {each["externalId"]: each for each in resources(foreign, "Groups")}
    for role in (EMI_SUBMIT, REPORTS):
        assert groups[f"grp:100001:{role}"].get("members", []) == []
    outbound.close()


def one(found: list[dict[str, Any]], name: str, value: str) -> dict[str, Any]:
    (only,) = [each for each in found if each.get(name) == value]
    return only


USER = DesiredUser(
    account_id="01KT1GW6G0VENYR7PRJ4V9TFBB",
    user_name="smithj",
    kind="personal",
    active=True,
    version=1,
    person_no=100_001,
    given_name="Jim",
    family_name="Smith",
    middle_name="",
    display_name="Jim Smith",
    email="jim.smith@acme.example",
    phone_uri="tel:+1-416-555-0142",
    language="en",
    organizations=((100_001, "ACME"),),
    activation_days=90,
    tenant="ieso",
)


def test_differences_are_sent_under_the_tag_they_were_computed_from(foreign: str) -> None:
    """PatchOp.build_from and ETags: only what differs goes out, If-Match names what it was compared with."""
    clock = FrozenClock(NOON)
    sent: list[httpx.Request] = []
    with httpx.Client() as through:

        def relay(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            answer = through.send(through.build_request(**asked(request)))
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

        outbound = Outbound([foreign], timeout=dt.timedelta(seconds=10), transport=httpx.MockTransport(relay))
        directory = ScimDirectory(outbound, GivenToken(), clock, base_url=foreign)
        made = directory.create_user(USER)
        assert made.status == 201
        assert [each.method for each in sent] == ["POST", "GET", "POST"], "the server said what it has"
        sent.clear()
        left = dataclasses.replace(USER, active=False, version=2)
        assert directory.change_user(made.remote_id, left).status == 204
        look, change = sent
        assert (look.method, change.method) == ("GET", "PATCH")
        assert change.headers["if-match"]
        operations = json.loads(change.content)["Operations"]
        assert [(each["op"], each["path"], each["value"]) for each in operations] == [
            ("replace", "active", False)
        ]
        assert one(resources(foreign, "Users"), "userName", "smithj")["active"] is False
        sent.clear()
        assert directory.change_user(made.remote_id, left).status == 200
        assert [each.method for each in sent] == ["GET"], "nothing differs, nothing is sent"
        outbound.close()


def asked(request: httpx.Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "content": request.content,
    }
