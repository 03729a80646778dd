"""The file of a laboratory: whatever is wrong is named by its key."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.claims import CLAIMS_OF_SCOPE
from switchyard import lab_file
from switchyard.cli import main
from switchyard.lab_claims import StandardClaims
from switchyard.lab_faults import LabFileError

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = {"userName": "jdoe", "password": "secret"}
CLIENT = {"client_id": "rp1", "client_secret": "s", "redirect_uris": ["https://rp.example/cb"]}


def faults(file: Any) -> list[str]:
    """Return what is wrong with a file, line by line."""
    text = file if isinstance(file, str) else json.dumps(file)
    with pytest.raises(LabFileError) as caught:
        lab_file.parse(text, "lab.json")
    lines = str(caught.value).splitlines()
    assert lines[0] == "lab.json cannot be used:"
    return [line.strip() for line in lines[1:]]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("", "line 1, column 1: is not JSON: Expecting value"),
        ("{\n  ,", "line 2, column 3: is not JSON"),
        ("[]", "the file: has to be an object"),
        ("[" * 100_000, "the file: nests too deeply"),
        ('{"accounts": [{"userName": "a", "userName": "b"}]}', "userName: stands twice in one object"),
        ('{"policy": "\\ud800"}', "policy: holds a character that no text can hold"),
        ({"groups": [{"displayName": "a", "organization_id": "\0"}]}, "groups[0].organization_id: holds a character"),
        ({"clients": [CLIENT | {"client_name#fr": "a\0"}]}, "clients[0].client_name#fr: holds a character that no"),
        ({"clients": [CLIENT | {"jwks": {"keys": [{"kid": "\0"}]}}]}, "clients[0].jwks.keys[0].kid: holds a"),
        ({"clients": [CLIENT | {"client_name#\0": "a"}]}, "clients[0]: has a key with a character that no text"),
        ({"polcy": "ieso-2025"}, "polcy: there is no such key; is it policy?"),
        ({"accounts": [{**ACCOUNT, "username": "a"}]}, "accounts[0].username: there is no such key; is it userName?"),
        ({"groups": [{"display_name": "a"}]}, "groups[0].display_name: there is no such key; is it displayName?"),
        ({"policy": "other"}, "policy: has to be 'ieso-2025' or 'nist-63b-4'"),
        ({"limits": False}, "limits: has to be 'on' or 'off'"),
        ({"consent": "never"}, "consent: has to be 'skip' or 'ask'"),
        ({"accounts": {}}, "accounts: has to be a list"),
        ({"accounts": ["jdoe"]}, "accounts[0]: has to be an object"),
        ({"accounts": [{"userName": "jdoe"}]}, "accounts[0].password: is missing"),
        ({"accounts": [ACCOUNT, {**ACCOUNT, "userName": "JDOE"}]}, "accounts[1].userName: is the same as that"),
        ({"accounts": [{**ACCOUNT, "userName": " jdoe"}]}, "accounts[0].userName: starts or ends with a space"),
        ({"accounts": [{**ACCOUNT, "password": ""}]}, "accounts[0].password: is empty"),
        ({"accounts": [{**ACCOUNT, "password": "x" * 1025}]}, "accounts[0].password: is too long"),
        ({"accounts": [{**ACCOUNT, "second_factor": "app"}]}, "accounts[0].second_factor: has to be 'none' or"),
        ({"accounts": [{**ACCOUNT, "totp_secret": "JBSWY3DPEHPK3PXP"}]}, "totp_secret: needs second_factor"),
        ({"accounts": [{**ACCOUNT, "totp_secret": "18!"}]}, "totp_secret: has to be base32"),
        ({"accounts": [{**ACCOUNT, "totp_secret": "JBSW"}]}, "totp_secret: has to have at least 16"),
        ({"accounts": [{**ACCOUNT, "groups": ["Traders"]}]}, "groups[0]: no group of the file has the displayName"),
        ({"accounts": [{**ACCOUNT, "claims": {"sub": "1"}}]}, "claims.sub: cannot be chosen"),
        ({"accounts": [{**ACCOUNT, "claims": {"emial": "a@b"}}]}, "claims.emial: there is no such key; is it email?"),
        ({"accounts": [{**ACCOUNT, "claims": {"email": "nobody"}}]}, "claims.email: has to be an e-mail address"),
        ({"accounts": [{**ACCOUNT, "claims": {"email_verified": "yes"}}]}, "email_verified: has to be true or false"),
        ({"accounts": [{**ACCOUNT, "claims": {"updated_at": "now"}}]}, "updated_at: has to be a whole number"),
        ({"accounts": [{**ACCOUNT, "claims": {"birthdate": "1.4.75"}}]}, "birthdate: has to be written as"),
        ({"accounts": [{**ACCOUNT, "claims": {"locale": "english"}}]}, "locale: has to be a language tag"),
        ({"accounts": [{**ACCOUNT, "claims": {"website": "x"}}]}, "website: has to be a web address"),
        ({"accounts": [{**ACCOUNT, "claims": {"address": "x"}}]}, "claims.address: has to be an object"),
        ({"accounts": [{**ACCOUNT, "claims": {"address": {"city": "x"}}}]}, "claims.address.city: there is no such key"),
        ({"groups": [{"displayName": ""}]}, "groups[0].displayName: is empty"),
        ({"groups": [{"displayName": "a"}, {"displayName": "A"}]}, "groups[1].displayName: is the same as that"),
        ({"clients": [{}]}, "clients[0].client_id: is missing"),
        ({"clients": [{**CLIENT, "client_id": "a b"}]}, "clients[0].client_id: has to be 2 to 64"),
        ({"clients": [CLIENT, CLIENT]}, "clients[1].client_id: is the same as that of clients[0]"),
        ({"clients": [{**CLIENT, "profile": "fapi"}]}, "clients[0].profile: has to be 'default', 'compat', 'ipsie-sl1' or"),
        ({"clients": [{**CLIENT, "redirect_uri": "x"}]}, "clients[0].redirect_uri: there is no such key; is it redirect_uris?"),
        ({"clients": [{"client_id": "rp1"}]}, "clients[0].client_secret: is missing: client_secret_basic needs one"),
        ({"accounts": [{**ACCOUNT, "groups": "A"}]}, "accounts[0].groups: has to be a list"),
        ({"accounts": [{**ACCOUNT, "claims": []}]}, "accounts[0].claims: has to be an object"),
        ({"registration": "on"}, "registration: has to be 'closed', 'token' or 'open'"),
        ({"registration": "token"}, "registration_token: is missing: registration is 'token'"),
        ({"registration_token": "known"}, "registration_token: needs registration 'token' or 'open'"),
        ({"registration": "token", "registration_token": "a b"}, "registration_token: has to be letters"),
        ({"registration": "open", "registration_profile": "all"}, "registration_profile: has to be 'default'"),
        ({"fetch_authority": "/there/is/no/such.pem"}, "fetch_authority: cannot be read: No such file or directory"),
        ({"fetch_authority": __file__}, "fetch_authority: holds no certificate in PEM"),
        ({"fetch_loopback": ["127.0.0.1:1", "https://127.0.0.1:1"]}, "fetch_loopback[1]: has to be a host in"),
        ({"fetch_loopback": ["127.0.0.1:65536"]}, "fetch_loopback[0]: has to be a host in"),
        ({"scim_clients": [{"name": "idp", "token": "a b"}]}, "scim_clients[0].token: has to be letters"),
        ({"scim_clients": [{"name": "idp", "token": "a", "profile": "ad"}]}, "scim_clients[0].profile: has to be 'strict'"),
        ({"scim_clients": [{"name": "a", "token": "x", "events": "all"}]}, "scim_clients[0].events: has to be 'none'"),
        ({"scim_clients": [{"name": "a", "token": "x", "events_push": "https://b"}]}, "events_push: needs events"),
        (
            {"scim_clients": [{"name": "a", "token": "x", "events": "full", "events_authorization": "y"}]},
            "scim_clients[0].events_authorization: needs events_push",
        ),
        ({"scim_clients": [{"name": "a", "token": "x", "require_match": 1}]}, "require_match: has to be true or false"),
        ({"scim_clients": [{"name": "a", "token": "x", "allowed_addresses": "::1"}]}, "allowed_addresses: has to be a list"),
        ({"scim_clients": [{"name": "a", "token": "x", "allowed_address": []}]}, "is it allowed_addresses?"),
        (
            {"scim_clients": [{"name": "a", "token": "x"}, {"name": "b", "token": "x"}]},
            "scim_clients[1].token: is the same as that of scim_clients[0]",
        ),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_named_by_its_key(file: Any, named: str) -> None:
    assert any(named in line for line in faults(file)), faults(file)


def test_every_fault_is_told_at_once() -> None:
    found = faults({"accounts": [{}], "clients": [{"client_secret": 1}], "limits": "maybe"})
    assert [line.partition(":")[0] for line in found] == [
        "accounts[0].userName",
        "accounts[0].password",
        "clients[0].client_id",
        "clients[0].client_secret",
        "limits",
    ]


def test_no_secret_of_a_file_is_told() -> None:
    """Neither a fault nor the model's own text shows a password, a secret or a token."""
    file = {
        "accounts": [{**ACCOUNT, "password": "canary-1"}],
        "clients": [{**CLIENT, "client_secret": "canary-2"}],
    }
    file["scim_clients"] = [{"name": "idp", "token": "canary-3"}]  # type: ignore[assignment]
    assert "canary" not in repr(lab_file.parse(json.dumps(file), "x"))
    assert "canary" not in "".join(faults({**file, "limits": "canary-free"})).replace("canary-free", "")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.sampled_from([*lab_file.LabFile.model_fields, "userName", "claims", "client_id", "token"]) | st.text(), x)))  # fmt: skip
