"""The plans on sign-out: RP-Initiated, Back-Channel and Front-Channel Logout, and Third-Party-Initiated Login."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from httpx import QueryParams
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from switchyard.visitor import Page
from tests.support.foundation import provider
from tests.support.foundation.clients import BACK_CHANNEL, FRONT_CHANNEL
from tests.support.foundation.party import Party
from tests.support.foundation.registered import an_rsa_key, another, register_with_secret
from tests.support.foundation.registry import Walk
from tests.support.processes import wait_until
from tests.support.tls_world import RP, SIGNED_OUT

if TYPE_CHECKING:
    from tests.support.person import Arrival

module = Walk()
_LOGOUT = "oidcc-rp-initiated-logout"
_STATE = "".join(map(chr, range(0x21, 0x7F)))
"""The suite draws states from all of these signs."""
_FAULTS = {
    "bad-post-logout-redirect-uri": "post_logout_redirect_uri",
    "query-added-to-post-logout-redirect-uri": "post_logout_redirect_uri",
    "modified-id-token-hint": "id_token_hint",
    "bad-id-token-hint": "id_token_hint",
}
"""What the pages say is wrong, of which the suite wants pictures."""
_FRAME = re.compile(r'<iframe[^>]*\bsrc="([^"]+)"')


def _leave(party: Party, id_token: str, **changes: str | None) -> Arrival | Page:
    """Send the person to the end-session endpoint, with a good request changed as told; None leaves one out."""
    values: dict[str, str | None] = {
        "id_token_hint": id_token,
        "post_logout_redirect_uri": SIGNED_OUT,
        "state": _STATE,
        **changes,
    }
    query = QueryParams({name: value for name, value in values.items() if value is not None})
    return party.person.go(f"{party.op['end_session_endpoint']}?{query}")


def _came_back(found: Arrival | Page, *, state: str | None = _STATE) -> None:
    assert not isinstance(found, Page), found
    assert found.place == SIGNED_OUT
    assert found.answer == ({"state": state} if state else {})


def _of_the_client_itself(party: Party) -> str:
    """Return an ID token that the client made: by its key where it registered one, or else by its secret."""
    now = int(time.time())
    claims = {"iss": party.client_id, "sub": "SubjectID", "aud": party.lab.issuer, "nonce": "flibble"}
    algorithm, key = (
        ("RS256", an_rsa_key()) if party.registered else ("HS256", OctKey.import_key(party.secret))
    )
    return jwt.encode(
        {"alg": algorithm}, {**claims, "iat": now, "exp": now + 300}, key, algorithms=[algorithm]
    )


def _session_is_over(party: Party) -> None:
    assert party.refused(prompt="none")["error"] == "login_required"


@module(
    f"{_LOGOUT}-discovery-endpoint-verification",
    "oidcc-backchannel-logout-discovery-endpoint-verification",
    "oidcc-frontchannel-logout-discovery-endpoint-verification",
)
def discovery(party: Party, name: str) -> None:
    """The document tells the address of sign-out, and what else is served."""
    assert provider.document(party)["end_session_endpoint"]
    for kind in ("backchannel", "frontchannel"):
        if kind in name:
            assert party.op[f"{kind}_logout_supported"] is True
            assert party.op[f"{kind}_logout_session_supported"] is True


@module(_LOGOUT, f"{_LOGOUT}-no-state")
def sign_out(party: Party, name: str) -> None:
    """A hint of one's own and a registered address: the session ends, and the person comes back with the state."""
    state = None if name.endswith("no-state") else _STATE
    _came_back(_leave(party, party.tokens()["id_token"], state=state), state=state)
    _session_is_over(party)


@module(
    f"{_LOGOUT}-bad-post-logout-redirect-uri",
    f"{_LOGOUT}-query-added-to-post-logout-redirect-uri",
    f"{_LOGOUT}-modified-id-token-hint",
    f"{_LOGOUT}-bad-id-token-hint",
    f"{_LOGOUT}-no-id-token-hint",
    f"{_LOGOUT}-no-params",
    f"{_LOGOUT}-no-post-logout-redirect-uri",
    f"{_LOGOUT}-only-state",
)
def stay(party: Party, name: str) -> None:
    """Nobody is sent anywhere: a page of our own says what is wrong, asks, or says that it is done."""
    id_token = party.tokens()["id_token"]
    changes: dict[str, dict[str, str | None]] = {
        "bad-post-logout-redirect-uri": {"post_logout_redirect_uri": f"{SIGNED_OUT}/nobody-registered-this"},
        "query-added-to-post-logout-redirect-uri": {"post_logout_redirect_uri": f"{SIGNED_OUT}?foo=bar"},
        "modified-id-token-hint": {"id_token_hint": f"eyJhbGciOiAibm9uZSJ9.{id_token.split('.')[1]}."},
        "bad-id-token-hint": {"id_token_hint": _of_the_client_itself(party)},
        "no-id-token-hint": {"id_token_hint": None},
        "no-params": {"id_token_hint": None, "post_logout_redirect_uri": None, "state": None},
        "no-post-logout-redirect-uri": {"post_logout_redirect_uri": None},
        "only-state": {"id_token_hint": None, "post_logout_redirect_uri": None},
    }
    asked = name.removeprefix(f"{_LOGOUT}-")
    found = _leave(party, id_token, **changes[asked])
    assert isinstance(found, Page), found
    wrong = _FAULTS.get(asked, "")
    assert found.heading == ("We could not sign you out" if wrong else "You are signed out")
    assert wrong in found.text
    if asked in {"no-params", "no-post-logout-redirect-uri", "only-state"}:
        _session_is_over(party)


