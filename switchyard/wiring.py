"""Builds each system from its settings: one place where ports meet what fills them.

A process builds its services once. Nothing below this module knows where a database, a key or a relay is.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from cryptography.x509 import load_pem_x509_certificates
from sqlalchemy import make_url

from idp.domain.certificate_chain import Authorities
from idp.domain.client import Client
from idp.outbound.backchannel import BackchannelCarrier
from idp.outbound.revocation_lists import RevocationLists
from idp.settings import IdpSettings
from idp.storage.clients import find_client
from idp.usecases.push_events import EventPusher
from idp.usecases.services import IdpServices
from idp.usecases.sweep_provisioning_log import sweep_provisioning_log
from idp.usecases.sweep_security_events import disable_overfull_streams, sweep_security_events
from idp.usecases.sweep_sign_in import sweep_sign_in
from idp.usecases.sweep_tokens import sweep_tokens
from kernel import ratelimit
from kernel.clock import SystemClock
from kernel.courier.carriers import Carrier
from kernel.courier.console import ConsoleCarrier
from kernel.courier.sms import WebhookCarrier
from kernel.courier.smtp import SmtpCarrier, SmtpSettings
from kernel.courier.worker import CourierWorker
from kernel.crypto import KeyRing, PasswordHasher, Sealer
from kernel.database import Database
from kernel.errors import SettingsError
from kernel.fetch import Fetcher, FetchRules
from kernel.randomness import SystemRandomness
from kernel.settings import KernelSettings
from kernel.shared_clock import DatabaseClock
from kernel.store import Store
from keys.usecases.rotate import keep_rotating
from keys.usecases.signing import SigningKeys
from registration.outbound.connect import connect_gateway
from registration.usecases.services import RegistrationServices
from registration.usecases.worker import run_worker
from scim.web.routes import deferred_requests
from switchyard import schema
from switchyard.failpoints import failpoint_from
from switchyard.settings import GatewaySettings, RegistrationSystemSettings

_SWEEP_SECONDS = 60.0
_MOST_HELD = 2
_log = structlog.get_logger(__name__)

Background = Callable[[threading.Event], None]


def set_up_logs(kernel: KernelSettings) -> None:
    """Write structured lines to standard error; keep libraries that print tokens at DEBUG quiet."""
    level = logging.getLevelNamesMapping()[kernel.log_level.upper()]
    logging.basicConfig(level=level, format="%(message)s")
    for library in ("authlib", "httpx", "httpcore", "sqlalchemy", "scim2_client"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=None),
    )


def open_database(kernel: KernelSettings) -> Database:
    """Open the database of one system; the folder of an SQLite file is made."""
    url = make_url(kernel.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        return Database(kernel.database_url, pool_size=kernel.database_pool)
    except ValueError as error:
        raise SettingsError(f"kernel.database_url: {error}") from None


def open_store(kernel: KernelSettings, *, database: Database | None = None) -> Store:
    """Open the store of one system: its database, its key-encryption keys, the clock and chance."""
    randomness = SystemRandomness()
    path = Path(kernel.key_file)
    if kernel.production:
        ring = KeyRing.from_file(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        ring = KeyRing.create_file(path, randomness)
    database = database or open_database(kernel)
    return Store(
        database,
        # The nodes on one PostgreSQL go by its time. A SQLite file has one machine, whose time it is.
        DatabaseClock(database) if database.dialect == "postgresql" else SystemClock(),
        randomness,
        Sealer(ring, randomness),
        node=kernel.node,
    )


def prepare_schema(store: Store, system: schema.System, kernel: KernelSettings) -> None:
    """Bring the schema up to date, or refuse to start on an old one where that is not allowed."""
    if kernel.auto_upgrade:
        schema.upgrade(store.database, system)
        return
    with store.database.engine.connect() as connection:
        if not schema.is_current(connection, system):
            raise SettingsError(
                f"the database is not up to date: run `switchyard db upgrade --system {system}`"
            )


def password_hasher(kernel: KernelSettings) -> PasswordHasher:
    """Return the hasher with the costs of the settings."""
    return PasswordHasher(
        memory_kib=kernel.password_memory_kib,
        passes=kernel.password_passes,
        parallel=kernel.password_parallel or None,
    )


def _secret(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the secret file {path}: {error.strerror}") from None


def carriers(kernel: KernelSettings) -> dict[str, Carrier]:
    """Return the carriers of e-mail and text messages."""
    found: dict[str, Carrier] = {}
    if kernel.courier == "console":
        found["email"] = found["sms"] = ConsoleCarrier()
        return found
    found["email"] = SmtpCarrier(
        SmtpSettings(
            host=kernel.smtp_host,
            port=kernel.smtp_port,
            sender_name=kernel.mail_from_name,
            sender_address=kernel.mail_from_address,
            user=kernel.smtp_user,
            password=_secret(kernel.smtp_password_file),
            security=kernel.smtp_security,
        )
    )
    if kernel.sms_webhook_url:
        found["sms"] = WebhookCarrier(kernel.sms_webhook_url, token=_secret(kernel.sms_webhook_token_file))
    return found


def gateway_services(settings: GatewaySettings, *, store: Store | None = None) -> IdpServices:
    """Build what every deed of the Gateway stands on."""
    kernel = settings.kernel
    store = store or open_store(kernel)
    authorities = _authorities(settings.idp)
    return IdpServices(
        store=store,
        settings=settings.idp,
        passwords=password_hasher(kernel),
        signing=SigningKeys(store, settings.keys),
        issuer=kernel.public_url,
        public_url=kernel.public_url,
        product="Gateway",
        environment=shown_environment(kernel),
        support_email=kernel.support_email,
        support_phone=kernel.support_phone,
        certificate_authorities=authorities,
        revocations=_revocations(settings.idp, authorities),
        fetcher=Fetcher(_fetch_rules(settings.idp)),
        held_requests=held_requests(kernel.threads),
    )


def held_requests(threads: int) -> int:
    """Return how many requests a process of so many threads may hold open: two stay for the others."""
    return max(0, min(_MOST_HELD, threads - 2))


def _authorities(settings: IdpSettings) -> Authorities:
    file = settings.certificate_authorities
    try:
        found = load_pem_x509_certificates(Path(file).read_bytes()) if file else ()
        return Authorities.of(found)
    except (OSError, ValueError) as error:
        raise SettingsError(f"idp.certificate_authorities: {file} cannot be used: {error}") from None


def _revocations(settings: IdpSettings, authorities: Authorities) -> RevocationLists | None:
    file = settings.certificate_revocations
    try:
        return RevocationLists(Path(file), authorities) if file else None
    except (OSError, ValueError) as error:
        raise SettingsError(f"idp.certificate_revocations: {file} cannot be used: {error}") from None


def _fetch_rules(settings: IdpSettings) -> FetchRules:
    authority = Path(settings.fetch_authority) if settings.fetch_authority else None
    return FetchRules(authority=authority, loopback=settings.fetch_loopback)


def shown_environment(kernel: KernelSettings) -> str:
    """Return the name for the strip on every page: nothing in Production."""
    return "" if kernel.environment == "Production" else kernel.environment


def gateway_background(settings: GatewaySettings) -> Mapping[str, Background]:
    """Return what runs beside the Gateway's web server: courier, key rotation by age, and the sweeper."""
    services = gateway_services(settings)
    store = services.store
    prepare_schema(store, "gateway", settings.kernel)
    bags = carriers(settings.kernel)
    bags["backchannel-logout"] = BackchannelCarrier(
        store,
        services.signing,
        services.issuer,
        lambda client_id: _client(store, client_id),
        default_algorithm=settings.idp.signing_algorithm,
    )
    return {
        "courier": CourierWorker(store, bags, node=settings.kernel.node).run,
        "event pusher": EventPusher(services, node=settings.kernel.node).run,
        "deferred requests": deferred_requests(services, settings.scim).run,
        "key rotation": lambda stop: keep_rotating(store, settings.keys, stop),
        "sweeper": lambda stop: _repeat(stop, lambda: _sweep_gateway(services, settings)),
    }


