"""What runs beside the web servers: couriers, key rotation by age, sweepers, the delivery of the outbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from idp.domain.client import Client
from idp.outbound.backchannel import BackchannelCarrier
from idp.storage.clients import find_client
from idp.usecases.endings import CHANNEL, STRANGERS
from idp.usecases.push_events import EventPusher
from idp.usecases.services import IdpServices
from idp.usecases.sweep_provisioning_log import sweep_provisioning_log
from idp.usecases.sweep_security_events import disable_overfull_streams, sweep_security_events
from idp.usecases.sweep_sign_in import sweep_sign_in
from idp.usecases.sweep_tokens import sweep_tokens
from idp.usecases.sweep_unused_clients import sweep_unused_clients
from kernel import ratelimit
from kernel.clock import Clock
from kernel.courier import outbox
from kernel.courier.carriers import Carrier
from kernel.courier.console import ConsoleCarrier
from kernel.courier.fair_worker import FairWorker
from kernel.courier.outbox import Share
from kernel.courier.sms import WebhookCarrier
from kernel.courier.smtp import SmtpCarrier, SmtpSettings
from kernel.courier.worker import CourierWorker
from kernel.private_files import read_secret
from kernel.settings import KernelSettings
from kernel.store import Store
from kernel.sweeping import Breather, Rest, Sweep, for_sweeping, sweep_each
from keys.usecases.rotate import keep_rotating
from registration.outbound.keys import read_public_key
from registration.usecases.worker import run_worker
from scim.web.routes import deferred_requests
from switchyard.counted import keep_counting
from switchyard.registration_wiring import registration_services
from switchyard.revisions import System
from switchyard.settings import GatewaySettings, RegistrationSystemSettings
from switchyard.wiring import gateway_services, open_store, prepare_schema

_SWEEP_SECONDS = 60.0
_PLACES = 4
_PLACES_OF_STRANGERS = 2
_APART = frozenset({"sms", CHANNEL, STRANGERS})
_log = structlog.get_logger(__name__)

Background = Callable[[threading.Event], None]


def gateway_background(settings: GatewaySettings) -> Mapping[str, Background]:
    """Return what runs beside the Gateway's web server: courier, key rotation by age, and the sweeper."""
    keep_counting(settings.kernel)
    services = gateway_services(settings)
    store = services.store
    prepare_schema(store, "gateway", settings.kernel)
    bags, node = carriers(settings.kernel, store.clock), settings.kernel.node
    notices = BackchannelCarrier(
        store,
        services.signing,
        services.issuer,
        lambda client_id: _client(store, client_id),
        fetcher=services.fetcher,
        default_algorithm=settings.idp.signing_algorithm,
    )
    return {
        "courier": CourierWorker(store, bags, node=node, share=Share(but_channels=_APART)).run,
        "courier of text messages": CourierWorker(
            store, bags, node=node, share=Share(frozenset({"sms"}))
        ).run,
        "courier of notices": FairWorker(store, CHANNEL, notices, node=node, places=_PLACES).run,
        "courier of strangers' notices": FairWorker(
            store, STRANGERS, notices, node=node, places=_PLACES_OF_STRANGERS
        ).run,
        "event pusher": EventPusher(services, node=node).run,
        "deferred requests": deferred_requests(services, settings.scim).run,
        "key rotation": lambda stop: keep_rotating(store, settings.keys, stop),
        "sweeper": lambda stop: _keep_sweeping(services, settings, stop),
        **_metrics(settings.kernel, store, "gateway"),
    }


def _client(store: Store, client_id: str) -> Client | None:
    with store.read() as connection:
        return find_client(connection, client_id)


def registration_background(settings: RegistrationSystemSettings) -> Mapping[str, Background]:
    """Return what runs beside Registration's web server: its courier and the sweeper of its counters."""
    keep_counting(settings.kernel)
    store = open_store(settings.kernel)
    prepare_schema(store, "registration", settings.kernel)
    courier = CourierWorker(store, carriers(settings.kernel, store.clock), node=settings.kernel.node)
    return {
        "courier": courier.run,
        "sweeper": lambda stop: _keep_sweeping_kernel(store, settings.kernel, stop),
        **_metrics(settings.kernel, store, "registration"),
    }


