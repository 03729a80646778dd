"""No other site acts in a person's name (SE-05, SE-06), and no form is misread (LG-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.forms import submit, token_of

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.kernel.conftest import MakeClient

OURS = "http://127.0.0.1:8000"


def changes(client: FlaskClient) -> list[str]:
    found: list[str] = client.application.extensions["changes"]
    return found


def post(client: FlaskClient, headers: dict[str, str] | None = None, **data: Any) -> int:
    token = token_of(client.get("/form").text)
    return client.post(
        "/form", data={"csrf_token": token, "name": "Nora", **data}, headers=headers
    ).status_code


def test_a_form_of_ours_is_accepted(client: FlaskClient) -> None:
    """With and without what only some browsers send."""
    assert submit(client, client.get("/form"), {"name": "Nora"}).text == "saved"
    assert post(client, {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}) == 200
    assert post(client, {"Sec-Fetch-Site": "none"}) == 200
    assert post(client, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}) == 200
    assert changes(client) == ["Nora"] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8001", "Sec-Fetch-Site": "same-site"},
        {"Origin": OURS, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": OURS + ".elsewhere.example"},
        {"Origin": "https://127.0.0.1:8000"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_a_right_token(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    """SE-05: Origin null, cross-site, sibling port."""
    assert post(client, headers) == 403
    assert changes(client) == []


def test_a_form_without_a_token_is_refused(client: FlaskClient) -> None:
    """SE-05, SE-06: before sign-in as after it."""
    client.get("/form")
    assert client.post("/form", data={"name": "x"}).status_code == 403
    assert client.post("/form", data={"name": "x", "csrf_token": ""}).status_code == 403
    assert client.post("/form", data="name=x", content_type="text/plain").status_code == 403
    assert changes(client) == []


@pytest.mark.parametrize("broken", ["x", "A" * 88, "é" * 20, "=" * 88, "A" * 5000])
def test_a_broken_token_is_refused(client: FlaskClient, broken: str) -> None:
    """SE-05: never an exception."""
    assert post(client, csrf_token=broken) == 403


def test_the_token_of_another_browser_is_refused(make_client: MakeClient) -> None:
    """SE-06: a token taken from the attacker's own browser opens nothing in ours."""
    client = make_client()
    foreign = token_of(client.application.test_client().get("/form").text)
    client.get("/form")
    assert client.post("/form", data={"csrf_token": foreign, "name": "x"}).status_code == 403
    assert changes(client) == []


def test_a_token_without_its_browser_cookie_is_refused(client: FlaskClient) -> None:
    """SE-06: the pre-session secret must come along."""
    token = token_of(client.get("/form").text)
    stranger = client.application.test_client()
    assert stranger.post("/form", data={"csrf_token": token, "name": "x"}).status_code == 403


def test_a_doubled_token_is_refused(client: FlaskClient) -> None:
    """A form of ours sends one."""
    token = token_of(client.get("/form").text)
    assert client.post("/form", data={"csrf_token": [token, token], "name": "x"}).status_code == 403


def test_tokens_look_different_on_every_page_and_all_work(client: FlaskClient) -> None:
    """Masked anew, so that compression leaks nothing; old tabs keep working."""
    tokens = {token_of(client.get("/form").text) for _ in range(4)}
    assert len(tokens) == 4
    for token in tokens:
        assert client.post("/form", data={"csrf_token": token, "name": "x"}).status_code == 200


def test_head_does_what_get_does_and_no_deed(client: FlaskClient) -> None:
    """RFC 9110 section 9.3.2: a page asks only whether it was a GET; HEAD comes without a token, from any site."""
    for data in ({}, {"name": "Mallory"}):
        response = client.open("/deed", method="HEAD", data=data)
        assert (response.status_code, response.content_length, response.data) == (200, len("asks"), b"")
    assert client.application.extensions["changes"] == []


def test_get_never_changes_anything(client: FlaskClient) -> None:
    """SE-05: the values of a form in the address do nothing."""
    token = token_of(client.get("/form").text)
    client.get("/form", query_string={"csrf_token": token, "name": "x"})
    assert client.get("/language", query_string={"language": "fr"}).status_code == 405
    assert changes(client) == []


@pytest.mark.parametrize("body", ['{"name": ["a"]}', '{"name": {"x": 1}}', '{"name": null}', "["])
def test_json_is_no_form(client: FlaskClient, body: str) -> None:
    """LG-12: arrays, objects and null where a page expects text."""
    client.get("/form")
    assert client.post("/form", data=body, content_type="application/json").status_code == 400


def test_a_field_that_comes_twice_is_refused(client: FlaskClient) -> None:
    """LG-12: nobody knows which one would count."""
    assert post(client, name=["a", "b"]) == 400
    assert post(client, name="a\x00b") == 400
    assert post(client, name="a" * 4001) == 400
    assert changes(client) == []


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "It was not complete, or part of it was too long."), ("fr", "ou trop longue en partie.")],
)
def test_who_pasted_too_much_is_told_what_may_be_wrong(client: FlaskClient, language: str, told: str) -> None:
    """LG-12: fields take what people paste, so nobody is told only that something was missing."""
    data = {"csrf_token": token_of(client.get("/form").text), "name": "a" * 4001}
    answer = client.post("/form", data=data, headers={"Accept-Language": language})
    assert answer.status_code == 400
    assert told in answer.text


def test_boxes_arrive_in_order_and_once(client: FlaskClient) -> None:
    """several() is for boxes."""
    assert post(client, role=["b", "a", "b"]) == 200
    assert changes(client) == ["Nora", "b", "a"]


def test_a_body_beyond_the_limit_is_refused(make_client: MakeClient) -> None:
    """Bodies are bounded before they are read."""
    client = make_client(max_body=1000)
    client.get("/form")
    response = client.post("/form", data={"name": "x" * 2000})
    assert response.status_code == 413
    assert "too large" in response.text


def test_what_is_wrong_is_said_at_the_top_at_the_field_and_in_the_title(client: FlaskClient) -> None:
    """WCAG 3.3.1, 2.4.2."""
    page = submit(client, client.get("/form"), {"name": ""})
    assert page.status_code == 422
    assert "<title>Error: Sample \N{EN DASH} Sample (Sandbox)</title>" in page.text
    assert '<a href="#name">Enter a name</a>' in page.text
    assert 'id="name-error"' in page.text
    assert 'aria-describedby="name-error"' in page.text
