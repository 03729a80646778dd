"""Settings: documented, from TOML and the environment, unknown keys refused."""

import datetime as dt
import re
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

    life: dt.timedelta = dt.timedelta(milliseconds=200)
    """How long."""


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


def test_a_section_that_is_given_as_an_option_is_told_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"below: is a section, which holds options, and no option itself"
    ):
        load(Whole, file=write(tmp_path, "below = 3\n"), environ={})


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="there is no such option"):
        load(Whole, file=None, environ={"SWITCHYARD_BELOW__CUONT": "4"})


def test_a_wrong_type_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"below\.count"):
        load(Whole, file=write(tmp_path, '[below]\ncount = "many"\n'), environ={})


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("LIFE", "ten minutes", "below.life: is no span of time: write PT30S"),
        ("LIFE", "-PT5S", "below.life: has to be a span of time between none and a hundred years"),
        ("LIFE", "P36501D", "below.life: has to be a span of time between none and a hundred years"),
        ("COUNT", "-1", "below.count: has to be zero or more"),
        ("COUNT", "9223372036854775808", "below.count: has to be zero or more"),
        ("NAMES", '["a", "b\\u0000"]', "below.names: holds a character that cannot be printed"),
        ("NAMES", "a, b", "SWITCHYARD_BELOW__NAMES is no list in JSON"),
        ("NAMES", "[a", "SWITCHYARD_BELOW__NAMES is no list in JSON"),
        ("NAMES", "[" * 100_000, "SWITCHYARD_BELOW__NAMES is no list in JSON"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_of_whoever_set_it(
    option: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        load(Whole, file=None, environ={f"SWITCHYARD_BELOW__{option}": value})


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (dt.timedelta(0), "PT0S"),
        (dt.timedelta(milliseconds=200), "PT0.2S"),
        (dt.timedelta(seconds=90), "PT90S"),
        (dt.timedelta(hours=36), "PT36H"),
        (dt.timedelta(days=90), "P90D"),
    ],
)
def test_the_example_tells_a_span_whole_and_in_the_largest_unit(span: dt.timedelta, written: str) -> None:
    """A fifth of a second was shown as none, which had the worker ask without a pause."""

    class Spans(Section):
        """Spans."""

        life: dt.timedelta = span
        """How long."""

    assert f'# life = "{written}"' in example_toml(Spans)
    assert load(Spans, file=None, environ={}).life == span


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not TOML"):
        load(Whole, file=write(tmp_path, "= 3"), environ={})


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 100_000])
def test_what_python_gives_up_reading_is_refused_in_a_sentence(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=r"settings\.toml holds what is too long or deep to be read"):
        load(Whole, file=write(tmp_path, f"[below]\ncount = {value}\n"), environ={})


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
