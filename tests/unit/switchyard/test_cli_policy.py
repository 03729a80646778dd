"""`switchyard policy explain`: every rule with its source and what it departs from."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from switchyard.cli import main


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    """One sentence says what to do."""
    done = CliRunner().invoke(main, ["policy", "explain", "none"])
    assert done.exit_code == 2
    assert "there are ieso-2025, nist-63b-4" in done.output


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "ieso-2025",
            [
                "characters at least: 8  [G-41]",
                "characters refused: & \\ < > ' \"  [G-45, X-02]",
                "renewal after: 90 days  [G-52, X-20]",
                "departs from: NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.10: no periodic change",
            ],
        ),
        ("nist-63b-4", ["renewal after: never", "a security question: no"]),
    ],
)
def test_each_rule_says_where_it_comes_from(name: str, lines: list[str]) -> None:
    """Deviations from NIST and ASVS are said, not hidden."""
    done = CliRunner().invoke(main, ["policy", "explain", name])
    assert done.exit_code == 0, done.output
    for line in lines:
        assert line in done.output


def test_without_a_name_the_profile_in_force_is_explained() -> None:
    """What the settings choose."""
    done = CliRunner().invoke(main, ["policy", "explain"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("ieso-2025\n")
