"""Sessions of the applications, sign-ins in progress, and what logout tokens ended: one small SQLite file.

Several worker processes share the file. Whatever may happen once (finishing a sign-in, using a logout
token) is one conditional statement. Cookies and states are stored as digests only.
"""

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from relying_parties.id_token import Access, Identity
from relying_parties.logout_token import LogoutOrder
from relying_parties.store import Store

LOGIN_LIFE = timedelta(minutes=15)
"""How long a sign-in may take at the provider, activation and second factor included."""

TOUCH_EVERY = timedelta(minutes=1)
ORDERS_REMEMBERED = timedelta(days=2)

SCHEMA = """
CREATE TABLE IF NOT EXISTS login (
    state_digest BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    binding_digest BLOB NOT NULL,
    document TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS login_expires_at ON login (expires_at);
CREATE TABLE IF NOT EXISTS session (
    cookie_digest BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    provider_session TEXT NOT NULL,
    document TEXT NOT NULL,
    idle_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_provider_session ON session (client_id, provider_session);
CREATE INDEX IF NOT EXISTS session_subject ON session (client_id, subject);
CREATE INDEX IF NOT EXISTS session_expires_at ON session (expires_at);
CREATE TABLE IF NOT EXISTS logout_order (
    client_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    provider_session TEXT NOT NULL,
    subject TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, token_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logout_order_forget_at ON logout_order (forget_at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A sign-in in progress: what was asked for, and where the person wanted to go."""

    nonce: str
    code_verifier: str
    target: str
    max_age_seconds: int | None = None
    acr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the person is called, from the userinfo endpoint."""

    name: str = ""
    user_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in person at one application."""

    identity: Identity
    profile: Profile
    id_token: str
    form_token: str
    """What every form of this session carries against forgery."""
    started_at: datetime
    expires_at: datetime