def test_no_json_breaks_the_reading(value: Any) -> None:
    """Whatever JSON it is, it is a world or a list of faults."""
    with contextlib.suppress(LabFileError):
        assert isinstance(lab_file.parse(json.dumps(value), "x"), lab_file.LabFile)


def test_any_metadata_of_the_registry_may_be_stated() -> None:
    """RFC 7591 §4.1: what is not used is not refused; a name may carry a language."""
    client = {
        **CLIENT,
        "client_name#fr": "Banque",
        "software_id": "x",
        "jwks": {"keys": []},
        "jwks_uri": "https://a.example",
    }
    read = lab_file.parse(json.dumps({"clients": [client]}), "x").clients[0]
    assert "jwks" not in read.metadata
    assert read.metadata["client_name#fr"] == "Banque"


def test_an_account_may_have_any_address_that_scim_takes() -> None:
    """C9, RFC 5322 §3.2.3: people have apostrophes, and letters beyond ASCII."""
    for address in ("kevin.o'brien+x@lab.example", "jos\u00e9@m\u00fcnchen.example"):
        account = {**ACCOUNT, "claims": {"email": address}}
        assert lab_file.parse(json.dumps({"accounts": [account]}), "x").accounts[0].claims.email == address


def test_the_default_world_has_a_scim_client_with_which_scim_sanity_blames_nothing() -> None:
    """J2: what refuses them cannot be the one of which scim-sanity blames nothing."""
    found = {each.token: each.leave_out_unknown_members for each in lab_file.default_world().scim_clients}
    assert found == {"lab-scim-token": False, "lab-scim-lenient-token": True}


def test_the_default_world_has_an_account_with_all_nineteen_claims() -> None:
    claims = lab_file.default_world().accounts[0].claims
    assert set(claims.model_dump(exclude_none=True)) == set(StandardClaims.model_fields)
    assert set(StandardClaims.model_fields) == {name for names in CLAIMS_OF_SCOPE.values() for name in names}
    assert len(StandardClaims.model_fields) == 19


def test_the_example_is_a_file_that_can_be_used() -> None:
    shown = CliRunner().invoke(main, ["lab", "--example"])
    assert shown.exit_code == 0
    assert lab_file.parse(shown.output, "x") == lab_file.default_world()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "lab.json", tmp_path / "none.json", tmp_path):
        with pytest.raises(LabFileError, match=str(path)):
            lab_file.read(path)
