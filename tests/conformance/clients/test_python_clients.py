"""Relying parties of Python, as they are: each signs a person in, reads userinfo, refreshes and signs out, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, jsonify, url_for

from tests.support.person import CONSENT, SIGN_IN
from tests.support.tls_world import CALLBACK, RP, SECRET, SIGNED_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from idpyoidc.client.rp_handler import RPHandler

    from tests.support.tls_lab import TlsLab


@pytest.fixture(autouse=True)
def _trust(tls_lab: TlsLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both speak HTTP through requests, which reads from here whom to trust."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_lab.certificate))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


def _application(lab: TlsLab) -> Flask:
    """Return a Flask application that signs people in through Authlib."""
    app = Flask("authlib")
    app.secret_key = "the cookie of this application is sealed with these words"
    gateway: Any = OAuth(app).register(
        "gateway",
        client_id="authlib",
        client_secret=SECRET,
        server_metadata_url=lab.lab.said["discovery"],
        client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    )
    kept: dict[str, Any] = {}

    @app.get("/sign-in")
    def sign_in() -> Any:
        return gateway.authorize_redirect(url_for("callback", _external=True))

    @app.get("/callback")
    def callback() -> Response:
        kept.update(gateway.authorize_access_token())
        session = gateway._get_oauth_client(**gateway.load_server_metadata())
        endpoint = gateway.server_metadata["token_endpoint"]
        renewed = session.refresh_token(endpoint, refresh_token=kept["refresh_token"])
        userinfo = gateway.userinfo(token=renewed)
        rotated = renewed["refresh_token"] != kept["refresh_token"]
        return jsonify(claims=kept["userinfo"], userinfo=userinfo, rotated=rotated)

    @app.get("/sign-out")
    def sign_out() -> Any:
        return gateway.logout_redirect(
            post_logout_redirect_uri=url_for("signed_out", _external=True), id_token_hint=kept["id_token"]
        )

    @app.get("/signed-out")
    def signed_out() -> Response:
        return jsonify(gateway.validate_logout_response())

    return app


def test_authlib_signs_in_refreshes_reads_userinfo_and_signs_out(tls_lab: TlsLab) -> None:
    """Authlib's Flask client: code with PKCE and nonce, refresh, userinfo, sign-out with a state that it checks."""
    visitor = _application(tls_lab).test_client()
    with tls_lab.person() as person:
        away = visitor.get("/sign-in", base_url=RP).location
        back = person.arrive(str(away))
        assert back.place == CALLBACK
        shown = visitor.get(back.url.removeprefix(RP), base_url=RP).get_json()
        assert person.pressed == [SIGN_IN, CONSENT]
        assert shown["claims"]["iss"] == tls_lab.issuer
        assert shown["userinfo"]["sub"] == shown["claims"]["sub"]
        assert shown["userinfo"]["email"] == "alice@lab.example"
        assert shown["rotated"] is True
        out = person.arrive(str(visitor.get("/sign-out", base_url=RP).location))
        assert out.place == SIGNED_OUT
        assert visitor.get(out.url.removeprefix(RP), base_url=RP).status_code == 200
        person.pressed.clear()
        person.arrive(str(visitor.get("/sign-in", base_url=RP).location))
        assert person.pressed == [SIGN_IN], "the session is over, the consent is remembered"


def _relying_party(lab: TlsLab, folder: Path) -> RPHandler:
    from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
    from idpyoidc.client.rp_handler import RPHandler

    pkce = {
        "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
        "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
    }
    client = {
        "issuer": lab.issuer,
        "client_id": "idpyoidc",
        "client_secret": SECRET,
        "client_type": "oidc",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "client_authn_methods": {"client_secret_basic": "idpyoidc.client.client_auth.ClientSecretBasic"},
        "add_ons": {"pkce": pkce},
    }
    sign_out = {"end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"}}
    return RPHandler(
        base_url=RP,
        client_configs={lab.issuer: client},
        services=DEFAULT_OIDC_SERVICES | sign_out,
        key_conf={
            "private_path": str(folder / "private.json"),
            "key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}],
            "public_path": str(folder / "public.json"),
            "read_only": False,
        },
        httpc_params={"verify": str(lab.certificate), "timeout": 20},
    )


def test_idpyoidc_signs_in_refreshes_reads_userinfo_and_signs_out(tls_lab: TlsLab, tmp_path: Path) -> None:
    """The relying party of idpyoidc 5: discovery, code with PKCE and nonce, userinfo, refresh, sign-out."""
    party = _relying_party(tls_lab, tmp_path)
    with tls_lab.person() as person:
        begun = party.begin(issuer_id=tls_lab.issuer)
        back = person.arrive(begun)
        done = party.finalize(tls_lab.issuer, back.answer)
        assert "error" not in done, done
        assert done["userinfo"]["sub"] == done["id_token"]["sub"]
        assert done["userinfo"]["email"] == "alice@lab.example"
        renewed = party.refresh_access_token(done["state"])
        assert renewed["access_token"] != done["token"]
        asked = party.logout(done["state"], post_logout_redirect_uri=SIGNED_OUT)
        out = person.arrive(asked["url"])
        assert out.place == SIGNED_OUT
        person.pressed.clear()
        begun = party.begin(issuer_id=tls_lab.issuer)
        person.arrive(begun)
        assert person.pressed[:1] == [SIGN_IN]
