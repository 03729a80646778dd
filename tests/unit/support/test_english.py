"""What finds English on a French page: whole sentences, parts of texts, values in their places; not what is marked."""

from __future__ import annotations

import pytest

from tests.support.english import catalogues, english_on, texts_of

KNOWN = catalogues("gateway_ui", "kernel", "idp")
PAGE = '<!doctype html><html lang="fr"><head><title>{}</title></head><body><p {}>{}</p></body></html>'


@pytest.mark.parametrize(
    "text",
    [
        "Sign out",
        "  Sign\n out ",
        "Sign in \N{EN DASH} Gateway (Sandbox)",
        "Erreur : Sign in \N{EN DASH} Gateway",
        "Too many attempts. Wait 30 seconds, then try again.",
        "Check the address: it must start with <strong>http://localhost</strong>.",
        "Nothing that was marked for translation, and English all the same",
        "Créer un compte: fieldn",
        "fieldn<br>Sign out",
        '<img alt="Sign out" src="x">',
        '<button aria-label="Sign out">x</button>',
        '<i data-failed="Sign out"></i>',
        "<noscript>Sign out</noscript>",
        '<q lang="en"><b lang="fr">Sign out</b></q>',
    ],
)
def test_english_is_found_wherever_it_stands(text: str) -> None:
    """WCAG 3.1.2: in texts, across elements of a line, in what is read out, and in a part of a title."""
    assert english_on(PAGE.format("Titre", "", text), KNOWN)
    assert english_on(PAGE.format("Sign out", "", "Texte"), KNOWN) == ["Sign out"]


@pytest.mark.parametrize(
    "text",
    [
        "Fermer la session",
        "Code",
        "Erreur : ouvrir une session \N{EN DASH} Gateway (Sandbox)",
        '<q lang="en">Another resource has <b>this</b> name.</q>',
        '<form lang="en"><button title="Sign out">Sign out</button></form> suite',
        "<script>the(value)</script><style>.of {}</style>",
        "Trop de tentatives. Attendez 30 secondes, puis réessayez.",
        "http://localhost:8000/to/the/page",
    ],
)
def test_french_and_what_is_marked_as_english_pass(text: str) -> None:
    """A quotation with its language is no fault, nor is a word that both languages have."""
    assert english_on(PAGE.format("Titre", "", text), KNOWN) == []


def test_texts_are_those_of_nodes_and_of_lines() -> None:
    """Each once, in order."""
    page = PAGE.format("Titre", 'title="Dit"', "Un <b>mot</b>.<br>Fin")
    assert texts_of(page) == ["Titre", "Dit", "Un", "mot", ".", "Fin", "Un mot. Fin"]
