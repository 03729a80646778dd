"""The rules the base of all pages stands on: local addresses, form tokens, hosts, peers, sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.crypto import KeyRing, Sealer
from kernel.local_paths import local_path
from kernel.origin import RequestIds
from kernel.randomness import SeededRandomness
from kernel.translations import Translations
from kernel.web.csrf import make_token, token_is_valid
from kernel.web.forms import FormErrors
from kernel.web.headers import content_security_policy
from kernel.web.kit import PageKit
from kernel.web.pages import new_reference
from kernel.web.proxies import host_check, peer_address

if TYPE_CHECKING:
    from pathlib import Path

OURS = "https://gateway.example"
ADDRESSES = st.text(alphabet=st.sampled_from("/\\:@?#.%ehtvipsl \t\n\x00\x7f"), max_size=30)


def a_kit(key: bytes = b"k" * 32) -> PageKit:
    chance = SeededRandomness(1)
    return PageKit("Sample", "", OURS, "sample", Sealer(KeyRing({1: key}), chance), chance, ())


@given(ADDRESSES)
def test_a_local_path_never_leads_to_another_host(candidate: str) -> None:
    """OR-03: as a browser joins it, with its spellings of a slash."""
    path = local_path(candidate)
    joined = urlsplit(urljoin(f"{OURS}/page", path.replace("\\", "/")))
    assert joined.netloc == "gateway.example"
    assert path.startswith("/")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/requests/12?x=1", "/requests/12?x=1"),
        ("/état", "/état"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\tevil", "/"),
        ("/a\r\nb", "/"),
        ("/a\x7fb", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/" + "x" * 1999, "/" + "x" * 1999),
        ("/" + "x" * 2000, "/"),
    ],
)
def test_a_return_address_never_leaves_the_house(text: str, path: str) -> None:
    """RFC 9700 §4.11: only paths of ours, in every reading browsers know."""
    assert local_path(text) == path


@given(st.text(max_size=200))
def test_no_text_is_taken_for_a_form_token(text: str) -> None:
    """SE-05: never an exception, never true."""
    assert not token_is_valid(a_kit(), "browser", text)


@given(st.text(min_size=1, max_size=43), st.text(min_size=1, max_size=43))
def test_a_form_token_belongs_to_one_browser(one: str, two: str) -> None:
    """SE-06."""
    kit = a_kit()
    token = make_token(kit, one)
    assert token_is_valid(kit, one, token)
    assert token_is_valid(kit, two, token) is (one == two)


def test_a_form_token_of_another_environment_is_refused() -> None:
    """G-03: keys differ, so do tokens."""
    assert not token_is_valid(a_kit(b"p" * 32), "browser", make_token(a_kit(), "browser"))


@given(st.text(max_size=60))
def test_only_our_own_host_is_ours(host: str) -> None:
    """OR-03: whatever is typed as a host, the answer is yes or no."""
    assert host_check(OURS)(host) is (
        host.lower() in ("gateway.example", "gateway.example:", "gateway.example:443")
    )


@given(st.text(max_size=60), st.integers(min_value=0, max_value=4))
def test_forwarding_headers_never_break_the_address(header: str, hops: int) -> None:
    """OR-04: the peer, or an address; never an exception to skip."""
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": header}
    assert peer_address(environ, hops)


def test_a_policy_names_each_target_once_and_nothing_unsafe() -> None:
    """Strict content policy."""
    policy = content_security_policy("n0nce", ["https://b.example", "https://a.example", "https://b.example"])
    assert "form-action 'self' https://a.example https://b.example" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_a_reference_can_be_read_out() -> None:
    """No letters that look alike: 7F3K-92QD."""
    chance = SeededRandomness(3)
    for _ in range(200):
        reference = new_reference(chance)
        assert len(reference) == 9
        assert reference[4] == "-"
        assert not set(reference) & set("ILOU")


def test_the_reference_of_an_error_at_a_protocol_can_be_read_out_too() -> None:
    """It stands on a page where an application's request could not be answered; no two are alike."""
    ids = RequestIds(SeededRandomness(3))
    found = [ids.next() for _ in range(600)]
    assert len(set(found)) == len(found)
    for each in found:
        assert [len(part) for part in each.split("-")] == [4, 4, 4]
        assert not set(each) - set("-0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_a_sentence_without_translation_is_shown_in_english(tmp_path: Path) -> None:
    """Never an empty page."""
    (tmp_path / "fr.po").write_text('msgid ""\nmsgstr "Language: fr\\n"\n\nmsgid "Yes"\nmsgstr "Oui"\n')
    known = Translations((tmp_path,))
    assert known.gettext("fr", "Yes") == "Oui"
    assert known.gettext("fr", "No") == "No"
    assert known.gettext("xx", "Yes") == "Yes"
    assert known.ngettext("fr", "%(num)s day", "%(num)s days", 2) == "%(num)s days"


def test_a_later_folder_completes_an_earlier_one(tmp_path: Path) -> None:
    """A system's own sentences stand beside the kernel's."""
    for name, sentence in (("one", "A"), ("two", "B")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fr.po").write_text(
            f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "{sentence}"\nmsgstr "é{sentence}"\n'
        )
    known = Translations((tmp_path / "one", tmp_path / "two"))
    assert [known.gettext("fr", sentence) for sentence in "AB"] == ["éA", "éB"]


@pytest.mark.parametrize("field", ["", "name"])
def test_errors_link_to_their_field_if_they_have_one(field: str) -> None:
    """The summary of a form."""
    errors = FormErrors()
    assert not errors
    errors.add(field, "Enter a name")
    assert errors
    assert errors.get(field) == "Enter a name"
    assert errors.summary == [
        {"text": "Enter a name", "href": "#name"} if field else {"text": "Enter a name"}
    ]
