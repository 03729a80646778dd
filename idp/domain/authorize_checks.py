"""The rules of the authorization endpoint: one function a rule, and one tuple that is their order.

Until the redirection URI is known to be the client's, a refusal is a page of our own; afterwards it
travels to the client (RFC 6749 §4.1.2.1, RFC 9700 §4.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.authorization_request import PARAMETERS, AuthorizationRequest, granted_scope
from idp.domain.claims_request import read_claims
from idp.domain.client_profile import CODE
from idp.domain.oauth import ErrorCode, Fault, GrantType
from idp.domain.pkce import METHOD, is_challenge
from idp.domain.redirects import is_registered
from idp.domain.response_mode import delivery
from idp.domain.scope import OPENID
from idp.domain.session import Acr

PROMPTS = ("none", "login", "consent", "select_account")
LONGEST_STATE = 4_096
LONGEST_NONCE = 512
_MAX_AGE = re.compile(r"0|[1-9][0-9]{0,9}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class Where(StrEnum):
    """Where a refusal goes."""

    PAGE = "page"
    CLIENT = "client"


Check = Callable[[AuthorizationRequest], Fault | None]


def _invalid(description: str) -> Fault:
    return Fault(ErrorCode.INVALID_REQUEST, description)


def _page(description: str, topic: str) -> Fault:
    """Return a refusal for our own page; ``topic`` chooses its words."""
    return Fault(ErrorCode.INVALID_REQUEST, description, reason=topic)


# --- before the redirection URI is trusted -----------------------------------------------------------


def one_client_is_named(request: AuthorizationRequest) -> Fault | None:
    """RFC 6749 §3.1: ``client_id`` stands once."""
    return (
        None
        if len(request.parameters.get("client_id", ())) == 1
        else _invalid("client_id has to stand once.")
    )


def client_is_known(request: AuthorizationRequest) -> Fault | None:
    """AZ-23: the client is registered here and not disabled."""
    known = request.client is not None and not request.client.disabled
    if known:
        return None
    return Fault(ErrorCode.UNAUTHORIZED_CLIENT, "The application is not known here.", reason="unknown_client")


def one_redirect_uri_at_most(request: AuthorizationRequest) -> Fault | None:
    """RFC 6749 §3.1: ``redirect_uri`` stands at most once."""
    few = len(request.parameters.get("redirect_uri", ())) <= 1
    return None if few else _invalid("redirect_uri has to stand once.")


def redirect_uri_is_given(request: AuthorizationRequest) -> Fault | None:
    """AZ-09, OIDC Core §3.1.2.1: nothing is guessed; the redirection URI is always named."""
    if request.value("redirect_uri"):
        return None
    return request.unread or _page("redirect_uri is missing.", "redirect_uri_missing")


def redirect_uri_is_registered(request: AuthorizationRequest) -> Fault | None:
    """AZ-01..AZ-03, AZ-05..AZ-08: exactly one of the client's own, character by character."""
    if is_registered(request.known_client, request.value("redirect_uri")):
        return None
    return _page("redirect_uri is not registered for this application.", "redirect_uri")


# --- from here on the client hears of it -------------------------------------------------------------


def nothing_is_repeated(request: AuthorizationRequest) -> Fault | None:
    """RFC 6749 §3.1: a parameter stands at most once (``resource`` may be repeated, RFC 8707 §2)."""
    for name in PARAMETERS:
        if name != "resource" and len(request.parameters.get(name, ())) > 1:
            return _invalid(f"{name} has to stand once.")
    return None


def request_was_read(request: AuthorizationRequest) -> Fault | None:
    """RFC 9101 §6, RFC 9126 §4: a request that was signed or pushed could be found, opened and trusted."""
    return request.unread


