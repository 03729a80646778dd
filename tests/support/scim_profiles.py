"""What the tests of client profiles share: who speaks, rows of requests, and replays of conversations."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA
from scim.domain.profile import Profile
from tests.support.scim import Answer, a_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.support.scim import ScimWorld

SAMPLES = Path(__file__).parents[1] / "samples" / "scim"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


@dataclass
class Speaker:
    """A client of one profile, with the ids of what it made by name."""

    world: ScimWorld
    client_id: str
    ids: dict[str, str] = field(default_factory=dict)

    def say(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send one request; ``{name}`` in it stands for the id of what was made under that name."""
        query = {name: self._named(text) for name, text in (options.pop("query", None) or {}).items()}
        return self.world.request(
            method,
            self._named(path),
            None if body is None else json.loads(self._named(json.dumps(body))),
            client_id=self.client_id,
            query=query,
            **options,
        )

    def make(self, name: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Make a resource that is spoken of as ``name``."""
        answer = self.say("POST", path, body)
        assert answer.status == 201, answer.body
        self.ids[name] = answer["id"]
        return answer

    def named(self, value: Any) -> Any:
        """Return JSON with the ids in the places of the names."""
        return json.loads(self._named(json.dumps(value)))

    def _named(self, text: str) -> str:
        for name, made in self.ids.items():
            text = text.replace(f"{{{name}}}", made)
        return text


def a_speaker(world: ScimWorld, profile: Profile) -> Speaker:
    """Return a client of ``profile``, registered as an operator registers it."""
    client_id = f"{profile.value}-client"
    order = ScimClientOrder(client_id, client_id, profile=profile.value, extension=True)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    return Speaker(world, client_id)


def two_users_and_a_group(world: ScimWorld, profile: Profile) -> Speaker:
    """Return a client of ``profile`` that made Nora, Omar and the group of guides with Nora in it."""
    speaker = a_speaker(world, profile)
    speaker.make("nora", "/Users", nora())
    speaker.make("omar", "/Users", plain_user("omar"))
    guides = {"schemas": [GROUP_SCHEMA], "displayName": "Guides", "members": [{"value": "{nora}"}]}
    speaker.make("guides", "/Groups", guides)
    return speaker


def nora() -> dict[str, Any]:
    """Return a user with more than one of much."""
    user = plain_user("nora") | {"title": "Warden", "externalId": "ext-nora"}
    user["emails"] = [*user["emails"], {"value": "nora@home.example", "type": "home"}]
    user["phoneNumbers"] = [
        {"value": "tel:+1-416-555-0100", "type": "work"},
        {"value": "tel:+1-416-555-0101", "type": "work"},
    ]
    return user


def plain_user(user_name: str) -> dict[str, Any]:
    """Return a user as any client states one, in the core schema alone."""
    user = a_user(user_name)
    kept = ("userName", "name", "displayName", "emails", "active")
    return {"schemas": [USER_SCHEMA], **{name: user[name] for name in kept}}


DONE = 0
"""A PATCH of a small group: Entra is answered with nothing (204), everybody else with the group (200)."""


@dataclass(frozen=True)
class Row:
    """One request of a table, what is answered, and what is stored after it.

    ``stored`` and ``answer`` are parts of the resource and of the answer; None says that a member is not
    there. A request that is refused leaves everything as it was.
    """

    lines: str
    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    scim_type: str = ""
    answer: Mapping[str, Any] | None = None
    stored: Mapping[str, Any] | None = None

    def refused(self, scim_type: str, status: int = 400) -> Row:
        """Return the same request, refused."""
        return dataclasses.replace(self, status=status, scim_type=scim_type, answer=None, stored=None)


def a_patch(lines: str, path: str, *operations: Mapping[str, Any], **expected: Any) -> Row:
    """Return a row that patches the resource at ``path``."""
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    return Row(lines, "PATCH", path, body, **expected)


def play(world: ScimWorld, profile: Profile, row: Row) -> Answer:
    """Send the request of ``row`` as a client of ``profile`` and look at what it did."""
    speaker = two_users_and_a_group(world, profile)
    before = _everything(speaker)
    answer = speaker.say(row.method, row.path, row.body, query=row.query, headers=row.headers)
    assert answer.status == (row.status or (204 if profile is Profile.ENTRA else 200)), answer.body
    if answer.status >= 400:
        assert answer.scim_type == row.scim_type, answer.body
        assert _everything(speaker) == before, "what is refused changes nothing"
        return answer
    if row.answer is not None:
        holds(answer.json(), speaker.named(row.answer))
    if row.stored is not None:
        path = f"{row.path}/{answer['id']}" if row.method == "POST" else row.path
        holds(speaker.say("GET", path).json(), speaker.named(row.stored))
    return answer


def play_all(world: ScimWorld, profile: Profile, tables: Iterable[Mapping[str, Row]]) -> None:
    """Play every row of these tables in one world, each with nothing of the ones before it."""
    for name, row in [each for table in tables for each in table.items()]:
        try:
            play(world, profile, row)
        except AssertionError as error:
            error.add_note(f"in the row {name!r}")
            raise
        world.later()  # so that the rate of requests is never the answer
        speaker = a_speaker(world, profile)
        for kind in ("Groups", "Users"):
            for each in speaker.say("GET", f"/{kind}")["Resources"]:
                assert speaker.say("DELETE", f"/{kind}/{each['id']}").status == 204


def _everything(speaker: Speaker) -> Any:
    return [speaker.say("GET", path).json() for path in ("/Users", "/Groups")]


def holds(found: Any, expected: Any) -> None:
    """Assert that ``found`` has what is expected: members of objects, whole lists, None for what is not there."""
    if not isinstance(expected, dict):
        assert found == expected
        return
    for name, value in expected.items():
        if value is None:
            assert name not in found, (name, found.get(name))
        else:
            assert name in found, (name, found)
            holds(found[name], value)


def replay(speaker: Speaker, sample: str) -> None:
    """Have a whole conversation as a client of that make has it, and look at every answer."""
    for step in json.loads((SAMPLES / f"{sample}.json").read_text()):
        answer = speaker.say(
            step["method"],
            step["path"],
            step.get("body"),
            query=step.get("query"),
            headers=step.get("headers"),
        )
        says = f"{step['line']}: {step['says']}: {answer.status} {answer.body!r}"
        assert answer.status == step["status"], says
        if "scimType" in step:
            assert answer.scim_type == step["scimType"], says
        if "keep" in step:
            speaker.ids[step["keep"]] = answer["id"]
        if "answer" in step:
            holds(answer.json(), speaker.named(step["answer"]))