def _metrics(kernel: KernelSettings, store: Store, system: System) -> Mapping[str, Background]:
    if not kernel.metrics_address:
        return {}
    from switchyard import metrics  # noqa: PLC0415 - who is not asked for any needs none of its memory

    return metrics.metrics_background(kernel, store, metrics.WAITING[system])


def worker_background(settings: RegistrationSystemSettings) -> Mapping[str, Background]:
    """Return the delivery of Registration's outbox to the Gateway.

    Raises:
        SettingsError: if the worker cannot prove itself there, as no try would find otherwise.
    """
    read_public_key(Path(settings.registration.worker_key_file))
    services = registration_services(settings)
    prepare_schema(services.store, "registration", settings.kernel)
    return {"delivery": lambda stop: run_worker(services, stop)}


def carriers(kernel: KernelSettings, clock: Clock) -> dict[str, Carrier]:
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
        token = _secret(kernel.sms_webhook_token_file)
        found["sms"] = WebhookCarrier(kernel.sms_webhook_url, clock, token=token)
    return found


def _secret(path: str) -> str:
    return read_secret(Path(path), "secret file").strip() if path else ""


def _repeat(stop: threading.Event, deed: Callable[[], None], *, every: float = _SWEEP_SECONDS) -> None:
    """Do ``deed`` now and then until ``stop`` is set; a database that is away is waited for."""
    while not stop.is_set():
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - housekeeping outlives what it keeps
            _log.warning("sweeper.round_failed", error=type(error).__name__)
        stop.wait(every)


def _exhaust(stop: threading.Event, *sweeps: Callable[[], int]) -> None:
    """Let each sweep take one bite after the other while it finds something."""
    for sweep in sweeps:
        while not stop.is_set() and sweep():
            pass


def _sweep_kernel(store: Store, settings: KernelSettings, rest: Rest) -> int:
    """Remove some counters whose window is over, and some messages that left long ago; return how many."""
    now = store.clock.now()
    posted_before = now - settings.courier_record_life
    sweeps: dict[str, Sweep] = {
        "limits": lambda connection: ratelimit.sweep(connection, now=now),
        "messages": lambda connection: outbox.sweep(connection, posted_before=posted_before),
    }
    return sweep_each(store.database, sweeps, rest=rest)


def _for_sweeping(store: Store) -> Store:
    return Store(for_sweeping(store.database), store.clock, store.randomness, store.sealer)


def _keep_sweeping_kernel(store: Store, settings: KernelSettings, stop: threading.Event) -> None:
    apart = _for_sweeping(store)
    _repeat(stop, lambda: _exhaust(stop, lambda: _sweep_kernel(apart, settings, Breather(stop))))


def _keep_sweeping(services: IdpServices, settings: GatewaySettings, stop: threading.Event) -> None:
    apart = replace(services, store=_for_sweeping(services.store))

    def deed() -> None:
        _sweep_gateway(apart, settings, stop)
        _exhaust(stop, lambda: sweep_unused_clients(services, rest=Breather(stop)))
        disable_overfull_streams(services)

    _repeat(stop, deed)


def _sweep_gateway(services: IdpServices, settings: GatewaySettings, stop: threading.Event) -> None:
    rest = Breather(stop)
    done: set[str] = set()
    _exhaust(
        stop,
        lambda: _sweep_kernel(services.store, settings.kernel, rest),
        lambda: sweep_sign_in(services, rest=rest, done=done) + sweep_tokens(services, rest=rest, done=done),
        lambda: sweep_provisioning_log(services, keep=settings.scim.request_record_life, rest=rest),
        lambda: sweep_security_events(services, rest=rest, done=done),
    )
