"""The settings file: every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from joserfc import jwk

from kernel.clock import FrozenClock
from relying_parties.app import make_applications
from relying_parties.credentials import private_key, public_key_set
from relying_parties.settings import ApplicationsSettings, SettingsError, load
from tests.support.clock import NOON

GOOD = """
database = "applications.db"
environment = "Sandbox"

[[applications]]
client_id = "emi"
issuer = "http://127.0.0.1:8000"
path = "/apps/emi/"
public_url = "http://127.0.0.1:8002"
name = "Energy Market Interface"
kind = "energy-market"
client_secret = "a secret of some length"
session_minutes = 30

[[web_services]]
path = "/ws/emim/"
public_url = "http://127.0.0.1:8002"
issuer = "http://127.0.0.1:8000"
audience = "http://127.0.0.1:8002/ws/emim/"
name = "MIM"
"""


def write(folder: Path, text: str) -> Path:
    """Write a settings file."""
    file = folder / "applications.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_file_is_read_and_its_names_count_from_its_own_folder(tmp_path: Path) -> None:
    """So that the process may be started from anywhere."""
    settings = load(write(tmp_path, GOOD))
    assert settings.database == str(tmp_path / "applications.db")
    assert settings.applications[0].session_minutes == 30
    assert settings.applications[0].base_url == "http://127.0.0.1:8002/apps/emi/"
    assert settings.web_services[0].audience == "http://127.0.0.1:8002/ws/emim/"


def test_the_secret_is_never_shown(tmp_path: Path) -> None:
    """Neither in a repr nor in a log."""
    assert "a secret" not in repr(load(write(tmp_path, GOOD)))


def test_the_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    """The file's last line end does not count."""
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    text = GOOD.replace('client_secret = "a secret of some length"', 'client_secret_file = "secret"')
    assert load(write(tmp_path, text)).applications[0].client_secret == "from a file"
    (tmp_path / "secret").unlink()
    with pytest.raises(SettingsError, match="client_secret_file: cannot be read"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("database", "databse", "databse: there is no such option"),
        ('database = "applications.db"', "", "database: is missing"),
        ('client_id = "emi"', "", r"applications\[0\].client_id: is missing"),
        ('client_id = "emi"', 'client_id = "e mi"', "client_id: may hold"),
        ('client_id = "emi"', "client_id = 7", "client_id: has to be a text"),
        ("session_minutes = 30", "session_minutes = 0", "session_minutes: has to be a whole number above 0"),
        ("session_minutes = 30", "session_minutes = true", "session_minutes: has to be"),
        ("session_minutes = 30", 'scopes = "openid"', "scopes: has to be a list of texts"),
        ("session_minutes = 30", 'scopes = ["email"]', "scopes: has to hold openid"),
        ("session_minutes = 30", 'signing_algorithms = ["none"]', "signing_algorithms: has to name some of"),
        ("session_minutes = 30", 'signing_algorithms = ["HS256"]', "signing_algorithms: has to name some of"),
        ("session_minutes = 30", 'key_file = "k.pem"', "give either key_file"),
        ('client_secret = "a secret of some length"', "", "give either key_file"),
        ('kind = "energy-market"', 'kind = "market"', "kind: has to be one of"),
        ('path = "/apps/emi/"', 'path = "/apps/emi"', "path: has to start and end"),
        ('path = "/apps/emi/"', 'path = "/ws/emim/"', "stands twice"),
        ('public_url = "http://127.0.0.1:8002"', 'public_url = "http://h/x"', "public_url: has to be scheme"),
        ('issuer = "http://127.0.0.1:8000"', 'issuer = "127.0.0.1"', "issuer: has to be an http"),
        ("[[applications]]", "[applications]", "write each one as a table"),
        ("[[applications]]", "[[applications", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(tmp_path: Path, old: str, new: str, told: str) -> None:
    """The message names the file and the option."""
    with pytest.raises(SettingsError, match=told) as caught:
        load(write(tmp_path, GOOD.replace(old, new, 1)))
    assert "applications.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_key_file_that_holds_no_key_is_refused_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    """Not when the first person signs in."""
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    text = GOOD.replace('client_secret = "a secret of some length"', 'key_file = "key.pem"')
    with pytest.raises(SettingsError, match="key_file"):
        make_applications(load(write(tmp_path, text)), clock=FrozenClock(NOON))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (jwk.ECKey.generate_key("P-256"), "ES256"),
        (jwk.ECKey.generate_key("P-384"), "ES384"),
        (jwk.RSAKey.generate_key(2048), "RS256"),
        (jwk.OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
)
def test_each_kind_of_key_can_be_used_and_published(
    key: jwk.ECKey | jwk.RSAKey | jwk.OKPKey, algorithm: str
) -> None:
    """The published half has a name, a use and an algorithm, and no private member."""
    published = public_key_set(private_key(key.as_pem(private=True)))["keys"]
    assert isinstance(published, list)
    assert (published[0]["alg"], published[0]["use"]) == (algorithm, "sig")
    assert published[0]["kid"] == key.thumbprint()
    assert "d" not in published[0]


def test_a_public_key_is_no_private_key() -> None:
    """The file that was meant for others."""
    with pytest.raises(SettingsError):
        private_key(jwk.ECKey.generate_key("P-256").as_pem(private=False))


def test_an_empty_configuration_needs_at_least_a_database() -> None:
    """Sessions have to be somewhere."""
    with pytest.raises(SettingsError, match="database"):
        ApplicationsSettings(database="")
