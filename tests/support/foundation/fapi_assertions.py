"""The modules of FAPI 2.0 on client assertions (private_key_jwt)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.support.foundation.fapi_words import OF_ASSERTIONS, OF_CLIENT, FapiWalk, is_error, short
from tests.support.foundation.registered import assertion

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.support.foundation.fapi_party import FapiParty

module = FapiWalk()


@module(*OF_ASSERTIONS)
def assertions(party: FapiParty, name: str) -> None:
    """A client assertion that breaks one rule proves nobody at the token endpoint."""
    is_error(party.redeem(party.code(), **wrong_assertion(party, name)), {*OF_CLIENT, "invalid_request"})


def wrong_assertion(party: FapiParty, name: str) -> dict[str, Any]:
    """Return the fields of the assertion that the module of this name brings."""
    wrong = {
        "ensure-signed-client-assertion-with-RS256-fails": "RS256",
        "ensure-client-assertion-in-token-endpoint": "none at all",
        "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": "ended",
        "ensure-client-assertion-with-wrong-aud-fails": "for another",
        "ensure-client-assertion-with-no-sub-fails": "without sub",
    }[short(name)]
    return wrong_assertions(party)[wrong]


@module("ensure-invalid-client-assertions-fail")
def wrong_at_the_first_endpoint(party: FapiParty, name: str) -> None:
    """Whatever is wrong with an assertion, nothing is pushed with it; the next good one works."""
    refuses_wrong_assertions(party, lambda fields: party.push_fields({**party.pushes(), **fields}))


def refuses_wrong_assertions(party: FapiParty, send: Callable[[dict[str, Any]], httpx.Response]) -> None:
    """Check that an endpoint refuses each wrong assertion, and takes one of a clock that goes before, and a good one."""
    for label, fields in wrong_assertions(party).items():
        answer = send(fields)
        assert answer.status_code in {400, 401}, label
        is_error(answer, {*OF_CLIENT, "invalid_request"})
    at = int(time.time()) + 8
    for fields in (party.proof(iat=at, nbf=at), party.proof()):
        assert send(fields).is_success


def wrong_assertions(party: FapiParty) -> dict[str, dict[str, Any]]:
    """Return the fields of assertions of which each breaks one rule, or lacks what belongs to it."""
    now, issuer = int(time.time()), party.lab.issuer
    par, token = party.op["pushed_authorization_request_endpoint"], party.op["token_endpoint"]
    good = party.proof()["client_assertion"]
    said: dict[str, dict[str, Any]] = {
        "without sub": {"sub": None},
        "wrong sub": {"sub": "somebody"},
        "without iss": {"iss": None},
        "wrong iss": {"iss": "somebody"},
        "without aud": {"aud": None},
        "without jti": {"jti": None},
        "for another": {"aud": "https://other1.example"},
        "for an endpoint": {"aud": par},
        "for the token endpoint": {"aud": token},
        "for a list": {"aud": [issuer, token]},
        "ended": {"exp": now - 300},
        "of the future": {"iat": now + 62, "nbf": now + 62, "exp": now + 122},
    }
    return {
        "none at all": {
            "client_assertion": None,
            "client_assertion_type": None,
            "client_id": party.client_id,
        },
        "without type": {"client_assertion_type": None},
        "of another type": {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:other"},
        "RS256": {"client_assertion": assertion(party.client_id, party.rsa_key(), issuer, alg="RS256")},
        "unsigned": {"client_assertion": f"eyJhbGciOiJub25lIn0.{good.split('.')[1]}."},
        "wrongly signed": {"client_assertion": f"{good[:-8]}AAAAAAAA"},
        **{label: party.proof(**changes) for label, changes in said.items()},
    }


@module(
    "par-test-array-as-audience-fails",
    "par-test-par-endpoint-url-as-audience-fails",
    "par-test-token-endpoint-url-as-audience-fails",
)
def audiences(party: FapiParty, name: str) -> None:
    """Our issuer alone, as a text, is the audience of an assertion."""
    par, token = party.op["pushed_authorization_request_endpoint"], party.op["token_endpoint"]
    wrong = token if "token-endpoint" in name else par
    audience: object = [party.lab.issuer, token] if "array" in name else wrong
    is_error(party.push(assertion={"aud": audience}), {*OF_CLIENT, "invalid_request"})


@module(
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
)
def assertion_dates(party: FapiParty, name: str) -> None:
    """Clocks may differ by some seconds, not by a minute."""
    good = "-8-" in name
    at = int(time.time()) + (8 if good else 62)
    answer = party.push(assertion={"iat": at, "nbf": at, "exp": at + 60})
    if good:
        assert answer.status_code == 201, answer.text
    else:
        is_error(answer, {*OF_CLIENT, "invalid_request"})
