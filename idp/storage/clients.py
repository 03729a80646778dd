"""Client rows, and the memory each process keeps of them for at most a second.

What is issued to a client is written by statements that compare the version of its row, so a client that
was disabled or changed a moment ago gets nothing, whatever a process remembers.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import (
    Connection,
    String,
    bindparam,
    delete,
    or_,
    select,
    type_coerce,
    update,
)

from idp.domain.client import (
    AuthenticatedClient,
    Client,
    KnownClient,
    ProvenClient,
    Replayed,
    Secret,
    client_from,
)
from idp.domain.dpop import Proof
from idp.storage.tables import client, client_assertion, client_secret, consent, spent_proof
from kernel.database import Database, JsonText, UtcDateTime, insert
from kernel.prepared import Prepared, Row
from kernel.store import Store
from kernel.sweeping import remove_some

_REMEMBERED_SECONDS = 1.0
_MOST_REMEMBERED = 10_000

_COLUMNS = (
    client.c.id,
    client.c.name,
    client.c.description,
    client.c.application_key,
    client.c.launch_url,
    client.c.profile,
    client.c.first_party,
    client.c.version,
    client.c.disabled_at,
    client.c.metadata,
    client.c.registered_by,
)
_AS_STORED = (
    type_coerce(column, String).label(column.name)
    if isinstance(column.type, UtcDateTime | JsonText)
    else column
    for column in _COLUMNS
)
_ONE = Prepared(select(*_AS_STORED).where(client.c.id == bindparam("id")))
_KNOWN = (
    select(*_COLUMNS, client_secret.c.digest, client_secret.c.expires_at.label("secret_until"))
    .outerjoin(client_secret, client_secret.c.client_id == client.c.id)
    .where(client.c.id == bindparam("id"))
)


@lru_cache(maxsize=64)
def _read(row: Row) -> Client:
    """Return the client of a row as it is stored, taken apart once for as long as it stays the same."""
    fields = {column.name: value for column, value in zip(_COLUMNS, row, strict=True)}
    return client_from(fields, json.loads(fields["metadata"]))


def _client(row: Sequence[Any]) -> Client:
    fields = {column.name: value for column, value in zip(_COLUMNS, row, strict=False)}
    return client_from(fields, fields["metadata"])


def find_client(connection: Connection, client_id: str) -> Client | None:
    """Return the client with this id, disabled or not, or None."""
    rows = _ONE.within(connection, id=client_id)
    return _read(rows[0]) if rows else None


def look_up_client(database: Database, client_id: str) -> Client | None:
    """Return the same outside any transaction, as it is this moment."""
    row = _ONE.first(database, id=client_id)
    return _read(row) if row is not None else None


def find_known_client(connection: Connection, client_id: str) -> KnownClient | None:
    """Return the client with what proves it, or None: one statement."""
    rows = connection.execute(_KNOWN, {"id": client_id}).all()
    if not rows:
        return None
    found = _client(rows[0])
    secrets = tuple(Secret(row.digest, row.secret_until) for row in rows if row.digest is not None)
    return KnownClient(found, secrets, _keys(found))


def _keys(found: Client) -> KeySet | None:
    try:
        proving = [dict(key) for key in found.jwks if key.get("use", "sig") == "sig"]
        return KeySet.import_key_set({"keys": proving}) if proving else None
    except (JoseError, ValueError, KeyError):
        return None  # registration refuses such keys; a row that has them authenticates nobody


class ClientDirectory:
    """What this process remembers of clients, for at most a second."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, KnownClient | None]] = {}

    def recall(self, store: Store, client_id: str) -> tuple[KnownClient | None, bool]:
        """Return the client, and whether it was read from the database just now."""
        found = self._known.get(client_id)
        if found is not None and time.monotonic() - found[0] < _REMEMBERED_SECONDS:
            return found[1], False
        return self.look_up(store, client_id), True

    def look_up(self, store: Store, client_id: str) -> KnownClient | None:
        """Read the client from the database and remember it."""
        with store.read() as connection:
            known = find_known_client(connection, client_id)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[client_id] = (time.monotonic(), known)
        return known

    def forget(self, client_id: str) -> None:
        """Forget what is remembered of a client."""
        self._known.pop(client_id, None)


def admit(connection: Connection, proven: ProvenClient) -> AuthenticatedClient | Replayed:
    """Spend the proofs of a client, in the deed's own transaction, or tell which was spent before.

    An assertion works once on all nodes: the primary key on client and ``jti`` decides (RFC 7523 §3). So does
    a proof of possession (RFC 9449 §11.1).
    """
    if proven.assertion is not None:
        first = _spend_assertion(connection.dialect.name).within(
            connection,
            client_id=proven.client.id,
            jti=proven.assertion.jti_digest,
            expires_at=dt.datetime.fromtimestamp(proven.assertion.expires_at, dt.UTC),
        )
        if not first:
            return Replayed.ASSERTION
    if proven.proof is not None and not spend_proof(connection, proven.proof):
        return Replayed.PROOF
    return AuthenticatedClient(proven.client, proven.method, proven.used_former_secret, proven.held)


