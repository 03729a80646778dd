"""Settings of Registration: one option, one sentence, one default that works on one machine."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from kernel.settings import Section, Span


class RegistrationSettings(Section):
    """How Registration reaches the Gateway, signs its people in and delivers to it."""

    product: str = "Switchyard"
    """Name of the product in e-mails."""

    catalogue_folder: str = "catalogue/ieso"
    """Folder of the operator's catalogue: participations, contact roles, access roles, applications."""

    operator_short_name: str = "OPERATOR"
    """Short name of the operator's own organization, in which its staff hold their access."""

    operator_legal_name: str = "Market operator"
    """Legal name of the operator."""

    first_organization_number: int = Field(default=100_001, ge=1)
    """Organization ID that the first organization without a number of its own gets."""

    first_person_number: int = Field(default=200_001, ge=1)
    """Person ID of the first registered person."""

    first_request_number: int = Field(default=10_001, ge=1)
    """Number of the first request."""

    reserved_user_names: tuple[str, ...] = ()
    """Names that no person may get, besides the built-in ones. Lower case."""

    offensive_words: tuple[str, ...] = ()
    """Words that no user name may contain, besides the built-in ones. Lower case."""

    activation_days: int = Field(default=90, ge=1, le=90)
    """How long the Gateway's activation link lives, in days."""

    gateway_issuer: str = "http://127.0.0.1:8000"
    """Issuer of the Gateway, exactly as its discovery document says it."""

    gateway_scim_url: str = ""
    """Base address of the Gateway's SCIM face; empty means `<gateway_issuer>/scim/v2`."""

    allowed_targets: tuple[str, ...] = ()
    """Origins (`https://host:port`) that may be called. Empty allows those of the two addresses above."""

    gateway_ca_file: str = ""
    """PEM file of the authority that signed the Gateway's certificate; empty uses the system's."""

    client_id: str = "registration"
    """Client id under which people are signed in at the Gateway."""

    client_key_file: str = "var/registration-client.jwk"
    """Private key (JWK, mode 600) that proves the sign-in client at the token endpoint (private_key_jwt)."""

    worker_client_id: str = "registration-worker"
    """Client id of the worker, which holds no person's session."""

    worker_key_file: str = "var/registration-worker.jwk"
    """Private key (JWK, mode 600) that proves the worker at the token endpoint (private_key_jwt)."""

    sign_in_lifetime: Span = dt.timedelta(minutes=30)
    """How long one attempt to sign in may take before it has to start again."""

    session_idle: Span = dt.timedelta(minutes=30)
    """A session ends after this long without a page."""

    session_lifetime: Span = dt.timedelta(hours=10)
    """A session never lives longer than this."""

    draft_lifetime: Span = dt.timedelta(hours=24)
    """How long an unfinished form is kept."""

    worker_threads: int = Field(default=2, ge=1, le=32)
    """Delivery threads of one worker process, besides the one that only takes access away."""

    worker_idle: dt.timedelta = Field(
        default=dt.timedelta(milliseconds=200), ge=dt.timedelta(milliseconds=10)
    )
    """How long a delivery thread waits before it looks again when nothing was due."""

    http_timeout: Span = Field(default=dt.timedelta(seconds=10), lt=dt.timedelta(seconds=30))
    """How long an answer of the Gateway is waited for. Has to stay below the lease of 30 seconds."""

    failpoints: Literal["off", "on"] = "off"
    """`on` lets tests stop the process at named points. Refused in production."""

    @property
    def issuer(self) -> str:
        """Issuer of the Gateway."""
        return self.gateway_issuer

    @property
    def scim_url(self) -> str:
        """Base address of the Gateway's SCIM face."""
        return self.gateway_scim_url or f"{self.gateway_issuer}/scim/v2"
