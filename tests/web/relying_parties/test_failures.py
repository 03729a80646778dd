"""When something beside the sign-in goes wrong: each time a plain word, never half a deed."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from relying_parties.store import Store
from tests.support.fake_op import Answer, FakeOP
from tests.web.relying_parties.conftest import EMI, PUBLIC, REPORTS, Person

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from kernel.clock import FrozenClock


def answers(document: object, status: int = 200, kind: str = "application/json") -> Answer:
    """Return one answer of the provider."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, body, {"Content-Type": kind})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"access_token": "a", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "DPoP", "id_token": "a.b.c"},
        {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"},
        {"access_token": 7, "token_type": "Bearer", "id_token": ["x"]},
        [],
        b"{",
        b"[" * 5000,
    ],
)
def test_a_token_response_that_is_not_whole_signs_nobody_in(
    document: Any, person: Person, op: FakeOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6749 §5.1, OIDC Core §3.1.3.3: 400 and no session."""
    monkeypatch.setattr(op, "token", lambda *_: answers(document))
    assert person.visit(EMI).status_code == 400
    assert person.client.get_cookie("emi_session", "127.0.0.1") is None


@pytest.mark.parametrize("deed", ["discovery", "jwks", "userinfo"])
@pytest.mark.parametrize("status", [204, 302, 404])
def test_an_answer_without_a_document_is_the_providers_fault(
    deed: str, status: int, person: Person, op: FakeOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """502 with a reference; HTML and redirects are no documents."""
    monkeypatch.setattr(op, deed, lambda *_: answers(b"<p>", status, "text/html"))
    page = person.visit(EMI)
    assert page.status_code == 502
    assert "Reference" in page.text


def test_known_addresses_serve_while_the_metadata_cannot_be_fetched(
    person: Person, app: Flask, op: FakeOP, clock: FrozenClock
) -> None:
    """A provider whose discovery fails for an hour still signs people in; tries are rare."""
    person.visit(EMI)
    clock.advance(timedelta(hours=1))
    op.broken = {"/.well-known/openid-configuration"}
    before = len(op.hits)
    assert Person(app).visit(EMI).status_code == 200
    assert Person(app).visit(EMI).status_code == 200
    assert op.hits[before:].count("/.well-known/openid-configuration") <= 2


def test_a_provider_without_a_logout_page_leaves_its_own_session_open(
    person: Person, op: FakeOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RP-Initiated Logout §2.1: no endpoint, and the page does not claim more than was done."""
    document = json.loads(op.discovery().body)
    document.pop("end_session_endpoint")
    document.pop("userinfo_endpoint")
    monkeypatch.setattr(op, "discovery", lambda: answers(document))
    assert "01J9ZC3Q4R5S6T7V8W9X0Y1Z2A" in person.visit(EMI).text
    page = person.post(EMI + "sign-out", {"form_token": person.form_token(EMI)})
    assert page.status_code == 200
    assert "you may still be signed in there" in page.text
    assert person.get(EMI).status_code == 303


def test_signing_out_twice_is_signing_out(person: Person) -> None:
    """The second tab's form finds nothing to end and says so."""
    person.visit(EMI)
    form = {"form_token": person.form_token(EMI)}
    person.post(EMI + "sign-out", form)
    page = person.follow(person.post(EMI + "sign-out", form))
    assert page.status_code == 200
    assert "signed out" in page.text


def test_a_mistake_of_ours_is_a_page_with_a_reference(person: Person, app: Flask) -> None:
    """No traceback, no words of the exception."""

    def broken() -> None:
        raise RuntimeError("the secret is 42")

    app.view_functions["front"] = broken
    page = person.get("/")
    assert page.status_code == 500
    assert "Reference" in page.text
    assert "42" not in page.text
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_a_method_that_is_not_served_is_said_with_those_that_are(person: Person) -> None:
    """RFC 9110 §15.5.6."""
    response = person.post("/")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_a_web_service_that_cannot_check_tokens_now_says_when_to_try_again(
    person: Person, op: FakeOP
) -> None:
    """503, not 401: the token may be good."""
    token = op.access_token("m", PUBLIC + "/ws/emim/", "mim.query")
    op.stop()
    headers = {"Authorization": f"Bearer {token}"}
    response = person.client.get("/ws/emim/", base_url=PUBLIC, headers=headers)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"


def test_a_settlement_file_asks_for_the_second_factor_like_its_folder(person: Person, op: FakeOP) -> None:
    """RP-11: the address of the file is no way around; an application without access rows is closed."""
    row = {"org": "7", "org_name": "ACME", "role": "reports-settlement", "role_name": "Settlement"}
    op.access, op.acr = [row], "urn:switchyard:acr:1fa"
    person.visit(REPORTS)
    response = person.get(f"{REPORTS}folders/7/settlement/CNF-7_ST-P_20260531_v1.csv")
    assert response.status_code == 303
    assert "acr_values=" in response.headers["Location"]


def test_half_a_step_is_no_step(tmp_path: Path) -> None:
    """An exception inside a unit of work leaves nothing behind."""
    store = Store(str(tmp_path / "store.db"))
    store.create("CREATE TABLE thing (name TEXT);")
    with pytest.raises(sqlite3.OperationalError), store.writing() as connection:
        connection.execute("INSERT INTO thing VALUES ('half')")
        connection.execute("INSERT INTO nothing VALUES (1)")
    with store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (0,)
