"""The tree itself: pins, hosts, paths and the commands that the papers name."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT, committed_files, shown, text_of

# Spelt in parts, so that this file does not hold what it looks for.
_INDEX_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return {_name(found[1]): found[2] for found in _PIN.finditer(text)}


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the machine's choice."""
    found = [shown(path) for path in committed_files() for host in _INDEX_HOSTS if host in text_of(path)]
    assert found == []


def test_every_pin_carries_hashes() -> None:
    """An installation is the same bytes everywhere."""
    for name in ("runtime.txt", "dev.txt", "oidctest.txt"):
        text = (ROOT / "requirements" / name).read_text()
        blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
        assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_both_pin_files_agree() -> None:
    """What runs in production is what was tested."""
    runtime, dev = _pins("runtime.txt"), _pins("dev.txt")
    assert {name: (pin, dev.get(name)) for name, pin in runtime.items() if dev.get(name) != pin} == {}


@pytest.mark.parametrize("name", ["runtime", "dev", "oidctest"])
def test_everything_asked_for_is_pinned(name: str) -> None:
    """Each line of the .in file has its pin."""
    asked = [
        _name(re.split(r"[\[<>=;\s]", line)[0])
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]
    assert sorted(set(asked) - set(_pins(f"{name}.txt"))) == []


def test_every_make_command_in_the_papers_exists() -> None:
    """README and CONTRIBUTING name no command that is not there."""
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    papers = [path for path in committed_files() if path.suffix == ".md"]
    named = {word for path in papers for word in re.findall(r"`make ([a-z-]+)", text_of(path))}
    assert sorted(named - targets) == []


def test_every_link_between_papers_leads_somewhere() -> None:
    """A relative link in a paper names a file of the tree."""
    broken = [
        f"{shown(path)}: {target}"
        for path in committed_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", text_of(path))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_command_that_is_named_exists() -> None:
    """Papers, messages and docstrings name no command of `switchyard` that is not there."""
    from switchyard.cli import main

    unknown = []
    for path in committed_files():
        if path.suffix not in {".md", ".py", ".html", ".toml"} or "tests" in path.parts:
            continue
        for command, below in re.findall(
            r"`(?:\.venv/bin/)?switchyard ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text_of(path)
        ):
            found = main.commands.get(command)
            if found is None or (below and below not in getattr(found, "commands", {below: None})):
                unknown.append(f"{shown(path)}: switchyard {command} {below}".rstrip())
    assert unknown == []
