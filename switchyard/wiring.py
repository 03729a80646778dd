"""Builds what a process stands on from its settings: where ports meet what fills them.

A process builds its services once. Nothing below this module knows where a database, a key or a relay is.
Registration's own are built in :mod:`switchyard.registration_wiring`, and what runs beside the web servers in
:mod:`switchyard.background`, so that a web worker of the Gateway loads neither.
"""

from __future__ import annotations

import logging
from pathlib import Path

import structlog
from cryptography.x509 import load_pem_x509_certificates
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from idp.domain.certificate_chain import Authorities
from idp.outbound.revocation_lists import RevocationLists
from idp.settings import IdpSettings
from idp.usecases.services import IdpServices
from kernel.clock import SystemClock
from kernel.crypto import KeyRing, PasswordHasher, Sealer
from kernel.database import Database
from kernel.errors import SettingsError
from kernel.fetch import Fetcher, FetchRules
from kernel.heap import Afterwards
from kernel.log_lines import LogLines
from kernel.logged_errors import LogFormatter, traced
from kernel.randomness import SystemRandomness
from kernel.settings import KernelSettings
from kernel.shared_clock import clock_of
from kernel.store import Store
from keys.usecases.signing import SigningKeys
from switchyard import counted
from switchyard.revisions import System, is_current, newest
from switchyard.settings import GatewaySettings

HEAP = Afterwards()
"""Gives the heap of this process back after a burst: of hashes, or of long answers."""
_MOST_HELD = 2
_log = structlog.get_logger(__name__)


def set_up_logs(kernel: KernelSettings) -> None:
    """Write structured lines to standard error; keep libraries that print tokens at DEBUG quiet.

    Of the database's errors nothing is written that it stores.
    """
    level = logging.getLevelNamesMapping()[kernel.log_level.upper()]
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for library in ("alembic", "authlib", "httpx", "httpcore", "sqlalchemy", "scim2_client"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    lines = LogLines()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(traced),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: lines,
    )


def open_database(kernel: KernelSettings) -> Database:
    """Open the database of one system; the folder of an SQLite file is made."""
    try:
        url = make_url(kernel.database_url)
    except (ArgumentError, ValueError):  # a port that is no number is the second
        raise SettingsError("kernel.database_url: is not the address of a database") from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError("kernel.database_url: names no file, and in memory no process sees another's")
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        return Database(
            kernel.database_url, pool_size=kernel.database_pool, contention=counted.stood_in_the_way
        )
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
        clock_of(database, SystemClock()),
        randomness,
        Sealer(ring, randomness),
        node=kernel.node,
        told=counted.deeds if counted.COUNTERS.are_kept else None,
    )


def prepare_schema(store: Store, system: System, kernel: KernelSettings) -> None:
    """Bring the schema up to date, or refuse to start on an old one where that is not allowed."""
    with store.database.engine.connect() as connection:
        if is_current(connection, system):
            return
    if not kernel.auto_upgrade:
        raise SettingsError(f"the database is not up to date: run `switchyard db upgrade --system {system}`")
    from switchyard import schema  # noqa: PLC0415 - loads Alembic, which a worker needs this once at most

    schema.upgrade(store.database, system)
    _log.info("schema.upgraded", system=system, revision=newest(system))


def password_hasher(kernel: KernelSettings) -> PasswordHasher:
    """Return the hasher with the costs of the settings."""
    return PasswordHasher(
        memory_kib=kernel.password_memory_kib,
        passes=kernel.password_passes,
        parallel=kernel.password_parallel or None,
        used=HEAP.used,
        waited=counted.waited,
    )


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
        fetcher=_fetcher(settings.idp),
        held_requests=held_requests(kernel.serving_threads),
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


def _fetcher(settings: IdpSettings) -> Fetcher:
    file = settings.fetch_authority
    fetcher = Fetcher(FetchRules(authority=Path(file) if file else None, loopback=settings.fetch_loopback))
    try:
        if file:
            fetcher.trusted()  # or it would be found out by the first client whose documents are fetched
    except SettingsError as error:
        raise SettingsError(f"idp.fetch_authority: {error}") from None
    return fetcher


def shown_environment(kernel: KernelSettings) -> str:
    """Return the name for the strip on every page: nothing in Production."""
    return "" if kernel.environment == "Production" else kernel.environment