def _client(store: Store, client_id: str) -> Client | None:
    with store.read() as connection:
        return find_client(connection, client_id)


def registration_services(
    settings: RegistrationSystemSettings, *, store: Store | None = None
) -> RegistrationServices:
    """Build what every deed of Registration stands on."""
    kernel = settings.kernel
    store = store or open_store(kernel)
    allowed = settings.registration.failpoints == "on"
    failpoint = failpoint_from(os.environ, allowed=allowed)
    gateway = connect_gateway(
        settings.registration, store.clock, store.randomness, event=failpoint if allowed else None
    )
    return RegistrationServices(
        store=store,
        settings=settings.registration,
        public_url=kernel.public_url,
        provider=gateway.provider,
        directory=gateway.directory,
        node=kernel.node,
        failpoint=failpoint,
    )


def registration_background(settings: RegistrationSystemSettings) -> Mapping[str, Background]:
    """Return what runs beside Registration's web server: its courier and the sweeper of its counters."""
    store = open_store(settings.kernel)
    prepare_schema(store, "registration", settings.kernel)
    courier = CourierWorker(store, carriers(settings.kernel), node=settings.kernel.node)
    return {"courier": courier.run, "sweeper": lambda stop: _repeat(stop, lambda: _sweep_limits(store))}


def worker_background(settings: RegistrationSystemSettings) -> Mapping[str, Background]:
    """Return the delivery of Registration's outbox to the Gateway."""
    services = registration_services(settings)
    prepare_schema(services.store, "registration", settings.kernel)
    return {"delivery": lambda stop: run_worker(services, stop)}


def _repeat(stop: threading.Event, deed: Callable[[], None], *, every: float = _SWEEP_SECONDS) -> None:
    """Do ``deed`` now and then until ``stop`` is set; a database that is away is waited for."""
    while not stop.is_set():
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - housekeeping outlives what it keeps
            _log.warning("sweeper.round_failed", error=type(error).__name__)
        stop.wait(every)


def _sweep_limits(store: Store) -> None:
    with store.database.write() as connection:
        ratelimit.sweep(connection, now=store.clock.now())


def _sweep_gateway(services: IdpServices, settings: GatewaySettings) -> None:
    _sweep_limits(services.store)
    sweep_sign_in(services)
    while sweep_tokens(services):
        pass
    while sweep_provisioning_log(services, keep=settings.scim.request_record_life):
        pass
    while sweep_security_events(services):
        pass
    disable_overfull_streams(services)
