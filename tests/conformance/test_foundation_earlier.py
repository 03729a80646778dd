"""The foundation's earlier suite itself, on which its certifications stood until 2020, test by test, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.earlier import EarlierSuite, earlier_suite, needs_the_earlier_suite, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.tls_lab import TlsLab


@pytest.fixture(scope="module")
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EarlierSuite]:
    needs_the_earlier_suite()
    lab: TlsLab = request.getfixturevalue("tls_lab")
    with earlier_suite(lab, tmp_path_factory.mktemp("earlier-suite")) as found:
        yield found


@pytest.mark.parametrize(("answer", "name"), runs())
def test_the_earlier_suite_finds_nothing(suite: EarlierSuite, answer: str, name: str) -> None:
    """What the suite itself warns of fails here; a test that ends on a page for the person has to end there."""
    suite.check(answer, name)
