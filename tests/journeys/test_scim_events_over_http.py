"""Requests that are done later, and events, as an integrator meets them: real processes, real HTTP, both databases."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jwk, jws

from tests.support.https_server import serving_documents
from tests.support.lab import Lab, running_lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Databases
    from tests.support.https_server import Documents

pytestmark = pytest.mark.journey

DONE = "urn:ietf:params:scim:event:misc:asyncresp"
CREATED = "urn:ietf:params:scim:event:prov:create"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
POLLED, PUSHED = "polled", "pushed"


def test_events_are_polled_pushed_and_told_of_what_is_done_later(
    tmp_path: Path, databases: Databases
) -> None:
    """P2: RFC 9967 §2.5.1, RFC 8936 §2, RFC 8935 §2, in a laboratory of two web processes and one behind them."""
    with serving_documents(tmp_path) as receiver:
        address = receiver.put("/events", b"", status=503, **{"Retry-After": "1"})
        pushed = {
            "events": "notice",
            "events_push": address,
            "events_authorization": "Bearer of-the-receiver",
        }
        world = {
            "scim_clients": [
                {"name": POLLED, "token": POLLED, "events": "full"},
                {"name": PUSHED, "token": PUSHED} | pushed,
            ],
            "fetch_authority": str(receiver.authority),
            "fetch_loopback": [receiver.host],
        }
        with running_lab(tmp_path, world, "--database", databases.url("empty"), "--workers", "2") as lab:
            _what_is_switched_on_is_told(lab)
            _an_event_comes_until_it_is_acknowledged(lab)
            _what_is_done_later_is_told_when_it_is_done(lab)
            _what_the_receiver_did_not_take_is_pushed_again(lab, receiver)
            assert lab.stop() == (0, "")
    assert (tmp_path / "errors").read_text() == ""


def _what_is_switched_on_is_told(lab: Lab) -> None:
    for client, provisioning in ((POLLED, "full"), (PUSHED, "notice")):
        told = _get(lab, client, "/ServiceProviderConfig").json()["securityEvents"]
        assert told["asyncRequest"] == "request"
        assert f"{CREATED}:{provisioning}" in told["eventUris"]
    assert "securityEvents" not in httpx.get(f"{lab.said['scim']}/ServiceProviderConfig").json()


def _an_event_comes_until_it_is_acknowledged(lab: Lab) -> None:
    made = _post(lab, POLLED, "erin")
    assert made.status_code == 201
    (identifier,) = first = _poll(lab, returnImmediately=False)
    assert _poll(lab) == first
    claims = _verified(lab, first[identifier], audience=POLLED)
    assert claims["jti"] == identifier
    assert claims["events"][f"{CREATED}:full"]["data"]["userName"] == "erin"
    assert claims["sub_id"]["uri"] == f"/Users/{made.json()['id']}"
    assert _poll(lab, ack=[identifier]) == {}


def _what_is_done_later_is_told_when_it_is_done(lab: Lab) -> None:
    answer = _post(lab, POLLED, "faye", Prefer="respond-async")
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["preference-applied"] == "respond-async"
    told: dict[str, str] = {}
    while DONE not in told:
        sets = _poll(lab, returnImmediately=False)
        told |= {next(iter(_verified(lab, each, audience=POLLED)["events"])): each for each in sets.values()}
        assert _poll(lab, ack=[*sets], maxEvents=0) == {}
    claims = _verified(lab, told[DONE], audience=POLLED)
    assert claims["txn"] == answer.headers["set-txn"]
    assert claims["events"][DONE]["status"] == "201"
    kept = httpx.get(answer.headers["location"], headers={"Authorization": f"Bearer {POLLED}"})
    assert kept.headers["content-type"] == "application/secevent+jwt"
    assert _verified(lab, kept.text, audience=POLLED) == claims
    assert httpx.get(answer.headers["location"]).status_code == 401
    assert _get(lab, POLLED, '/Users?filter=userName eq "faye"').json()["totalResults"] == 1


def _what_the_receiver_did_not_take_is_pushed_again(lab: Lab, receiver: Documents) -> None:
    assert _poll(lab, client=PUSHED) == {"err": "access_denied"}
    assert _post(lab, PUSHED, "gail").status_code == 201
    _wait(receiver.reached)
    receiver.goes_on.clear()
    _wait(receiver.reached)
    receiver.put("/events", b"", status=202)
    receiver.goes_on.set()
    assert _post(lab, PUSHED, "hope").status_code == 201
    _wait(receiver.reached)
    (path, headers, refused), (_, _, taken), (_, _, following) = receiver.sent
    assert path == "/events"
    assert headers["authorization"] == "Bearer of-the-receiver"
    assert headers["content-type"] == "application/secevent+jwt"
    claims = [_verified(lab, each.decode(), audience=PUSHED) for each in (refused, taken)]
    assert claims[0] == claims[1]
    assert [*claims[0]["events"]] == [f"{CREATED}:notice"]
    assert "gail" not in json.dumps(claims[0]["events"])
    assert _verified(lab, following.decode(), audience=PUSHED)["jti"] != claims[0]["jti"]


def _wait(reached: threading.Event) -> None:
    assert reached.wait(60)
    reached.clear()


def _get(lab: Lab, token: str, path: str) -> httpx.Response:
    return httpx.get(f"{lab.said['scim']}{path}", headers={"Authorization": f"Bearer {token}"})


def _post(lab: Lab, token: str, user_name: str, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{lab.said['scim']}/Users",
        headers={"Authorization": f"Bearer {token}", **headers},
        json={"schemas": [USER], "userName": user_name},
    )


def _poll(lab: Lab, *, client: str = POLLED, **members: Any) -> dict[str, str]:
    """Return the tokens that wait, or the error."""
    answer = httpx.post(
        f"{lab.issuer}/events/poll",
        headers={"Authorization": f"Bearer {client}"},
        json={"returnImmediately": True} | members,
        timeout=30,
    )
    found: dict[str, str] = answer.json().get("sets", {"err": answer.json().get("err")})
    return found


def _verified(lab: Lab, token: str, *, audience: str) -> dict[str, Any]:
    """Return the claims of a token, checked by the keys that the laboratory publishes (RFC 8417 §4)."""
    keys = jwk.KeySet.import_key_set(httpx.get(httpx.get(lab.said["discovery"]).json()["jwks_uri"]).json())
    found = jws.deserialize_compact(token, keys, algorithms=["ES256"])
    claims: dict[str, Any] = json.loads(found.payload)
    assert found.headers()["typ"] == "secevent+jwt"
    assert (claims["iss"], claims["aud"]) == (lab.issuer, audience)
    return claims
