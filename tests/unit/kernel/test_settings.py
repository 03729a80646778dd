"""Settings: documented, from TOML and the environment, unknown keys refused."""

from pathlib import Path

import pytest

from kernel.errors import SettingsError
from kernel.settings import KernelSettings, Section, example_toml, load


class Below(Section):
    """A part."""

    count: int = 3
    """How many."""

    names: tuple[str, ...] = ("a",)
    """Who."""


class Whole(Section):
    """All of it."""

    title: str = "t"
    """What it is called."""

    below: Below = Below()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"below\.cuont: there is no such option"):
        load(Whole, file=write(tmp_path, "[below]\ncuont = 4\n"), environ={})


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="there is no such option"):
        load(Whole, file=None, environ={"SWITCHYARD_BELOW__CUONT": "4"})


def test_a_wrong_type_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"below\.count"):
        load(Whole, file=write(tmp_path, '[below]\ncount = "many"\n'), environ={})


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not TOML"):
        load(Whole, file=write(tmp_path, "= 3"), environ={})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere.toml"):
        load(Whole, file=tmp_path / "nowhere.toml", environ={})


def test_a_variable_that_names_a_table_through_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names a table"):
        load(Whole, file=write(tmp_path, 'below = "x"'), environ={"SWITCHYARD_BELOW__COUNT": "4"})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    found = load(
        Whole, file=write(tmp_path, "[below]\ncount = 4\n"), environ={"SWITCHYARD_BELOW__COUNT": "5"}
    )
    assert found.below.count == 5


def test_a_list_comes_as_json() -> None:
    found = load(Whole, file=None, environ={"SWITCHYARD_BELOW__NAMES": '["x", "y"]'})
    assert found.below.names == ("x", "y")


def test_other_variables_are_left_alone() -> None:
    assert load(Whole, file=None, environ={"HOME": "/", "SWITCHYARD_SETTINGS": "x"}) == Whole()


def test_the_example_names_documents_and_defaults_every_option(tmp_path: Path) -> None:
    text = example_toml(Whole)
    assert '# What it is called.\n# title = "t"' in text
    assert "[below]" in text
    live = "\n".join(
        line[2:] if " = " in line and line.startswith("# ") else line for line in text.splitlines()
    )
    assert load(Whole, file=write(tmp_path, live), environ={}) == Whole()


def test_every_kernel_option_is_documented() -> None:
    assert all(option.description for option in KernelSettings.model_fields.values())


@pytest.mark.parametrize(
    ("url", "threads", "served_by"),
    [
        ("sqlite:///var/switchyard.db", 0, 8),
        ("postgresql://user@host/name", 0, 8),
        ("sqlite:///var/switchyard.db", 2, 2),
        ("postgresql+psycopg://user@host/name", 16, 16),
    ],
)
def test_a_worker_has_the_threads_that_are_set_or_eight(url: str, threads: int, served_by: int) -> None:
    """Deeds that wait in line share a commit, and more of them do where more threads stand in it."""
    assert KernelSettings(database_url=url, threads=threads).serving_threads == served_by


def test_a_worker_with_one_thread_is_refused(tmp_path: Path) -> None:
    """One held request would be all that it serves."""
    with pytest.raises(SettingsError, match="threads: .*one is too few"):
        load(KernelSettings, file=write(tmp_path, "threads = 1"), environ={})
