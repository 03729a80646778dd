"""The modules of FAPI 2.0 on proofs of possession (DPoP)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

from tests.support.foundation.fapi_words import OF_DATED_PROOFS, FapiWalk, is_error

if TYPE_CHECKING:
    from tests.support.foundation.fapi_party import FapiParty

module = FapiWalk()


@module(*OF_DATED_PROOFS)
def dated_proofs(party: FapiParty, name: str) -> None:
    """Proofs may be a little early or late, and may have further dates."""
    changes = dates_of(name)
    asked = party.request()
    code = party.code_of(asked, bound=not name.endswith("nbf-exp"), proof=changes)
    tokens = party.token_answer(party.redeem(code, proof=changes))
    assert party.ask_own(tokens["access_token"], **changes).status_code == 200


def dates_of(name: str) -> dict[str, Any]:
    """Return what the module of this name says in its proofs."""
    now = int(time.time())
    if "nbf" in name:
        return {"nbf": now, "exp": now + 300}
    return {"iat": now + (-10 if "before" in name else 8)}


@module("ensure-mismatched-dpop-jkt-fails")
def mismatched_key_at_par(party: FapiParty, name: str) -> None:
    """A proof and a dpop_jkt that name two keys are refused as they are pushed."""
    other = party.another_key().thumbprint()
    answer = party.push(party.request(dpop_jkt=other), bound=True)
    is_error(answer, {"invalid_request", "invalid_dpop_proof"})


@module(
    "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
    "ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
    "ensure-dpop-auth-code-binding-success",
)
def bound_code(party: FapiParty, name: str) -> None:
    """A code that was asked for with a key is redeemed with that key only."""
    by_name = not name.endswith("proof-jkt")
    asked = party.request(**({"dpop_jkt": party.dpop_key.thumbprint()} if by_name else {}))
    named_and_proved = name.endswith("success")
    code = party.code_of(asked, bound=named_and_proved or not by_name)
    if named_and_proved:
        party.token_answer(party.redeem(code))
    else:
        other = party.another_key()
        answer = party.redeem(code, proof={"key": other})
        is_error(answer, {"invalid_request", "invalid_grant", "invalid_dpop_proof"})


@module("dpop-negative-tests")
def wrong_proofs(party: FapiParty, name: str) -> None:
    """A proof that breaks one rule opens nothing; what is only unusual does."""
    refuses_wrong_proofs(party, party.own, party.bound_tokens()["access_token"])


def refuses_wrong_proofs(party: FapiParty, url: str, token: str) -> None:
    """Check that a resource takes good proofs for a token, and no others."""
    other = party.another_key()

    def status(**changes: Any) -> int:
        return party.ask_resource(url, token, **changes).status_code

    assert status() == 200
    good: list[dict[str, Any]] = [
        {"htu": f"{url}?a=b#c"},
        {"htu": url.replace("https", "HTTPS")},
        {"extra": "claim", "a_header_that_nobody_knows": "x"},
        {"jti": "the same name"},
    ]
    assert [status(**each) for each in good] == [200] * len(good)
    wrong: list[dict[str, Any]] = [
        *({each: None} for each in ("typ", "jwk", "jti", "htm", "htu", "iat", "ath")),
        {"typ": "JWT"},
        {"typ": "dpop+jwt+wrong"},
        {"jwk": party.dpop_key.as_dict(private=True)},
        {"htm": "PUT"},
        {"htu": "https://other.example/"},
        {"htu": f"{url}another"},
        {"iat": int(time.time()) + 3_600},
        {"iat": int(time.time()) - 3_600},
        {"jti": "the same name"},
        {"ath": "wrong"},
        {"key": other},
    ]
    if party.algorithm == "PS256":
        wrong.append({"alg": "RS256"})
    for each in wrong:
        assert status(**each) in {400, 401}, each
    proof = party.dpop("GET", url, token=token)
    head = json.dumps({"typ": "dpop+jwt", "jwk": party.dpop_key.as_dict(private=False)}).encode()
    nameless = base64.urlsafe_b64encode(head).rstrip(b"=").decode()
    broken = [
        f"{proof[:-8]}AAAAAAAA",
        f"{nameless}.{proof.partition('.')[2]}",
        "no token at all",
        proof.rpartition(".")[0],
        f"eyJhbGciOiJub25lIn0.{proof.split('.')[1]}.",
    ]
    for text in broken:
        assert status(headers={"DPoP": text}) in {400, 401}, text
    assert [status(scheme=each, headers={}) for each in ("DPoP", "Bearer")] == [401, 401]
    assert status(headers={"DPOP": party.dpop("GET", url, token=token)}) == 200
    two = [("DPoP", party.dpop("GET", url, token=token)), ("DPoP", party.dpop("GET", url, token=token))]
    answer = party.line().get(url, headers=[("Authorization", f"DPoP {token}"), *two])
    assert answer.status_code in {400, 401}
