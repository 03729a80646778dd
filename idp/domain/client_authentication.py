"""What a request presents to prove its client: read from the header and the form, judged nowhere here."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from idp.domain.client_certificate import ClientCertificate
from idp.domain.oauth import (
    ASSERTION_TYPE,
    AuthMethod,
    ErrorCode,
    Fault,
    GrantType,
    invalid_client,
    invalid_grant,
)

LONGEST_HEADER = 8_192
LONGEST_ASSERTION = 16_384


@dataclass(frozen=True, slots=True)
class Presented:
    """Who a request says it is, and by which proof."""

    client_id: str
    method: AuthMethod
    secret: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)
    certificate: ClientCertificate | None = field(default=None, repr=False)
    grant: bool = False
    """The assertion is the grant as well (RFC 7523 §2.1)."""


def presented(authorization: str, form: Mapping[str, Sequence[str]]) -> Presented | Fault:
    """Read the client's proof from an ``Authorization`` header and a form (RFC 6749 §2.3, RFC 7523 §2.2).

    Two methods at once are refused (CA-04), and so is a parameter that stands twice. An empty secret is none
    (RFC 6749 §2.3.1), in the header as in the form. The assertion that is a grant (RFC 7523 §2.1) proves its
    client as well, unless there is another proof: each client speaks for itself alone.
    """
    values: dict[str, str] = {}
    for name in _NAMES:
        given = form.get(name)
        if given and len(given) > 1:
            return Fault(ErrorCode.INVALID_REQUEST, "A parameter of the client's proof stands twice.")
        if given and given[0]:
            values[name] = given[0]
    asserted = "client_assertion" in values or "client_assertion_type" in values
    granted = "assertion" in values and form.get("grant_type") == [GrantType.JWT_BEARER.value]
    others = bool(authorization) + ("client_secret" in values) + asserted
    if others > 1:
        return Fault(ErrorCode.INVALID_REQUEST, "More than one way of client authentication.")
    if granted and not others:
        return _assertion(values.get("client_id", ""), values["assertion"], grant=True)
    if authorization:
        return _basic(authorization, values.get("client_id", ""))
    return _asserted(values) if asserted else _posted(values)


_NAMES = ("client_id", "client_secret", "client_assertion", "client_assertion_type", "assertion")


def _basic(authorization: str, named: str) -> Presented | Fault:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > LONGEST_HEADER:
        return invalid_client("no Basic credentials")
    try:
        pair = binascii.a2b_base64(encoded.strip(), strict_mode=True).decode("utf-8")
        name, separator, secret = pair.partition(":")
        client_id = _decoded(name)
        decoded = _decoded(secret)
    except (binascii.Error, ValueError):
        return invalid_client("malformed Basic credentials")
    if not separator or not client_id:
        return invalid_client("malformed Basic credentials")
    if named and named != client_id:
        return Fault(ErrorCode.INVALID_REQUEST, "client_id is not the client of the credentials.")
    # Go's oauth2 tries the header first, for clients without a secret, too; nothing is proved by nothing.
    method = AuthMethod.SECRET_BASIC if decoded else AuthMethod.NONE
    return Presented(client_id, method, secret=decoded)


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def _posted(values: Mapping[str, str]) -> Presented | Fault:
    if "client_id" not in values:
        return invalid_client("no client named")
    if "client_secret" in values:
        return Presented(values["client_id"], AuthMethod.SECRET_POST, secret=values["client_secret"])
    return Presented(values["client_id"], AuthMethod.NONE)


def _asserted(values: Mapping[str, str]) -> Presented | Fault:
    assertion = values.get("client_assertion", "")
    if values.get("client_assertion_type") != ASSERTION_TYPE:
        return Fault(ErrorCode.INVALID_REQUEST, "client_assertion_type is not supported.")
    return _assertion(values.get("client_id", ""), assertion)


def _assertion(client_id: str, assertion: str, *, grant: bool = False) -> Presented | Fault:
    if not assertion or len(assertion) > LONGEST_ASSERTION:
        return invalid_grant("no assertion") if grant else invalid_client("no assertion")
    return Presented(client_id, AuthMethod.PRIVATE_KEY_JWT, assertion=assertion, grant=grant)
