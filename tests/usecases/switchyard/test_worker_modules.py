"""What a web worker loads at its start, and that what it leaves out is there when it is needed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel.database import Database

_RARE = frozenset(
    {
        "alembic",
        "httpx",
        "pyotp",
        "registration.storage.tables",
        "segno",
        "sqlalchemy.dialects.postgresql",  # that of the database is loaded with the first connection
        "sqlalchemy.dialects.sqlite",
        "webauthn",
        "zxcvbn",
    },
)
_FIRST_USE = """
import datetime as dt
import sys
import threading

from idp.usecases.enrol_passkey import begin_passkey_enrolment, confirm_passkey_enrolment
from idp.usecases.enrol_totp import begin_totp_enrolment
from kernel.clock import FrozenClock
from kernel.database import Database
from tests.support.gatehouse import a_gatehouse
from tests.support.soft_passkey import SoftPasskey

loaded = {"pyotp", "segno", "webauthn", "zxcvbn"} & set(sys.modules)
assert not loaded, loaded
database = Database(sys.argv[1])
gatehouse = a_gatehouse(database, FrozenClock(dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)))
names = ("fieldn", "okafora", "roym", "wul")
people = [gatehouse.start_activation(gatehouse.provision(name)) for name in names]
for flow in people:
    gatehouse.answer_question(flow, "browser-home")
answers = []

def enrol(flow):
    begun = begin_passkey_enrolment(gatehouse.services, flow=flow, browser="browser-home")
    made = SoftPasskey().create(begun.json)
    answers.append(
        confirm_passkey_enrolment(gatehouse.services, flow=flow, browser="browser-home", credential=made)
    )

def show(flow):
    answers.append(begin_totp_enrolment(gatehouse.services, flow=flow, browser="browser-home"))

threads = [threading.Thread(target=enrol, args=(flow,)) for flow in people[:3]]
threads.append(threading.Thread(target=show, args=(people[3],)))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
database.dispose()
print(*sorted(type(answer).__name__ for answer in answers))
"""


def test_a_web_worker_loads_nothing_at_its_start_that_few_requests_need() -> None:
    """Each would stay in the memory of every worker of the Gateway."""
    asked = "import sys, switchyard.gateway_app; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, check=True, text=True
    ).stdout.split()
    assert "idp.usecases.services" in loaded
    assert _RARE.isdisjoint(loaded)


def test_the_first_who_need_it_load_it_even_at_once(sqlite_gateway_database: Database) -> None:
    """A new process judges a password, and enrols three passkeys and an app in four threads."""
    address = sqlite_gateway_database.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_USE, address], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["FlowPage", "FlowPage", "FlowPage", "TotpEnrolment"]
