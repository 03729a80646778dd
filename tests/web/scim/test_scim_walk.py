"""Long walks by chance: whatever two clients do in whatever order, what is read is what a small model says.

The model is :mod:`tests.support.scim_model`. After each deed everything is read, so that a deed that moves
what it should not, or leaves what it should move, is found where it happens: lines C4, C6, D1, D3, E7, F5, G2, G4,
H2, H4..H6, H12, I1, I2, J1..J5, L1, L2, O7.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA
from tests.support.scim import PATCH_SCHEMA
from tests.support.scim_model import ENTERPRISE, Model, Stated, as_read, folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.scim import Answer, ScimWorld

STEPS = 200
NAMES = ["ann", "Ann", "bob", "BOB", "stra\u00dfe", "STRASSE", "zo\u00eb", "zoe\u0308", "carl", "d%_e"]
TEXTS = ["alpha", "Alpha", "Stra\u00dfe", "a%b_c", 'q"\\']
ALWAYS = {"User": ["userName", "active"], "Group": ["displayName"]}
MAYBE = {"User": ["externalId", "displayName", "title", "department", "manager"], "Group": ["externalId"]}
WHOLE = ",".join(
    [
        *("userName", "externalId", "displayName", "title", "active", "groups", "members", "meta"),
        *(f"{ENTERPRISE}:{each}" for each in ("department", "manager", "manager.displayName")),
    ]
)


@dataclass
class _Pages:
    """A list that one client reads page by page while resources come and go."""

    client: str
    stayed: set[str]
    cursor: str | None = ""
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Deed:
    """A write: what it is sent as, and how the resource is stated after it."""

    method: str
    body: dict[str, Any]
    stated: Stated


class _Walk:
    """Two clients at one service, with what the model says of each. Every deed is followed by :meth:`look`."""

    def __init__(self, world: ScimWorld, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.models = {"first": Model(), "second": Model()}
        self.last: dict[str, tuple[dict[str, Any], str, str]] = {}
        self.pages: _Pages | None = None
        self.met: set[object] = set()

    def step(self) -> None:
        """Let one client do one thing, and look at everything."""
        self.world.later()
        client = self.chance.choice(list(self.models))
        act = self.chance.choices(
            [self.make, self.put, self.patch, self.delete, self.search], [10, 4, 14, 1, 4]
        )[0]
        self.look(act(client, self.models[client]))
        shown = [reads for reads, _, _ in self.last.values()]
        self.met |= {each[2] for reads in shown for each in reads.get("groups", ())}
        self.met |= {name for reads in shown for name in reads}
        self.turn(client)

    # --- deeds: each returns those whose version may move though they read as before -----------------

    def make(self, client: str, model: Model) -> set[str]:
        kind = self.chance.choice(["User", "Group"])
        stated = self.some(model, kind)
        answer = self.world.post(f"/{kind}s", _body(stated), client_id=client)
        if not self.refused(answer, self.faults(client, "", stated)):
            assert answer.status == 201, answer.body
            model.known[answer["id"]] = stated
        return set()

    def put(self, client: str, model: Model) -> set[str]:
        target, kind = self.target(model)
        as_it_is = target in model.known and self.chance.random() < 0.3
        stated = model.known[target].copy() if as_it_is else self.some(model, kind)
        return self.change(client, target, _Deed("PUT", _body(stated), stated))

    def patch(self, client: str, model: Model) -> set[str]:
        target, kind = self.target(model)
        stated = model.known[target].copy() if target in model.known else self.some(model, kind)
        operations = [self.operation(model, stated) for _ in range(self.chance.choice([1, 1, 2]))]
        return self.change(
            client, target, _Deed("PATCH", {"schemas": [PATCH_SCHEMA], "Operations": operations}, stated)
        )

    def change(self, client: str, target: str, deed: _Deed) -> set[str]:
        """Send a PUT or a PATCH, with an ``If-Match`` now and then (L2)."""
        model, path = self.models[client], f"/{deed.stated.kind}s/{target}"
        known = target in model.known
        tag = self.chance.choice([None, None, self.last[target][1] if known else "*", "*", 'W/"no"'])
        headers = {} if tag is None else {"If-Match": tag}
        answer = self.world.request(deed.method, path, deed.body, client_id=client, headers=headers)
        if not known or tag == 'W/"no"':
            assert answer.status == (412 if known else 404), answer.body
            self.met |= {answer.status}
            return set()
        if self.refused(answer, self.faults(client, target, deed.stated)):
            return set()
        assert answer.status == 200, answer.body
        before = model.within(target)
        model.known[target] = deed.stated
        assert answer.headers["etag"] == self.world.get(path, client_id=client)["meta"]["version"]
        return before | model.within(target)

    def delete(self, client: str, model: Model) -> set[str]:
        target, kind = self.target(model)
        answer = self.world.delete(f"/{kind}s/{target}", client_id=client)
        assert answer.status == (204 if target in model.known else 404), answer.body
        if target not in model.known:
            return set()
        inside = model.within(target)
        model.forget(target)
        return inside

    def search(self, client: str, model: Model) -> set[str]:
        one, text = self.chance.choice([*model.known, "nobody"]), self.chance.choice(TEXTS)
        quoted, alike = json.dumps(text), folded(text)
        meant: dict[str, Callable[[dict[str, Any]], bool]] = {
            f"{ENTERPRISE}:department eq {quoted}": lambda user: folded(user.get("department", "")) == alike,
            f"title ne {quoted}": lambda user: folded(user.get("title", "")) != alike,
            f'groups.value eq "{one}"': lambda user: any(each[0] == one for each in user["groups"]),
            f'groups[value eq "{one}" and type eq "direct"]': lambda user: any(
                (each[0], each[2]) == (one, "direct") for each in user["groups"]
            ),
            f'{ENTERPRISE}:manager.value eq "{one}"': lambda user: user.get("manager", ("",))[0] == one,
            f"{ENTERPRISE}:manager.displayName eq {quoted}": lambda user: (
                folded(user.get("manager", ("", ""))[1]) == alike
            ),
            "active eq false": lambda user: not user["active"],
        }
        users = {each: model.reads(each) for each in model.ids("User")}
        for condition, meets in meant.items():
            answer = self.world.get("/Users", query={"filter": condition}, client_id=client)
            found = {each["id"] for each in answer["Resources"]}
            assert found == {each for each, user in users.items() if meets(user)}, condition
        return set()

    # --- what is stated by chance, and what is wrong with it -----------------------------------------

    def target(self, model: Model) -> tuple[str, str]:
        """Return whom a deed is about, and its type: usually one of the client's, now and then another's."""
        own = self.chance.random() < 0.93
        models = [model] if own else list(self.models.values())
        known = {each: stated.kind for one in models for each, stated in one.known.items()}
        return self.chance.choice(list(known.items())) if known else ("nobody", "User")

    def ids(self, model: Model, *kinds: str) -> list[str]:
        """Return ids of the client's own resources to be named as members or managers, and one of nobody's."""
        own = [each for kind in kinds for each in model.ids(kind)]
        return own if own and self.chance.random() < 0.95 else [*own, "nobody"]

    def value(self, model: Model, kind: str, name: str) -> Any:
        if name in {"userName", "groupName"}:
            return self.chance.choice(NAMES) + self.chance.choice(["", "1", "2"])
        if name == "externalId":
            return self.chance.choice(["e1", "E1", "e2", "e3", "e4", "e5"])
        if name == "active":
            return self.chance.random() < 0.5
        if name == "manager":
            return self.chance.choice(self.ids(model, "User"))
        return self.value(model, kind, "groupName") if kind == "Group" else self.chance.choice(TEXTS)

    def some(self, model: Model, kind: str) -> Stated:
        always, maybe = ALWAYS[kind], MAYBE[kind]
        names = [*always, *(each for each in maybe if self.chance.random() < 0.4)]
        stated = Stated(kind, {name: self.value(model, kind, name) for name in names})
        if kind == "Group":
            members = self.ids(model, "User", "Group")
            stated.members = set(self.chance.sample(members, min(len(members), self.chance.randrange(6))))
        return stated

    def operation(self, model: Model, stated: Stated) -> dict[str, Any]:
        """Return one operation of a PATCH, and let ``stated`` be what it makes of it."""
        op = self.chance.choice(["add", "replace", "remove"])
        if stated.kind == "Group" and self.chance.random() < 0.7:
            return self.on_members(op, stated, self.some(model, "Group").members or {"nobody"})
        kind = stated.kind
        name = self.chance.choice(MAYBE[kind] if op == "remove" else [*ALWAYS[kind], *MAYBE[kind]])
        path = f"{ENTERPRISE}:{name}" if name in {"department", "manager"} else name
        if op == "remove":
            stated.attributes.pop(name, None)
            return {"op": op, "path": path}
        value = stated.attributes[name] = self.value(model, kind, name)
        told = {"value": value} if name == "manager" else value
        if self.chance.random() < 0.3:
            return {"op": op, "value": {path: told}}
        return {"op": op, "path": path, "value": told}

    def on_members(self, op: str, stated: Stated, named: set[str]) -> dict[str, Any]:
        entries = [{"value": each} for each in sorted(named)]
        if op == "replace":
            stated.members = named
        elif op == "add":
            stated.members |= named
        else:
            stated.members -= named
            chosen = " or ".join(f'value eq "{each}"' for each in sorted(named))
            return {"op": op, "path": f"members[{chosen}]"}
        return {"op": op, "path": "members", "value": entries}

    def faults(self, client: str, own_id: str, stated: Stated) -> set[tuple[int, str]]:
        """Return how a resource that is stated so may be refused; it is one of them that is told."""
        model = self.models[client]
        found: set[tuple[int, str]] = set()
        for name, other_model in self.models.items():
            for other_id, other in other_model.known.items():
                if other_id == own_id or other.kind != stated.kind:
                    continue
                same_name = other.unique_name == stated.unique_name
                if same_name and (name == client or stated.kind == "User"):
                    found.add((409, "uniqueness"))
                external = stated.attributes.get("externalId")
                if external and name == client and other.attributes.get("externalId") == external:
                    found.add((409, "uniqueness"))
        manager = stated.attributes.get("manager")
        leads = manager in model.known and model.known[manager].kind == "User" and manager != own_id
        if (manager and not leads) or not model.takes(own_id, stated.members):
            found.add((400, "invalidValue"))
        return found

    def refused(self, answer: Answer, faults: set[tuple[int, str]]) -> bool:
        """Tell whether the request had to be refused; then it was."""
        self.met |= {answer.status}
        assert not faults or (answer.status, answer.scim_type) in faults, (faults, answer.body)
        return bool(faults)

    # --- what is read --------------------------------------------------------------------------------

    def look(self, may_move: set[str]) -> None:
        """Read everything of both clients: it is as the model says, and its versions tell what changed.

        A version moves with what is read. That of ``may_move`` may move without it: a link of groups moves
        everybody in the inner one (ADR 13).
        """
        seen: dict[str, tuple[dict[str, Any], str, str]] = {}
        for client, model in self.models.items():
            for kind in ("User", "Group"):
                answer = self.world.get(f"/{kind}s", query={"attributes": WHOLE}, client_id=client)
                found = {each["id"]: each for each in answer["Resources"]}
                assert answer["totalResults"] == len(found) == len(answer["Resources"])
                assert found.keys() == set(model.ids(kind))
                for one, resource in found.items():
                    assert as_read(resource) == model.reads(one)
                    meta = resource["meta"]
                    seen[one] = (model.reads(one), meta["version"], meta["lastModified"])
        for one, (reads, tag, modified) in seen.items():
            if one not in self.last:
                continue
            before, old_tag, old_modified = self.last[one]
            assert tag != old_tag or reads == before, "what reads otherwise has another version (L1)"
            assert tag == old_tag or reads != before or one in may_move, "what reads the same keeps it (H12)"
            itself = {name for name in reads | before if reads.get(name) != before.get(name)} - {"groups"}
            assert (modified > old_modified) == bool(itself), "lastModified tells of the resource (ADR 17)"
        self.last = seen

    def turn(self, client: str) -> None:
        """Read one page more of a list, or begin one; who is there all the while is in it once (F5)."""
        users = {each for model in self.models.values() for each in model.ids("User")}
        if self.pages is None:
            self.pages = _Pages(client, set(self.models[client].ids("User")))
        pages = self.pages
        pages.stayed &= users
        query = {"sortBy": "id", "sortOrder": "descending", "count": "2", "cursor": pages.cursor or ""}
        answer = self.world.get("/Users", query=query, client_id=pages.client)
        pages.seen += [each["id"] for each in answer["Resources"]]
        pages.cursor = answer.json().get("nextCursor")
        if pages.cursor is None:
            assert len(pages.seen) == len(set(pages.seen))
            assert pages.stayed <= set(pages.seen)
            self.pages = None


def _body(stated: Stated) -> dict[str, Any]:
    """Return a whole resource as it is sent."""
    body = {name: value for name, value in stated.attributes.items() if name not in {"department", "manager"}}
    if stated.kind == "Group":
        return body | {"schemas": [GROUP_SCHEMA], "members": [{"value": each} for each in stated.members]}
    extension: dict[str, Any] = {}
    if "department" in stated.attributes:
        extension["department"] = stated.attributes["department"]
    if "manager" in stated.attributes:
        extension["manager"] = {"value": stated.attributes["manager"]}
    return body | {"schemas": [USER_SCHEMA, ENTERPRISE], ENTERPRISE: extension}


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_done_what_is_read_is_what_the_model_says(world: ScimWorld, seed: int) -> None:
    """Users, groups in groups and managers of two clients, made, changed and deleted in any order."""
    walk = _Walk(world, random.Random(seed))
    for number in range(STEPS):
        try:
            walk.step()
        except AssertionError as error:
            error.add_note(f"in step {number} of the walk {seed}")
            raise
    assert walk.met >= {200, 201, 400, 404, 409, 412, "direct", "indirect", "manager", "members"}
