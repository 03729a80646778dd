"""Services that are wrong in one way each: the right one, with one behaviour broken on the way in or out."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.scim import BASE, Answer, ScimWorld, a_scim_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.database import Database


@dataclass(frozen=True)
class Call:
    """One request on its way to the service; ``world`` is the service as it is."""

    world: ScimWorld
    method: str
    path: str
    body: Any
    query: dict[str, str]
    headers: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> Call:
        """Return the request with changes."""
        return dataclasses.replace(self, **changes)

    def without(self, *names: str) -> Call:
        """Return the request without these parameters, in the query or in a body that asks."""
        body = self.body
        if isinstance(body, dict) and self.path.endswith(".search"):
            body = {name: value for name, value in body.items() if name not in names}
        query = {name: value for name, value in self.query.items() if name not in names}
        return self.but(query=query, body=body)

    def send(self) -> Answer:
        """Ask the service as it is."""
        return self.world.request(
            self.method, self.path, self.body, query=self.query, headers=self.headers, **self.options
        )


NOBODY = "01KT1GW6G0R5GAV2QNXRSS0P82"
"""The member that the checks name and nobody knows."""

MUTANTS: dict[str, Callable[[Call], Answer]] = {}


@dataclass
class MutantWorld(ScimWorld):
    """The service with one behaviour broken."""

    broken: Callable[[Call], Answer] = Call.send

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send one request the broken way."""
        right = ScimWorld(self.services, self.lane, self.flask_app, self.tokens)
        query, headers = dict(options.pop("query", None) or {}), dict(options.pop("headers", None) or {})
        return self.broken(Call(right, method, path, body, query, headers, options))


def a_mutant_world(database: Database, broken: Callable[[Call], Answer]) -> MutantWorld:
    """Return a service over ``database`` that is broken this way."""
    right = a_scim_world(database)
    return MutantWorld(right.services, right.lane, right.flask_app, right.tokens, broken=broken)


