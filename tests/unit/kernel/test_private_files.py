"""Files that hold secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import SettingsError
from kernel.private_files import create_private, is_open_to_others, read_private
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


def test_of_many_that_make_it_at_once_all_read_one_whole(tmp_path: Path) -> None:
    """Whoever reads while another writes would find nothing, or half; and nothing else is left behind."""
    path = tmp_path / "secret"

    def make(number: int) -> str:
        create_private(path, f"{number:02}" * 500_000)
        return read_private(path, "key file")

    assert len({*together(8, make)}) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
