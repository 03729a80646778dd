"""Who asks, whom they asked, and cookies that were tampered with (OR-03, OR-04, SE-09, SE-10)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from werkzeug.wrappers import Response

from kernel.web.cookies import set_cookie
from tests.support.forms import submit, token_of

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.kernel.conftest import MakeClient


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8001",
        "127.0.0.1:8000.evil.example",
        "127.0.0.1:8000,evil.example",
        "evil.example@127.0.0.1:8000",
        "127.0.0.1:x",
        "[::1",
        "",
        "127.0.0.1:8000/evil",
    ],
)
def test_a_foreign_host_is_refused(client: FlaskClient, host: str) -> None:
    """OR-03: 400, and the foreign name appears nowhere in the answer."""
    response = client.get("/form", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text


def test_forwarding_headers_change_no_link_and_no_host(client: FlaskClient) -> None:
    """OR-03: links come from the settings."""
    response = client.get(
        "/form",
        headers={
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "Forwarded": "host=evil.example",
        },
    )
    assert response.status_code == 200
    assert "evil" not in response.text


def test_the_default_port_may_be_written_or_left_out(make_client: MakeClient) -> None:
    """RFC 9110 §4.2.3: both name the same host."""
    client = make_client("https://gateway.example")
    for host in ("gateway.example", "gateway.example:443", "GATEWAY.example"):
        assert client.get("/form", headers={"Host": host}).status_code == 200
    assert client.get("/form", headers={"Host": "gateway.example:80"}).status_code == 400


def test_a_probe_may_ask_for_health_under_any_name(client: FlaskClient) -> None:
    """Load balancers ask by address."""
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).text == "ok"


CHAIN = "203.0.113.9, 198.51.100.7, 192.0.2.5"


@pytest.mark.parametrize(
    ("hops", "header", "expected"),
    [
        (0, CHAIN, "10.0.0.1"),
        (0, "203.0.113.9", "10.0.0.1"),
        (1, CHAIN, "192.0.2.5"),
        (2, CHAIN, "198.51.100.7"),
        (3, CHAIN, "203.0.113.9"),
        (4, CHAIN, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "203.0.113.9, <script>", "10.0.0.1"),
        (1, "127.0.0.1, 999.1.1.1", "10.0.0.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_address_is_the_first_that_is_not_our_own_proxy(
    make_client: MakeClient, hops: int, header: str, expected: str
) -> None:
    """OR-04: trust is a number of hops; what is invalid means the peer."""
    client = make_client(trusted_proxies=hops)
    answer = client.get(
        "/origin", headers={"X-Forwarded-For": header}, environ_base={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert answer.json["address"] == expected


def test_our_proxies_may_write_to_a_header_that_nobody_else_can_mean(make_client: MakeClient) -> None:
    """OR-04: the server takes X_Forwarded_For for X-Forwarded-For; then neither says anything."""
    client = make_client(trusted_proxies=1, forwarded_header="AskedFrom")
    told = {"X-Forwarded-For": "198.51.100.1", "AskedFrom": "203.0.113.9"}
    answer = client.get("/origin", headers=told, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.json["address"] == "203.0.113.9"
    del told["AskedFrom"]
    answer = client.get("/origin", headers=told, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.json["address"] == "10.0.0.1"


def test_a_request_is_named_the_same_in_header_page_and_audit(client: FlaskClient) -> None:
    """The reference a person reads out finds the log line and the audit row."""
    response = client.get("/origin")
    assert response.json["request_id"] == response.headers["X-Request-Id"]
    broken = client.get("/fails/500")
    assert broken.headers["X-Request-Id"] in broken.text


def test_an_error_page_says_whom_to_tell_the_reference(make_client: MakeClient) -> None:
    """G-93: by telephone and by e-mail, as far as the system knows them."""
    known = make_client(support_phone="1-888-555-0100", support_email="help@operator.example")
    for path in ("/nowhere", "/fails/500", "/fails/refused"):
        page = known.get(path).text
        assert 'call or write: <a class="govuk-link" href="tel:18885550100">1-888-555-0100</a>, <a' in page
        assert 'href="mailto:help@operator.example"' in page
        assert "If you need help" not in make_client().get(path).text


def test_each_of_several_telephone_numbers_can_be_called(make_client: MakeClient) -> None:
    """G-93: a phone offers to call what is touched; several numbers are not one."""
    page = make_client(support_phone="1-888-555-0100, +1 (905) 555-0100").get("/nowhere").text
    calls = re.findall(r'href="(tel:[^"]*)">([^<]*)</a>(,?)', page)
    assert calls == [
        ("tel:18885550100", "1-888-555-0100", ","),
        ("tel:+19055550100", "+1 (905) 555-0100", ""),
    ]


def test_an_error_page_leaks_nothing(client: FlaskClient) -> None:
    """The context of an error is for the log and the audit."""
    for path in ("/fails/ours", "/fails/unforeseen", "/fails/busy"):
        page = client.get(path)
        assert "s3cret" not in page.text
        assert "Traceback" not in page.text
    assert client.get("/fails/ours").status_code == 400
    assert client.get("/fails/unforeseen").status_code == 500
    assert client.get("/fails/busy").headers["Retry-After"] == "7"


def test_the_log_names_the_route_and_never_the_values(client: FlaskClient) -> None:
    """Addresses may carry secrets: neither path nor query reaches the log."""
    with capture_logs() as lines:
        client.get("/fails/404?code=s3cret-query")
        client.get("/s3cret-path")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [("/fails/<how>", 404), ("unknown", 404)]
    assert "s3cret" not in str(lines)


@pytest.mark.parametrize(
    "value", ["", "x", "' OR 1=1 --", "é", "A" * 8192, "../../etc/passwd", "A" * 42 + "!"]
)
def test_a_malformed_browser_cookie_is_nobodys(client: FlaskClient, value: str) -> None:
    """SE-10: replaced by a fresh one, never believed."""
    bare = client.application.test_client(use_cookies=False)
    response = bare.get("/who", headers={"Cookie": f"sample_browser={value}"})
    assert response.status_code == 200
    assert response.json["browser"] != value
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", response.json["browser"])


@pytest.mark.parametrize(
    "header",
    [
        "sample_session=a; sample_session=b",
        "=sample_session=x",
        "; ".join(f"c{number}=x" for number in range(200)),
        "sample_session",
        "sample_session=\xff\xfe; =; ;;; ===",
    ],
)
def test_cookies_tossed_in_by_others_are_not_believed(client: FlaskClient, header: str) -> None:
    """SE-09: doubled and nameless cookies mean nobody, never an exception."""
    bare = client.application.test_client(use_cookies=False)
    response = bare.get("/who", headers={"Cookie": header})
    assert response.status_code == 200
    assert response.json["session"] in ("", "ÿþ")


def test_cookies_are_bound_to_the_host_over_tls(make_client: MakeClient) -> None:
    """ASVS V3: __Host-, Secure, HttpOnly, SameSite; a cookie without the prefix is not read (SE-09)."""
    client = make_client("https://gateway.example")
    cookie = client.get("/form").headers["Set-Cookie"]
    assert cookie.startswith("__Host-sample_browser=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    bare = client.application.test_client(use_cookies=False)
    tossed = bare.get("/who", headers={"Cookie": "sample_session=x; __Host-sample_session=ours"})
    assert tossed.json["session"] == "ours"


@pytest.mark.parametrize("value", ["a; Domain=evil.example", 'a"b', "a\r\nX: y", "é"])
def test_a_cookie_holds_nothing_that_would_have_to_be_quoted(client: FlaskClient, value: str) -> None:
    """What we keep in a browser is a token, a language or base64: nothing else gets into the header."""
    response = Response()
    with client.application.test_request_context(), pytest.raises(ValueError, match="quoted"):
        set_cookie(response, "session", value)
    assert "Set-Cookie" not in response.headers


def test_a_page_without_a_form_token_sets_no_cookie(client: FlaskClient) -> None:
    """Only what needs the browser's secret makes one."""
    assert "Set-Cookie" not in client.get("/origin").headers


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil",
        "/a\r\nX: y",
    ],
)
def test_the_language_switch_returns_only_to_pages_of_ours(client: FlaskClient, target: str) -> None:
    """No open redirect."""
    token = token_of(client.get("/form").text)
    response = client.post("/language", data={"csrf_token": token, "language": "fr", "return_to": target})
    assert response.headers["Location"] == "/"


def test_the_language_switch_returns_to_the_page_it_stood_on(client: FlaskClient) -> None:
    """With its query."""
    page = client.get("/form?page=2")
    response = submit(client, page, {"language": "fr"})
    assert response.status_code == 303
    assert response.headers["Location"] == "/form?page=2"
    assert '<html class="govuk-template" lang="fr">' in client.get("/form").text


def test_the_language_switch_of_a_page_that_only_takes_forms_leads_to_the_first_page(
    client: FlaskClient,
) -> None:
    """The refused form's address cannot be opened."""
    page = client.post("/language", data={"language": "fr"})
    assert page.status_code == 403
    assert '<input type="hidden" name="return_to" value="/">' in page.text


def test_a_zero_byte_in_an_address_is_not_found(client: FlaskClient) -> None:
    """No database ever sees it."""
    assert client.get("/fails/%00").status_code == 404
