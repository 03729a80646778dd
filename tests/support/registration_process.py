"""One process of Registration that dies by SIGKILL at a named point: run as a script by the crash tests.

Arguments: database URL, Gateway URL, key file, seconds after noon, point to die at, deed (``deliver`` or the id of an
organization followed by the account id of its Rights Administrator, to grant with).
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from pathlib import Path

from kernel.clock import FrozenClock
from kernel.database import Database
from registration.domain.authority import Caller
from registration.domain.person import NewPerson
from registration.domain.plan import Plan
from registration.outbound.connect import connect_gateway
from registration.settings import RegistrationSettings
from registration.usecases.deliver import deliver_once
from registration.usecases.grant_access_roles import grant_access_roles
from registration.usecases.preview_grant import preview_grant
from registration.usecases.services import RegistrationServices
from tests.support.clock import NOON, a_store
from tests.support.registration_world import EMI_SUBMIT, a_form


def main(url: str, gateway_url: str, key_file: str, seconds: str, point: str, *deed: str) -> None:
    """Do the deed, and die where told."""

    def reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = FrozenClock(NOON + dt.timedelta(seconds=float(seconds)))
    settings = RegistrationSettings(gateway_issuer=gateway_url, worker_key_file=str(Path(key_file)))
    database = Database(url)
    store = a_store(database, clock=clock, node=str(os.getpid()))
    gateway = connect_gateway(settings, clock, store.randomness, event=reach)
    services = RegistrationServices(
        store=store,
        settings=settings,
        public_url="http://127.0.0.1:8001",
        provider=gateway.provider,
        directory=gateway.directory,
        failpoint=reach,
    )
    if deed[0] == "deliver":
        while deliver_once(services, worker=store.randomness.token(4)):
            pass
    else:
        organization_id, account_id = deed
        common = {
            "caller": Caller(account_id),
            "organization_id": organization_id,
            "person": NewPerson(a_form("Jim", "Smith")),
            "role_keys": [EMI_SUBMIT],
        }
        plan = preview_grant(services, **common)
        assert isinstance(plan, Plan), plan
        grant_access_roles(services, plan_digest=plan.digest, idempotency_key="one-form", **common)
    gateway.outbound.close()
    database.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
