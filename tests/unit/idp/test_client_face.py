"""What people are shown of a client, in their language (RFC 7591 §2.2)."""

from __future__ import annotations

import pytest

from idp.domain.client import client_from
from idp.domain.client_face import face_of
from idp.domain.localized import is_localized

FIELDS = {
    "id": "partner",
    "name": "Partner",
    "description": "",
    "application_key": "",
    "launch_url": "",
    "profile": "default",
    "version": 1,
    "disabled_at": None,
}
METADATA = {
    "logo_uri": "https://a.example/en.png",
    "client_name": "Partner",
    "client_name#fr-CA": "Partenaire du Canada",
    "client_name#fr": "Partenaire",
    "logo_uri#fr-CA": "https://a.example/fr.png",
    "policy_uri#de": "https://a.example/de",
}


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("Partner", "https://a.example/en.png", "")),
        ("fr", ("Partenaire", "https://a.example/fr.png", "")),
        ("FR-ca", ("Partenaire du Canada", "https://a.example/fr.png", "")),
        ("fr-FR", ("Partenaire", "https://a.example/fr.png", "")),
        ("de-AT", ("Partner", "https://a.example/en.png", "https://a.example/de")),
        ("", ("Partner", "https://a.example/en.png", "")),
    ],
)
def test_a_page_shows_the_words_of_its_language(language: str, shown: tuple[str, str, str]) -> None:
    """The very tag, else another variety of the language, else what has no language."""
    face = face_of(client_from(FIELDS, METADATA), language)
    assert (face.name, face.logo_uri, face.policy_uri) == shown
    assert face.terms_uri == ""


@pytest.mark.parametrize(
    ("name", "localized"),
    [
        ("client_name#fr", True),
        ("tos_uri#zh-Hant-TW", True),
        ("client_name", False),
        ("client_name#", False),
        ("client_name#f", False),
        ("client_name#fr#de", False),
        ("redirect_uris#fr", False),
        ("client_name#fr;x", False),
    ],
)
def test_only_words_for_people_come_in_languages(name: str, *, localized: bool) -> None:
    assert is_localized(name) == localized
