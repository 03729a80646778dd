"""What every page looks like to people and their tools: languages, times, environment, no inline code, weight."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.web import assets
from tests.support.translations import faults, unused

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.kernel.conftest import MakeClient

STATIC = Path(assets.__file__).parent / "static"


@pytest.mark.parametrize(
    ("accept", "language"),
    [("fr-CA,fr;q=0.9,en;q=0.5", "fr"), ("en-CA", "en"), ("de", "en"), ("", "en"), ("de,fr;q=0.1", "fr")],
)
def test_the_browser_chooses_the_language_first(client: FlaskClient, accept: str, language: str) -> None:
    """Then the cookie does."""
    page = client.get("/form", headers={"Accept-Language": accept})
    assert f'lang="{language}">' in page.text
    client.set_cookie("sample_language", "fr", domain="127.0.0.1")
    assert (
        '<html class="govuk-template" lang="fr">'
        in client.get("/form", headers={"Accept-Language": "en"}).text
    )
    client.set_cookie("sample_language", "<xx>", domain="127.0.0.1")
    assert (
        '<html class="govuk-template" lang="en">'
        in client.get("/form", headers={"Accept-Language": "en"}).text
    )


def test_the_language_toggle_speaks_the_language_it_leads_to(client: FlaskClient) -> None:
    """WCAG 3.1.2."""
    assert re.search(
        r'lang="fr">\s*<input[^>]*>\s*<input[^>]*>\s*<button[^>]*>Français</button>', client.get("/form").text
    )


def test_times_are_absolute_and_name_their_zone(client: FlaskClient) -> None:
    """gateway.md 6.1: "21 November 2026, 14:05 EST"."""
    english = client.get("/form").text
    assert '<time datetime="2026-11-21T19:05:00+00:00">21 November 2026, 14:05 EST</time>' in english
    assert '<time datetime="2026-11-21">21 November 2026</time>' in english
    french = client.get("/form", headers={"Accept-Language": "fr"}).text
    assert "21 novembre 2026, 14\u00a0h\u00a005 HNE" in french


def test_the_environment_is_named_in_words_and_production_is_calm(make_client: MakeClient) -> None:
    """WCAG 1.4.1: not by colour alone."""
    sandbox = make_client().get("/form").text
    assert "test environment" in sandbox
    assert "<title>Sample \N{EN DASH} Sample (Sandbox)</title>" in sandbox
    production = make_client(environment="").get("/form").text
    assert "test environment" not in production
    assert "<title>Sample \N{EN DASH} Sample</title>" in production


@pytest.mark.parametrize("path", ["/form", "/nowhere", "/fails/refused"])
def test_no_page_holds_inline_code_or_style(client: FlaskClient, path: str) -> None:
    """The content policy would block it, so it must not be there."""
    text = client.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert "https://" not in text.replace("http://www.w3.org", "")


def test_every_page_starts_with_a_way_past_the_header(client: FlaskClient) -> None:
    """WCAG 2.4.1."""
    text = client.get("/form").text
    assert text.index('href="#main"') < text.index("<header")
    assert 'id="main"' in text


def test_page_style_and_script_together_weigh_less_than_sixty_kilobytes(client: FlaskClient) -> None:
    """gateway.md bar 5."""
    weight = sum(
        len(gzip.compress(part, 9))
        for part in (
            client.get("/form").data,
            (STATIC / "kit.css").read_bytes(),
            (STATIC / "app.js").read_bytes(),
        )
    )
    assert weight < 60_000


def test_the_style_sheet_fetches_nothing_and_names_no_font_that_is_not_ours() -> None:
    """No crown, no GOV.UK logotype, no GDS Transport, no third party."""
    sheet = (STATIC / "kit.css").read_text()
    assert not re.search(r"GDS|crown|@font-face|@import|url\((?!\"?data:)", sheet)


def _contrast(left: str, right: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(left), light(right)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--((?:govuk|kit)-[a-z-]+):\s*(#[0-9a-fA-F]{6})", block))


@pytest.mark.parametrize("dark", [False, True])
def test_colours_can_be_read_in_light_and_in_the_dark(*, dark: bool) -> None:
    """WCAG 1.4.3 (4.5:1), 1.4.11 (3:1); the accent has 7:1."""
    sheet = (STATIC / "kit.css").read_text()
    start = sheet.index("prefers-color-scheme: dark")
    tokens = _tokens(sheet[start:]) if dark else _tokens(sheet[:start])
    paper = tokens["govuk-body-background-colour"]
    for name in ("text", "secondary-text", "error", "success", "link", "link-visited", "link-hover"):
        assert _contrast(tokens[f"govuk-{name}-colour"], paper) >= 4.5, name
    assert _contrast(tokens["kit-brand-text"], paper) >= 7
    assert _contrast(tokens["govuk-link-colour"], paper) >= 7
    assert _contrast(tokens["govuk-input-border-colour"], paper) >= 3
    assert _contrast(tokens["govuk-secondary-text-colour"], tokens["govuk-surface-background-colour"]) >= 4.5


def test_every_sentence_of_the_kernel_has_its_french() -> None:
    """And none is translated that is no longer said."""
    assert faults("kernel") == []
    assert unused("kernel") == []


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429, 500, 503])
def test_every_error_page_speaks_french_too(client: FlaskClient, status: int) -> None:
    """The page of each status has its own heading in both languages."""
    english = client.get(f"/fails/{status}")
    french = client.get(f"/fails/{status}", headers={"Accept-Language": "fr"})
    assert english.status_code == french.status_code == status
    headings = [re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL) for page in (english, french)]
    assert headings[0]
    assert headings[1]
    assert headings[0].group(1) != headings[1].group(1)


def test_nothing_on_a_page_turns_the_writing_round(client: FlaskClient) -> None:
    """CVE-2021-42574: whoever wrote it, and whether it stands alone, in a field or in a sentence."""
    page = client.get("/form", query_string={"name": "Eve \u202e<b>\u2066\u05e9\u05dc"}).text
    assert not set(page) & {chr(point) for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
    assert page.count("Eve &lt;b&gt;\u05e9\u05dc") == 3