def no_registration(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §7.2.1: clients that register themselves by the request are not supported."""
    if not request.value("registration"):
        return None
    return Fault(ErrorCode.REGISTRATION_NOT_SUPPORTED, "registration is not supported.")


def request_was_pushed(request: AuthorizationRequest) -> Fault | None:
    """RFC 9126 §5: where the client has to push its requests, one from the browser alone is refused."""
    client = request.known_client
    if request.pushed is not None or not (client.must_push or client.rules.pushed_only):
        return None
    return _invalid("The request has to be pushed.")


def request_was_signed(request: AuthorizationRequest) -> Fault | None:
    """RFC 9101 §10.5: where the client has to sign its requests, an unsigned one is refused."""
    if request.signed or not request.known_client.must_sign_requests:
        return None
    return _invalid("The request has to be signed.")


def response_mode_is_supported(request: AuthorizationRequest) -> Fault | None:
    """Multiple Response Types §2.1, JARM §2.3: a mode that exists, and never tokens in a query."""
    known = delivery(request.value("response_mode"), request.response_type) is not None
    return None if known else _invalid("response_mode is not supported.")


def response_type_is_offered(request: AuthorizationRequest) -> Fault | None:
    """AZ-12, RFC 9700 §2.1.2: the code only, unless the client's profile has more types."""
    if not request.value("response_type"):
        return _invalid("response_type is missing.")
    if request.response_type in request.known_client.rules.response_types:
        return None
    return Fault(ErrorCode.UNSUPPORTED_RESPONSE_TYPE, "The response_type is not supported.")


def client_may_ask_for_it(request: AuthorizationRequest) -> Fault | None:
    """TK-06: the client is registered for the response type and for the grant behind it."""
    client, kind = request.known_client, request.response_type
    grant = kind in client.response_types and (
        CODE not in kind.split() or client.may_use(GrantType.AUTHORIZATION_CODE)
    )
    return None if grant else Fault(ErrorCode.UNAUTHORIZED_CLIENT, "The application may not use this grant.")


def state_has_bounds(request: AuthorizationRequest) -> Fault | None:
    """AZ-14, AZ-28: long states are legal, endless ones are not."""
    return None if len(request.value("state")) <= LONGEST_STATE else _invalid("state is too long.")


def scope_is_granted(request: AuthorizationRequest) -> Fault | None:
    """RFC 6749 §3.3: the scope is well-formed, and something of it is this client's."""
    return (
        None
        if granted_scope(request)
        else Fault(ErrorCode.INVALID_SCOPE, "Nothing of the scope can be granted.")
    )


def nonce_is_given(request: AuthorizationRequest) -> Fault | None:
    """A sign-in carries a nonce, and a bounded one (AZ-28, IPSIE SL1).

    Where no ID token comes at once, and the profile says so, it is the client's choice (OIDC Core §3.1.2.1,
    §3.3.2.1).
    """
    nonce = request.value("nonce")
    if len(nonce) > LONGEST_NONCE:
        return _invalid("nonce is too long.")
    needed = request.known_client.rules.needs_nonce or "id_token" in request.response_type.split()
    if nonce or not needed or OPENID not in granted_scope(request):
        return None
    return _invalid("nonce is missing.")


def an_id_token_is_of_a_sign_in(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §3.2.2.1, §3.3.2.1: who asks for an ID token asks for ``openid``."""
    if "id_token" not in request.response_type.split() or OPENID in granted_scope(request):
        return None
    return Fault(ErrorCode.INVALID_SCOPE, "An ID token needs the scope openid.")


def challenge_is_s256(request: AuthorizationRequest) -> Fault | None:
    """PK-02, RFC 9700 §2.1.1: PKCE, S256 only; a missing method would mean plain and is refused.

    A client that has no secret always needs it, whatever its profile.
    """
    client = request.known_client
    if not request.value("code_challenge"):
        needed = CODE in request.response_type.split() and (client.rules.needs_challenge or client.is_public)
        return _invalid("code_challenge is missing: PKCE is required.") if needed else None
    if request.value("code_challenge_method") != METHOD:
        return _invalid("code_challenge_method has to be S256.")
    return None


def challenge_is_well_formed(request: AuthorizationRequest) -> Fault | None:
    """PK-06: a challenge is 43 characters of base64url."""
    challenge = request.value("code_challenge")
    return None if not challenge or is_challenge(challenge) else _invalid("code_challenge is malformed.")


def key_is_named_by_thumbprint(request: AuthorizationRequest) -> Fault | None:
    """RFC 9449 §10: the key that the code is bound to is named by the SHA-256 thumbprint of a JWK."""
    named = request.value("dpop_jkt")
    return None if not named or _THUMBPRINT.fullmatch(named) else _invalid("dpop_jkt is malformed.")


def prompt_is_known(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §3.1.2.1: known prompts, and ``none`` stands alone."""
    prompts = request.prompts
    if any(prompt not in PROMPTS for prompt in prompts):
        return _invalid("prompt is not known.")
    return _invalid("prompt none has to stand alone.") if "none" in prompts and len(prompts) > 1 else None


def max_age_is_a_number(request: AuthorizationRequest) -> Fault | None:
    """AZ-19: whole seconds, without sign or leading zeros, at most ten digits."""
    value = request.value("max_age")
    return None if not value or is_max_age(value) else _invalid("max_age has to be whole seconds.")


def is_max_age(text: str) -> bool:
    """Tell whether ``text`` is whole seconds (AZ-19)."""
    return _MAX_AGE.fullmatch(text) is not None


def claims_are_readable(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §5.5: the claims asked for are JSON of the standard's form, and bounded."""
    value = request.value("claims")
    return None if read_claims(value) is not None else _invalid("claims is malformed.")


def essential_class_is_known(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §5.5.1.1: nobody is asked for a proof of a class that no sign-in here can have."""
    claims = request.claims
    if not claims.acr_is_essential or any(acr in tuple(Acr) for acr in claims.acr):
        return None
    return Fault(ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, "No sign-in here is of the class asked for.")


def one_subject_at_most(request: AuthorizationRequest) -> Fault | None:
    """OIDC Core §5.5.1: a session is one person's, so ``sub`` is asked to be one value at most."""
    few = len(request.claims.subjects) <= 1
    return None if few else _invalid("claims asks for several subjects.")


def resource_is_registered(request: AuthorizationRequest) -> Fault | None:
    """RFC 8707 §2: one resource at most, one that the client is registered for."""
    wanted = [value for value in request.parameters.get("resource", ()) if value]
    if len(wanted) <= 1 and all(value in request.known_client.resources for value in wanted):
        return None
    return Fault(ErrorCode.INVALID_TARGET, "The resource is not one of this application's.")


CHECKS: tuple[tuple[Check, Where], ...] = (
    (one_client_is_named, Where.PAGE),
    (client_is_known, Where.PAGE),
    (one_redirect_uri_at_most, Where.PAGE),
    (redirect_uri_is_given, Where.PAGE),
    (redirect_uri_is_registered, Where.PAGE),
    (nothing_is_repeated, Where.CLIENT),
    (request_was_read, Where.CLIENT),
    (no_registration, Where.CLIENT),
    (request_was_pushed, Where.CLIENT),
    (request_was_signed, Where.CLIENT),
    (response_mode_is_supported, Where.CLIENT),
    (response_type_is_offered, Where.CLIENT),
    (client_may_ask_for_it, Where.CLIENT),
    (state_has_bounds, Where.CLIENT),
    (scope_is_granted, Where.CLIENT),
    (an_id_token_is_of_a_sign_in, Where.CLIENT),
    (nonce_is_given, Where.CLIENT),
    (challenge_is_s256, Where.CLIENT),
    (challenge_is_well_formed, Where.CLIENT),
    (key_is_named_by_thumbprint, Where.CLIENT),
    (prompt_is_known, Where.CLIENT),
    (max_age_is_a_number, Where.CLIENT),
    (claims_are_readable, Where.CLIENT),
    (essential_class_is_known, Where.CLIENT),
    (one_subject_at_most, Where.CLIENT),
    (resource_is_registered, Where.CLIENT),
)
"""Every rule, in its order. The first that is broken decides."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first rule that a request breaks, and where the refusal goes."""

    fault: Fault
    where: Where


def first_broken(request: AuthorizationRequest) -> Broken | None:
    """Return the first rule that the request breaks, or None."""
    for check, where in CHECKS:
        fault = check(request)
        if fault is not None:
            return Broken(fault, where)
    return None
