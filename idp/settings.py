"""Settings of the identity provider. A policy profile is named here; its rules stand in ``domain``."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from idp.domain.scope import SIGN_IN_SCOPES
from kernel.settings import Count, Section, Span

_LONGEST_CODE = dt.timedelta(seconds=60)


class IdpSettings(Section):
    """Identity provider: sign-in, sessions, tokens."""

    policy: Literal["ieso-2025", "nist-63b-4"] = "ieso-2025"
    """Policy profile for passwords and factors; `switchyard policy explain` prints its rules."""

    second_factor: Literal["required", "optional"] = "required"
    """`required` asks every person for a possession factor; `optional` leaves it to the person."""

    activation_link_life: Span = dt.timedelta(days=90)
    """How long an activation link works."""

    temporary_password_life: Span = dt.timedelta(hours=8)
    """How long a temporary password from the operator's staff works; it works once."""

    flow_life: Span = dt.timedelta(hours=1)
    """How long a started sign-in may take."""

    session_idle: Span = dt.timedelta(minutes=30)
    """A session without use for this long is over."""

    session_life: Span = dt.timedelta(hours=12)
    """A session is over after this long, used or not."""

    lock_after: Count = 10
    """Wrong passwords or codes in a row that lock an account's sign-in."""

    lock_first: Span = dt.timedelta(minutes=15)
    """How long the first lock holds; each further failure doubles it up to an hour."""

    sign_in_per_address: Count = 30
    """Failed sign-ins from one address in five minutes before further ones wait."""

    limits: bool = True
    """False switches the rate limits off: for conformance runs and load tests, refused in production."""

    code_life: Span = Field(default=_LONGEST_CODE, le=_LONGEST_CODE)
    """How long an authorization code works. Never more than a minute."""

    device_code_life: Span = dt.timedelta(minutes=10)
    """How long a person has to let a device in (RFC 8628 §3.2)."""

    device_poll_interval: dt.timedelta = dt.timedelta(seconds=5)
    """How often a device may ask whether it was let in (RFC 8628 §3.5)."""

    pushed_request_life: Span = dt.timedelta(seconds=90)
    """How long after it was pushed a browser may bring an authorization request (RFC 9126)."""

    access_token_life: Span = dt.timedelta(minutes=10)
    """How long an access token works."""

    id_token_life: Span = dt.timedelta(minutes=10)
    """How long an ID token is valid."""

    refresh_token_idle: Span = dt.timedelta(days=14)
    """A refresh token not used for this long is dead."""

    refresh_token_life: Span = dt.timedelta(days=90)
    """A family of refresh tokens ends after this long, whatever its use."""

    refresh_grace: dt.timedelta = dt.timedelta(seconds=10)
    """Within this span a repeated refresh gets the same answer instead of being called a theft."""

    dpop_nonces: bool = True
    """True takes a DPoP proof only with a nonce of ours, which the first answer tells (RFC 9449)."""

    certificate_header: str = ""
    """Header in which our proxy hands on client certificates (RFC 9440, or PEM), of letters and digits as in
    ClientCert: a client's X_Name counts as X-Name, and not every proxy drops it. Empty: none are taken."""

    certificate_proxies: tuple[str, ...] = ()
    """Addresses or networks of the proxies whose `certificate_header` is believed."""

    certificate_authorities: str = ""
    """File (PEM) of the authorities that issue certificates for `tls_client_auth`, and those above."""

    certificate_revocations: str = ""
    """File (PEM or DER) of their revocation lists; read again when it changes. Empty: none is asked."""

    short_client_secrets: bool = False
    """True takes a client's secret of any length that another system chose. Refused in production."""

    loopback_http_clients: bool = False
    """True lets web clients use http redirect URIs on the loopback address. Refused in production."""

    registration: Literal["closed", "token", "open"] = "closed"
    """Who may register a client by itself: nobody, holders of a token, or anybody (never in production)."""

    registration_profile: Literal["default", "compat", "ipsie-sl1", "fapi2"] = "default"
    """Profile of clients that registered themselves; a registration token may name another one."""

    registration_scopes: tuple[str, ...] = SIGN_IN_SCOPES
    """Scopes that clients may register themselves for, and get if they name none."""

    unused_client_life: dt.timedelta = dt.timedelta(days=30)
    """A client that registered itself and was never used is deleted this long after; 0 keeps it."""

    fetch_authority: str = ""
    """One more authority (PEM) to trust when documents of clients are fetched. Refused in production."""

    fetch_loopback: tuple[str, ...] = ()
    """Each `host:port` of this machine that documents of clients may be fetched from. Not in production."""

    event_life: Span = dt.timedelta(days=7)
    """How long a security event waits for its receiver before it is forgotten."""

    most_waiting_events: Count = 100_000
    """A stream in which more events wait than this is disabled: its receiver is gone."""

    most_waiting_bytes: Count = 268_435_456
    """The same for the bytes of the events that wait: full events hold whole resources."""

    event_poll_wait: dt.timedelta = dt.timedelta(seconds=10)
    """How long a poll for security events is held open while there are none."""

    signing_algorithm: str = "ES256"
    """Algorithm of our own tokens where a client states none: one of `keys.algorithms`."""
