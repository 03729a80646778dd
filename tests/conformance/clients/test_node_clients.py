"""Relying parties of npm, as they are: each signs a person in, reads userinfo, refreshes and signs out, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.peers import needs_node, node_peer
from tests.support.person import CONSENT, SIGN_IN
from tests.support.tls_world import CALLBACK, SECRET, SIGNED_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.tls_lab import TlsLab


@pytest.fixture(autouse=True)
def _node() -> None:
    needs_node()


def _task(lab: TlsLab, client_id: str, **more: object) -> dict[str, Any]:
    return {
        "issuer": lab.issuer,
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "post_logout_redirect_uri": SIGNED_OUT,
        **more,
    }


def test_openid_client_signs_in_refreshes_reads_userinfo_and_signs_out(
    tls_lab: TlsLab, tmp_path: Path
) -> None:
    """openid-client: code with PKCE and max_age, userinfo, rotation, introspection, revocation, sign-out."""
    task = _task(tls_lab, "openid-client", client_secret=SECRET)
    with (
        tls_lab.person() as person,
        node_peer(tmp_path, "openid_client.mjs", trusts=tls_lab.certificate, **task) as peer,
    ):
        found = peer.walk(person)
    assert found["claims"]["iss"] == tls_lab.issuer
    assert found["userinfo"]["email"] == "alice@lab.example"
    assert found["refreshed"] == found["claims"]["sub"] == found["userinfo"]["sub"]
    assert (found["rotated"], found["live"], found["dead"]) == (True, True, False)
    assert found["signed_out"] == f"{SIGNED_OUT}?state=signed-out"
    assert person.pressed[:2] == [SIGN_IN, CONSENT]


def test_openid_client_asks_for_a_token_as_a_machine(tls_lab: TlsLab, tmp_path: Path) -> None:
    """openid-client: client credentials with private_key_jwt."""
    key = tls_lab.keys.first.as_dict(private=True)
    task = _task(tls_lab, "openid-client-machine", key=key, scope="scim.read")
    with node_peer(tmp_path, "openid_client_machine.mjs", trusts=tls_lab.certificate, **task) as peer:
        found = peer.hear()["found"]
    assert found == {
        "type": "bearer",
        "scope": "scim.read",
        "active": True,
        "client_id": "openid-client-machine",
    }


@pytest.mark.parametrize(
    ("client_id", "more"),
    [
        ("oauth4webapi", {"client_secret": SECRET, "algorithm": "ES256"}),
        ("oauth4webapi-fapi2", {"algorithm": "ES256", "pushed": True, "dpop": True}),
        (
            "oauth4webapi-signed",
            {
                "algorithm": "ES256",
                "pushed": True,
                "dpop": True,
                "signed_request": True,
                "response_mode": "query.jwt",
                "signed_introspection": True,
            },
        ),
    ],
    ids=["plain", "fapi2-security-profile", "fapi2-message-signing"],
)
def test_oauth4webapi_signs_in_refreshes_reads_userinfo_and_signs_out(
    tls_lab: TlsLab, tmp_path: Path, client_id: str, more: dict[str, object]
) -> None:
    """oauth4webapi, certified and strict: plain; with PAR, DPoP and its nonces; with JAR, JARM and RFC 9701 too."""
    key = tls_lab.keys.first.as_dict(private=True)
    task = _task(tls_lab, client_id, key=key, **more)
    with (
        tls_lab.person() as person,
        node_peer(tmp_path, "oauth4webapi.mjs", trusts=tls_lab.certificate, **task) as peer,
    ):
        found = peer.walk(person)
    assert found["claims"]["aud"] == client_id
    assert found["userinfo"]["sub"] == found["claims"]["sub"]
    assert found["type"] == ("dpop" if more.get("dpop") else "bearer")
    assert bool(found.get("bound")) == bool(more.get("dpop"))
    assert (found["rotated"], found["live"], found["dead"]) == (True, True, False)
    assert found["signed_out"] == f"{SIGNED_OUT}?state=signed-out"


def test_jose_verifies_our_tokens_and_refuses_touched_ones(tls_lab: TlsLab, tmp_path: Path) -> None:
    """jose: an ID token in RS256 and access tokens verify against the published keys; a changed subject does not."""
    with tls_lab.person() as person, httpx.Client(verify=tls_lab.trust) as client:
        query = httpx.QueryParams(
            client_id="jose",
            redirect_uri=CALLBACK,
            response_type="code",
            scope="openid",
            nonce="n",
            state="s",
        )
        answer = person.arrive(f"{tls_lab.discovery['authorization_endpoint']}?{query}").answer
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK}
        tokens = client.post(tls_lab.discovery["token_endpoint"], data=form, auth=("jose", SECRET)).json()
    access = {"token": tokens["access_token"], "typ": "at+jwt"}
    task = {"id": {"token": tokens["id_token"], "audience": "jose"}, "access": access}
    jwks_uri = tls_lab.discovery["jwks_uri"]
    with node_peer(
        tmp_path,
        "jose.mjs",
        trusts=tls_lab.certificate,
        issuer=tls_lab.issuer,
        jwks_uri=jwks_uri,
        tokens=task,
    ) as peer:
        found = peer.hear()["found"]
    assert found["id"]["header"]["alg"] == "RS256"
    assert found["access"]["payload"]["client_id"] == "jose"
    assert found["id"]["payload"]["sub"] == found["access"]["payload"]["sub"]
    assert all(each["refused"] and each["kid"] for each in found.values())


def test_express_openid_connect_protects_an_application(tls_lab: TlsLab, tmp_path: Path) -> None:
    """express-openid-connect: its page needs a sign-in, reads userinfo and refreshes; its sign-out ends the session."""
    base = tls_lab.addresses["express"]
    task = {
        "issuer": tls_lab.issuer,
        "client_id": "express",
        "client_secret": SECRET,
        "port": int(base.rpartition(":")[2]),
    }
    with (
        tls_lab.person(known=(base,)) as person,
        node_peer(tmp_path, "express_app.mjs", trusts=tls_lab.certificate, **task) as peer,
    ):
        assert peer.hear() == {"serving": base}
        person.go(f"{base}/")
        person.browser.headers["Accept"] = "application/json"
        shown = person.browser.get(f"{base}/").json()
        assert shown["user"]["sub"] == shown["userinfo"]["sub"]
        assert shown["userinfo"]["email"] == "alice@lab.example"
        assert shown["renewed"] is True
        person.pressed.clear()
        person.browser.headers["Accept"] = "text/html"
        person.go(f"{base}/logout")  # comes back to the page, which asks for a sign-in again
        assert SIGN_IN in person.pressed
