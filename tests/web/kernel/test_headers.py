"""Every answer carries the security headers, whatever went wrong (ASVS V3, gateway.md bar 32)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import create_environ

from kernel.randomness import SeededRandomness
from kernel.web.http import Route, json_response, promises_transport_security
from kernel.web.lane import Lane, call

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.kernel.conftest import MakeClient

PAGES = [
    "/form",
    "/nowhere",
    "/fails/400",
    "/fails/403",
    "/fails/404",
    "/fails/405",
    "/fails/413",
    "/fails/429",
    "/fails/500",
    "/fails/503",
    "/fails/ours",
    "/fails/busy",
    "/fails/refused",
    "/fails/unforeseen",
]
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_an_error_page_carry_every_header(client: FlaskClient, path: str) -> None:
    """Errors are pages too."""
    headers = client.get(path).headers
    assert {name: headers[name] for name in EVERYWHERE} == EVERYWHERE
    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", headers["X-Request-Id"])
    assert headers["Permissions-Policy"].startswith("camera=()")


def test_a_refused_form_carries_every_header(client: FlaskClient) -> None:
    """SE-05: the refusal itself is a page."""
    response = client.post("/form", data={"name": "x"})
    assert response.status_code == 403
    assert response.headers["Cache-Control"] == "no-store"
    assert "form-action" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", path) for path in ("/form", "/nowhere", "/fails/500", "/static/kit.css")] + [("POST", "/hook")],
)
def test_every_answer_over_tls_promises_transport_security_once(
    make_client: MakeClient, method: str, path: str
) -> None:
    """RFC 6797 §7.1: every answer, those of protocols too; §7.2: none over plain HTTP."""
    assert "Strict-Transport-Security" not in make_client().open(path, method=method).headers
    secured = make_client("https://gateway.example").open(path, method=method)
    assert secured.headers.getlist("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"]


@pytest.mark.parametrize("host", ["localhost", "gateway.localhost:8443"])
def test_a_developers_own_machine_is_promised_nothing(make_client: MakeClient, host: str) -> None:
    """RFC 6797 §6.1.2: the promise is for the name, whichever port: all that is developed there would break."""
    answer = make_client(f"https://{host}").open("/form")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers
    assert not promises_transport_security(f"https://{host}")
    assert promises_transport_security("https://127.0.0.1:8443")
    assert promises_transport_security("https://localhost.example")


def test_the_lane_promises_it_over_tls_too(make_client: MakeClient) -> None:
    """RFC 6797 §7.1: an answer and a refusal in front of Flask say what those behind it say."""
    for https in (True, False):
        behind = make_client("https://gateway.example" if https else "http://127.0.0.1:8000").application
        lane = Lane(
            behind,
            [Route(("GET",), "/hot", lambda _request: json_response(200, {}), "hot", hot=True)],
            randomness=SeededRandomness(1),
            peer=lambda _environ: "192.0.2.1",
            host_is_ours=lambda _host: True,
            https=https,
        )
        for method, path in (("GET", "/hot"), ("POST", "/hot"), ("GET", "/form")):
            names = [name for name, _ in call(lane, create_environ(path, method=method))[1]]
            assert names.count("Strict-Transport-Security") == https


def test_the_nonce_differs_on_every_page(client: FlaskClient) -> None:
    """A nonce that repeats is none."""
    policies = {client.get("/form").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


def test_a_form_may_end_at_the_origins_the_system_names(make_client: MakeClient) -> None:
    """Browsers hold form-action against the redirects that follow a form."""
    client = make_client(form_targets=lambda: ["https://b.example", "https://a.example", "https://b.example"])
    policy = client.get("/form").headers["Content-Security-Policy"]
    assert "form-action 'self' https://a.example https://b.example;" in policy


def test_a_static_file_is_kept_for_a_year_under_a_name_of_its_content(client: FlaskClient) -> None:
    """Hashed names, immutable, and still with the guards on."""
    address = re.search(r"/static/kit\.[0-9a-f]{12}\.css", client.get("/form").text)
    assert address
    response = client.get(address.group(), headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "Set-Cookie" not in response.headers
    assert client.get("/static/kit.css").status_code == 404
    assert client.get("/static/../kit.py").status_code == 404


def test_a_protocol_face_keeps_its_own_bytes(client: FlaskClient) -> None:
    """Faces set their own headers; the page kit adds nothing and asks for no form token."""
    response = client.post(
        "/hook", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    )
    assert response.text == "heard"
    assert "Content-Security-Policy" not in response.headers
