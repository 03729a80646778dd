"""Consent: what a person lets an application have that is not the operator's own (OIDC Core §3.1.2.4)."""

from __future__ import annotations

from collections.abc import Collection

from idp.domain.authorization_request import AuthorizationRequest, granted_scope
from idp.domain.claims import CLAIMS_TO_ASK_FOR
from idp.domain.scope import OPENID, PERSONAL_SCOPES


def consent_needed(request: AuthorizationRequest) -> tuple[str, ...]:
    """Return what the person has to agree to, in the words of scopes and in their order.

    A single claim counts as the scope that opens it, so that nobody is asked about names of claims.
    """
    wanted = set(granted_scope(request))
    if OPENID in wanted:
        granted = request.claims.granted(request.known_client.scopes)
        names = {name for wishes in granted.values() for name in wishes}
        wanted |= {scope for scope, opened in CLAIMS_TO_ASK_FOR.items() if not names.isdisjoint(opened)}
    return tuple(scope for scope in PERSONAL_SCOPES if scope in wanted)


def covers(given: Collection[str], needed: Collection[str]) -> bool:
    """Tell whether what was agreed to before is enough."""
    return set(needed) <= set(given)
