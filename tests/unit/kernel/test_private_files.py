"""Files that hold secrets."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernel.crypto import KeyRing
from kernel.errors import SettingsError
from kernel.private_files import create_private, is_open_to_others, read_private, replace_private
from kernel.randomness import SystemRandomness
from tests.support.together import together


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    create_private(path, "hush")
    return path


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_is_open_to_others_is_refused_with_the_command_that_closes_it(
    secret: Path, mode: int
) -> None:
    secret.chmod(mode)
    assert is_open_to_others(secret)
    with pytest.raises(
        SettingsError, match=f"the key file .* is readable by others: run `chmod 600 {secret}`"
    ):
        read_private(secret, "key file")


def test_what_cannot_be_read_is_named(tmp_path: Path, secret: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the client key .*absent: No such file"):
        read_private(tmp_path / "absent", "client key")
    secret.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="the client key .*secret is no text"):
        read_private(secret, "client key")


def test_what_is_there_stays(secret: Path) -> None:
    create_private(secret, "another")
    assert not is_open_to_others(secret)
    assert read_private(secret, "key file") == "hush"


@contextmanager
def _no_file_beyond(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_key_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    """With half a line in the key file no node that starts could read it, nor any key in it."""
    path = tmp_path / "kek.txt"
    KeyRing.create_file(path, SystemRandomness())
    with _no_file_beyond(path.stat().st_size + 10), pytest.raises(OSError, match="kek.txt"):
        KeyRing.add_to_file(path, SystemRandomness())
    assert KeyRing.from_file(path).newest == 1
    assert [each.name for each in tmp_path.iterdir()] == ["kek.txt"]


def test_what_is_replaced_is_as_private_as_before_and_stays_where_it_is(tmp_path: Path, secret: Path) -> None:
    """A key file may be a link into a folder that something else looks after."""
    link = tmp_path / "link"
    link.symlink_to(secret)
    replace_private(link, "another")
    assert link.is_symlink()
    assert not is_open_to_others(secret)
    assert read_private(secret, "key file") == "another"


def test_of_many_that_make_it_at_once_all_read_one_whole(tmp_path: Path) -> None:
    """Whoever reads while another writes would find nothing, or half; and nothing else is left behind."""
    path = tmp_path / "secret"

    def make(number: int) -> str:
        create_private(path, f"{number:02}" * 500_000)
        return read_private(path, "key file")

    assert len({*together(8, make)}) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
