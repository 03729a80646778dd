"""The plan of FAPI 2.0 on the client credentials grant: what each module asks of the provider and of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.foundation import fapi
from tests.support.foundation.fapi_assertions import refuses_wrong_assertions, wrong_assertion
from tests.support.foundation.fapi_proofs import dates_of, refuses_wrong_proofs
from tests.support.foundation.fapi_words import (
    OF_ASSERTIONS,
    OF_CLIENT,
    OF_DATED_PROOFS,
    FapiWalk,
    is_error,
    unbound,
)

if TYPE_CHECKING:
    from tests.support.foundation.fapi_party import FapiParty

module = FapiWalk()


@module("discovery-end-point-verification")
def discovery(party: FapiParty, name: str) -> None:
    """What the profile needs is told, and the grant; the authorization server's own document says the same."""
    fapi.discovery(party, name)
    assert "client_credentials" in party.op["grant_types_supported"]
    place = f"{party.lab.issuer}/.well-known/oauth-authorization-server"
    assert party.http.get(place).json()["grant_types_supported"] == party.op["grant_types_supported"]


@module("happy-flow")
def happy_flow(party: FapiParty, name: str) -> None:
    """A token that is bound opens the resource for its own client, however it names JSON, and for no other."""
    assert "scim.read" in party.op["scopes_supported"]
    token = party.machine_token()
    for accepted in ("application/json", "application/json;charset=UTF-8", "application/json, */*;q=0.1"):
        answer = party.ask_resource(party.resource, token, beside={"Accept": accepted})
        assert (answer.status_code, "date" in answer.headers) == (200, True)
    assert party.line().get(party.resource, params={"access_token": token}).status_code in {400, 401}
    party.become("second")
    assert party.ask_resource(party.resource, token).status_code == 401


@module("access-token-type-header-case-sensitivity")
def scheme_in_any_case(party: FapiParty, name: str) -> None:
    """The scheme's name is read in any case."""
    token, scheme = party.machine_token(), party.variant.token_type
    for spelled in (scheme.lower(), scheme.upper(), scheme.swapcase()):
        assert party.ask_resource(party.resource, token, scheme=spelled).status_code == 200


@module(*OF_DATED_PROOFS)
def dated_proofs(party: FapiParty, name: str) -> None:
    """Proofs may be a little early or late, and may have further dates."""
    changes = dates_of(name)
    token = party.machine_token(proof=changes)
    assert party.ask_resource(party.resource, token, **changes).status_code == 200


@module("ensure-client-id-in-token-endpoint")
def another_name(party: FapiParty, name: str) -> None:
    """The name of another client with what proves the first is nobody."""
    party.client_id = party.variant.client_id("second")
    is_error(party.ask_as_machine({"client_id": party.client_id}), OF_CLIENT)


@module("ensure-holder-of-key-required")
def without_key(party: FapiParty, name: str) -> None:
    """Without what tokens are bound to there are none."""
    is_error(party.ask_as_machine(bound=False), unbound(party))


@module(*OF_ASSERTIONS)
def assertions(party: FapiParty, name: str) -> None:
    """A client assertion that breaks one rule proves nobody."""
    is_error(party.ask_as_machine(wrong_assertion(party, name)), {*OF_CLIENT, "invalid_request"})


@module("ensure-invalid-client-assertions-fail")
def wrong_assertions(party: FapiParty, name: str) -> None:
    """Whatever is wrong with an assertion, nothing is issued for it; the next good one works."""
    refuses_wrong_assertions(party, party.ask_as_machine)


@module("dpop-negative-tests")
def wrong_proofs(party: FapiParty, name: str) -> None:
    """A proof that breaks one rule opens nothing; what is only unusual does."""
    refuses_wrong_proofs(party, party.resource, party.machine_token())
