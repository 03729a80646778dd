"""The framework-free request and response."""

import pytest

from kernel.web.dispatch import Dispatch, answer
from kernel.web.http import BadRequestError, Request, Response, Route, finish, json_response, parse_pairs


def an_endpoint(request: Request) -> Response:
    return json_response(200, dict(request.path_values))


def a_form(body: bytes, media_type: str = "application/x-www-form-urlencoded") -> Request:
    return Request("POST", "/", headers={"content-type": media_type}, body=body)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=1", "application/json"),
        (b"a=1", "multipart/form-data"),
        (b"a=1", ""),
        (b"a=\xff", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=1"] * 201), "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_refused(body: bytes, media_type: str) -> None:
    """TK-08: only a form body is read."""
    with pytest.raises(BadRequestError):
        _ = a_form(body, media_type).form


def test_form_values_keep_their_order_blanks_and_repetitions() -> None:
    assert a_form(b"a=1&b=&a=%C3%A9+x").form == {"a": ["1", "é x"], "b": [""]}


def test_parameters_of_the_query_are_no_form_fields() -> None:
    """TK-08: parameters in the query are ignored."""
    request = Request("POST", "/", query="a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    assert request.form == {}
    assert request.query_values == {"a": ["1"]}


def test_charset_parameters_of_the_media_type_are_allowed() -> None:
    assert a_form(b"a=1", "application/x-www-form-urlencoded; charset=UTF-8").form == {"a": ["1"]}


def test_of_a_cookie_that_comes_twice_none_is_believed() -> None:
    """SE-09: a tossed cookie cannot shadow ours."""
    request = Request("GET", "/", headers={"cookie": "s=1; t=2; s=3; =x; broken"})
    assert request.cookies == {"t": "2"}


def test_an_empty_query_has_no_parameters() -> None:
    assert parse_pairs("") == {}


def test_a_route_matches_one_segment_a_name() -> None:
    dispatch = Dispatch(
        [Route(("GET",), "/u/{id}", an_endpoint, "u"), Route(("GET",), "/u/me", an_endpoint, "me")]
    )
    assert dispatch.find("/u/a%2Fb") is not None
    found = dispatch.find("/u/a%20b")
    assert found is not None
    assert found[1] == {"id": "a b"}
    assert dispatch.find("/u/") is None
    assert dispatch.find("/u/1/2") is None
    literal = dispatch.find("/u/me")
    assert literal is not None
    assert literal[1] == {}


def test_an_unknown_method_names_the_allowed_ones() -> None:
    found = Dispatch([Route(("GET",), "/x", an_endpoint, "x")]).find("/x")
    assert found is not None
    refused = answer(found[0], Request("DELETE", "/x"))
    assert (refused.status, refused.header("allow")) == (405, "GET, HEAD")


def test_every_answer_carries_the_safe_headers() -> None:
    status, headers, body = finish(Response(200, b"x", (("Referrer-Policy", "origin"),)))
    names = [name.lower() for name, _ in headers]
    assert (status, body) == (200, b"x")
    assert {"x-content-type-options", "content-security-policy", "content-length"} <= set(names)
    assert names.count("referrer-policy") == 1


def test_head_tells_the_length_and_sends_no_body() -> None:
    _, headers, body = finish(Response(200, b"xyz"), head=True)
    assert body == b""
    assert ("Content-Length", "3") in headers


def test_204_carries_no_length() -> None:
    assert not any(name == "Content-Length" for name, _ in finish(Response(204))[1])
