"""Userinfo (OIDC Core §5.3): claims about the person a token stands for."""

from __future__ import annotations

from collections.abc import Mapping

from idp.domain.claims import claims_named, profile_claims
from idp.domain.claims_request import chosen
from idp.domain.oauth import ErrorCode, Fault
from idp.domain.scope import ACCESS, OPENID
from idp.domain.tokens import ACCESS_TOKEN_TYPE, access_claim
from idp.storage.access_tokens import find_bearer_with_profile
from idp.storage.application_access import access_of
from idp.usecases.authenticate_bearer import can_be_token
from idp.usecases.prove_possession import NOTHING, Shown, may_use_token
from idp.usecases.services import IdpServices
from idp.usecases.signed_user_info import signed_user_info
from kernel.crypto import digest

INVALID_TOKEN = Fault(
    ErrorCode.INVALID_TOKEN, "The access token is missing, expired, revoked, or for another resource.", 401
)
"""One answer to every token that opens nothing here: whether it lives is not for all to know (IR-02)."""
INSUFFICIENT_SCOPE = Fault(ErrorCode.INSUFFICIENT_SCOPE, "The access token is not one of a sign-in.", 403)


def user_info(
    services: IdpServices, token: str, shown: Shown = NOTHING
) -> Mapping[str, object] | str | Fault:
    """Return the claims that the token's scopes open (UI-02): one statement, and one more for ``access``.

    A text is a JWT, for a client that registered userinfo so.

    Only tokens whose audience is the Gateway itself are taken (UI-01, TK-18), and only a person's (TK-15). A
    token that is bound to a key or a certificate needs the proof of it.
    """
    if not can_be_token(token):
        return INVALID_TOKEN
    if not services.signing.is_ours(token, typ=ACCESS_TOKEN_TYPE):
        return INVALID_TOKEN
    database = services.store.database
    found = find_bearer_with_profile(database, digest(token), now=services.store.clock.now())
    if found is None or services.issuer not in found[0].audience:
        return INVALID_TOKEN
    facts, profile, application_key, asked, as_jwt = found
    misused = may_use_token(services, token, facts.confirmation, shown)
    if misused is not None:
        return misused
    if profile is None or OPENID not in facts.scope:
        return INSUFFICIENT_SCOPE
    claims: dict[str, object] = {"sub": facts.subject, **profile_claims(profile, facts.scope)}
    wishes = (asked or {}).get("userinfo") or {}
    if wishes:
        claims |= chosen(claims_named(profile, wishes), wishes)
    if ACCESS in facts.scope or ACCESS in wishes:
        access = {ACCESS: access_claim(access_of(database, facts.account_id, application_key))}
        claims |= access if ACCESS in facts.scope else chosen(access, wishes)
    return signed_user_info(services, facts.client_id, claims) if as_jwt else claims