@module("oidcc-backchannel-rp-initiated-logout")
def back_channel(party: Party, name: str) -> None:
    """The client hears of the end by a logout token, and the person comes back."""
    documents = party.lab.documents
    documents.put(BACK_CHANNEL, b"")
    client = another(
        party,
        "foundation-back-channel",
        backchannel_logout_uri=documents.origin + BACK_CHANNEL,
        backchannel_logout_session_required=True,
        post_logout_redirect_uris=[SIGNED_OUT],
    )
    tokens = client.tokens()
    _came_back(_leave(client, tokens["id_token"]))
    sid = tokens["claims"]["sid"]

    def heard() -> list[dict[str, Any]]:
        notices = [(headers, body) for path, headers, body in documents.sent if path == BACK_CHANNEL]
        assert {headers["content-type"] for headers, _ in notices} <= {"application/x-www-form-urlencoded"}
        bodies = [parse_qs(body.decode()) for _, body in notices]
        assert all(each.keys() == {"logout_token"} for each in bodies)
        published = KeySet.import_key_set(client.http.get(client.op["jwks_uri"]).json())
        said = [jwt.decode(each["logout_token"][0], published, algorithms=["RS256"]) for each in bodies]
        assert {each.header["typ"] for each in said} <= {"logout+jwt"}
        return [dict(each.claims) for each in said if each.claims["sid"] == sid]

    wait_until(heard, "the logout token")
    (claims,) = heard()
    assert documents.spoken == {"TLSv1.3"}
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert (claims["iss"], claims["aud"]) == (party.lab.issuer, client.client_id)
    assert claims["sub"] == tokens["claims"]["sub"]
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["jti"]
    assert claims["iat"] <= time.time() + 5
    assert "nonce" not in claims
    _session_is_over(client)


@module("oidcc-frontchannel-rp-initiated-logout")
def front_channel(party: Party, name: str) -> None:
    """The page of the end holds the client's frame, with issuer and session, and leads on to the client."""
    client = another(
        party,
        "foundation-front-channel",
        frontchannel_logout_uri=FRONT_CHANNEL,
        frontchannel_logout_session_required=True,
        post_logout_redirect_uris=[SIGNED_OUT],
    )
    tokens = client.tokens()
    found = _leave(client, tokens["id_token"])
    assert isinstance(found, Page), found
    (frame,) = [unescape(each) for each in _FRAME.findall(found.html)]
    assert frame.startswith(FRONT_CHANNEL)
    expected = {"iss": [party.lab.issuer], "sid": [tokens["claims"]["sid"]]}
    assert parse_qs(urlsplit(frame).query) == expected
    onward = urlsplit(found.link(SIGNED_OUT))
    assert parse_qs(onward.query) == {"state": [_STATE]}
    _session_is_over(client)


@module("oidcc-3rd_party-init-login")
def third_party(party: Party, name: str) -> None:
    """A start address is registered and told again, and leads from the dashboard to the client with our name."""
    start = f"{RP}/start"
    client, told = register_with_secret(party, initiate_login_uri=start)
    assert told["initiate_login_uri"] == start
    bearer = {"Authorization": f"Bearer {told['registration_access_token']}"}
    again = party.http.get(told["registration_client_uri"], headers=bearer)
    assert again.status_code == 200
    assert again.headers["content-type"].startswith("application/json")
    assert again.json()["initiate_login_uri"] == start
    client.tokens()
    dashboard = party.person.go(f"{party.lab.issuer}/")
    assert isinstance(dashboard, Page)
    assert parse_qs(urlsplit(dashboard.link(start)).query)["iss"] == [party.lab.issuer]


@module("oidcc-3rd_party-init-login-nohttps")
def third_party_without_tls(party: Party, name: str) -> None:
    """A start address that is not https is refused at registration."""
    _, told = register_with_secret(party, expect=400, initiate_login_uri="http://rp.example/start")
    assert told["error"] == "invalid_client_metadata"
