"""Profiles of clients: a name for what the authorization server asks of a client, and what it lets it do.

``default`` is OAuth 2.1 as RFC 9700 has it. ``compat`` is OpenID Connect Core as it was written, for relying
parties that cannot do better. ``ipsie-sl1`` and ``fapi2`` are profiles of the OpenID Foundation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from idp.domain.oauth import GrantType

CODE = "code"
BY_NAME = frozenset({"sid"})
"""What tells a client which session a notice of an end is about (Front-Channel Logout §3)."""
SESSION_CLAIMS = BY_NAME | {"session_expiry"}
"""The claims of ID tokens about the session: its name, and its end (IPSIE SL1)."""


class ClientProfile(StrEnum):
    """The names of the profiles."""

    DEFAULT = "default"
    COMPAT = "compat"
    IPSIE_SL1 = "ipsie-sl1"
    FAPI2 = "fapi2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRules:
    """What a profile asks and allows.

    ``exact_audience``: assertions name our issuer as their one audience, as a text; request objects name
    it, both parties and their dates. ``sender_constrained``: access tokens are bound to a key of the client.
    ``auth_methods`` is None where every method will do. ``barred_grants`` are those whose answer does not
    come back to the browser that asked, so that it may go to somebody else (RFC 8628 §5.4).
    ``rotates_refresh_tokens``: each works once. FAPI 2.0 forbids it: it costs honest clients their grant, and
    gives nothing where clients prove themselves and tokens are bound.
    ``default_algorithm`` is empty where the settings decide. ``session_claims`` are those that ID tokens hold
    about the session without being asked for them.
    """

    response_types: tuple[str, ...] = (CODE,)
    needs_challenge: bool = True
    needs_nonce: bool = True
    pushed_only: bool = False
    exact_audience: bool = False
    sender_constrained: bool = False
    needs_https: bool = False
    rotates_refresh_tokens: bool = True
    auth_methods: frozenset[str] | None = None
    barred_algorithms: frozenset[str] = frozenset()
    barred_grants: frozenset[str] = frozenset()
    default_algorithm: str = ""
    session_claims: frozenset[str] = SESSION_CLAIMS


_KEYS_ONLY = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})
_WEAK = frozenset({"RS256"})
_ACROSS_DEVICES = frozenset({GrantType.DEVICE_CODE.value})

PROFILES: Mapping[str, ProfileRules] = MappingProxyType(
    {
        ClientProfile.DEFAULT.value: ProfileRules(),
        # OpenID Connect Core §3: every flow; PKCE is optional, and the nonce where no ID token comes at once.
        ClientProfile.COMPAT.value: ProfileRules(
            response_types=(
                CODE,
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
            ),
            needs_challenge=False,
            needs_nonce=False,
            default_algorithm="RS256",
            session_claims=BY_NAME,
        ),
        # IPSIE OpenID Connect SL1: no http redirect URIs, one audience, no RS256.
        ClientProfile.IPSIE_SL1.value: ProfileRules(
            exact_audience=True,
            needs_https=True,
            barred_algorithms=_WEAK,
            barred_grants=_ACROSS_DEVICES,
        ),
        # FAPI 2.0 Security Profile §5.3.2: PKCE binds the code, so a nonce is not needed. ID tokens hold what
        # OpenID Connect Core §2 asks for, and what the client asked for.
        ClientProfile.FAPI2.value: ProfileRules(
            needs_nonce=False,
            pushed_only=True,
            exact_audience=True,
            sender_constrained=True,
            needs_https=True,
            rotates_refresh_tokens=False,
            auth_methods=_KEYS_ONLY,
            barred_algorithms=_WEAK,
            barred_grants=_ACROSS_DEVICES,
            session_claims=frozenset(),
        ),
    }
)
"""Every profile, by its name."""


def in_order(response_type: str) -> str:
    """Return a response type with its words in one order: it is no matter (Multiple Response Types §3)."""
    return " ".join(sorted(response_type.split(" ")))


RESPONSE_TYPES = PROFILES[ClientProfile.COMPAT.value].response_types
"""Every response type that some profile allows."""
