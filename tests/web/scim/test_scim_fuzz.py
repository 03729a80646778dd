"""Whatever a stranger writes as a filter, an order, a cursor or a PATCH path: lines B7, E8, E11, H1, attacks SF-01..SF-04."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.domain.models import USER_EXTENSION
from tests.support.scim import SEARCH_SCHEMA, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

_WORDS = (
    'userName emails emails[type members groups[ name.givenName active [ ] ( ) ). ]. eq co gt and or not pr " '
    '"a" "work" \\ \' ; % _ -- null true 1e400 -0 2026-01-01 . : :: urn: urn:x:y: $ref password id meta.version'
)
_PIECES = [
    *_WORDS.split(),
    f"{USER_EXTENSION}:",
    f"{USER_EXTENSION}:organizations[id",
    "\u2028",
    "\U0001f600",
]
PATHS = {"invalidPath", "invalidFilter", "noTarget", "invalidValue", "mutability", "invalidSyntax"}


def _writings() -> st.SearchStrategy[str]:
    """Give what is half a filter and half nothing at all."""
    pieces = st.sampled_from([*_PIECES, " OR 1=1", "(" * 40, "not (" * 40, "a and " * 250])
    return st.one_of(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=60),
        st.lists(pieces, max_size=12).map(" ".join),
        st.lists(pieces, max_size=6).map("".join),
    )


def test_nothing_that_is_written_is_an_error_of_ours(world: ScimWorld) -> None:
    """SF-01..SF-04: a list or 400 with its own keyword; a PATCH that is refused leaves everything as it was."""
    user = world.post("/Users", a_user())["id"]
    values = st.sampled_from(["x", "", True, None, 3, [], {}, [{"value": "x"}], {"a.b": 1}])

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(written=_writings(), op=st.sampled_from(["add", "replace", "remove"]), value=values)
    def check(written: str, op: str, value: object) -> None:
        world.later()  # so that the rate of requests is never the answer
        for path in ("/Users", "/Groups", ""):
            found = world.post(f"{path}/.search", {"schemas": [SEARCH_SCHEMA], "filter": written})
            assert (found.status, found.scim_type) in {(200, ""), (400, "invalidFilter")}, written
            if found.status == 200:
                assert found["totalResults"] == found["itemsPerPage"] <= 1
        ordered = world.post("/Users/.search", {"schemas": [SEARCH_SCHEMA], "sortBy": written})
        assert (ordered.status, ordered.scim_type) in {(200, ""), (400, "invalidPath")}, written
        paged = world.post("/Users/.search", {"schemas": [SEARCH_SCHEMA], "cursor": written})
        assert (paged.status, paged.scim_type) == ((400, "invalidCursor") if written else (200, ""))
        before = world.get(f"/Users/{user}").body
        answer = world.patch(f"/Users/{user}", {"op": op, "path": written, "value": value})
        if answer.status == 400:
            assert answer.scim_type in PATHS, (written, answer.body)
            assert world.get(f"/Users/{user}").body == before
        else:
            assert answer.status in {200, 409}, (written, answer.body)

    check()


def test_no_value_is_an_error_of_ours(world: ScimWorld) -> None:
    """SF-03, E9, E13: any text as a value finds exactly itself."""
    names = iter(range(10_000))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=40)
    )
    def check(value: str) -> None:
        world.later()
        name = f"n{next(names)}"
        made = world.post("/Users", a_user(name, nickName=value))
        assert made.status == 201, made.body
        for operator in ("eq", "sw", "co", "ew"):
            condition = f'nickName {operator} {json.dumps(value)} and userName eq "{name}"'
            assert world.found("Users", condition) == [name]

    check()
