"""The demonstration: everything on this machine, the first story walked, and then yours to try.

Starts every process of a local installation under one supervisor, walks the story with one line per step,
prints addresses and sample accounts, and stays up until it is told to stop. With `once` it ends after that.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switchyard.local import Plan, Site, prepare, write_private
from switchyard.people import current_code
from switchyard.ports import is_free
from switchyard.story import STEPS, Step, Story, role_is_granted_again
from switchyard.supervisor import Supervisor, stop_on_signals, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ACCOUNTS = "accounts.json"
_PREFIX = "switchyard-demo-"
_FOR_YOU = Step("And grants it again, for you to try", role_is_granted_again)


def run_demo(
    *, once: bool, base_port: int, host: str = "127.0.0.1", directory: Path | None = None, keep: bool = False
) -> int:
    """Run the demonstration and return the exit code: 0, or 1 after naming the step that failed."""
    taken = [port for port in _ports(base_port) if not is_free(port)]
    if taken:
        click.echo(f"Port {taken[0]} is in use: choose others with --base-port {base_port + 1000}.", err=True)
        return 1
    folder = directory or Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        return _run(Plan(folder, base_port, host), once=once)
    finally:
        if directory is None and not keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            click.echo(f"Databases, keys and logs are kept in {folder}")


def _ports(base_port: int) -> Iterator[int]:
    yield from range(base_port, base_port + 4)
    yield base_port + 25


def _run(plan: Plan, *, once: bool) -> int:
    begun = time.monotonic()
    fresh = not (plan.directory / _ACCOUNTS).exists()
    if fresh and (plan.directory / "switchyard.toml").exists():
        click.echo(
            f"{plan.directory} holds a demonstration that was not finished: remove it first.", err=True
        )
        return 1
    with stop_on_signals() as stop:
        site = prepare(plan)
        supervisor = Supervisor(site.children(), say=lambda line: click.echo(f"  {line}", err=True))
        watching = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor")
        watching.start()
        story = Story(site)
        try:
            site.wait_until_ready(stop=stop)
            if not stop.is_set():
                click.echo(f"{time.monotonic() - begun:6.1f} s  Everything is running: {site.gateway}")
            steps = STEPS if once else (*STEPS, _FOR_YOU)
            code = _walk(story, steps, stop) if fresh else 0
            if code == 0 and not once and not stop.is_set():
                _show(site, story, fresh=fresh)
                click.echo("\nCtrl-C ends it.")
                wait_for_end(stop)
        except TimeoutError as error:
            click.echo(f"Failed: {error}", err=True)
            code = 1
        finally:
            story.close()
            stop.set()
            watching.join()
        return code


def _walk(story: Story, steps: Sequence[Step], stop: threading.Event) -> int:
    for number, step in enumerate(steps, start=1):
        begun = time.monotonic()
        if stop.is_set():
            return _stopped(number)
        try:
            seen = step.walk(story)
        except Exception as error:  # noqa: BLE001 - whatever broke, the step is named
            if stop.is_set():  # what it walked through is being taken down
                return _stopped(number)
            click.echo(f"Failed at step {number}, {step.sentence}: {type(error).__name__}: {error}", err=True)
            return 1
        click.echo(f"{time.monotonic() - begun:6.1f} s  {step.sentence}: {seen}")
    _remember(story)
    return 0


def _stopped(number: int) -> int:
    click.echo(f"Stopped before step {number} was done.", err=True)
    return 1


def _remember(story: Story) -> None:
    accounts = [
        {
            "role": person.role,
            "name": person.name,
            "user_name": person.user_name,
            "password": person.password,
            "email": person.particulars.email,
            "totp_secret": person.totp_secret,
        }
        for person in story.people.values()
    ]
    write_private(story.site.directory / _ACCOUNTS, json.dumps(accounts, indent=2))


def _show(site: Site, story: Story, *, fresh: bool) -> None:
    accounts = json.loads((site.directory / _ACCOUNTS).read_text())
    click.echo(
        f"""
Addresses
  {site.gateway:<44}Gateway: sign in, your applications
  {site.registration:<44}Registration: organizations, persons, access
  {site.emi:<44}Energy Market Interface
  {site.reports:<44}Reports
  {site.mailbox:<44}Mailbox: every e-mail and text message

Sample accounts"""
    )
    widths = "  {:<12}{:<22}{:<26}{}"
    click.echo(widths.format("User ID", "Password", "Role", "Person"))
    for account in accounts:
        row = (account["user_name"], account["password"], account["role"], account["name"])
        click.echo(widths.format(*row))
    locked = story.people["representative"].user_name if fresh else ""
    if locked:
        click.echo(f"\n{locked} was locked by the story and opens again by itself in a while.")
    example = accounts[-1]["user_name"]
    where = "" if site.directory.name.startswith(_PREFIX) else f" --directory {site.directory}"
    click.echo(
        f"\nSecond factor: `.venv/bin/switchyard code {example}{where}` prints the code that the account's\n"
        "authenticator app shows now. A code works once; the next one comes within 30 seconds."
    )


def code_of(directory: Path, user_name: str) -> str | None:
    """Return the authenticator code of a sample account now, or None if there is no such account."""
    path = directory / _ACCOUNTS
    accounts = json.loads(path.read_text()) if path.exists() else []
    found = next((each for each in accounts if each["user_name"] == user_name.casefold()), None)
    return current_code(found["totp_secret"]) if found else None


def newest_directory() -> Path | None:
    """Return the folder of the demonstration that was started last, if one is there."""
    found = sorted(
        Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_ACCOUNTS}"),
        key=lambda path: path.stat().st_mtime,
    )
    return found[-1].parent if found else None
