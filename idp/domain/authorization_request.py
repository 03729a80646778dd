"""An authorization request as the rules and deeds of the endpoint see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.domain.claims_request import NOTHING, ClaimsRequest, read_claims
from idp.domain.client import Client
from idp.domain.client_profile import CODE, in_order
from idp.domain.oauth import Fault, GrantType
from idp.domain.response_mode import Delivery, delivery, own_mode
from idp.domain.scope import granted_at_sign_in, split_scope

PARAMETERS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "acr_values",
    "claims",
    "dpop_jkt",
    "login_hint",
    "ui_locales",
    "id_token_hint",
    "display",
    "resource",
    "request",
    "request_uri",
    "registration",
)
"""The parameters we look at; others are ignored (RFC 6749 §3.1)."""

REFERENCES = ("request", "request_uri")
"""Parameters that bring the request instead of being part of it."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request as it came, and the client it names, if that is known.

    ``pushed`` is the digest of what names a request that was pushed, and empty while it is being pushed;
    ``signed`` tells that the client signed it. ``unread`` says why a request that was brought by
    ``request`` or ``request_uri`` could not be read: then the parameters are those beside it.
    """

    parameters: Mapping[str, Sequence[str]]
    client: Client | None
    pushed: bytes | None = None
    signed: bool = False
    unread: Fault | None = None

    def value(self, name: str) -> str:
        """Return the first value of a parameter, or an empty text: a parameter without value is not there."""
        values = self.parameters.get(name)
        return values[0] if values else ""

    @property
    def known_client(self) -> Client:
        """The client; rules after :func:`client_is_known` may ask for it."""
        if self.client is None:
            raise LookupError("the client is not known yet")
        return self.client

    @property
    def prompts(self) -> tuple[str, ...]:
        """The values of ``prompt``."""
        return tuple(self.value("prompt").split())

    @property
    def response_type(self) -> str:
        """The response type, its words in order."""
        return in_order(self.value("response_type"))

    @property
    def delivery(self) -> Delivery:
        """How the answer travels; a mode that may not be leaves the one of the response type."""
        return delivery(self.value("response_mode"), self.response_type) or Delivery(
            own_mode(self.response_type)
        )

    @property
    def claims(self) -> ClaimsRequest:
        """What the parameter ``claims`` asks for: nothing where it is not there."""
        return read_claims(self.value("claims")) or NOTHING


def granted_scope(request: AuthorizationRequest) -> tuple[str, ...]:
    """Return what of the scope this client would get; empty if the text is malformed."""
    client = request.known_client
    return granted_at_sign_in(
        split_scope(request.value("scope")) or (),
        allowed=client.scopes,
        may_refresh=client.may_use(GrantType.REFRESH_TOKEN) and CODE in request.response_type.split(),
    )
