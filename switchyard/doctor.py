"""The doctor: looks at everything an installation needs, and says of each thing what is wrong and what to do.

Changes nothing. It asks the databases, the key files, the relay, the provider of text messages and the
readiness of both systems, one after the other, each with a short patience, and the Gateway for a token.
"""

from __future__ import annotations

import datetime as dt
import shutil
import smtplib
import ssl
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx
from sqlalchemy import make_url, select
from sqlalchemy.exc import SQLAlchemyError

from kernel.clock import SystemClock
from kernel.crypto import KeyRing, Sealer
from kernel.database import is_read_only
from kernel.errors import SealError, SettingsError, SwitchyardError
from kernel.private_files import is_open_to_others
from kernel.randomness import SystemRandomness
from kernel.shared_clock import clock_of
from switchyard import revisions
from switchyard.cli_faults import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.clock import Clock
    from kernel.resealing import SealedPlace
    from kernel.settings import KernelSettings
    from registration.settings import RegistrationSettings
    from switchyard.settings import RegistrationSystemSettings, Settings

_PATIENCE = 3.0
_MUCH = dt.timedelta(seconds=10)
_LITTLE_SPACE = 512 * 1024 * 1024
Verdict = Literal["good", "odd", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `bad` keeps the system from working, `odd` is worth a look."""

    subject: str
    verdict: Verdict
    sentence: str


def examine(settings: Settings, *, clock: Clock | None = None) -> list[Finding]:
    """Return what was found, system by system; ``clock`` is this machine's."""
    clock = clock or SystemClock()
    found = [_python()]
    authority = settings.registration.registration.gateway_ca_file
    systems: tuple[tuple[revisions.System, KernelSettings], ...] = (
        ("gateway", settings.gateway.kernel),
        ("registration", settings.registration.kernel),
    )
    for system, kernel in systems:
        found += [
            Finding(f"{system} {finding.subject}", finding.verdict, finding.sentence)
            for finding in _system(system, kernel, authority, clock)
        ]
    found += [
        Finding(f"registration {finding.subject}", finding.verdict, finding.sentence)
        for finding in _of_registration(settings.registration, clock)
    ]
    return found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", "good", version)


def _system(
    system: revisions.System, kernel: KernelSettings, authority: str, clock: Clock
) -> Iterator[Finding]:
    yield _address(kernel)
    yield from _database(system, kernel, clock)
    yield _key_file(system, kernel)
    yield _mail(kernel)
    yield _text_messages(kernel)
    yield _readiness(kernel, authority)


def _address(kernel: KernelSettings) -> Finding:
    parts = urlsplit(kernel.public_url)
    if parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return Finding("address", "good", kernel.public_url)
    return Finding(
        "address", "odd", f"{kernel.public_url} is plain http: passwords cross the network readable"
    )


def _database(system: revisions.System, kernel: KernelSettings, clock: Clock) -> Iterator[Finding]:
    from switchyard.schema import differences  # noqa: PLC0415 - as below
    from switchyard.wiring import open_database  # noqa: PLC0415 - the wiring loads every package

    url = make_url(kernel.database_url)
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not _may_be_opened(kernel):
            yield Finding("database", "odd", f"{shown} is not there yet: the first start makes it")
            return
        if is_open_to_others(path):  # one that was put back, as we make none that is
            yield Finding("database file", "bad", f"{path} is readable by others: `chmod 600 {path}`")
        if shutil.disk_usage(path.parent).free < _LITTLE_SPACE:
            yield Finding("disk", "bad", f"less than 512 MB are free in {path.parent}")
    database = open_database(kernel)
    try:
        with database.engine.connect() as connection:
            current = revisions.is_current(connection, system)
            frozen = is_read_only(connection)
        differs = current and bool(differences(database, system))
        ahead = clock.now() - clock_of(database, clock).now()
    except (SQLAlchemyError, SwitchyardError) as error:
        sentence, _ = told(error) or (type(error).__name__, 0)
        yield Finding("database", "bad", f"{shown}: {sentence}")
        return
    finally:
        database.dispose()
    if frozen:
        yield Finding(
            "database",
            "bad",
            f"{shown} takes no changes: it stands by for another server, or is set read only",
        )
    elif differs:
        yield Finding(
            "database",
            "bad",
            f"{shown}: its tables are not as this version makes them: `switchyard db check --system "
            f"{system}` names what differs",
        )
    elif current:
        yield Finding("database", "good", f"{shown}, schema up to date")
    else:
        yield Finding("database", "bad", f"the schema is old: `switchyard db upgrade --system {system}`")
    if abs(ahead) > _MUCH:
        yield Finding("clock", "odd", _askew(ahead))


def _askew(ahead: dt.timedelta) -> str:
    which = "ahead of" if ahead > dt.timedelta(0) else "behind"
    return (
        f"this machine's is {round(abs(ahead).total_seconds())} s {which} the database's, by which all is "
        "decided; certificates are judged and logs are written by this one"
    )


def _may_be_opened(kernel: KernelSettings) -> bool:
    """Tell whether looking at the database makes none: SQLite makes the file that is asked for."""
    url = make_url(kernel.database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _key_file(system: revisions.System, kernel: KernelSettings) -> Finding:
    path = Path(kernel.key_file)
    if not path.exists():
        if _sealed(system, kernel):
            lost = f"{path} is not there, and the database holds what it sealed: put it back"
            return Finding("key file", "bad", lost)
        verdict: Verdict = "bad" if kernel.production else "odd"
        return Finding("key file", verdict, f"{path} is not there: `switchyard keys new-kek {path}`")
    if is_open_to_others(path):
        return Finding("key file", "bad", f"{path} is readable by others: `chmod 600 {path}`")
    try:
        sealer = Sealer(KeyRing.from_file(path), SystemRandomness())
    except SettingsError as error:
        return Finding("key file", "bad", error.message)
    for place, row, sealed in _sealed(system, kernel):
        try:
            sealer.open(sealed, table=place.column.table.name, column=place.column.name, row=row)
        except SealError:
            return Finding(
                "key file",
                "bad",
                f"{path} does not open {place.name} of the database: put back the file that sealed it",
            )
    return Finding("key file", "good", f"{path}, readable by its owner alone")


def _sealed(system: revisions.System, kernel: KernelSettings) -> list[tuple[SealedPlace, str, bytes]]:
    """Return one value of each place where the database holds sealed ones, as far as it can be asked."""
    from switchyard.sealed_places import PLACES  # noqa: PLC0415 - it loads every package
    from switchyard.wiring import open_database  # noqa: PLC0415 - as above

    if not _may_be_opened(kernel):
        return []
    database = open_database(kernel)
    found = []
    try:
        with database.read() as connection:
            for place in PLACES[system]:
                statement = select(place.row, place.column).where(place.column.is_not(None))
                newest = connection.execute(statement.order_by(place.row.desc()).limit(1))
                found += [(place, row, bytes(sealed)) for row, sealed in newest]
    except (SQLAlchemyError, SwitchyardError):
        return []  # said of the database before
    finally:
        database.dispose()
    return found


def _mail(kernel: KernelSettings) -> Finding:
    if kernel.courier == "console":
        return Finding("mail", "odd", "e-mail is printed, not sent (kernel.courier is console)")
    relay = f"{kernel.smtp_host}:{kernel.smtp_port}"
    try:
        connection: smtplib.SMTP = (
            smtplib.SMTP_SSL(kernel.smtp_host, kernel.smtp_port, timeout=_PATIENCE)
            if kernel.smtp_security == "tls"
            else smtplib.SMTP(kernel.smtp_host, kernel.smtp_port, timeout=_PATIENCE)
        )
        with connection:
            connection.noop()
    except (OSError, UnicodeError, smtplib.SMTPException) as error:  # the second: it is the name of no host
        return Finding("mail", "bad", f"the relay {relay} does not answer ({type(error).__name__})")
    return Finding("mail", "good", f"the relay {relay} answers")


def _text_messages(kernel: KernelSettings) -> Finding:
    if not kernel.sms_webhook_url:
        return Finding("text messages", "odd", "switched off: kernel.sms_webhook_url is empty")
    try:
        # Any answer will do: the webhook takes POST, and this must send nothing.
        httpx.head(kernel.sms_webhook_url, timeout=_PATIENCE)
    except (httpx.HTTPError, UnicodeError) as error:
        return Finding("text messages", "bad", f"the webhook does not answer ({type(error).__name__})")
    return Finding("text messages", "good", "the webhook answers")


def _trust(authority: str) -> ssl.SSLContext:
    """Return how both systems' certificates are judged: by the machine's authorities and our own, if any.

    Registration trusts our own alone; its way to the Gateway is looked at by itself.
    """
    from registration.outbound.http import trusted  # noqa: PLC0415

    context = httpx.create_ssl_context()
    if authority:
        trusted(authority)  # says what is wrong with the file
        context.load_verify_locations(authority)
    return context


def _readiness(kernel: KernelSettings, authority: str) -> Finding:
    from registration.outbound.http import reason_of  # noqa: PLC0415

    url = f"{kernel.public_url}/readyz"
    try:
        answer = httpx.get(url, timeout=_PATIENCE, verify=_trust(authority))
    except (SettingsError, UnicodeError) as error:
        no_name = f"{url}: nobody can be reached by that name"
        return Finding("server", "bad", error.message if isinstance(error, SettingsError) else no_name)
    except httpx.HTTPError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            why = reason_of(error)
            if "certificate" in why and ("self-signed" in why or "issuer" in why):
                return Finding("server", "bad", f"{url}: no authority that is trusted here signed for it")
            return Finding("server", "bad", f"{url}: its certificate is refused: {why}")
        return Finding("server", "odd", f"{url} does not answer ({type(error).__name__}): is it running?")
    if answer.status_code == 200:
        return Finding("server", "good", f"{url} says ready")
    return Finding("server", "bad", f"{url} answers {answer.status_code}{_lacking(answer)}")


def _lacking(answer: httpx.Response) -> str:
    """Return what a server of ours says that it lacks; another may stand at its address."""
    try:
        told = f": {', '.join(answer.json()['lacking'])}"
    except (ValueError, KeyError, TypeError):
        return ""
    return told if told.isprintable() else ""


def _of_registration(system: RegistrationSystemSettings, clock: Clock) -> Iterator[Finding]:
    """Look at what Registration alone needs: its roles in force, and the Gateway that knows it."""
    yield from _catalogue(system)
    proofs = list(_client_keys(system))
    yield from proofs
    if all(each.verdict == "good" for each in proofs):
        yield _way_to_the_gateway(system, clock)


def _catalogue(system: RegistrationSystemSettings) -> Iterator[Finding]:
    from registration.storage import catalogues  # noqa: PLC0415
    from switchyard.wiring import open_database  # noqa: PLC0415

    if not _may_be_opened(system.kernel):
        return  # said of the database before
    database = open_database(system.kernel)
    try:
        with database.engine.connect() as connection:
            version, _ = catalogues.version_of(connection)
    except (SQLAlchemyError, SwitchyardError):
        return
    finally:
        database.dispose()
    if version:
        yield Finding("catalogue", "good", f"version {version} is in force")
    else:
        yield Finding("catalogue", "bad", "none is in force: `switchyard catalogue load`")


def _client_keys(system: RegistrationSystemSettings) -> Iterator[Finding]:
    from registration.outbound.keys import read_public_key  # noqa: PLC0415

    settings = system.registration
    for subject, file in (
        ("sign-in key", settings.client_key_file),
        ("worker key", settings.worker_key_file),
    ):
        try:
            read_public_key(Path(file))
        except SettingsError as error:
            yield Finding(subject, "bad", error.message)
        else:
            yield Finding(subject, "good", f"{file}, readable by its owner alone")


def _way_to_the_gateway(system: RegistrationSystemSettings, clock: Clock) -> Finding:
    from registration.domain.sign_in import ProviderUnreachableError  # noqa: PLC0415
    from registration.outbound.access_token import TokenRefusedError  # noqa: PLC0415
    from registration.outbound.connect import connect_gateway  # noqa: PLC0415

    settings = system.registration
    try:
        with _shared_clock(system.kernel, clock) as shared:
            now = shared.now()
            connect_gateway(settings, shared, SystemRandomness()).tokens.current()
    except SettingsError as error:
        return Finding("gateway", "bad", error.message)
    except ProviderUnreachableError:
        return Finding(
            "gateway",
            "odd",
            f"{settings.gateway_issuer} does not answer as the Gateway: is it running, and is that its "
            "public_url?",
        )
    except TokenRefusedError as error:
        remedy = _apart(settings, now) or (
            f"`switchyard connect` registers {settings.worker_client_id} with its key"
        )
        return Finding("gateway", "bad", f"refuses the worker with {error.status}: {remedy}")
    return Finding("gateway", "good", f"{settings.gateway_issuer} knows the worker")


def _apart(settings: RegistrationSettings, now: dt.datetime) -> str:
    """Say how far the Gateway's clock is from what Registration goes by, if that is why it takes no proof."""
    try:
        answer = httpx.get(
            f"{settings.gateway_issuer}/healthz", timeout=_PATIENCE, verify=_trust(settings.gateway_ca_file)
        )
        ahead = now - parsedate_to_datetime(answer.headers["Date"])
    except (httpx.HTTPError, SettingsError, KeyError, ValueError, TypeError):
        return ""
    if abs(ahead) <= _MUCH:
        return ""
    which = "ahead of" if ahead > dt.timedelta(0) else "behind"
    return (
        f"Registration's clock is {round(abs(ahead).total_seconds())} s {which} the Gateway's, and its "
        "proofs are of another time; have both set by the network"
    )


@contextmanager
def _shared_clock(kernel: KernelSettings, machine: Clock) -> Iterator[Clock]:
    """Lend the clock that the worker goes by; the machine's while its database is not there yet."""
    from switchyard.wiring import open_database  # noqa: PLC0415

    if not _may_be_opened(kernel):
        yield machine
        return
    database = open_database(kernel)
    try:
        yield clock_of(database, machine)
    finally:
        database.dispose()
