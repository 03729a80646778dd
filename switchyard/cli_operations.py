"""The command line's other half: databases, keys, audit, settings and the doctor.

Each command reads the same settings as the servers and does one deed through the same use cases.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from switchyard.cli_client_words import moment, tell
from switchyard.cli_options import (
    GENERATED_NAME,
    Asked,
    Commands,
    as_json,
    fail,
    settings_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database
    from kernel.settings import KernelSettings
    from kernel.store import Store
    from switchyard.settings import Settings

System = Literal["gateway", "registration"]
_BOTH: tuple[System, ...] = ("gateway", "registration")

_system_option = click.option(
    "--system", type=click.Choice(_BOTH), help="Only this system. [default: both, one after the other]"
)


def read(settings: Path | None) -> Settings:
    """Return the settings of the deployment."""
    from switchyard.settings import read_settings  # noqa: PLC0415 - loaded when needed

    return read_settings(settings, os.environ)


def kernel_of(settings: Settings, system: System) -> KernelSettings:
    """Return the kernel settings of one system."""
    return settings.gateway.kernel if system == "gateway" else settings.registration.kernel


@contextmanager
def opened(settings: Settings, system: System) -> Iterator[Database]:
    """Open the database of one system for one command."""
    from switchyard.wiring import open_database  # noqa: PLC0415

    database = open_database(kernel_of(settings, system))
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def opened_store(settings: Settings, system: System) -> Iterator[Store]:
    """Open the store of one system for one command."""
    from switchyard.wiring import open_store  # noqa: PLC0415

    store = open_store(kernel_of(settings, system))
    try:
        yield store
    finally:
        store.database.dispose()


def _chosen(system: str | None) -> tuple[System, ...]:
    return (cast("System", system),) if system else _BOTH


# --- databases


@click.group(cls=Commands)
def db() -> None:
    """Databases: bring the schema up to date, check it, take it back."""


@db.command()
@settings_option
@_system_option
def upgrade(settings: Path | None, system: str | None) -> None:
    """Bring the schema up to date. Safe to run while others do the same."""
    from switchyard import schema  # noqa: PLC0415

    deployment = read(settings)
    for name in _chosen(system):
        with opened(deployment, name) as database:
            schema.upgrade(database, name)
        click.echo(f"{name}: up to date")


@db.command()
@settings_option
@_system_option
def check(settings: Path | None, system: str | None) -> None:
    """Compare the databases with the tables of the code; ends with 1 if they differ."""
    from switchyard import schema  # noqa: PLC0415

    deployment = read(settings)
    faults = 0
    for name in _chosen(system):
        with opened(deployment, name) as database:
            found = schema.differences(database, name)
        faults += len(found)
        click.echo(f"{name}: " + ("as the code expects" if not found else "not as the code expects"))
        for difference in found:
            click.echo(f"  {difference}")
    sys.exit(1 if faults else 0)


@db.command()
@settings_option
@click.option("--system", type=click.Choice(_BOTH), required=True, help="Which database.")
@click.option("--revision", required=True, help="Revision to go back to; `base` empties the database.")
@click.confirmation_option(cls=Asked, prompt="Data of the newer revisions is lost. Go on?")
def downgrade(settings: Path | None, system: str, revision: str) -> None:
    """Take the schema of one system back to an older revision."""
    from switchyard import schema  # noqa: PLC0415

    name = cast("System", system)
    with opened(read(settings), name) as database:
        schema.downgrade(database, name, revision)
    click.echo(f"{name}: at {revision}")


# --- signing keys


@click.group(cls=Commands)
def keys() -> None:
    """Keys of the Gateway, for signing and for encryption, and the keys that seal secrets at rest."""


@keys.command("list")
@settings_option
@as_json
def list_keys(settings: Path | None, *, as_json: bool) -> None:
    """Show every key with what it is for and its state."""
    from keys.usecases import rotate as deeds  # noqa: PLC0415

    with opened_store(read(settings), "gateway") as store:
        found = deeds.list_keys(store)
    told: list[dict[str, object]] = []
    lines = []
    for key in found:
        since = key.activated_at or key.published_at
        use = "enc" if key.encrypts else "sig"
        lines.append(f"{key.kid}  {use}  {key.algorithm}  {key.state:<8}  since {since:%Y-%m-%d %H:%M} UTC")
        facts = {"kid": key.kid, "use": use, "alg": key.algorithm, "state": key.state.value}
        told.append(facts | {"since": moment(since)})
    tell(
        told,
        *lines,
        as_json=as_json,
        none="There are no keys yet: the Gateway makes them at its first start.",
    )


@keys.command()
@settings_option
def rotate(settings: Path | None) -> None:
    """Replace the active keys as soon as every relying party can know their successors."""
    from keys.usecases import rotate as deeds  # noqa: PLC0415
    from switchyard.operations import at_console  # noqa: PLC0415

    deployment = read(settings)
    with opened_store(deployment, "gateway") as store:
        coming = deeds.rotate_by_command(store, deployment.gateway.keys, actor=at_console())
    for key in coming:
        begins = "is offered" if key.encrypts else "signs"
        click.echo(f"{key.kid}  {key.algorithm}  {begins} from {key.activate_at:%Y-%m-%d %H:%M} UTC")


@keys.command(context_settings=GENERATED_NAME)
@settings_option
@click.argument("kid")
@click.option("--reason", required=True, help="Why, for the audit.")
@click.confirmation_option(
    cls=Asked,
    prompt="What this key signed becomes invalid, what was encrypted with it is opened no more. Go on?",
)
def revoke(settings: Path | None, kid: str, reason: str) -> None:
    """Take a compromised key out of use at once, with everything it signed, also one that was replaced."""
    from keys.usecases.rotate import revoke_key  # noqa: PLC0415
    from switchyard.operations import at_console  # noqa: PLC0415

    deployment = read(settings)
    with opened_store(deployment, "gateway") as store:
        done = revoke_key(store, kid, actor=at_console(), reason=reason)
    if not done:
        fail(f"no key that counts is called {kid}; `switchyard keys list` shows them", 1)
    click.echo(f"{kid} is revoked")


@keys.command("new-kek")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new_kek(file: Path) -> None:
    """Make a key-encryption key: a new FILE, or one more key in it, which seals from then on."""
    from kernel.crypto import KeyRing  # noqa: PLC0415
    from kernel.randomness import SystemRandomness  # noqa: PLC0415

    if file.exists():
        ring = KeyRing.add_to_file(file, SystemRandomness())
    else:
        ring = KeyRing.create_file(file, SystemRandomness())
    click.echo(f"{file}: key {ring.newest} seals from now on")


@keys.command()
@settings_option
@_system_option
def reseal(settings: Path | None, system: str | None) -> None:
    """Seal anew under the newest key-encryption key what former ones sealed; ends with 1 if something stays.

    Everything goes on meanwhile. Cut off, it is simply run again.
    """
    from kernel.resealing import reseal as deed  # noqa: PLC0415
    from kernel.resealing import sealed_by  # noqa: PLC0415
    from switchyard.operations import at_console  # noqa: PLC0415
    from switchyard.sealed_places import PLACES  # noqa: PLC0415

    deployment = read(settings)
    left = False
    for name in _chosen(system):
        with opened_store(deployment, name) as store:
            newest = store.sealer.newest
            found = deed(store, PLACES[name])
            if found.done:
                with store.write() as unit:
                    told = {"values": found.done}
                    unit.audit.record(
                        "keys:kek:resealed", actor=at_console(), target=str(newest), details=told
                    )
            former = sealed_by(store, PLACES[name])
        click.echo(f"{name}: {found.done} sealed anew, {former.pop(newest, 0)} sealed by key {newest}")
        for place in found.lost:
            click.echo(f"{name}: no key opens {place}", err=True)
        for number, count in sorted(former.items()):
            click.echo(f"{name}: {count} still sealed by key {number}", err=True)
        left = left or former.total() > 0
    if left:
        sys.exit(1)


# --- audit, settings


@click.group(cls=Commands)
def audit() -> None:
    """The audit: every deed, in hash-chained rows."""


@audit.command()
@settings_option
@_system_option
def verify(settings: Path | None, system: str | None) -> None:
    """Walk every chain; ends with 1 and names the place if a row was changed, taken out or put in."""
    from kernel.audit import verify_chains  # noqa: PLC0415

    deployment = read(settings)
    faults = 0
    for name in _chosen(system):
        with opened(deployment, name) as database:
            report = verify_chains(database)
        faults += len(report.faults)
        sound = "sound" if not report.faults else "NOT sound"
        click.echo(f"{name}: {report.events} events in {report.chains} chains, {sound}")
        for fault in report.faults:
            click.echo(f"  {fault}")
    sys.exit(1 if faults else 0)


@click.group("settings", cls=Commands)
def settings_group() -> None:
    """Settings: an example file, and a check of yours."""


@settings_group.command()
def example() -> None:
    """Print a file with every option, its documentation and its default."""
    from switchyard.example import example_settings  # noqa: PLC0415

    click.echo(example_settings(), nl=False)


@settings_group.command("check")
@settings_option
def check_settings(settings: Path | None) -> None:
    """Read the settings as the servers would and say what is wrong."""
    deployment = read(settings)
    click.echo(f"The settings can be used: Gateway {deployment.gateway.kernel.public_url}")
    click.echo(f"Registration {deployment.registration.kernel.public_url}")


# --- operator, catalogue


@click.group("catalogue", cls=Commands)
def catalogue_group() -> None:
    """The operator's catalogue: participations, contact roles, access roles, applications."""


