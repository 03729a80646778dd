"""The files with which the foundation's suite runs against a laboratory: the laboratory starts, its pages do as the suite is told.

The suite itself is no part of this; what it would ask of a browser is asked here, command by command.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from httpx import QueryParams

from tests.support.certificates import a_certificate
from tests.support.foundation.automation import EXAMPLE, SUITE, Automation, configuration, laboratory
from tests.support.foundation.registry import plans
from tests.support.https_server import serving_documents
from tests.support.lab import running_lab
from tests.support.ports import server_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.https_server import Documents

CALLBACK, SIGNED_OUT = f"{SUITE}/callback", f"{SUITE}/post_logout_redirect"
LOGOUT = "oidcc-rp-initiated-logout"
FORM_POST = {"response_mode": "form_post"}
ANSWERED: dict[str, list[dict[str, str | None]]] = {
    "oidcc-server": [{}],
    "oidcc-prompt-login": [{}, {"prompt": "login"}],
    "oidcc-prompt-none-logged-in": [{}, {"prompt": "none"}],
    "oidcc-prompt-none-not-logged-in": [{"prompt": "none"}],
    "oidcc-login-hint": [{"login_hint": "somebody@else.example"}],
    "oidcc-ui-locales": [{"ui_locales": "se"}],
    "oidcc-response-type-missing": [{"response_type": None}],
    "oidcc-refresh-token": [{"scope": "openid offline_access", "prompt": "consent"}] * 2,
    "oidcc-ensure-post-request-succeeds": [{}],
}
"""The visits of modules that end with an answer: what each asks for beyond the usual."""
REFUSED: dict[str, dict[str, str | None]] = {
    "oidcc-ensure-registered-redirect-uri": {"redirect_uri": f"{CALLBACK}/nobody-registered-this"},
    "oidcc-ensure-redirect-uri-in-authorization-request": {"redirect_uri": None},
    "oidcc-redirect-uri-query-added": {"redirect_uri": f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"},
    "oidcc-redirect-uri-query-mismatch": {"redirect_uri": f"{CALLBACK}?dummy1=lorem&dummy2=dolor"},
}
SHOWN = {"logo": f"{SUITE}/openid.png", "policy": "https://openid.net", "tos": "https://openid.net"}
STAYS: dict[str, dict[str, str | None]] = {
    "bad-post-logout-redirect-uri": {"post_logout_redirect_uri": f"{SIGNED_OUT}/another"},
    "query-added-to-post-logout-redirect-uri": {"post_logout_redirect_uri": f"{SIGNED_OUT}?foo=bar"},
    "modified-id-token-hint": {"id_token_hint": "eyJhbGciOiAibm9uZSJ9.e30."},
    "bad-id-token-hint": {"id_token_hint": "eyJhbGciOiAiUlMyNTYifQ.e30.e30"},
    "no-id-token-hint": {"id_token_hint": None},
    "no-params": {"id_token_hint": None, "post_logout_redirect_uri": None, "state": None},
    "no-post-logout-redirect-uri": {"post_logout_redirect_uri": None},
    "only-state": {"id_token_hint": None, "post_logout_redirect_uri": None},
}


@dataclass(frozen=True)
class Foundation:
    """The example's laboratory: its discovery document, and the suite's configuration for it."""

    op: dict[str, Any]
    config: dict[str, Any]
    http: httpx.Client
    trust: ssl.SSLContext

    def automation(self, module: str) -> Automation:
        """Return the browser of one module's run."""
        return Automation(self.config, module, self.trust, self.op["issuer"])

    def register(self, **metadata: object) -> dict[str, Any]:
        """Register a client as the suite does, and return what it was told."""
        stated = {
            "client_name": "The suite",
            "redirect_uris": [CALLBACK],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "post_logout_redirect_uris": [SIGNED_OUT],
        }
        answer = self.http.post(self.op["registration_endpoint"], json=stated | metadata)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def authorize(self, client: dict[str, Any], **changes: str | None) -> str:
        """Return the address of an authorization request, changed as told; None leaves one out."""
        asked: dict[str, str | None] = {
            "client_id": client["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": "the-state",
            "nonce": "the-nonce",
            **changes,
        }
        query = QueryParams({name: value for name, value in asked.items() if value is not None})
        return f"{self.op['authorization_endpoint']}?{query}"

    def sign_in(self, browser: Automation, client: dict[str, Any]) -> str:
        """Let the browser sign in, and return the ID token."""
        arrived, _ = browser.visit(self.authorize(client))
        fields = {
            "grant_type": "authorization_code",
            "code": httpx.URL(arrived).params["code"],
            "redirect_uri": CALLBACK,
        }
        secret = (client["client_id"], client["client_secret"])
        token: str = self.http.post(self.op["token_endpoint"], data=fields, auth=secret).json()["id_token"]
        return token

    def leave(self, id_token: str, **changes: str | None) -> str:
        """Return the address of a request to sign out, changed as told; None leaves one out."""
        asked = {
            "id_token_hint": id_token,
            "post_logout_redirect_uri": SIGNED_OUT,
            "state": "on-leaving",
            **changes,
        }
        query = QueryParams({name: value for name, value in asked.items() if value is not None})
        return f"{self.op['end_session_endpoint']}?{query}"


@pytest.fixture(scope="module")
def suite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """Give the server on which the suite would listen."""
    with serving_documents(tmp_path_factory.mktemp("suite")) as documents:
        yield documents


@pytest.fixture(scope="module")
def foundation(tmp_path_factory: pytest.TempPathFactory, suite_server: Documents) -> Iterator[Foundation]:
    """Give the laboratory of the example's file, with another port and the certificate of another suite."""
    folder = tmp_path_factory.mktemp("foundation")
    certificate, key, pem = a_certificate(folder)
    trust = ssl.create_default_context(cadata=pem)
    world = laboratory(fetch_authority=str(suite_server.authority))
    options = ("--port", str(server_port()), "--tls-cert", str(certificate), "--tls-key", str(key))
    with running_lab(folder, world, *options, verify=trust) as lab, httpx.Client(verify=trust) as http:
        op = http.get(lab.said["discovery"]).json()
        yield Foundation(op, configuration(lab.issuer), http, trust)


@pytest.mark.parametrize("changes", [{}, FORM_POST], ids=["query", "form_post"])
@pytest.mark.parametrize("module", ANSWERED)
def test_the_browser_comes_back_with_an_answer(
    foundation: Foundation, module: str, changes: dict[str, str]
) -> None:
    """Each visit of the module, by the commands of the file alone."""
    client = foundation.config["client"]
    with foundation.automation(module) as browser:
        for asked in ANSWERED[module]:
            address = foundation.authorize(client, **asked, **changes)
            method = "POST" if "post-request" in module else "GET"
            arrived, posted = browser.visit(address, method=method)
            answer = posted or dict(httpx.URL(arrived).params)
            wanted = (
                "error"
                if {"response_type", "prompt"} & asked.keys() and len(ANSWERED[module]) == 1
                else "code"
            )
            assert wanted in answer, answer
            assert bool(posted) == bool(changes)


def test_a_second_sign_in_leaves_a_picture_of_its_page(foundation: Foundation) -> None:
    """oidcc-prompt-login and oidcc-max-age-1 wait for one; the name that stands there already cannot be typed."""
    with foundation.automation("oidcc-prompt-login") as browser:
        browser.visit(foundation.authorize(foundation.config["client"]))
        assert len(browser.pictures) == 1
        browser.visit(foundation.authorize(foundation.config["client"], prompt="login"))
        assert len(browser.pictures) == 2


@pytest.mark.parametrize("module", REFUSED)
def test_a_request_that_leads_nowhere_leaves_a_picture(foundation: Foundation, module: str) -> None:
    """The page that says what is wrong is waited for."""
    with foundation.automation(module) as browser:
        browser.visit(foundation.authorize(foundation.config["client"], **REFUSED[module]))
        assert browser.pictures


@pytest.mark.parametrize("what", SHOWN)
def test_what_a_client_says_of_itself_is_pictured(foundation: Foundation, what: str) -> None:
    """On the page where people sign in."""
    client = foundation.register(**{f"{what}_uri": SHOWN[what]})
    with foundation.automation(f"oidcc-registration-{what}-uri") as browser:
        browser.visit(foundation.authorize(client))
        assert browser.pictures


@pytest.mark.parametrize("kind", ["", "frontchannel", "backchannel"])
def test_the_browser_comes_back_signed_out(
    foundation: Foundation, suite_server: Documents, kind: str
) -> None:
    """With the state, and by way of the page with the client's frame where it has one."""
    of_the_kind = {f"{kind}_logout_uri": f"{SUITE}/{kind}_logout", f"{kind}_logout_session_required": True}
    client = foundation.register(**(of_the_kind if kind else {}))
    with foundation.automation(LOGOUT) as browser:
        id_token = foundation.sign_in(browser, client)
        arrived, _ = browser.visit(foundation.leave(id_token))
        assert httpx.URL(arrived).copy_with(query=None) == SIGNED_OUT
        assert httpx.URL(arrived).params["state"] == "on-leaving"
        assert [each.partition("?")[0] for each in browser.frames] == (
            [f"{SUITE}/frontchannel_logout"] if kind == "frontchannel" else []
        )


@pytest.mark.parametrize("module", STAYS)
def test_a_sign_out_that_stays_leaves_a_picture(foundation: Foundation, module: str) -> None:
    """Of the page that says what is wrong, asks, or says that it is done."""
    client = foundation.register()
    with foundation.automation(f"{LOGOUT}-{module}") as browser:
        id_token = foundation.sign_in(browser, client)
        browser.pictures.clear()
        browser.visit(foundation.leave(id_token, **STAYS[module]))
        assert browser.pictures


def test_the_files_name_what_is_there() -> None:
    """Modules by their own names, clients of the laboratory with their secrets, which are long enough to sign with."""
    lab, suite = laboratory(), configuration("https://127.0.0.1:9443")
    assert suite["override"].keys() <= {name for plan in plans().values() for name in plan["walked"]}
    known = {each["client_id"]: each["client_secret"] for each in lab["clients"]}
    named = [suite[each] for each in ("client", "client2", "client_secret_post")]
    assert {each["client_id"]: each["client_secret"] for each in named} == known
    assert all(len(each) >= 32 for each in known.values())
    assert [each.name for each in EXAMPLE.iterdir() if json.loads(each.read_text())] != []
