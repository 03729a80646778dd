"""Registering a client, or changing one that is registered (RFC 7591 §2, CA-09)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from idp.domain.client import Client, client_from
from idp.domain.client_metadata import MetadataError, MetadataFault, is_client_id, kept, metadata_faults
from idp.domain.client_profile import PROFILES, ClientProfile, ProfileRules
from idp.domain.localized import localized_names
from idp.domain.oauth import CERTIFICATE_METHODS, SECRET_METHODS
from idp.domain.user_name import is_blank
from idp.storage import clients
from idp.storage.client_endings import end_holdings
from idp.storage.client_register import go_on_from_former
from idp.storage.client_secrets import SecretOf
from idp.usecases.secrets_to_show import keep_for_its_page
from idp.usecases.sector import sector_fault
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.sentences import breaks_a_sentence
from kernel.store import Unit

_NAMED = ("client_name",)
_SHORTEST_SECRET = 32
_SIGNED_FOR_IT = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
)


@dataclass(frozen=True, slots=True)
class ClientOrder:
    """What is to be registered. ``metadata`` is RFC 7591 metadata with our ``resources`` and ``serves``.

    Of a client that is not ``first_party`` people are asked whether it may have what it asks for.

    ``secret`` is given where another system knows it already (at least 32
    characters, unless the settings say otherwise); if it is empty one is made.
    """

    id: str
    name: str
    metadata: Mapping[str, Any]
    description: str = ""
    application_key: str = ""
    launch_url: str = ""
    secret: str = field(default="", repr=False)
    profile: str = ClientProfile.DEFAULT.value
    first_party: bool = True


@dataclass(frozen=True, slots=True)
class Registered:
    """The client stands. ``secret`` is shown this once and kept as a digest only (CA-09)."""

    client: Client
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RegistrationRefused:
    """Nothing was stored; ``faults`` name every field that is wrong."""

    faults: tuple[MetadataFault, ...]


def register_client(
    services: IdpServices, order: ClientOrder, *, actor: Actor, replace: bool = False
) -> Registered | RegistrationRefused:
    """Register a client; with ``replace`` change the one that has its id, and enable it again.

    Its secret stays as it is unless ``order`` brings one. What is wrong is told field by field. It begins
    with nothing: what was issued at the very moment in which a client of this id ended stays dead.
    """
    metadata = kept(order.metadata)
    faults = order_faults(services, order, metadata)
    if faults:
        return RegistrationRefused(faults)
    with services.store.write() as unit:
        known = clients.find_client(unit.connection, order.id)
        if known is not None and not replace:
            return RegistrationRefused((_wrong("client_id", "is taken"),))
        values: dict[str, Any] = {
            "name": order.name,
            "description": order.description,
            "application_key": order.application_key,
            "launch_url": order.launch_url,
            "profile": order.profile,
            "first_party": order.first_party,
            "metadata": metadata,
            "updated_at": unit.now,
        }
        if known is None:
            created = {"id": order.id, "version": 1, "created_at": unit.now, **values}
            if not clients.insert_client(unit.connection, created):
                return RegistrationRefused((_wrong("client_id", "is taken"),))
            go_on_from_former(unit.connection, order.id)
        else:
            clients.change_client(unit.connection, order.id, {**values, "disabled_at": None})
        if known is None or known.disabled:
            end_holdings(unit.connection, order.id, reason="client-ended", now=unit.now)
        secret = _give_secret(unit, order, metadata, is_new=known is None)
        keep_for_its_page(unit, actor, order.id, secret, SecretOf.CLIENT)
        unit.audit.record(
            "gateway:client:registered" if known is None else "gateway:client:changed",
            actor=actor,
            target=order.id,
            details={"method": str(metadata["token_endpoint_auth_method"])},
        )
        stored = clients.find_client(unit.connection, order.id)
    services.clients.forget(order.id)
    fields = {"id": order.id, "version": 1, "disabled_at": None, **values}
    return Registered(stored or client_from(fields, metadata), secret)


def order_faults(
    services: IdpServices, order: ClientOrder, metadata: Mapping[str, Any]
) -> tuple[MetadataFault, ...]:
    """Return everything that is wrong with ``order``, whose metadata is given as it would be kept.

    What the client publishes is looked at last, and only if all else holds.
    """
    return _faults(services, order, metadata) or _sector_faults(services, metadata)


def _faults(
    services: IdpServices, order: ClientOrder, metadata: Mapping[str, Any]
) -> tuple[MetadataFault, ...]:
    loopback = services.settings.loopback_http_clients
    found = [
        *metadata_faults(metadata, profile=order.profile, loopback_http=loopback),
        *_order_faults(services, order),
        *_name_faults(order, metadata),
        *_certificate_faults(services, metadata),
    ]
    told = {each.name for each in found}
    return (*found, *(each for each in _algorithm_faults(services, order, metadata) if each.name not in told))


def _order_faults(services: IdpServices, order: ClientOrder) -> Iterator[MetadataFault]:
    if not is_client_id(order.id):
        yield _wrong("client_id", "has to be 2 to 64 letters, digits, dots, dashes or underscores")
    if order.launch_url and urlsplit(order.launch_url).scheme not in {"http", "https"}:
        yield _wrong("launch_url", "has to be a web address")
    short = 0 < len(order.secret) < _SHORTEST_SECRET
    if short and not services.settings.short_client_secrets:
        yield _wrong("client_secret", f"has to have at least {_SHORTEST_SECRET} characters")


def _certificate_faults(services: IdpServices, metadata: Mapping[str, Any]) -> Iterator[MetadataFault]:
    """Find what asks for client certificates where the settings take none."""
    if services.settings.certificate_header:
        return
    method = str(metadata["token_endpoint_auth_method"])  # of whatever kind: that is told by another rule
    bound = "tls_client_certificate_bound_access_tokens"
    for name, asked in (
        ("token_endpoint_auth_method", method in CERTIFICATE_METHODS),
        (bound, metadata.get(bound) is True),
    ):
        if asked:
            yield _wrong(name, "needs client certificates, which are not taken")


def _name_faults(order: ClientOrder, metadata: Mapping[str, Any]) -> Iterator[MetadataFault]:
    if is_blank(order.name):
        yield _wrong("client_name", "is missing")
    told = {"client_name": order.name, "description": order.description}
    told |= {each: metadata[each] for each in localized_names(metadata, _NAMED)}
    for each, words in told.items():
        if isinstance(words, str) and breaks_a_sentence(words):
            yield _wrong(each, "must not have line breaks or characters that turn the writing round")


def _algorithm_faults(
    services: IdpServices, order: ClientOrder, metadata: Mapping[str, Any]
) -> Iterator[MetadataFault]:
    """Find what would be signed for the client by a key that is not kept, or in a way its profile bars."""
    rules = PROFILES.get(order.profile, ProfileRules())
    usual = rules.default_algorithm or services.settings.signing_algorithm
    for name in _SIGNED_FOR_IT:
        if metadata.get(name, usual) not in services.signing.algorithms:
            yield _wrong(name, "is not among the algorithms of our keys")
    yield from _request_encryption_faults(services, metadata)
    for name in _SIGNED_FOR_IT[:2]:
        if name not in metadata and usual in rules.barred_algorithms:
            yield _wrong(name, f"has to be given: {usual} would be taken, which the profile does not allow")


def _request_encryption_faults(services: IdpServices, metadata: Mapping[str, Any]) -> Iterator[MetadataFault]:
    """Find what a client says of its encrypted requests that we could not open (OIDC Registration §2)."""
    algorithm, encoding = "request_object_encryption_alg", "request_object_encryption_enc"
    if algorithm in metadata and metadata[algorithm] not in services.signing.encryption_algorithms:
        yield _wrong(algorithm, "is not among the algorithms that our keys open")
    if encoding in metadata and metadata[encoding] not in services.signing.encodings:
        yield _wrong(encoding, "is not among the encodings that are opened")


def _sector_faults(services: IdpServices, metadata: Mapping[str, Any]) -> tuple[MetadataFault, ...]:
    fault = sector_fault(services, metadata)
    return (_wrong("sector_identifier_uri", fault),) if fault else ()


def _wrong(name: str, message: str) -> MetadataFault:
    return MetadataFault(MetadataError.METADATA, name, message)


def _give_secret(unit: Unit, order: ClientOrder, metadata: Mapping[str, Any], *, is_new: bool) -> str:
    """Store the digest of the client's secret and return what is to be shown of it: only what we made."""
    if metadata["token_endpoint_auth_method"] not in SECRET_METHODS or not (is_new or order.secret):
        return ""
    secret = order.secret or unit.randomness.token(32)
    if order.secret and not is_new:
        clients.replace_secrets(unit.connection, order.id, digest(secret), now=unit.now)
    else:
        clients.add_secret(unit.connection, order.id, digest(secret), now=unit.now)
    return "" if order.secret else secret
