"""The rules of the authorization endpoint, one by one, refusals first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.authorization_request import AuthorizationRequest, granted_scope
from idp.domain.authorize_checks import CHECKS, Where, first_broken
from idp.domain.client import Client, client_from
from idp.domain.oauth import ErrorCode

CALLBACK = "https://rp1.example/cb"
GOOD = {
    "client_id": ["rp1"],
    "redirect_uri": [CALLBACK],
    "response_type": ["code"],
    "scope": ["openid profile"],
    "state": ["s"],
    "nonce": ["n"],
    "code_challenge": ["A" * 43],
    "code_challenge_method": ["S256"],
}


def a_client(**metadata: object) -> Client:
    fields = {
        "id": "rp1",
        "name": "One",
        "description": "",
        "application_key": "",
        "launch_url": "",
        "profile": metadata.pop("profile", "default"),
        "version": 1,
        "disabled_at": metadata.pop("disabled_at", None),
    }
    values = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code"],
        "scope": "openid profile email",
        **metadata,
    }
    return client_from(fields, values)


def broken(client: Client | None = None, **changes: list[str] | None) -> tuple[str, str] | None:
    parameters = {name: values for name, values in {**GOOD, **changes}.items() if values is not None}
    found = first_broken(AuthorizationRequest(parameters, a_client() if client is None else client))
    return None if found is None else (found.fault.code.value, found.where.value)


def test_a_good_request_breaks_no_rule() -> None:
    """OIDC Core §3.1.2.1."""
    assert broken() is None


@pytest.mark.parametrize("client_id", [None, ["rp1", "rp1"]])
def test_a_request_names_its_client_once(client_id: list[str] | None) -> None:
    """RFC 6749 §3.1: none or two names are a page, for nobody could be told."""
    assert broken(client_id=client_id) == ("invalid_request", "page")


def test_an_unknown_or_disabled_client_is_a_page() -> None:
    """AZ-23: a client of another environment is not known here."""
    assert first_broken(AuthorizationRequest(GOOD, None)).where is Where.PAGE  # type: ignore[union-attr]
    assert broken(a_client(disabled_at="yes")) == ("unauthorized_client", "page")


@pytest.mark.parametrize(
    "mutant",
    [
        "https://evil.example/cb",
        f"{CALLBACK}/",
        "https://rp1.example/CB",
        "https://rp1.example/cb2",
        f"{CALLBACK}?x=1",
        "https://rp1.example:443/cb",
        "https://rp1.example/cb/../cb",
        "https://rp1.example/cb%2f",
        f"{CALLBACK};x",
        "https://rp1.example./cb",
        "HTTPS://rp1.example/cb",
        "https://RP1.example/cb",
        f"{CALLBACK}#x",
        f" {CALLBACK}",
        f"{CALLBACK} ",
        "https://rp1.example/cb/..;/evil",
        "https://rp1.example/cb/%2e%2e/evil",
        "https://rp1.example/cb/..%5cevil",
        "https://rp1xexample/cb",
        "https://rp1.example.evil.example/cb",
        "http://rp1.example/cb",
        "javascript:alert(1)",
    ],
)
def test_only_the_registered_redirect_uri_is_followed(mutant: str) -> None:
    """AZ-01, AZ-02, AZ-03, AZ-05, AZ-06, AZ-08: character by character, and everything else is a page."""
    assert broken(redirect_uri=[mutant]) == ("invalid_request", "page")


@given(st.text(max_size=60))
def test_no_other_text_is_a_registered_redirect_uri(text: str) -> None:
    """AZ-02: whatever the text."""
    expected = None if text == CALLBACK else ("invalid_request", "page")
    assert broken(redirect_uri=[text]) == expected


def test_a_missing_redirect_uri_is_never_guessed() -> None:
    """AZ-09: neither of two nor of one."""
    two = a_client(redirect_uris=[CALLBACK, "https://rp1.example/other"])
    assert broken(two, redirect_uri=None) == ("invalid_request", "page")
    assert broken(redirect_uri=None) == ("invalid_request", "page")


def test_two_redirect_uris_are_a_page() -> None:
    """RFC 6749 §3.1: nobody knows which one to trust."""
    assert broken(redirect_uri=[CALLBACK, "https://evil.example"]) == ("invalid_request", "page")


@pytest.mark.parametrize(
    "kind", ["token", "id_token token", "code token", "id_token", "none", "code code", "CODE", "code "]
)
def test_implicit_and_hybrid_response_types_are_refused(kind: str) -> None:
    """AZ-12, RFC 9700 §2.1.2."""
    assert broken(response_type=[kind]) == ("unsupported_response_type", "client")


@pytest.mark.parametrize("mode", ["web_message", "QUERY", "jwt.query", ".jwt", " "])
def test_response_modes_that_are_not_offered_are_refused(mode: str) -> None:
    """Multiple Response Types §2.1, JARM §2.3."""
    assert broken(response_mode=[mode]) == ("invalid_request", "client")


@pytest.mark.parametrize("name", ["state", "nonce", "scope", "prompt", "code_challenge", "response_type"])
def test_a_parameter_stands_once(name: str) -> None:
    """RFC 6749 §3.1."""
    assert broken(**{name: ["a", "b"]}) == ("invalid_request", "client")


def test_clients_do_not_register_themselves_by_a_request() -> None:
    """OIDC Core §7.2.1; discovery says the same."""
    assert broken(registration=["x"]) == ("registration_not_supported", "client")


@pytest.mark.parametrize("kind", ["id_token", "code id_token", "token id_token", "code token"])
def test_tokens_never_stand_in_a_query(kind: str) -> None:
    """Multiple Response Types §3: not in plain and not signed; the fragment and a form will do."""
    client = a_client(
        profile="compat",
        response_types=["id_token", "code id_token", "id_token token", "code token"],
    )
    for mode, expected in {
        "query": ("invalid_request", "client"),
        "query.jwt": ("invalid_request", "client"),
        "fragment": None,
        "form_post": None,
        "fragment.jwt": None,
        "jwt": None,
    }.items():
        assert broken(client, response_type=[kind], response_mode=[mode]) == expected


def test_an_id_token_at_once_needs_openid_and_a_nonce() -> None:
    """OIDC Core §3.2.2.1, §3.3.2.1; without one both are the choice of a client of this profile."""
    every = ["code", "code token", "id_token", "id_token token", "code id_token", "code id_token token"]
    grants = ["authorization_code", "implicit"]
    client = a_client(profile="compat", response_types=every, grant_types=grants)
    bare = {"nonce": None, "code_challenge": None, "code_challenge_method": None}
    for kind in every:
        expected = ("invalid_request", "client") if "id_token" in kind else None
        assert broken(client, response_type=[kind], **bare) == expected
    assert broken(client, response_type=["id_token"], scope=["email"]) == ("invalid_scope", "client")


def test_a_client_without_a_secret_always_proves_its_code() -> None:
    """RFC 9700 §2.1.1: PKCE, whatever the profile; and never plain."""
    public = a_client(profile="compat", token_endpoint_auth_method="none")
    assert broken(public, code_challenge=None) == ("invalid_request", "client")
    assert broken(a_client(profile="compat"), code_challenge_method=["plain"]) == (
        "invalid_request",
        "client",
    )


@pytest.mark.parametrize("client", [{"profile": "fapi2"}, {"require_pushed_authorization_requests": True}])
def test_a_request_that_has_to_be_pushed_is_not_taken_from_the_browser(client: dict[str, object]) -> None:
    """RFC 9126 §5, FAPI 2.0 §5.3.2.2."""
    assert broken(a_client(**client)) == ("invalid_request", "client")
    assert first_broken(AuthorizationRequest(GOOD, a_client(**client), pushed=b"")) is None


def test_a_request_that_has_to_be_signed_is_not_taken_unsigned() -> None:
    """RFC 9101 §10.5."""
    client = a_client(require_signed_request_object=True)
    assert broken(client) == ("invalid_request", "client")
    assert first_broken(AuthorizationRequest(GOOD, client, signed=True)) is None


def test_a_client_without_the_code_grant_gets_no_code() -> None:
    """TK-06."""
    assert broken(a_client(grant_types=["client_credentials"])) == ("unauthorized_client", "client")


@pytest.mark.parametrize("scope", [None, ["admin"], ['"'], ["openid  profile"], [" openid"], ["x" * 1001]])
def test_a_scope_that_gives_nothing_or_is_malformed_is_refused(scope: list[str] | None) -> None:
    """RFC 6749 §3.3, AZ-16."""
    assert broken(scope=scope) == ("invalid_scope", "client")


def test_a_scope_that_is_not_understood_or_not_the_clients_is_left_out() -> None:
    """OIDC Core §3.1.2.1, §11: ignored, never granted."""
    asked = AuthorizationRequest({**GOOD, "scope": ["openid phone admin offline_access email"]}, a_client())
    assert granted_scope(asked) == ("openid", "email")


@pytest.mark.parametrize(
    ("kind", "granted"),
    [("id_token", False), ("id_token token", False), ("code id_token", True), ("code", True)],
)
def test_offline_access_is_granted_only_where_a_code_comes(kind: str, granted: bool) -> None:  # noqa: FBT001
    """OIDC Core §11: ignored else, since nothing that comes could refresh."""
    client = a_client(scope="openid offline_access", grant_types=["authorization_code", "refresh_token"])
    asked = AuthorizationRequest(
        {**GOOD, "response_type": [kind], "scope": ["openid offline_access"]}, client
    )
    assert ("offline_access" in granted_scope(asked)) == granted


@pytest.mark.parametrize("nonce", [None, ["n" * 513]])
def test_a_sign_in_carries_a_nonce_of_some_length(nonce: list[str] | None) -> None:
    """AZ-28: long ones are legal, none and endless ones are not."""
    assert broken(nonce=nonce) == ("invalid_request", "client")


@pytest.mark.parametrize("name", ["state", "nonce"])
def test_long_but_legal_state_and_nonce_are_accepted(name: str) -> None:
    """AZ-28: 384 characters."""
    assert broken(**{name: ["x" * 384]}) is None
    assert broken(state=["x" * 2000]) is None


def test_an_endless_state_is_refused() -> None:
    """AZ-14."""
    assert broken(state=["x" * 4097]) == ("invalid_request", "client")


@pytest.mark.parametrize("method", [None, ["plain"], ["s256"], ["none"]])
def test_pkce_is_s256_or_refused(method: list[str] | None) -> None:
    """PK-02, trap T10: a missing method would mean plain."""
    assert broken(code_challenge_method=method) == ("invalid_request", "client")


@pytest.mark.parametrize(
    "challenge", [None, [""], ["A" * 42], ["A" * 44], ["A" * 42 + "="], ["A" * 42 + "+"], ["é" * 43]]
)
def test_a_challenge_is_given_and_well_formed(challenge: list[str] | None) -> None:
    """PK-04, PK-06, trap T10: no request without PKCE, of clients with a secret either, so no downgrade."""
    assert broken(code_challenge=challenge) == ("invalid_request", "client")


@pytest.mark.parametrize("prompt", ["none login", "sideways", "login none", "NONE"])
def test_prompts_are_known_and_none_stands_alone(prompt: str) -> None:
    """OIDC Core §3.1.2.1."""
    assert broken(prompt=[prompt]) == ("invalid_request", "client")


@pytest.mark.parametrize("max_age", ["-1", "abc", "00010", "99999999999999999999", "1.5", "1e9", "\u0661"])
def test_max_age_is_whole_seconds(max_age: str) -> None:
    """AZ-19: negative, huge, not a number."""
    assert broken(max_age=[max_age]) == ("invalid_request", "client")


@pytest.mark.parametrize("max_age", ["0", "1", "10000", "1000000000"])
def test_sound_max_ages_are_accepted(max_age: str) -> None:
    """AZ-19."""
    assert broken(max_age=[max_age]) is None


@pytest.mark.parametrize(
    "resource", [["https://other.example"], ["https://a.example", "https://a.example"], ["x"]]
)
def test_a_resource_is_one_of_the_clients_own(resource: list[str]) -> None:
    """RFC 8707 §2, TK-18: at most one audience per token."""
    client = a_client(resources=["https://a.example"])
    assert broken(client, resource=resource) == ("invalid_target", "client")
    assert broken(client, resource=["https://a.example"]) is None


def test_every_rule_before_the_redirect_uri_is_a_page_and_every_one_after_tells_the_client() -> None:
    """RFC 9700 §4.1: the order of the table is the law."""
    places = [where for _check, where in CHECKS]
    assert places == sorted(places, key=[Where.PAGE, Where.CLIENT].index)
    assert len({check.__name__ for check, _where in CHECKS}) == len(CHECKS)


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)), st.lists(st.text(max_size=20), max_size=3), max_size=len(GOOD)
    )
)
def test_no_request_breaks_the_rules_themselves(changes: dict[str, list[str]]) -> None:
    """AZ-15, AZ-19: whatever arrives, an answer comes out, and its words are ours."""
    found = first_broken(AuthorizationRequest({**GOOD, **changes}, a_client()))
    if found is not None:
        assert isinstance(found.fault.code, ErrorCode)
        assert found.fault.description.isascii()
