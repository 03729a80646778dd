"""Browser applications: what their scripts may ask, and what no script ever reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.dpop import Holder
from tests.support.oidc import CALLBACK, VERIFIER

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

PAGE = {"origin": "https://spa.example"}
PREFLIGHT = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": "dpop"}
OPEN = ("/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke", "/oauth2/par")
SHUT = ("/oauth2/authorize", "/oauth2/authorize/resume", "/oauth2/logout", "/oauth2/introspect")


def allowances(answer: Response) -> dict[str, str]:
    return {
        name.lower(): value for name, value in answer.headers if name.lower().startswith("access-control")
    }


@pytest.mark.parametrize("path", OPEN)
def test_a_preflight_tells_what_a_script_may_send(op: Op, path: str) -> None:
    """RFC 9700 §2.6, Fetch Standard §3.3.2: its own credentials in headers, never those of the browser."""
    answer = op.call("OPTIONS", path, headers=PREFLIGHT)
    said = allowances(answer)
    assert (answer.status, said["access-control-allow-origin"]) == (204, "*")
    assert "POST" in said["access-control-allow-methods"]
    assert {"Authorization", "Content-Type", "DPoP"} <= set(said["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in said


@pytest.mark.parametrize("path", SHUT)
def test_where_a_browser_brings_its_cookies_no_script_reads(op: Op, path: str) -> None:
    """AZ-24, IPSIE SL1, RFC 9700 §2.6."""
    for method in ("OPTIONS", "GET", "POST"):
        assert allowances(op.call(method, path, headers=PREFLIGHT)) == {}


def test_a_script_redeems_its_code_and_reads_every_answer(op: Op) -> None:
    """RFC 9449 §8: the nonce is readable, and so are refusals; who sends no origin is told nothing of all this."""
    op.client("spa", token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    code = op.code(op.session(op.account()), client_id="spa")
    fields = {
        "grant_type": "authorization_code",
        "client_id": "spa",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    holder = Holder(op)
    refused = op.post("/oauth2/token", fields, headers={**PAGE, **holder.proof()})
    assert (refused.status, refused.json()["error"]) == (400, "use_dpop_nonce")
    assert "DPoP-Nonce" in allowances(refused)["access-control-expose-headers"]
    holder.nonce = refused.header("dpop-nonce")
    answer = op.post("/oauth2/token", fields, headers={**PAGE, **holder.proof()})
    assert (answer.status, allowances(answer)["access-control-allow-origin"]) == (200, "*")
    token = answer.json()["access_token"]
    person = op.call("GET", "/oauth2/userinfo", headers={**PAGE, **holder.userinfo(token)})
    assert (person.status, allowances(person)["access-control-allow-origin"]) == (200, "*")
    assert allowances(op.call("GET", "/oauth2/userinfo", headers=holder.userinfo(token))) == {}
