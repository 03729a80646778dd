"""What the checks of FAPI 2.0 have in common: the names of modules, and how a refusal looks."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.foundation.registry import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.support.foundation.fapi_party import FapiParty
    from tests.support.foundation.registry import Check

_PREFIX = "fapi2-security-profile-final-"
_SAID = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
"""What an error and its description may hold (RFC 6749 §5.2)."""
_RANDOM_BITS = 96
_LONG_BITS = 128
OF_REQUEST = {"invalid_request", "invalid_request_object"}
OF_CLIENT = {"invalid_client"}

OF_ASSERTIONS = (
    "ensure-signed-client-assertion-with-RS256-fails",
    "ensure-client-assertion-in-token-endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "ensure-client-assertion-with-wrong-aud-fails",
    "ensure-client-assertion-with-no-sub-fails",
)
"""Modules that bring one wrong assertion each."""
OF_DATED_PROOFS = (
    "check-dpop-proof-nbf-exp",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds",
    "ensure-dpopproof-with-iat-10seconds-after-succeeds",
)
"""Modules that bring proofs a little early or late."""


class FapiWalk(Walk):
    """Checks by the names of modules without the words with which all of them begin."""

    def __call__(self, *names: str) -> Callable[[Check], Check]:
        """Say which modules a check walks."""
        return super().__call__(*(f"{_PREFIX}{name}" for name in names))


def short(name: str) -> str:
    """Return the name of a module without the words with which all of them begin."""
    return name.removeprefix(_PREFIX)


def is_error(answer: httpx.Response, errors: set[str]) -> None:
    """Check a refusal of an endpoint: 401 is for clients alone that are not proved (RFC 6749 §5.2)."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    said = answer.json()
    assert said["error"] in errors, said
    assert answer.status_code in ({400, 401} if said["error"] in OF_CLIENT else {400}), answer.text
    assert said.keys() <= {"error", "error_description", "error_uri"}
    assert all(_SAID.fullmatch(each) for each in said.values()), said


def is_random(secret: str) -> bool:
    """Tell whether a secret is long, and of signs that are as many as the suite wants."""
    shares = [count / len(secret) for count in Counter(secret).values()]
    bits = -sum(share * math.log2(share) for share in shares) * len(secret)
    return len(secret) * 8 >= _LONG_BITS and bits >= _RANDOM_BITS


def unbound(party: FapiParty) -> set[str]:
    """Return how a request may be refused that lacks what tokens are bound to.

    A certificate that is missing proves nobody either; for a proof that is, not every release of the suite takes
    ``invalid_dpop_proof``.
    """
    nobody = party.variant.by_certificate and not party.variant.by_proof
    return {*OF_CLIENT, "invalid_request"} if nobody else {"invalid_request", "invalid_grant"}
