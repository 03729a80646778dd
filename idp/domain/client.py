"""Clients: relying parties and machines that ask for tokens, as their registration describes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import KeySet

from idp.domain.client_certificate import registered_subject
from idp.domain.client_profile import BY_NAME, CODE, PROFILES, ProfileRules, in_order
from idp.domain.confirmation import Confirmation
from idp.domain.dpop import Proof
from idp.domain.localized import localized_names
from idp.domain.oauth import ASSERTION_ALGORITHMS, AuthMethod, GrantType
from idp.domain.response_encryption import Encryption, registered_encryption
from idp.domain.scope import OPENID

PAIRWISE = "pairwise"
SUBJECT_TYPES = ("public", PAIRWISE)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client.

    ``application_key`` names the application whose memberships open it; empty opens it to every account.
    ``resources`` are the audiences it may ask tokens for (RFC 8707); ``serves`` are the audiences it stands
    for itself, whose tokens it may introspect.
    """

    id: str
    name: str
    description: str
    application_key: str
    launch_url: str
    profile: str
    version: int
    disabled: bool
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    grant_types: frozenset[str]
    scopes: frozenset[str]
    auth_method: str
    application_type: str
    jwks: tuple[Mapping[str, Any], ...]
    backchannel_logout_uri: str
    id_token_algorithm: str
    resources: tuple[str, ...]
    serves: tuple[str, ...]
    default_max_age: int | None
    default_acr: tuple[str, ...]
    response_types: tuple[str, ...] = (CODE,)
    must_push: bool = False
    must_sign_requests: bool = False
    request_algorithm: str = ""
    response_algorithm: str = ""
    request_uris: tuple[str, ...] = ()
    first_party: bool = True
    """Whether it is the operator's own: then nobody is asked for consent."""
    logo_uri: str = ""
    policy_uri: str = ""
    terms_uri: str = ""
    sector: str = ""
    """Whom it shares pairwise subjects with: a host; empty where subjects are the same for everybody."""
    jwks_uri: str = ""
    introspection_algorithm: str = ""
    dpop_bound: bool = False
    certificate_bound: bool = False
    certificate_subject: tuple[str, str] = ("", "")
    id_token_encryption: Encryption | None = None
    userinfo_encryption: Encryption | None = None
    introspection_encryption: Encryption | None = None
    response_encryption: Encryption | None = None
    userinfo_algorithm: str = ""
    """How userinfo is signed; empty where it is plain JSON."""
    frontchannel_logout_uri: str = ""
    initiate_login_uri: str = ""
    assertion_algorithm: str = ""
    """The one algorithm of its assertions; empty: any that its profile allows."""
    allowed_addresses: tuple[str, ...] = ()
    """The networks that it may prove itself from; empty: any."""
    may_act: str = ""
    """The client that alone may exchange its tokens; empty: each that is registered to (RFC 8693 §4.4)."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What it says to people in their languages, as ``client_name#fr``."""
    registered_by: str = ""
    """The registration token it registered itself with, or ``open``; empty: an operator made it."""

    @property
    def rules(self) -> ProfileRules:
        """What the client's profile asks and allows."""
        return PROFILES[self.profile]

    @property
    def session_claims(self) -> frozenset[str]:
        """What its ID tokens tell of the session unasked: a client that hears of ends must know which one."""
        told = bool(self.backchannel_logout_uri or self.frontchannel_logout_uri)
        return self.rules.session_claims | BY_NAME if told else self.rules.session_claims

    @property
    def is_public(self) -> bool:
        """Tell whether the client has no credential (RFC 6749 §2.1)."""
        return self.auth_method == AuthMethod.NONE

    @property
    def is_native(self) -> bool:
        """Tell whether the client runs on its user's device (RFC 8252)."""
        return self.application_type == "native"

    @property
    def barred_algorithms(self) -> frozenset[str]:
        """What its assertions may not be signed with: by its profile, or by its own word (OIDC Reg. §2)."""
        if not self.assertion_algorithm:
            return self.rules.barred_algorithms
        others = {each for each in ASSERTION_ALGORITHMS if each != self.assertion_algorithm}
        return self.rules.barred_algorithms | others

    def may_use(self, grant_type: GrantType) -> bool:
        """Tell whether the client is registered for ``grant_type``, and its profile lets it (TK-06)."""
        return grant_type.value in self.grant_types and grant_type.value not in self.rules.barred_grants

    @property
    def only_resource(self) -> str:
        """The resource that need not be named, since there is no other; empty where none or several are."""
        return self.resources[0] if len(self.resources) == 1 else ""

    def resource_for(self, asked: str, scope: Collection[str]) -> str:
        """Return the resource that a person's tokens are for; empty: they are for userinfo.

        Without ``openid`` nobody signs in and userinfo answers nothing, so a token that names no resource is
        for the client's only one (RFC 9068 §3).
        """
        return asked if asked or OPENID in scope else self.only_resource


