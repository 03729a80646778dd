"""What runs beside the Gateway's web server does all of its housekeeping."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, select

from idp.domain.security_events import StreamStatus
from idp.settings import IdpSettings
from idp.storage import tables
from kernel.clock import FrozenClock
from kernel.errors import SettingsError
from kernel.settings import KernelSettings
from switchyard import schema
from switchyard.background import carriers, gateway_background
from switchyard.settings import GatewayKernelSettings, GatewaySettings
from tests.support.clock import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from kernel.database import Database
    from tests.support.databases import Databases

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
ID = "7" + 25 * "Z"  # the last moment that an id can tell


class OneRound(threading.Event):
    """Is set when the round is over: nothing else lets half a minute pass."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and timeout > 30:
            self.set()
        return self.is_set()


def test_a_round_of_the_sweeper_takes_all_that_is_over(sqlite_databases: Databases, tmp_path: Path) -> None:
    """RX-09, P2: tokens, unused clients, streams nobody reads; and no bite makes who writes wait for the disk."""
    url = sqlite_databases.url("empty")
    database = sqlite_databases.open(url)
    schema.upgrade(database, "gateway")
    with database.write() as connection:
        plant(connection)
    levels: set[int] = set()

    def note(_c: object, cursor: Any, statement: str, *_rest: object) -> None:
        if "DELETE FROM access_token" in statement:
            levels.add(cursor.connection.execute("PRAGMA synchronous").fetchone()[0])

    kernel = GatewayKernelSettings(database_url=url, key_file=str(tmp_path / "kek.txt"), courier="console")
    settings = GatewaySettings(kernel=kernel, idp=IdpSettings(most_waiting_events=1))
    event.listen(Engine, "before_cursor_execute", note)
    try:
        gateway_background(settings)["sweeper"](OneRound())
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert levels == {1}, "a power cut may bring back what was swept; it is not waited for"
    assert left(database) == {"tokens": [], "clients": [], "streams": [StreamStatus.DISABLED]}


def plant(connection: Connection) -> None:
    """Store a token that is over, a client that nobody used, and a stream that nobody reads."""
    token = {"digest": b"d", "client_id": "c", "subject": "s", "scope": "", "audience": ""}
    connection.execute(tables.access_token.insert(), token | {"issued_at": LONG_AGO, "expires_at": LONG_AGO})
    texts = dict.fromkeys(("name", "description", "application_key", "launch_url", "profile"), "")
    moments = {"created_at": LONG_AGO, "updated_at": LONG_AGO}
    client = {"id": "unused", "first_party": False, "metadata": {}, "version": 1, "registered_by": "open"}
    connection.execute(tables.client.insert(), client | texts | moments)
    stream = {"id": ID, "client_id": "gone", "provisioning": "none", "signals": [], "attempts": 0}
    texts = dict.fromkeys(("description", "algorithm", "endpoint_url", "reason", "last_error"), "")
    connection.execute(
        tables.event_stream.insert(),
        stream | texts | moments | {"status": StreamStatus.ENABLED, "next_at": LONG_AGO},
    )
    waiting = {"stream_id": ID, "uri": "", "claims": {}, "created_at": LONG_AGO}
    connection.execute(tables.security_event.insert(), [waiting | {"id": f"7{n:025d}"} for n in range(2)])


def left(database: Database) -> dict[str, list[Any]]:
    """Return what is left of it."""
    with database.read() as connection:
        return {
            "tokens": list(connection.scalars(select(tables.access_token.c.digest))),
            "clients": list(connection.scalars(select(tables.client.c.id))),
            "streams": list(connection.scalars(select(tables.event_stream.c.status))),
        }


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"\xff\xfe", "is no text"), (None, "cannot read the secret file")]
)
def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    """Whoever starts the system is told which file, not where in our code it was read."""
    file = tmp_path / "relay.secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=sentence):
        carriers(KernelSettings(smtp_password_file=str(file)), FrozenClock(NOON))
