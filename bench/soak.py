"""The soak: the story again and again while processes are killed, and a sound state at the end.

`python -m bench.soak --minutes 60` runs a local installation under its supervisor. Each round a new person
gets access, activates the account, uses the application and loses the access again, while a random background
process is killed at a random moment; between rounds a web server is killed. At the end every chain of the
audit verifies, and a table tells rounds, kills, memory and the sizes of the databases. It ends with 1 if a
round failed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from switchyard.local import Plan, Site, prepare
from switchyard.people import Particulars, Person
from switchyard.story import (
    STEPS,
    Story,
    applications_open,
    grant_is_live,
    grant_role,
    newcomer_activates,
    role_is_granted,
    role_is_revoked,
)
from switchyard.supervisor import Supervisor

BEHIND = ("gateway-background", "registration-background", "worker")
BEFORE = ("gateway", "registration", "apps")
_LETTERS = "abcdefghijklmnoprstuvwz"


@dataclass
class Tally:
    """What a soak counts."""

    rounds: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


def main() -> int:
    """Run the soak and print its table."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--base-port", type=int, default=8400)
    parser.add_argument("--seed", type=int, default=0, help="of the kills; 0 takes the clock's")
    given = parser.parse_args()
    seed = given.seed or int(time.time())
    folder = Path(tempfile.mkdtemp(prefix="switchyard-soak-"))
    site = prepare(Plan(folder, given.base_port))
    supervisor = Supervisor(site.children(), say=print)
    stop = threading.Event()
    watching = threading.Thread(target=supervisor.run, args=(stop,))
    watching.start()
    try:
        tally = _soak(site, supervisor, minutes=given.minutes, chance=random.Random(seed))
    finally:
        stop.set()
        watching.join()
    sound = _audit_is_sound(site)
    _report(tally, site, sound=sound, seed=seed)
    if tally.failures or not sound:
        print(f"Databases and logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _soak(site: Site, supervisor: Supervisor, *, minutes: float, chance: random.Random) -> Tally:
    tally = Tally()
    site.wait_until_ready()
    story = Story(site, patience=120.0)
    for step in STEPS[: [step.walk for step in STEPS].index(role_is_granted)]:
        step.walk(story)
    story.administrator.sign_in(f"{site.registration}/sign-in")
    begun = time.monotonic()
    while time.monotonic() - begun < minutes * 60:
        started = time.monotonic()
        killer = threading.Timer(chance.uniform(0.05, 3.0), _kill, (supervisor, chance.choice(BEHIND)))
        killer.start()
        try:
            _round(story, tally.rounds)
        except Exception as error:  # noqa: BLE001 - a failed round is what the soak looks for
            tally.failures.append(f"round {tally.rounds}: {type(error).__name__}: {error}")
            print(tally.failures[-1])
        killer.join()
        _kill_and_wait(supervisor, chance.choice(BEFORE))
        site.wait_until_ready()
        tally.rounds, tally.kills = tally.rounds + 1, tally.kills + 2
        tally.seconds.append(time.monotonic() - started)
        tally.memory.append((time.monotonic() - begun, _memory(supervisor, site)))
    story.close()
    return tally


def _round(story: Story, number: int) -> None:
    story.newcomer.visitor.close()
    story.people["newcomer"] = _newcomer(number)
    grant_role(story)
    grant_is_live(story)
    newcomer_activates(story)
    applications_open(story)
    role_is_revoked(story)


def _newcomer(number: int) -> Person:
    letters = "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(4))
    particulars = Particulars("Kim", f"Soaker{letters}", f"kim.{letters}@acme.example")
    return Person("bids and offers", particulars, "Walnut-Glacier-85")


def _kill(supervisor: Supervisor, name: str) -> None:
    supervisor.signal(name, signal.SIGKILL)


def _kill_and_wait(supervisor: Supervisor, name: str) -> None:
    """Kill a server and wait until its workers, which end themselves, are gone too."""
    before = supervisor.deaths(name)
    _kill(supervisor, name)
    while supervisor.deaths(name) == before:
        time.sleep(0.05)
    time.sleep(1.0)


def _memory(supervisor: Supervisor, site: Site) -> int:
    total = 0
    for child in site.children():
        pid = supervisor.pid(child.name)
        if pid is None or not psutil.pid_exists(pid):
            continue
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return total


def _audit_is_sound(site: Site) -> bool:
    command = [sys.executable, "-m", "switchyard", "audit", "verify", "--settings", str(site.settings)]
    return subprocess.run(command, check=False).returncode == 0


def _report(tally: Tally, site: Site, *, sound: bool, seed: int) -> None:
    print(f"\nseed              {seed}")
    print(f"rounds            {tally.rounds}, {len(tally.failures)} failed")
    print(f"kills             {tally.kills}")
    if tally.seconds:
        print(
            f"seconds a round   median {statistics.median(tally.seconds):.1f}, most {max(tally.seconds):.1f}"
        )
    if len(tally.memory) > 1:
        first, last = tally.memory[0][1] / 2**20, tally.memory[-1][1] / 2**20
        print(f"memory            {first:.0f} MiB after the first round, {last:.0f} MiB after the last")
    for name in ("gateway", "registration"):
        path = site.directory / f"{name}.db"
        if path.exists():
            print(f"{name + '.db':<18}{path.stat().st_size / 2**20:.1f} MiB")
    print(f"audit             {'sound' if sound else 'NOT sound'}")


if __name__ == "__main__":
    sys.exit(main())