class Sessions:
    """The store of one process group."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.create(SCHEMA)

    def open_login(self, client_id: str, state: str, binding: str, login: Login, *, now: datetime) -> None:
        """Remember a sign-in under its state, bound to the browser that holds ``binding``."""
        values = (
            digest(state),
            client_id,
            digest(binding),
            json.dumps(asdict(login)),
            _seconds(now + LOGIN_LIFE),
        )
        with self._store.writing() as connection:
            _forget(connection, now)
            connection.execute("INSERT INTO login VALUES (?, ?, ?, ?, ?)", values)

    def take_login(self, client_id: str, state: str, binding: str, *, now: datetime) -> Login | None:
        """Return the sign-in and spend it, or None; of many callbacks at once exactly one gets it (RP-06).

        A browser without the binding spends nothing, so that nobody can end another's sign-in.
        """
        statement = (
            "DELETE FROM login WHERE state_digest = ? AND client_id = ? AND binding_digest = ?"
            " AND expires_at > ? RETURNING document"
        )
        with self._store.writing() as connection:
            row = connection.execute(
                statement, (digest(state), client_id, digest(binding), _seconds(now))
            ).fetchone()
        if row is None:
            return None
        document = json.loads(row[0])
        return Login(**{**document, "acr": tuple(document["acr"])})

    def start(self, client_id: str, cookie: str, session: Session, *, idle: timedelta, now: datetime) -> bool:
        """Store the session, unless a logout token that is as young as its ID token has ended it already.

        A logout that overtakes the sign-in it ends must not be lost.
        """
        identity = session.identity
        values = {
            "cookie": digest(cookie),
            "client": client_id,
            "subject": identity.subject,
            "sid": identity.provider_session,
            "document": _to_json(session),
            "idle": _seconds(now + idle),
            "expires": _seconds(session.expires_at),
            "issued": _seconds(identity.issued_at),
        }
        statement = (
            "INSERT INTO session SELECT :cookie, :client, :subject, :sid, :document, :idle, :expires"
            " WHERE NOT EXISTS (SELECT 1 FROM logout_order WHERE client_id = :client AND issued_at >= :issued"
            " AND CASE provider_session WHEN '' THEN subject = :subject"
            " ELSE provider_session = :sid AND subject IN ('', :subject) END)"
        )
        with self._store.writing() as connection:
            return connection.execute(statement, values).rowcount == 1

    def find(self, client_id: str, cookie: str, *, idle: timedelta, now: datetime) -> Session | None:
        """Return the living session of this cookie, and note that it was used."""
        statement = (
            "SELECT document, idle_at FROM session"
            " WHERE cookie_digest = ? AND client_id = ? AND expires_at > ? AND idle_at > ?"
        )
        at = _seconds(now)
        with self._store.reading() as connection:
            row = connection.execute(statement, (digest(cookie), client_id, at, at)).fetchone()
        if row is None:
            return None
        idle_at = _seconds(now + idle)
        if idle_at - row[1] >= TOUCH_EVERY.total_seconds():
            with self._store.writing() as connection:
                connection.execute(
                    "UPDATE session SET idle_at = ? WHERE cookie_digest = ? AND client_id = ?",
                    (idle_at, digest(cookie), client_id),
                )
        return _from_json(row[0])

    def end(self, client_id: str, cookie: str) -> None:
        """End the session of this cookie, if there is one."""
        with self._store.writing() as connection:
            connection.execute(
                "DELETE FROM session WHERE cookie_digest = ? AND client_id = ?", (digest(cookie), client_id)
            )

    def end_by(self, client_id: str, order: LogoutOrder, *, now: datetime) -> int | None:
        """Spend the logout token and end the sessions it names; None if it was spent before (LO-06).

        With a ``sid`` only the sessions of that provider session end, else all of the subject (Back-Channel
        Logout §2.7). Token and sessions go in one transaction.
        """
        spent = "INSERT INTO logout_order VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        ended = (
            "DELETE FROM session WHERE client_id = :client AND"
            " CASE :sid WHEN '' THEN subject = :subject"
            " ELSE provider_session = :sid AND :subject IN ('', subject) END"
        )
        values = (
            client_id,
            order.token_id,
            order.provider_session,
            order.subject,
            _seconds(order.issued_at),
            _seconds(max(now, order.expires_at) + ORDERS_REMEMBERED),
        )
        with self._store.writing() as connection:
            _forget(connection, now)
            if connection.execute(spent, values).rowcount != 1:
                return None
            names = {"client": client_id, "sid": order.provider_session, "subject": order.subject}
            return connection.execute(ended, names).rowcount


def digest(secret: str) -> bytes:
    """Return what is stored in place of a random secret."""
    return hashlib.sha256(secret.encode()).digest()


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _forget(connection: sqlite3.Connection, now: datetime) -> None:
    """Drop a few rows whose time is over; small steps, so that nobody waits."""
    at = (_seconds(now),)
    for table, column, keys in (
        ("login", "expires_at", "state_digest"),
        ("session", "expires_at", "cookie_digest"),
        ("logout_order", "forget_at", "client_id, token_id"),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE ({keys}) IN"
            f" (SELECT {keys} FROM {table} WHERE {column} <= ? LIMIT 50)",
            at,
        )


def _to_json(session: Session) -> str:
    return json.dumps(asdict(session), default=datetime.isoformat)


def _from_json(text: str) -> Session:
    document = json.loads(text)
    said = document["identity"]
    identity = Identity(
        issuer=said["issuer"],
        subject=said["subject"],
        provider_session=said["provider_session"],
        acr=said["acr"],
        amr=tuple(said["amr"]),
        signed_in_at=_instant(said["signed_in_at"]),
        issued_at=datetime.fromisoformat(said["issued_at"]),
        session_ends_at=_instant(said["session_ends_at"]),
        access=tuple(Access(**row) for row in said["access"]),
    )
    return Session(
        identity=identity,
        profile=Profile(**document["profile"]),
        id_token=document["id_token"],
        form_token=document["form_token"],
        started_at=datetime.fromisoformat(document["started_at"]),
        expires_at=datetime.fromisoformat(document["expires_at"]),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
