"""What holds for every French sentence, whichever package says it."""

from __future__ import annotations

import re

import pytest

from tests.support.translations import catalogue

PACKAGES = ("gateway_ui", "idp", "kernel", "registration")
_BREAKS = re.compile(r" [:»;?!]|« |»(?=\w)|\w«|\d %%|\w:(?=[\s%]|$)")
_TO_ONE_SEX = re.compile(
    r"\b(?:êtes|étiez|restez|serez) (?:dé)?connecté\b|\bvous (?:êtes )?seul\b|\bvous avez? amené\b|\barrêté\b"
)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_line_of_french_begins_with_a_punctuation_mark(package: str) -> None:
    """Canadian usage: a space that does not break before a colon and inside guillemets, none before ; ? and !."""
    assert _found(package, _BREAKS) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_french_sentence_speaks_to_men_only(package: str) -> None:
    """Who reads "vous êtes déconnecté" or "vous seul" may be a woman."""
    assert _found(package, _TO_ONE_SEX) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_office_has_an_article_in_french(package: str) -> None:
    """Its name is a setting: "le service «X»" agrees with every verb, "Relations avec la clientèle peut" with none."""
    bare = re.compile(r"(?<!«\u00a0)%\(office\)s(?!\u00a0:)")
    assert _found(package, bare) == []


def _found(package: str, wrong: re.Pattern[str]) -> list[str]:
    texts = [
        text
        for message in catalogue(package).values()
        for text in ([message.string] if isinstance(message.string, str) else message.string)
    ]
    assert texts
    return [text for text in texts if wrong.search(text)]