def spend_proof(connection: Connection, proof: Proof) -> bool:
    """Spend a proof of possession; False if it was spent before, on whatever node."""
    rows = _spend_proof(connection.dialect.name).within(
        connection, digest=proof.digest, expires_at=proof.expires_at
    )
    return bool(rows)


@cache
def _spend_assertion(dialect: str) -> Prepared:
    return Prepared(
        insert(dialect, client_assertion).on_conflict_do_nothing().returning(client_assertion.c.client_id),
        columns=("client_id", "jti", "expires_at"),
    )


@cache
def _spend_proof(dialect: str) -> Prepared:
    return Prepared(
        insert(dialect, spent_proof).on_conflict_do_nothing().returning(spent_proof.c.expires_at),
        columns=("digest", "expires_at"),
    )


def list_clients(connection: Connection) -> list[Client]:
    """Return every client by id."""
    return [_client(row) for row in connection.execute(select(*_COLUMNS).order_by(client.c.id))]


def clients_met_by(connection: Connection, account_id: str) -> list[Client]:
    """Return the enabled clients of operators, and those she agreed to that registered themselves."""
    agreed = select(consent.c.client_id).where(consent.c.account_id == account_id)
    statement = (
        select(*_COLUMNS)
        .where(client.c.disabled_at.is_(None), or_(client.c.registered_by == "", client.c.id.in_(agreed)))
        .order_by(client.c.id)
    )
    return [_client(row) for row in connection.execute(statement)]


def clients_of_application(connection: Connection, application_key: str) -> list[Client]:
    """Return the clients of one application."""
    rows = connection.execute(
        select(*_COLUMNS).where(client.c.application_key == application_key).order_by(client.c.id)
    )
    return [_client(row) for row in rows]


def insert_client(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Store a new client; False if its id is taken."""
    done = connection.execute(insert(connection, client).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


def hold_client(connection: Connection, client_id: str) -> bool:
    """Keep a client from being removed until the unit of work ends; False if there is none."""
    held = select(client.c.id).where(client.c.id == client_id).with_for_update(read=True, key_share=True)
    return connection.scalar(held) is not None


def hold_client_alone(connection: Connection, client_id: str) -> bool:
    """Keep everybody else from changing a client until the unit of work ends; False if there is none.

    Whoever looks before leaping holds it first, so that what is seen is still so when it is changed.
    """
    held = select(client.c.id).where(client.c.id == client_id).with_for_update(key_share=True)
    return connection.scalar(held) is not None


def wait_for_issues(connection: Connection, client_id: str) -> None:
    """Wait for the units in which a client is given something, and let none begin until this one ends.

    What they stored is to be seen from here on. Call it before anything of the client is held but what waits
    for a person (``client_endings.forget_requests``), so that no two wait for one another.
    """
    connection.execute(select(client.c.id).where(client.c.id == client_id).with_for_update())


def change_client(connection: Connection, client_id: str, values: Mapping[str, Any]) -> bool:
    """Change a client and raise its version; False if there is none."""
    done = connection.execute(
        update(client).where(client.c.id == client_id).values(version=client.c.version + 1, **values)
    )
    return done.rowcount == 1


def disable_client(connection: Connection, client_id: str, *, now: dt.datetime) -> bool:
    """Disable a client; False if it is not there or disabled already."""
    done = connection.execute(
        update(client)
        .where(client.c.id == client_id, client.c.disabled_at.is_(None))
        .values(disabled_at=now, updated_at=now, version=client.c.version + 1)
    )
    return done.rowcount == 1


def add_secret(connection: Connection, client_id: str, digest: bytes, *, now: dt.datetime) -> None:
    """Store the digest of a new secret without an end."""
    connection.execute(
        insert(connection, client_secret)
        .values(client_id=client_id, digest=digest, created_at=now)
        .on_conflict_do_nothing()
    )


def replace_secrets(connection: Connection, client_id: str, digest: bytes, *, now: dt.datetime) -> None:
    """Let one secret take the place of all others at once."""
    connection.execute(
        delete(client_secret).where(client_secret.c.client_id == client_id, client_secret.c.digest != digest)
    )
    add_secret(connection, client_id, digest, now=now)


def end_secrets(connection: Connection, client_id: str, *, at: dt.datetime) -> int:
    """Let every secret without an end, or with a later one, die at ``at``; return how many."""
    done = connection.execute(
        update(client_secret)
        .where(
            client_secret.c.client_id == client_id,
            or_(client_secret.c.expires_at.is_(None), client_secret.c.expires_at > at),
        )
        .values(expires_at=at)
    )
    return done.rowcount


def sweep_assertions(connection: Connection, *, now: dt.datetime) -> int:
    """Remove some spent assertions that nobody could present any more; return how many."""
    ended = client_assertion.c.expires_at
    return remove_some(connection, client_assertion, ended <= now, oldest_first=ended)


def sweep_proofs(connection: Connection, *, now: dt.datetime) -> int:
    """Remove some spent proofs of possession that nobody could present any more; return how many."""
    ended = spent_proof.c.expires_at
    return remove_some(connection, spent_proof, ended <= now, oldest_first=ended)
