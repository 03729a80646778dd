"""What is wrong around a command is said in one sentence, and its code tells whether to try again."""

from __future__ import annotations

import base64
import errno
import socket
import sqlite3
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from psycopg.errors import lookup
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError

from kernel.errors import SettingsError
from switchyard import apps_app
from switchyard.cli import main
from switchyard.cli_faults import told
from switchyard.cli_options import APPS_SETTINGS, Commands
from switchyard.ports import look_at_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

_APPLICATION = """
database = "{database}"
[[applications]]
client_id = "emi"
issuer = "http://127.0.0.1:8000"
path = "/apps/emi/"
public_url = "http://127.0.0.1:8002"
name = "Energy Market Interface"
{proof}
"""


def _said(result: Result) -> str:
    assert "Traceback" not in result.output
    assert result.stderr.startswith("switchyard: ")
    return result.stderr


def _settings(folder: Path, database: str) -> Path:
    key_file = folder / "kek.txt"
    key_file.write_text(f"1:{base64.b64encode(bytes(32)).decode()}\n")
    key_file.chmod(0o600)
    file = folder / "switchyard.toml"
    databases = {"gateway": database, "registration": f"sqlite:///{folder / 'registration.db'}"}
    parts = [
        f'[{system}.kernel]\ndatabase_url = "{url}"\nkey_file = "{key_file}"'
        for system, url in databases.items()
    ]
    file.write_text("\n".join(parts))
    return file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{{", "is not TOML"),
        ("nope = 1", "nope: there is no such option"),
        ("", "database: is missing"),
        (
            _APPLICATION.format(database="a.db", proof='key_file = "none.pem"'),
            "emi: key_file: cannot be read",
        ),
        (_APPLICATION.format(database="a.db", proof="client_secret = 1"), "client_secret: has to be a text"),
        (
            _APPLICATION.format(database="apps.toml/a.db", proof='client_secret = "s"'),
            "apps.toml: database: the file cannot be used",
        ),
    ],
)
def test_applications_that_cannot_be_set_up_say_which_option_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """The server that loads them ends with that sentence and the code of a refusal."""
    file = tmp_path / "apps.toml"
    file.write_text(text)
    monkeypatch.setenv(APPS_SETTINGS, str(file))
    with pytest.raises(SettingsError) as refused:
        apps_app.start()
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "command", [["db", "check"], ["db", "upgrade"], ["keys", "list"], ["audit", "verify"], ["client", "list"]]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, command: list[str]) -> None:
    broken = tmp_path / "gateway.db"
    broken.write_text("no database, but long enough to be looked at as if it were one. " * 10)
    file = _settings(tmp_path, f"sqlite:///{broken}")
    result = CliRunner().invoke(main, [*command, "--settings", str(file)])
    assert "the database cannot be used: file is not a database" in _said(result)
    assert result.exit_code == 2


def test_a_database_that_was_never_upgraded_says_what_to_do(tmp_path: Path) -> None:
    file = _settings(tmp_path, f"sqlite:///{tmp_path / 'new.db'}")
    result = CliRunner().invoke(main, ["audit", "verify", "--settings", str(file)])
    assert "run `switchyard db upgrade`" in _said(result)
    assert result.exit_code == 2


def test_a_database_of_an_older_version_says_what_to_do() -> None:
    """Columns come with versions as tables do."""
    found = told(OperationalError("SELECT", {}, sqlite3.OperationalError("no such column: new")))
    assert found is not None
    assert "run `switchyard db upgrade` (no such column: new)" in found[0]

    class Driver(Exception):  # noqa: N818 - stands for the driver's own
        sqlstate = "42703"

    found = told(ProgrammingError("SELECT", {}, Driver()))
    assert found is not None
    assert "run `switchyard db upgrade`" in found[0]


def test_a_database_that_is_away_may_be_there_another_time(tmp_path: Path) -> None:
    file = _settings(tmp_path, "postgresql://nobody@/none?host=/nowhere")
    result = CliRunner().invoke(main, ["keys", "list", "--settings", str(file)])
    assert "the database cannot be used: connection" in _said(result)
    assert result.stdout == ""  # other programs read it; a line of the log stood there
    assert result.exit_code == 75


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("::", "kernel.database_url: is not the address"),
        ("postgresql://nobody@nowhere:port/none", "kernel.database_url: is not the address"),
        ("sqlite:////dev/null/x.db", "/dev/null: File exists"),
        ("sqlite://", "kernel.database_url: names no file"),
        ("sqlite:///:memory:", "kernel.database_url: names no file"),
        (
            "postgresql+psycopg2://nobody@/none",
            "unsupported driver 'postgresql+psycopg2': use one of sqlite,",
        ),
    ],
)
def test_an_address_of_no_database_is_refused(tmp_path: Path, database: str, sentence: str) -> None:
    file = _settings(tmp_path, database)
    result = CliRunner().invoke(main, ["db", "upgrade", "--settings", str(file)])
    assert sentence in _said(result)
    assert result.exit_code == 2


