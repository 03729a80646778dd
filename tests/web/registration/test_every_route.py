"""What holds for every route of Registration, found from the application itself: none is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registration.web.drafts import ACCESS, END_CONTACT, NAME_CONTACT, ORGANIZATION, REPRESENTATIVE
from tests.support.forms import token_of
from tests.web.registration.conftest import open_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database
    from tests.web.registration.conftest import Pages

JUNK = [
    "x",
    "' OR 1=1 --",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "é" * 50,
    "A" * 3000,
    "01J9ZC3Q4R5S6T7V8W9X0Y1Z2A",
]
KINDS = [ACCESS, END_CONTACT, NAME_CONTACT, ORGANIZATION, REPRESENTATIVE]
OPEN = {"/", "/help", "/sign-in", "/callback", "/signed-out"}


def addresses(pages: Pages, method: str, **values: str) -> Iterator[str]:
    """Yield an address for each rule that takes ``method``, but for static files and protocol endpoints."""
    for rule in pages.app.url_map.iter_rules():
        view = pages.app.view_functions[rule.endpoint]
        if (
            method not in (rule.methods or ())
            or rule.endpoint == "static"
            or getattr(view, "is_protocol", False)
        ):
            continue
        given = {name: values.get(name, "1" if name == "number" else "x") for name in rule.arguments}
        address = rule.rule
        for name, value in given.items():
            address = address.replace(f"<{name}>", value).replace(f"<int:{name}>", value)
        yield address


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"},
    ],
)
def test_no_form_is_taken_from_another_site(pages: Pages, headers: dict[str, str]) -> None:
    """SE-05: every route that takes a form; with a header of another site even a right token does not help."""
    client = pages.browser("ra")
    token = token_of(client.get("/actions").text) if headers else ""
    for address in addresses(pages, "POST"):
        answer = client.post(address, data={"csrf_token": token}, headers=headers)
        assert answer.status_code == 403, address
    assert client.get("/actions").status_code == 200


def test_nobody_reads_anything_without_a_session(pages: Pages) -> None:
    """Whatever is added later is guarded, or stands in the list of what is open to all."""
    client = pages.stranger()
    for address in set(addresses(pages, "GET")) - OPEN:
        answer = client.get(address)
        assert answer.status_code == 303, address
        assert answer.location.startswith("/sign-in?return_to="), address


@pytest.mark.parametrize("junk", JUNK)
def test_no_address_breaks_the_pages(registration_database: Database, junk: str) -> None:
    """Made-up identifiers are not found; nothing is ever a failure of ours, on either database."""
    pages = open_pages(registration_database)
    client = pages.browser("ra")
    names = ("draft_id", "organization_id", "person_id", "role_key")
    for address in set(addresses(pages, "GET", **dict.fromkeys(names, junk))) - {"/callback", "/sign-in"}:
        assert client.get(address).status_code < 500, address


@pytest.mark.parametrize("junk", JUNK)
def test_no_form_breaks_the_pages(registration_database: Database, junk: str) -> None:
    """LG-12: odd values in every field of a wizard's steps are refused, never a failure of ours."""
    pages = open_pages(registration_database)
    client = pages.browser("ra")
    here = pages.begin(client)
    token = token_of(client.get("/actions").text)
    fields = [
        "type",
        "account_kind",
        "person_id",
        "last_name",
        "role",
        "turn",
        "page",
        "plan",
        "reason",
        "country",
    ]
    for step in ("account", "search", "select", "register", "confirm-person", "roles", "confirm-grant"):
        answer = client.post(f"{here}/{step}", data={"csrf_token": token, **dict.fromkeys(fields, junk)})
        assert answer.status_code < 500, step
        doubled = client.post(
            f"{here}/{step}", data={"csrf_token": token, "last_name": [junk, junk], "page": ["1", "2"]}
        )
        assert doubled.status_code < 500, step


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_out_of_order_leads_back_to_where_the_wizard_stands(pages: Pages, kind: str) -> None:
    """Deep links work, and none of them skips a step."""
    from registration.usecases.start_draft import start_draft

    caller = pages.world.caller("ra")
    draft = start_draft(
        pages.world.services, caller=caller, kind=kind, organization_id=pages.organization_id, values={}
    )
    client = pages.browser("ra")
    before = client.get("/requests").text
    for address in set(addresses(pages, "GET", draft_id=draft.id)):
        if "/drafts/" in address:
            answer = client.get(address, follow_redirects=True)
            assert answer.status_code in (200, 403, 404, 409), address
            assert "Confirm</button>" not in answer.text, address
    assert client.get("/requests").text.count("<tr") == before.count("<tr")