@catalogue_group.command("load")
@settings_option
def load_catalogue(settings: Path | None) -> None:
    """Put the catalogue of the settings' folder into force."""
    from switchyard.operations import load_operator_catalogue  # noqa: PLC0415

    loaded = load_operator_catalogue(read(settings).registration)
    click.echo(f"version {loaded.version} is in force" + ("" if loaded.changed else ", as before"))


@click.group("provisioning", cls=Commands)
def provisioning_group() -> None:
    """What Registration's worker tells the Gateway."""


@provisioning_group.command("again")
@settings_option
def provision_again(settings: Path | None) -> None:
    """Tell the Gateway everything once more, as it should be now.

    For a Gateway that came back from a backup without Registration, or whose accounts and groups were changed
    by hand. The worker does it; who got access or lost it since has it, or has it not, when it is through.
    """
    from switchyard.operations import tell_everything_again  # noqa: PLC0415

    told = tell_everything_again(read(settings).registration)
    click.echo(f"{told} accounts, groups and memberships are told again")


@click.command()
@settings_option
@click.option(
    "--keep-former-keys",
    is_flag=True,
    help="Let the keys that the Gateway knows go on beside the new ones, until this is run again without it.",
)
def connect(settings: Path | None, *, keep_former_keys: bool) -> None:
    """Make Registration a client of the Gateway: its keys where they are missing, and both registrations.

    Registration signs people in by the one and its worker provisions by the other. Done again, it changes
    nothing, or what the settings say otherwise by now.
    """
    from switchyard import operations  # noqa: PLC0415
    from switchyard.connection import registration_orders  # noqa: PLC0415

    deployment = read(settings)
    plain = deployment.registration.kernel.public_url.startswith("http:")
    if plain and not deployment.gateway.idp.loopback_http_clients:
        fail(
            f"Registration at {deployment.registration.kernel.public_url} is plain http: give it an https "
            "address, or for a trial on one machine set loopback_http_clients of [gateway.idp] to true"
        )
    orders = registration_orders(deployment.registration)
    if keep_former_keys:
        orders = operations.beside_former_keys(deployment.gateway, orders)
    operations.register_clients(deployment.gateway, orders)
    told = deployment.registration.registration
    for order, file in zip(orders, (told.client_key_file, told.worker_key_file), strict=True):
        click.echo(f"{order.id}: {order.name}, proved by the key in {file}")