def test_a_key_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = _settings(tmp_path, f"sqlite:///{tmp_path / 'new.db'}")
    (tmp_path / "kek.txt").write_bytes(b"\xff\xfe")
    for command in (
        ["keys", "list", "--settings", str(file)],
        ["keys", "new-kek", str(tmp_path / "kek.txt")],
    ):
        result = CliRunner().invoke(main, command)
        assert "is no text" in _said(result)
        assert result.exit_code == 2


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----", b"\xff\xfe"])
def test_an_authority_for_fetches_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    """And not when the first client's documents are fetched, long after whoever set it went home."""
    authority = tmp_path / "authority.pem"
    if content is not None:
        authority.write_bytes(content)
    file = _settings(tmp_path, f"sqlite:///{tmp_path / 'new.db'}")
    file.write_text(f'{file.read_text()}\n[gateway.idp]\nfetch_authority = "{authority}"\n')
    result = CliRunner().invoke(main, ["client", "list", "--settings", str(file)])
    assert f"idp.fetch_authority: the authority {authority} cannot be read" in _said(result)
    assert result.exit_code == 2


def test_a_revision_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = _settings(tmp_path, f"sqlite:///{tmp_path / 'new.db'}")
    options = ["--system", "gateway", "--revision", "none", "--yes", "--settings", str(file)]
    result = CliRunner().invoke(main, ["db", "downgrade", *options])
    assert "gateway cannot go back to revision none" in _said(result)
    assert result.exit_code == 2


def test_a_catalogue_that_cannot_be_read_is_named_file_by_file(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'new.db'}"
    file = _settings(tmp_path, database)
    file.write_text(f'{file.read_text()}\n[registration.registration]\ncatalogue_folder = "{tmp_path}"\n')
    result = CliRunner().invoke(main, ["catalogue", "load", "--settings", str(file)])
    assert "cannot be read: No such file or directory" in _said(result)
    assert result.exit_code == 2


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_named_and_may_be_free_another_time(taken: int) -> None:
    for options in (["--port", str(taken)], ["--port", "0", "--smtp-port", str(taken)]):
        result = CliRunner().invoke(main, ["mailbox", *options])
        assert f"127.0.0.1 port {taken}: Address already in use" in _said(result)
        assert result.exit_code == 75


def test_a_name_is_no_address_to_listen_at() -> None:
    with pytest.raises(SettingsError, match="--host: localhost is not an IP address"):
        look_at_address("localhost", 0)
    look_at_address("127.0.0.1", 0)


def test_our_own_mistakes_are_not_told_in_a_sentence() -> None:
    """Whoever mends them needs to see where they are."""
    assert told(KeyError("x")) is None
    assert told(OSError("without a number")) is None
    for kind in (IntegrityError, DataError):
        assert told(kind("INSERT", {}, Exception("of the driver"))) is None


def test_our_own_mistakes_show_where_they_are_and_no_row() -> None:
    class Driver(Exception):  # noqa: N818 - stands for the driver's own
        sqlstate = "23505"

    row = Driver("nora.field@acme.example")

    @click.group(cls=Commands)
    def commands() -> None: ...

    @commands.command()
    def mistaken() -> None:
        raise IntegrityError("INSERT", {}, row)

    result = CliRunner().invoke(commands, ["mistaken"])
    assert ", in mistaken\n" in result.stderr
    assert "IntegrityError: sqlstate=23505 [SQL: INSERT]" in result.stderr
    assert "nora.field" not in result.output
    assert result.exit_code == 1


def test_what_the_server_says_of_a_row_is_not_told() -> None:
    class Driver(Exception):  # noqa: N818 - stands for the driver's own
        sqlstate = "57P03"

    found = told(OperationalError("SELECT 1", {}, Driver("nora.field@acme.example")))
    assert found == ("the database cannot be used: sqlstate=57P03", 75)
    assert told(OSError(errno.ENOSPC, "x", "/some/file")) == ("/some/file: No space left on device", 2)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("42501", "insufficient privilege"),
        ("53300", "too many connections"),
        ("25006", "read only sql transaction"),
    ],
)
def test_a_code_of_the_database_is_told_with_what_it_stands_for(state: str, name: str) -> None:
    """Whoever reads the sentence need not look the code up; the server's own words stay out."""
    error = lookup(state)("nora.field@acme.example")
    found = told(OperationalError("SELECT 1", {}, error))
    assert found is not None
    assert found[0] == f"the database cannot be used: {name}, sqlstate={state}"