def mutant(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    """Put a broken behaviour into the list, under its name."""
    MUTANTS[function.__name__] = function
    return function


# --------------------------------------------------------------------------- answers changed


def _with(answer: Answer, *, status: int | None = None, **headers: str | None) -> Answer:
    found = dict(answer.headers)
    for name, value in headers.items():
        found.pop(name.replace("_", "-"), None)
        if value is not None:
            found[name.replace("_", "-")] = value
    return Answer(answer.status if status is None else status, found, answer.body)


def _edited(answer: Answer, edit: Callable[[dict[str, Any]], None]) -> Answer:
    """Return the answer with its JSON changed."""
    if not answer.body:
        return answer
    document = answer.json()
    edit(document)
    return Answer(answer.status, answer.headers, json.dumps(document).encode())


def _resources(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document.get("Resources", [document])
    return found


def _each(answer: Answer, edit: Callable[[dict[str, Any]], None]) -> Answer:
    """Return the answer with each of its resources changed."""

    def every(document: dict[str, Any]) -> None:
        for resource in _resources(document):
            edit(resource)

    return answer if answer.status >= 400 else _edited(answer, every)


def _drop(*names: str) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        for name in names:
            document.pop(name, None)

    return edit


def _is_one(call: Call) -> bool:
    return call.path.count("/") == 2 and call.path.startswith(("/Users/", "/Groups/"))


# --------------------------------------------------------------------------- questions


@mutant
def filter_ignored(call: Call) -> Answer:
    return call.without("filter").send()


@mutant
def filter_ignored_in_search_bodies(call: Call) -> Answer:
    return call.without("filter").send() if call.path.endswith(".search") else call.send()


@mutant
def filter_by_another_case_rule(call: Call) -> Answer:
    if "filter" in call.query:
        call = call.but(query=call.query | {"filter": call.query["filter"].replace("ACCT:F1", "acct:f1")})
    return call.send()


@mutant
def filter_knows_no_negation(call: Call) -> Answer:
    if "filter" in call.query:
        call = call.but(query=call.query | {"filter": call.query["filter"].replace(" and not (", " and (")})
    return call.send()


@mutant
def wrong_filter_finds_nothing(call: Call) -> Answer:
    answer = call.send()
    if answer.status == 400 and answer.scim_type == "invalidFilter":
        return call.but(query={"filter": 'userName eq "nobody"'}).send()
    return answer


@mutant
def finding_nothing_is_an_error(call: Call) -> Answer:
    answer = call.send()
    if answer.status == 200 and "filter" in call.query and answer.json().get("totalResults") == 0:
        return call.but(path="/Users/nobody", query={}).send()
    return answer


@mutant
def sort_ignored(call: Call) -> Answer:
    return call.without("sortBy").send()


@mutant
def sort_order_ignored(call: Call) -> Answer:
    return call.without("sortOrder").send()


@mutant
def every_sort_order_is_one(call: Call) -> Answer:
    answer = call.send()
    return call.without("sortOrder").send() if answer.status == 400 and "sortOrder" in call.query else answer


@mutant
def count_ignored(call: Call) -> Answer:
    return call.without("count").send()


@mutant
def start_index_ignored(call: Call) -> Answer:
    return call.without("startIndex").send()


@mutant
def cursor_ignored(call: Call) -> Answer:
    return call.without("cursor").send()


@mutant
def forged_cursors_begin_anew(call: Call) -> Answer:
    answer = call.send()
    if answer.status == 400 and answer.scim_type == "invalidCursor":
        return call.but(query=call.query | {"cursor": ""}).send()
    return answer


@mutant
def the_last_page_names_another(call: Call) -> Answer:
    def edit(document: dict[str, Any]) -> None:
        if "cursor" in call.query and "Resources" in document:
            document.setdefault("nextCursor", call.query["cursor"])

    return _edited(call.send(), edit)


@mutant
def pages_by_cursor_end_early(call: Call) -> Answer:
    return _edited(call.send(), _drop("nextCursor"))


@mutant
def attributes_ignored(call: Call) -> Answer:
    return call.without("attributes").send()


@mutant
def attributes_ignored_on_writes(call: Call) -> Answer:
    return call.without("attributes").send() if call.method in {"POST", "PUT", "PATCH"} else call.send()


@mutant
def excluded_attributes_ignored(call: Call) -> Answer:
    return call.without("excludedAttributes").send()


@mutant
def wrong_total_results(call: Call) -> Answer:
    def edit(document: dict[str, Any]) -> None:
        if "totalResults" in document:
            document["totalResults"] = len(document.get("Resources", []))

    return _edited(call.send(), edit)


@mutant
def wrong_items_per_page(call: Call) -> Answer:
    def edit(document: dict[str, Any]) -> None:
        if "itemsPerPage" in document:
            document["itemsPerPage"] = 100

    return _edited(call.send(), edit)


# --------------------------------------------------------------------------- writes


@mutant
def put_does_nothing(call: Call) -> Answer:
    if call.method == "PUT" and call.but(method="GET", body=None).send().status == 200:
        return call.but(method="GET", body=None).send()
    return call.send()


@mutant
def put_keeps_what_is_left_out(call: Call) -> Answer:
    if call.method == "PUT" and _is_one(call):
        stored = call.but(method="GET", body=None, query={}).send()
        if stored.status == 200:
            return call.but(body=stored.json() | call.body).send()
    return call.send()


@mutant
def put_creates(call: Call) -> Answer:
    answer = call.send()
    if call.method == "PUT" and answer.status == 404:
        return call.but(method="POST", path="/Users").send()
    return answer


@mutant
def patch_does_nothing(call: Call) -> Answer:
    return call.but(method="GET", body=None).send() if call.method == "PATCH" else call.send()


@mutant
def patch_is_not_atomic(call: Call) -> Answer:
    if call.method != "PATCH":
        return call.send()
    answer = call.send()
    for operation in call.body["Operations"]:
        answer = call.but(body=call.body | {"Operations": [operation]}).send()
    return answer


@mutant
def patch_ignores_removals(call: Call) -> Answer:
    if call.method == "PATCH":
        kept = [each for each in call.body["Operations"] if each["op"] != "remove"]
        if not kept:
            return call.but(method="GET", body=None).send()
        call = call.but(body=call.body | {"Operations": kept})
    return call.send()


@mutant
def patch_ignores_operations_without_path(call: Call) -> Answer:
    if call.method == "PATCH":
        kept = [each for each in call.body["Operations"] if "path" in each]
        call = call.but(body=call.body | {"Operations": kept})
    return call.send()


@mutant
def wrong_paths_are_ignored(call: Call) -> Answer:
    answer = call.send()
    if call.method == "PATCH" and answer.status == 400 and answer.scim_type == "invalidPath":
        return call.but(method="GET", body=None).send()
    return answer


@mutant
def adding_members_replaces_them(call: Call) -> Answer:
    if call.method == "PATCH" and call.path.startswith("/Groups/"):
        operations = [
            each | {"op": "replace"} if each["op"] == "add" else each for each in call.body["Operations"]
        ]
        call = call.but(body=call.body | {"Operations": operations})
    return call.send()


@mutant
def what_is_not_said_empties_a_group(call: Call) -> Answer:
    """J8: a replace of members that lacks its value takes all of them away."""
    body = call.body
    if call.method == "PATCH" and call.path.startswith("/Groups/"):
        said = [{"value": []} | each if each["op"] == "replace" else each for each in body["Operations"]]
        body = body | {"Operations": said}
    return call.but(body=body).send()


@mutant
def unknown_members_are_passed_over(call: Call) -> Answer:
    answer = call.send()
    if call.method == "PATCH" and call.path.startswith("/Groups/") and answer.status == 400:
        return call.but(method="GET", body=None).send()
    return answer


def _names_nobody(call: Call) -> bool:
    return call.path.startswith("/Groups") and call.body is not None and NOBODY in json.dumps(call.body)


@mutant
def one_unknown_member_refuses_everybody(call: Call) -> Answer:
    """J2: also the client that is registered to have it left out."""
    return call.but(options={}).send() if _names_nobody(call) else call.send()


@mutant
def who_is_known_is_left_out_with_who_is_not(call: Call) -> Answer:
    """J2: a PATCH that names somebody unknown is answered, and nothing of it is done."""
    is_done = call.method == "PATCH" and _names_nobody(call) and call.options
    return call.but(method="GET", body=None).send() if is_done else call.send()


@mutant
def leaving_members_out_moves_the_version(call: Call) -> Answer:
    """H12: of a group that nobody comes to."""
    answer = call.send()
    if (
        call.method != "PATCH"
        or not _names_nobody(call)
        or answer.status != 200
        or "members" in answer.json()
    ):
        return answer
    touched = {"op": "replace", "path": "externalId", "value": "touched"}
    return call.world.patch(call.path, touched, **call.options)


@mutant
def members_without_an_id_are_left_out_too(call: Call) -> Answer:
    """H11: as though they were members that nobody knows."""
    answer = call.send()
    is_refused = _names_nobody(call) and call.options and answer.status == 400
    return call.but(method="GET", body=None).send() if is_refused else answer


@mutant
def members_are_not_shown(call: Call) -> Answer:
    return _each(call.send(), _drop("members"))


@mutant
def one_member_is_lost(call: Call) -> Answer:
    def edit(resource: dict[str, Any]) -> None:
        if len(resource.get("members", [])) > 1:
            resource["members"].pop()

    return _each(call.send(), edit)


@mutant
def groups_of_a_user_are_not_shown(call: Call) -> Answer:
    return _each(call.send(), _drop("groups"))


@mutant
def groups_around_groups_are_not_shown(call: Call) -> Answer:
    def edit(resource: dict[str, Any]) -> None:
        resource["groups"] = [each for each in resource.get("groups", ()) if each["type"] == "direct"]

    return _each(call.send(), edit) if call.path.startswith("/Users/") and _is_one(call) else call.send()


@mutant
def circles_of_groups_are_passed_over(call: Call) -> Answer:
    answer = call.send()
    if call.method == "PATCH" and answer.status == 400 and "itself" in answer.detail:
        return call.but(method="GET", body=None).send()
    return answer


@mutant
def active_is_ignored(call: Call) -> Answer:
    def edit(resource: dict[str, Any]) -> None:
        if "active" in resource:
            resource["active"] = True

    return _each(call.send(), edit)


@mutant
def inactive_users_are_hidden(call: Call) -> Answer:
    answer = call.send()
    if call.method == "GET" and _is_one(call) and answer.status == 200:
        return answer if answer.json().get("active", True) else call.but(path="/Users/nobody").send()
    return answer


@mutant
def delete_does_nothing(call: Call) -> Answer:
    if call.method == "DELETE" and call.but(method="GET").send().status == 200:
        return Answer(204, {}, b"")
    return call.send()


@mutant
def delete_switches_off(call: Call) -> Answer:
    if call.method == "DELETE" and call.path.startswith("/Users/") and not call.headers:
        operation = {"op": "replace", "path": "active", "value": False}
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        answer = call.but(method="PATCH", body={"schemas": schemas, "Operations": [operation]}).send()
        return Answer(204, {}, b"") if answer.status == 200 else answer
    return call.send()


@mutant
def delete_answers_with_a_body(call: Call) -> Answer:
    answer = call.send()
    return Answer(200, answer.headers, b"{}") if answer.status == 204 else answer


@mutant
def created_is_told_as_ok(call: Call) -> Answer:
    answer = call.send()
    return _with(answer, status=200) if answer.status == 201 else answer


@mutant
def the_client_chooses_the_id(call: Call) -> Answer:
    answer = call.send()
    stated = call.body.get("id") if isinstance(call.body, dict) and call.method == "POST" else None
    return _each(answer, lambda resource: resource.update(id=stated)) if stated else answer


@mutant
def passwords_are_shown(call: Call) -> Answer:
    answer = call.send()
    stated = call.body.get("password") if isinstance(call.body, dict) else None
    return _each(answer, lambda resource: resource.update(password=stated)) if stated else answer


# --------------------------------------------------------------------------- versions and addresses


@mutant
def no_etag(call: Call) -> Answer:
    return _with(call.send(), etag=None)


@mutant
def no_version_in_meta(call: Call) -> Answer:
    return _each(call.send(), lambda resource: resource.get("meta", {}).pop("version", None))


@mutant
def tags_promise_the_same_bytes(call: Call) -> Answer:
    """L1: a strong tag, where the bytes may differ."""
    answer = call.send()
    strong = Answer(answer.status, answer.headers, answer.body.replace(b'W/\\"', b'\\"'))
    return (
        _with(strong, etag=answer.headers["etag"].removeprefix("W/")) if "etag" in answer.headers else strong
    )


@mutant
def the_tag_never_moves(call: Call) -> Answer:
    answer = _each(call.send(), lambda resource: resource.get("meta", {}).update(version='W/"1"'))
    return _with(answer, etag='W/"1"') if "etag" in answer.headers else answer


@mutant
def every_write_moves_the_tag(call: Call) -> Answer:
    if call.method in {"PUT", "PATCH"} and call.path.startswith("/Users/") and not call.headers:
        touch = {"op": "replace", "path": "nickName", "value": "touched"}
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        call.but(method="PATCH", query={}, body={"schemas": schemas, "Operations": [touch]}).send()
    return call.send()


@mutant
def last_modified_never_moves(call: Call) -> Answer:
    def edit(resource: dict[str, Any]) -> None:
        if "created" in resource.get("meta", {}):
            resource["meta"]["lastModified"] = resource["meta"]["created"]

    return _each(call.send(), edit)


@mutant
def if_match_ignored(call: Call) -> Answer:
    return call.but(headers={n: v for n, v in call.headers.items() if n.lower() != "if-match"}).send()


@mutant
def if_match_ignored_on_delete(call: Call) -> Answer:
    return call.but(headers={}).send() if call.method == "DELETE" else call.send()


@mutant
def if_none_match_ignored(call: Call) -> Answer:
    return call.but(headers={n: v for n, v in call.headers.items() if n.lower() != "if-none-match"}).send()


@mutant
def if_none_match_ignored_on_writes(call: Call) -> Answer:
    """L2: a write goes on at a version that is ruled out."""
    kept = {name: value for name, value in call.headers.items() if name != "If-None-Match"}
    return (call if call.method == "GET" else call.but(headers=kept)).send()


@mutant
def no_location(call: Call) -> Answer:
    return _with(call.send(), location=None)


@mutant
def no_location_in_meta(call: Call) -> Answer:
    return _each(call.send(), lambda resource: resource.get("meta", {}).pop("location", None))


@mutant
def locations_are_relative(call: Call) -> Answer:
    answer = call.send()
    return Answer(answer.status, answer.headers, answer.body.replace(BASE.encode(), b""))


# --------------------------------------------------------------------------- errors


@mutant
def duplicates_break_the_service(call: Call) -> Answer:
    answer = call.send()
    if answer.status != 409:
        return answer
    return _edited(_with(answer, status=500), lambda document: document.update(status="500"))


@mutant
def duplicates_update(call: Call) -> Answer:
    answer = call.send()
    if call.method == "POST" and call.path == "/Users" and answer.status == 409:
        return _with(call.but(method="GET", body=None).send(), status=201)
    return answer


@mutant
def conflict_without_scim_type(call: Call) -> Answer:
    answer = call.send()
    return _edited(answer, _drop("scimType")) if answer.status == 409 else answer


@mutant
def errors_are_not_scim(call: Call) -> Answer:
    answer = call.send()
    return _edited(answer, _drop("schemas")) if answer.status >= 400 else answer


@mutant
def status_of_an_error_is_a_number(call: Call) -> Answer:
    answer = call.send()
    if answer.status < 400:
        return answer
    return _edited(answer, lambda document: document.update(status=answer.status))


@mutant
def broken_json_breaks_the_service(call: Call) -> Answer:
    answer = call.send()
    return _with(answer, status=500) if "raw" in call.options else answer


@mutant
def unknown_resources_break_the_service(call: Call) -> Answer:
    answer = call.send()
    return _with(answer, status=500) if answer.status == 404 else answer


@mutant
def wrong_content_type(call: Call) -> Answer:
    return _with(call.send(), content_type="application/json")


@mutant
def every_content_type_is_read(call: Call) -> Answer:
    return call.but(headers={n: v for n, v in call.headers.items() if n.lower() != "content-type"}).send()


# --------------------------------------------------------------------------- jobs, discovery, who asks


@mutant
def jobs_break_the_service(call: Call) -> Answer:
    answer = call.send()
    return _with(answer, status=500) if call.path == "/Bulk" else answer


@mutant
def jobs_never_end_early(call: Call) -> Answer:
    if call.path == "/Bulk":
        call = call.but(body={name: value for name, value in call.body.items() if name != "failOnErrors"})
    return call.send()


@mutant
def jobs_forget_references(call: Call) -> Answer:
    if call.path == "/Bulk":
        operations = json.loads(json.dumps(call.body["Operations"]))
        for each in operations:
            each.get("data", {}).pop("members", None)
        call = call.but(body=call.body | {"Operations": operations})
    return call.send()


@mutant
def jobs_answer_in_another_order(call: Call) -> Answer:
    answer = call.send()
    return _edited(answer, lambda job: job["Operations"].reverse()) if call.path == "/Bulk" else answer


@mutant
def jobs_tell_the_status_as_a_number(call: Call) -> Answer:
    def edit(job: dict[str, Any]) -> None:
        for each in job.get("Operations", []):
            each["status"] = int(each["status"])

    answer = call.send()
    return _edited(answer, edit) if call.path == "/Bulk" else answer


@mutant
def jobs_hide_errors(call: Call) -> Answer:
    def edit(job: dict[str, Any]) -> None:
        for each in job.get("Operations", []):
            each.pop("response", None)

    answer = call.send()
    return _edited(answer, edit) if call.path == "/Bulk" else answer


@mutant
def a_schema_is_not_published(call: Call) -> Answer:
    def edit(document: dict[str, Any]) -> None:
        if call.path == "/Schemas" and "Resources" in document:
            document["Resources"] = [each for each in document["Resources"] if "enterprise" not in each["id"]]

    return _edited(call.send(), edit)


@mutant
def the_configuration_denies_a_feature(call: Call) -> Answer:
    def edit(document: dict[str, Any]) -> None:
        if "etag" in document:
            document["etag"]["supported"] = False

    return _edited(call.send(), edit)


@mutant
def refused_methods_name_no_others(call: Call) -> Answer:
    return _with(call.send(), allow=None)


@mutant
def no_challenge(call: Call) -> Answer:
    return _with(call.send(), www_authenticate=None)


@mutant
def anybody_is_let_in(call: Call) -> Answer:
    answer = call.send()
    return call.but(options={}).send() if answer.status == 401 else answer


@mutant
def no_time_to_wait_is_told(call: Call) -> Answer:
    return _with(call.send(), retry_after=None)


@mutant
def the_time_to_wait_is_a_date(call: Call) -> Answer:
    answer = call.send()
    return _with(answer, retry_after="Mon, 01 Jun 2026 12:00:10 GMT") if answer.status == 429 else answer


@mutant
def clients_may_be_as_fast_as_they_like(call: Call) -> Answer:
    answer = call.send()
    return call.but(options={}).send() if answer.status == 429 else answer


@mutant
def one_client_too_fast_stops_them_all(call: Call) -> Answer:
    answer = call.send()
    if answer.status == 404 and "client_id" not in call.options and call.path == "/Users/nobody":
        return _edited(_with(answer, status=429), lambda document: document.update(status="429"))
    return answer


@mutant
def readers_may_write(call: Call) -> Answer:
    answer = call.send()
    return call.but(options={}).send() if answer.status == 403 and "token" in call.options else answer


@mutant
def others_resources_are_shown(call: Call) -> Answer:
    return call.but(options={}).send() if call.options.get("client_id") == "another" else call.send()