@click.group("operator", cls=Commands)
def operator_group() -> None:
    """The operator's own staff, Customer Relations."""


@operator_group.command("add")
@settings_option
@click.option("--first-name", cls=Asked, required=True, prompt=True)
@click.option("--middle-name", default="")
@click.option("--last-name", cls=Asked, required=True, prompt=True)
@click.option(
    "--email",
    "main_email",
    cls=Asked,
    required=True,
    prompt=True,
    help="The activation link goes there.",
)
@click.option(
    "--phone",
    "main_phone",
    cls=Asked,
    required=True,
    prompt=True,
    help="With country code, as +1 416 555 0100.",
)
@click.option("--address", "address_1", cls=Asked, required=True, prompt=True)
@click.option("--city", cls=Asked, required=True, prompt=True)
@click.option("--province", default="", help="Two letters in Canada and the USA.")
@click.option("--postal-code", cls=Asked, required=True, prompt=True)
@click.option("--country", default="CA", show_default=True, help="Two letters (ISO 3166-1).")
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "fr"]))
def add_operator(settings: Path | None, **values: str) -> None:
    """Register a person and give Customer Relations functions: the first has nobody else to do it."""
    from switchyard import operations  # noqa: PLC0415

    made = operations.add_operator(read(settings).registration, values)
    click.echo(f"Request {made.number}" + (", made before" if made.repeated else ""))
    click.echo(
        "The worker provisions the account; its owner gets the user ID and an activation link by e-mail."
    )


# --- doctor


@click.command()
@settings_option
@as_json
def doctor(settings: Path | None, *, as_json: bool) -> None:
    """Look at everything an installation needs and say what is wrong and what to do."""
    from switchyard.doctor import examine  # noqa: PLC0415

    findings = examine(read(settings))
    marks = {"good": "ok  ", "odd": "note", "bad": "BAD "}
    tell(
        [asdict(finding) for finding in findings],
        *(f"{marks[finding.verdict]}  {finding.subject}: {finding.sentence}" for finding in findings),
        as_json=as_json,
    )
    sys.exit(1 if any(finding.verdict == "bad" for finding in findings) else 0)


COMMANDS: tuple[click.Command, ...] = (
    connect,
    catalogue_group,
    operator_group,
    provisioning_group,
    db,
    keys,
    audit,
    settings_group,
    doctor,
)
