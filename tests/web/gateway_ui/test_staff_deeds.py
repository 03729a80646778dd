"""What a person meets at the pages after the operator's staff did something to her account."""

from __future__ import annotations

from tests.support.gateway import PASSWORD, Journey, heading_of
from tests.support.staff_deeds import lock, reset, unlock

NEW = "Lighthouse+Gravel77"


def test_a_locked_person_reads_what_everybody_reads_whose_password_is_wrong(
    member: tuple[Journey, str],
) -> None:
    """EN-01, LG-11: the page that is open is the last one; signing in says no more than to a stranger."""
    nora, secret = member
    nora.open("/")
    nora.give_password()
    nora.give_code(secret)
    assert heading_of(nora.text) == "Your applications"
    lock(nora.gateway.services)
    pages = []
    for name, password in (("fieldn", PASSWORD), ("fieldn", "Wrong+Word1"), ("nobody", PASSWORD)):
        stranger = Journey(nora.gateway)
        assert heading_of(stranger.open("/").text) == "Sign in"
        stranger.give_password(name, password)
        assert stranger.page is not None
        pages.append((stranger.page.status_code, stranger.messages, heading_of(stranger.text)))
    assert len(set(map(str, pages))) == 1
    assert pages[0][1] == ["1001"]
    assert heading_of(nora.open("/").text) == "Sign in"
    unlock(nora.gateway.services)
    assert heading_of(nora.open("/").text) == "Sign in", "nothing comes back"


def test_a_temporary_password_leads_by_the_second_step_to_ones_own(
    member: tuple[Journey, str],
) -> None:
    """G-68, bar 14: each page is the usual one; the letter tells of it, and holds no password."""
    nora, secret = member
    gateway = nora.gateway
    word = reset(gateway.services).password
    nora.open("/")
    nora.give_password(password=PASSWORD)
    assert nora.messages == ["1001"]
    nora.give_password(password=word)
    assert heading_of(nora.text) == "Enter your code"
    nora.give_code(secret)
    assert "You signed in with a temporary password." in nora.text
    nora.send(password=NEW, repeat=NEW)
    assert heading_of(nora.text) == "Your applications"
    late = Journey(gateway)
    late.open("/")
    late.give_password(password=word)
    assert late.messages == ["1001"]
    gateway.deliver()
    letters = [str(letter.payload) for letter in gateway.mail.to("nora@acme.example")]
    assert any("Your password was reset" in each for each in letters)
    assert not any(word in each for each in letters)
