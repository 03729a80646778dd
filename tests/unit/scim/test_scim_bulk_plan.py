"""The planner of bulk jobs: what is named comes first, circles are one step, nothing is lost or done twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import PayloadTooLargeException, SCIMException

from scim.domain.bulk import BULK_REQUEST, MOST_OPERATIONS, Fault, Operation, read_bulk
from scim.domain.bulk_plan import plan, references, resolved, without_unmade


def _job(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"schemas": [BULK_REQUEST], "Operations": [*operations], **more}


def _post(bulk_id: str, *names: str) -> Operation:
    members = [{"value": f"bulkId:{name}"} for name in names]
    return Operation("POST", "/Groups", bulk_id, data={"displayName": bulk_id, "members": members})


@st.composite
def _graphs(draw: st.DrawFn) -> list[Operation]:
    """Draw jobs of POSTs that name one another, and themselves, at random, and PATCHes that name them."""
    count = draw(st.integers(1, 12))
    names = [f"r{index}" for index in range(count)]
    chosen = st.lists(st.sampled_from(names), max_size=3)
    posts = [_post(name, *draw(chosen)) for name in names]
    patches = [
        Operation("PATCH", f"/Groups/bulkId:{draw(st.sampled_from(names))}", data={})
        for _ in range(draw(st.integers(0, 3)))
    ]
    return draw(st.permutations([*posts, *patches]))


def _reaches(operations: list[Operation], start: str) -> set[str]:
    """Return every name that is needed to make ``start``, directly or around."""
    by_name = {operation.defines: operation for operation in operations if operation.defines}
    found: set[str] = set()
    waiting = [*references(by_name[start])]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(by_name[name])
    return found


@given(_graphs())
def test_every_operation_is_planned_once_and_after_what_it_names(operations: list[Operation]) -> None:
    """K2: whatever the graph of references, each operation is in one step, and no step waits for a later one."""
    steps = plan(operations)
    assert sorted(place for step in steps for place in step.places) == list(range(len(operations)))
    made: set[str] = set()
    for step in steps:
        own = {operations[place].defines for place in step.places}
        for place in step.places:
            assert references(operations[place]) <= made | own
        made |= own


@given(_graphs())
def test_a_step_is_a_circle_exactly_where_operations_need_one_another(operations: list[Operation]) -> None:
    """K2 (RFC 7644 §3.7.1): two operations share a step if and only if each is needed to make the other."""
    for step in plan(operations):
        names = [operations[place].defines for place in step.places]
        if not step.is_circle:
            assert len(names) == 1
            assert not names[0] or names[0] not in _reaches(operations, names[0])
            continue
        for name in names:
            others = {each for each in _reaches(operations, name) if name in _reaches(operations, each)}
            assert others | {name} == set(names)


@given(_graphs())
def test_a_circle_is_closed_by_adds_that_name_what_was_left_out(operations: list[Operation]) -> None:
    """K2: made in their order without the names that have no id yet, and closed, no name is left over."""
    for step in plan(operations):
        ids = {name: f"id-{name}" for operation in operations for name in references(operation)}
        unmade = {operations[place].defines for place in step.places}
        for place in step.places if step.is_circle else ():
            operation = operations[place]
            rest, adds = without_unmade(operation, frozenset(unmade))
            assert not references(rest) & unmade
            unmade.discard(operation.defines)
            put_back = [each for add in adds for each in add["value"]]
            kept = (rest.data or {}).get("members", [])
            assert sorted([*kept, *put_back], key=str) == sorted((operation.data or {})["members"], key=str)
            closing = resolved(Operation("PATCH", "/Groups/x", data={"Operations": [*adds]}), ids)
            assert references(closing) == frozenset()


def test_without_references_the_order_is_that_of_the_request() -> None:
    """K2: nothing is moved that need not be."""
    operations = [_post(name) for name in ("b", "a", "c")]
    assert [step.places for step in plan(operations)] == [(0,), (1,), (2,)]


def test_a_chain_of_a_thousand_forward_references_is_no_danger() -> None:
    """K2, K4: the walk does not recurse."""
    chain = [_post(f"n{index}", f"n{index + 1}") for index in range(MOST_OPERATIONS - 1)]
    steps = plan([*chain, _post(f"n{MOST_OPERATIONS - 1}")])
    assert [step.places for step in steps] == [(place,) for place in reversed(range(MOST_OPERATIONS))]


def test_a_circle_of_a_thousand_is_one_step() -> None:
    """K2, K4: the largest circle there can be."""
    ring = [_post(f"n{index}", f"n{(index + 1) % MOST_OPERATIONS}") for index in range(MOST_OPERATIONS)]
    steps = plan(ring)
    assert [(len(step.places), step.is_circle) for step in steps] == [(MOST_OPERATIONS, True)]


def test_names_are_found_wherever_an_id_is_stated() -> None:
    """K2: in the path, in any value, in the selection of a PATCH path, at the end of a $ref; not in prose."""
    operation = Operation(
        "PATCH",
        "/Groups/bulkId:g",
        data={
            "note": "see bulkId:none",
            "Operations": [
                {"op": "remove", "path": 'members[value eq "bulkId:a" or value eq "bulkId:b"]'},
                {"op": "add", "value": {"members": [{"value": "bulkId:c", "$ref": "../Users/bulkId:d"}]}},
            ],
        },
    )
    assert references(operation) == {"g", "a", "b", "c", "d"}
    found = resolved(operation, {name: f"{name}1" for name in "gabcd"})
    assert found.path == "/Groups/g1"
    assert found.data == {
        "note": "see bulkId:none",
        "Operations": [
            {"op": "remove", "path": 'members[value eq "a1" or value eq "b1"]'},
            {"op": "add", "value": {"members": [{"value": "c1", "$ref": "../Users/d1"}]}},
        ],
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/Users/bulkId:a", "a"),
        ("/Users/bulkId:a/", "a"),
        ("/Users/bulkId:a/b", "a/b"),
        ("/Users/bulkId:bulkId:a", "bulkId:a"),
        ("http://127.0.0.1/scim/v2/Users/bulkId:a b", "a b"),
    ],
)
def test_a_name_in_an_address_is_all_that_follows(path: str, name: str) -> None:
    """K2, B4: a name may hold any character; a slash at the end of the address changes nothing."""
    operation = Operation("PATCH", path, data={"members": [{"$ref": path}]})
    assert references(operation) == {name}
    found = resolved(operation, {name: "1"})
    assert found.path == path.partition("bulkId:")[0] + "1"
    assert found.data == {"members": [{"$ref": found.path}]}


def test_what_a_circle_leaves_out_is_an_attribute_or_some_of_its_values() -> None:
    """K2: the rest of an extension stays; of many values only those go that name what is not there yet."""
    extension = "urn:example:2.0:User"
    operation = Operation(
        "POST",
        "/Users",
        "a",
        data={
            "members": [{"value": "bulkId:b"}, {"value": "known"}],
            extension: {"manager": {"value": "bulkId:c"}, "costCenter": "7"},
            "urn:example:2.0:Empty": {"manager": {"value": "bulkId:c"}},
        },
    )
    rest, adds = without_unmade(operation, frozenset({"b", "c"}))
    assert rest.data == {"members": [{"value": "known"}], extension: {"costCenter": "7"}}
    assert adds == (
        {"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]},
        {"op": "add", "path": f"{extension}:manager", "value": {"value": "bulkId:c"}},
        {"op": "add", "path": "urn:example:2.0:Empty:manager", "value": {"value": "bulkId:c"}},
    )


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"method": "GET", "path": "/Users"}, Fault.METHOD),
        ({"path": "/Users"}, Fault.METHOD),
        ({"method": 1, "path": "/Users"}, Fault.METHOD),
        ({"method": "DELETE"}, Fault.PATH),
        ({"method": "DELETE", "path": 3}, Fault.PATH),
        ({"method": "POST", "path": "/Users", "data": {}}, Fault.NO_BULK_ID),
        ({"method": "POST", "path": "/Users", "bulkId": "", "data": {}}, Fault.NO_BULK_ID),
        ({"method": "POST", "path": "/Users", "bulkId": 7, "data": {}}, Fault.BULK_ID),
        ({"method": "POST", "path": "/Users", "bulkId": "x" * 257, "data": {}}, Fault.BULK_ID),
        ({"method": "POST", "path": "/Users", "bulkId": "x"}, Fault.NO_DATA),
        ({"method": "PUT", "path": "/Users/1", "data": []}, Fault.NO_DATA),
        ({"method": "DELETE", "path": "/Users/1", "version": 1}, Fault.VERSION),
    ],
)
def test_what_is_wrong_with_an_operation_stays_with_it(stated: dict[str, Any], fault: Fault) -> None:
    """K2, K7: the others are read all the same, and nobody can name what was not made."""
    good = {"Method": "post", "PATH": "/Users", "bulkid": "good", "DATA": {"userName": "x"}}
    job = read_bulk(_job(stated, good))
    assert [each.fault for each in job.operations] == [fault, None]
    assert job.operations[0].defines == ""
    assert (job.operations[1].method, job.operations[1].defines) == ("POST", "good")


def test_a_bulk_id_is_given_once() -> None:
    """K2: the first keeps the name; whoever repeats it is refused."""
    post = {"method": "POST", "path": "/Users", "bulkId": "x", "data": {}}
    patch = {"method": "PATCH", "path": "/Users/1", "bulkId": "x", "data": {}}
    assert [each.fault for each in read_bulk(_job(post, patch, post)).operations] == [
        None,
        None,
        Fault.DOUBLED,
    ]


@pytest.mark.parametrize(("stated", "most"), [(None, None), (0, 1), (1, 1), (999, 999)])
def test_fail_on_errors_counts_errors(stated: int | None, most: int | None) -> None:
    """K3, SB-02: 0 accepts none, as 1 does; left out, all are accepted."""
    job = _job({"method": "DELETE", "path": "/Users/1"})
    assert read_bulk(job if stated is None else job | {"failOnErrors": stated}).most_errors == most


@pytest.mark.parametrize(
    "body",
    [
        {"Operations": [{"method": "DELETE", "path": "/Users/1"}]},
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{}]},
        {"schemas": [BULK_REQUEST]},
        _job(),
        _job("x"),
        _job({}, failOnErrors=-1),
        _job({}, failOnErrors=True),
        _job({}, failOnErrors="1"),
    ],
)
def test_a_message_that_is_no_bulk_request_is_refused_as_a_whole(body: dict[str, Any]) -> None:
    """K1, SB-02: nothing of it is done."""
    with pytest.raises(SCIMException) as refused:
        read_bulk(body)
    assert refused.value.status == 400


def test_more_operations_than_the_limit_are_refused_by_its_name() -> None:
    """K4 (RFC 7644 §3.7.4): 413 that names maxOperations and its number."""
    operation = {"method": "DELETE", "path": "/Users/1"}
    assert len(read_bulk(_job(*[operation] * MOST_OPERATIONS)).operations) == MOST_OPERATIONS
    with pytest.raises(PayloadTooLargeException, match=r"maxOperations \(1000\)"):
        read_bulk(_job(*[operation] * (MOST_OPERATIONS + 1)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("bulkId:x") | st.just("POST"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["method", "path", "bulkId", "data", "version", "$ref"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.lists(st.dictionaries(st.sampled_from(["method", "path", "bulkId", "data", "version"]), _JSON)))
def test_no_operations_break_the_planner(operations: list[dict[str, Any]]) -> None:
    """RX-14, K7: whatever is sent, each operation is planned once or the whole message is refused."""
    try:
        job = read_bulk(_job(*operations))
    except SCIMException:
        return
    assert sorted(place for step in plan(job.operations) for place in step.places) == list(
        range(len(operations))
    )