@dataclass(frozen=True, slots=True)
class Secret:
    """The digest of a client secret. ``former`` marks one that was replaced and still works for a while."""

    digest: bytes = field(repr=False)
    expires_at: dt.datetime | None

    @property
    def former(self) -> bool:
        """Tell whether a newer secret replaced this one."""
        return self.expires_at is not None

    def lives(self, now: dt.datetime) -> bool:
        """Tell whether the secret still works."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client with what proves it: digests of its secrets, and the public keys it registered by value."""

    client: Client
    secrets: tuple[Secret, ...] = field(repr=False)
    keys: KeySet | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion whose signature and claims hold; it proves nothing until its ``jti`` is spent."""

    jti_digest: bytes
    expires_at: int


@dataclass(frozen=True, slots=True)
class ProvenClient:
    """A client whose proof is right. Assertion and proof are to be spent in the deed's own transaction.

    ``held`` is the key or the certificate that the request proves to possess.
    """

    client: Client
    method: AuthMethod
    assertion: Assertion | None = None
    used_former_secret: bool = False
    proof: Proof | None = None
    held: Confirmation | None = None


class Replayed(StrEnum):
    """What came a second time."""

    ASSERTION = "assertion"
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that is authenticated. Only :func:`idp.storage.clients.admit` builds one."""

    client: Client
    method: AuthMethod
    used_former_secret: bool = False
    held: Confirmation | None = None

    @property
    def id(self) -> str:
        """The client's identifier."""
        return self.client.id


def sector_of(metadata: Mapping[str, Any]) -> str:
    """Return the sector of pairwise subjects: its document's host, else the redirect URIs' (OIDC Core §8.1).

    Empty where subjects are public, or the host is not one. Nobody owns the host of a private scheme, so it
    makes no sector.
    """
    if metadata.get("subject_type") != PAIRWISE:
        return ""
    stated = metadata.get("sector_identifier_uri")
    hosts = {_host_of(uri) for uri in ([stated] if stated else metadata.get("redirect_uris", ()))}
    return hosts.pop() if len(hosts) == 1 else ""


def _host_of(uri: str) -> str:
    parts = urlsplit(uri)
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else ""


def _types_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the response types of metadata that states none (RFC 7591 §2)."""
    code = GrantType.AUTHORIZATION_CODE.value
    return (CODE,) if code in metadata.get("grant_types", (code,)) else ()


def client_from(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> Client:
    """Return the client of a stored row: its own columns in ``fields``, RFC 7591 metadata in ``metadata``."""
    jwks = metadata.get("jwks") or {}
    return Client(
        id=fields["id"],
        name=fields["name"],
        description=fields["description"],
        application_key=fields["application_key"],
        launch_url=fields["launch_url"],
        profile=fields["profile"],
        version=fields["version"],
        disabled=fields["disabled_at"] is not None,
        redirect_uris=tuple(metadata.get("redirect_uris", ())),
        post_logout_redirect_uris=tuple(metadata.get("post_logout_redirect_uris", ())),
        grant_types=frozenset(metadata.get("grant_types", (GrantType.AUTHORIZATION_CODE.value,))),
        scopes=frozenset(str(metadata.get("scope", "")).split()),
        auth_method=metadata.get("token_endpoint_auth_method", AuthMethod.SECRET_BASIC.value),
        application_type=metadata.get("application_type", "web"),
        jwks=tuple(jwks.get("keys", ())),
        backchannel_logout_uri=metadata.get("backchannel_logout_uri", ""),
        id_token_algorithm=metadata.get("id_token_signed_response_alg", ""),
        resources=tuple(metadata.get("resources", ())),
        serves=tuple(metadata.get("serves", ())),
        default_max_age=metadata.get("default_max_age"),
        default_acr=tuple(metadata.get("default_acr_values", ())),
        response_types=tuple(map(in_order, metadata.get("response_types") or _types_of(metadata))),
        must_push=metadata.get("require_pushed_authorization_requests", False),
        must_sign_requests=metadata.get("require_signed_request_object", False),
        request_algorithm=metadata.get("request_object_signing_alg", ""),
        response_algorithm=metadata.get("authorization_signed_response_alg", ""),
        request_uris=tuple(metadata.get("request_uris", ())),
        first_party=fields.get("first_party", True),
        logo_uri=metadata.get("logo_uri", ""),
        policy_uri=metadata.get("policy_uri", ""),
        terms_uri=metadata.get("tos_uri", ""),
        sector=sector_of(metadata),
        jwks_uri=metadata.get("jwks_uri", ""),
        introspection_algorithm=metadata.get("introspection_signed_response_alg", ""),
        dpop_bound=metadata.get("dpop_bound_access_tokens", False),
        certificate_bound=metadata.get("tls_client_certificate_bound_access_tokens", False),
        certificate_subject=registered_subject(metadata),
        id_token_encryption=registered_encryption(metadata, "id_token"),
        userinfo_encryption=registered_encryption(metadata, "userinfo"),
        introspection_encryption=registered_encryption(metadata, "introspection"),
        response_encryption=registered_encryption(metadata, "authorization"),
        userinfo_algorithm=metadata.get("userinfo_signed_response_alg", ""),
        frontchannel_logout_uri=metadata.get("frontchannel_logout_uri", ""),
        initiate_login_uri=metadata.get("initiate_login_uri", ""),
        assertion_algorithm=metadata.get("token_endpoint_auth_signing_alg", ""),
        allowed_addresses=tuple(metadata.get("allowed_addresses", ())),
        may_act=metadata.get("may_act", ""),
        words={name: metadata[name] for name in localized_names(metadata)},
        registered_by=fields.get("registered_by", ""),
    )
