"""What a client that registers itself must not reach: subjects of others, numbers and keys without an end."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from idp.domain.client_profile import ClientProfile
from idp.storage.clients import change_client, look_up_client
from idp.usecases.change_registration import change_registration
from idp.usecases.self_registration import RegistrationShown
from tests.support.devices import GRANT as DEVICE_CODE
from tests.support.self_registration import manage, post, registered, registering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.oidc import Op

CODE = "authorization_code"


def refused(op: Op, **metadata: Any) -> str:
    answer = post(op, **metadata)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_client_metadata"), answer.body
    return str(answer.json()["error_description"])


def rsa_key(bits: int, exponent: int = 65_537) -> dict[str, Any]:
    def coded(number: int) -> str:
        return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()

    return {"kty": "RSA", "kid": "1", "n": coded((1 << bits) - 159), "e": coded(exponent)}


@pytest.mark.parametrize("grants", [[DEVICE_CODE], [CODE, DEVICE_CODE]], ids=len)
def test_nobody_joins_the_sector_of_others_by_way_of_a_device(op: Op, grants: list[str]) -> None:
    """OIDC Core §8.1: a device is answered at no address, so any host could be claimed as its sector."""
    registering(op, "open")
    said = refused(op, grant_types=grants, subject_type="pairwise", token_endpoint_auth_method="none")
    assert said.startswith("subject_type pairwise with urn:ietf:params:oauth:grant-type:device_code")


def test_nobody_joins_the_sector_of_others_by_a_scheme_of_its_own(op: Op) -> None:
    """OIDC Core §8.1, RFC 8252 §7.1: whoever invents a scheme writes any host after it."""
    registering(op, "open")
    uris = ["com.other.app://emi.example/callback"]
    metadata: dict[str, Any] = {
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "redirect_uris": uris,
    }
    assert "sector_identifier_uri is needed" in refused(op, subject_type="pairwise", **metadata)
    registered(op, **metadata)


@pytest.mark.parametrize(
    "contact", ["ops@emi.example\nBcc: all@emi.example", "x" * 321], ids=["lines", "long"]
)
def test_a_contact_that_is_more_than_a_line_is_refused(op: Op, contact: str) -> None:
    """RFC 7591 §2: it is shown to people and told back, and may become a line of something else."""
    registering(op, "open")
    assert refused(op, contacts=["ops@emi.example", contact]).startswith("contacts has to be texts")
    registered(op, contacts=["ops@emi.example", "Opérations, +1 555 0100"])


@pytest.mark.parametrize("age", [10_000_000_000, 10**300], ids=["long", "endless"])
def test_an_age_without_an_end_is_refused(op: Op, age: int) -> None:
    """OIDC Registration §2: seconds that no clock can count would end every sign-in at the client."""
    registering(op, "open")
    assert refused(op, default_max_age=age) == "default_max_age has to be whole seconds"
    longest = registered(op, default_max_age=9_999_999_999, scope="openid")
    asked = op.authorize(op.session(op.account("nora")), client_id=longest["client_id"])
    assert asked.status == 303


@pytest.mark.parametrize("key", [rsa_key(16_384), rsa_key(2_048, (1 << 65) + 1)], ids=["modulus", "exponent"])
def test_a_key_that_nothing_can_be_encrypted_for_is_refused(op: Op, key: dict[str, Any]) -> None:
    """RFC 7518 §4.3: a token would fail, or cost too much, after its code was spent."""
    registering(op, "open")
    said = refused(op, jwks={"keys": [key]}, id_token_encrypted_response_alg="RSA-OAEP-256")
    assert "jwks RSA keys may have 8192 bits and an exponent of 64 bits at most" in said
    registered(op, jwks={"keys": [rsa_key(2_048)]}, id_token_encrypted_response_alg="RSA-OAEP-256")


def test_a_replacement_is_judged_by_the_profile_that_it_is_stored_under(op_on_both: Op) -> None:
    """RFC 7592 §2.2: an operator who raises the profile meanwhile is not undone; the client tries again."""
    op = registering(op_on_both, "open")
    client = registered(op, client_name="Before")
    raised: list[str] = []

    def reading(_metadata: Mapping[str, Any]) -> str:
        if not raised:
            raised.append(ClientProfile.IPSIE_SL1)
            with op.services.store.write() as unit:
                change_client(unit.connection, client["client_id"], {"profile": ClientProfile.IPSIE_SL1})
        return ""

    def replaced() -> object:
        stated = {"client_id": client["client_id"], "redirect_uris": ["https://emi.example/callback"]}
        stated |= {"client_name": "After", "id_token_signed_response_alg": "RS256"}
        token = client["registration_access_token"]
        return change_registration(op.services, client["client_id"], stated, token=token, reading=reading)

    for _ in range(2):  # at the moment of the change, and after it
        assert not isinstance(replaced(), RegistrationShown)
        found = look_up_client(op.services.store.database, client["client_id"])
        assert found is not None
        assert (found.name, found.profile) == ("Before", "ipsie-sl1")
    assert manage(op, client, "GET").json()["client_name"] == "Before"
