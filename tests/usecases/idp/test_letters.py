"""The letters: what they say, in both languages, and what they never hold."""

from __future__ import annotations

import datetime as dt
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from idp.domain.account import AccountKind
from idp.domain.factors import FactorKind
from idp.outbound.mail import (
    post_account_changed,
    post_activated,
    post_activation,
    post_factor_changed,
    post_locked,
    post_mailbox_code,
    post_new_sign_in,
    post_password_changed,
    post_password_reset,
    post_question_set,
    post_sessions_ended,
    post_which_account,
)
from idp.usecases.letterhead import letterhead
from kernel.courier.outbox import Envelope
from kernel.courier.smtp import SmtpCarrier, SmtpSettings
from tests.support.gatehouse import Gatehouse, a_gatehouse, from_place
from tests.support.translations import faults, unused

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database

EVIL = 'Nora <script>alert(1)</script> {{7*7}} %(x)s \u202edlrow" & Co'
TEMPLATES = (
    "activation",
    "activated",
    "password-changed",
    "password-reset",
    "sessions-ended",
    "factor-added",
    "factor-removed",
    "question-set",
    "new-sign-in",
    "locked",
    "mailbox-code",
    "which-account",
    "account-changed",
)


def every_letter(gatehouse: Gatehouse, **facts: object) -> dict[str, Envelope]:
    """Post one letter of each kind to one account and return them by template."""
    account = gatehouse.provision(**facts)  # type: ignore[arg-type]
    gatehouse.deliver()
    gatehouse.mail.sent.clear()
    head = letterhead(gatehouse.services)
    later = gatehouse.clock.now() + dt.timedelta(days=90)
    with from_place("192.0.2.9"), gatehouse.services.store.write() as unit:
        post_activation(unit, account, head, link=f"{head.public_url}/activate/{'t' * 43}", until=later)
        post_activated(unit, account, head)
        post_password_changed(unit, account, head)
        post_password_reset(unit, account, head, until=later)
        post_sessions_ended(unit, account, head)
        post_factor_changed(
            unit, account, head, change="added", kind=FactorKind.PASSKEY, label="My <b>key</b>"
        )
        post_factor_changed(unit, account, head, change="removed", kind=FactorKind.TOTP, label="")
        post_question_set(unit, account, head)
        post_new_sign_in(
            unit, account, head, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"
        )
        post_locked(unit, account, head, until=later)
        post_mailbox_code(unit, account, head, digits="004711", minutes=10)
        post_which_account(unit, [account], head)
        post_account_changed(unit, account, head, to=(account.email,), changed=("name", "phone number"))
    return {each.template: each for each in gatehouse.deliver()}


class _Page(HTMLParser):
    """What a letter's HTML is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        self.fetched += [value or "" for name, value in attrs if name in {"src", "background", "srcset"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(letter: Envelope) -> _Page:
    page = _Page()
    page.feed(str(letter.payload["html"]))
    assert page.open == []
    return page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_letter_has_text_and_html_and_ends_with_whom_to_ask(
    sqlite_gatehouse: Gatehouse, language: str
) -> None:
    """6.8, G-70, G-93: subject with its environment, address to check, contact, under 64 KB, nothing fetched."""
    letters = every_letter(sqlite_gatehouse, language=language)
    assert set(letters) == set(TEMPLATES)
    for letter in letters.values():
        payload = letter.payload
        text, html = str(payload["text"]), str(payload["html"])
        assert str(payload["subject"]).startswith("[Sandbox] ")
        assert len(str(payload["subject"])) <= 78
        assert payload["language"] == language
        assert "http://localhost:8000" in text
        assert "1-888-555-0100 · help@operator.example" in text
        assert len(html.encode()) < 64_000
        page = page_of(letter)
        assert page.fetched == []
        assert not {"img", "table", "script", "link", "style", "iframe", "form"} & set(page.tags)
        assert "None" not in text
        assert "%(" not in text + html
        assert "\n\n\n" not in text.replace("\n\n\n---", "")


def test_every_sentence_has_its_french() -> None:
    """Bar 6: no letter is half translated, and no translation is left over."""
    assert faults("idp", "kernel") == []
    assert unused("idp") == []


def test_the_activation_letter_says_what_one_needs(sqlite_gatehouse: Gatehouse) -> None:
    """G-11 to G-14, G-40: login name, button and link, until when, what happens next; both languages."""
    letter = every_letter(sqlite_gatehouse)["activation"]
    text = str(letter.payload["text"])
    link = f"http://localhost:8000/activate/{'t' * 43}"
    for sentence in (
        "Activate Account:\n" + link,
        "Your user ID: fieldn",
        "The link works once, until: 30 August 2026, 08:00 EDT",
        "What happens when you click the button?\n1. You create a password",
        "do not share your account",
        "Votre identifiant\u00a0: fieldn",
        "30 août 2026, 08 h 00 HAE",
    ):
        assert sentence in text
    assert text.index("Activate Account") < text.index("Activer le compte")
    assert page_of(letter).links == [link, link]


def test_a_french_account_reads_french_first(sqlite_gatehouse: Gatehouse) -> None:
    """6.8: the language of the account, the other one below."""
    text = str(every_letter(sqlite_gatehouse, language="fr-CA")["activation"].payload["text"])
    assert text.index("Activer le compte") < text.index("Activate Account")


def test_production_names_no_environment(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """G-02, 6.8: the prefix is for every other environment."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock, environment="")
    for letter in every_letter(gatehouse).values():
        assert not str(letter.payload["subject"]).startswith("[")
        assert "Sandbox" not in str(letter.payload["html"])


def test_what_others_wrote_stays_text(sqlite_gatehouse: Gatehouse) -> None:
    """SE-15, CVE-2024-41953: names with markup, template signs and turned text are shown as they are."""
    letters = every_letter(sqlite_gatehouse, given_name=EVIL, family_name="", display_name="")
    for letter in letters.values():
        page = page_of(letter)
        assert "script" not in page.tags
        assert "b" not in page.tags
        whole = "".join(str(value) for value in letter.payload.values())
        assert "49" not in whole.replace("1049", "")
        assert "\u202e" not in whole
    assert "&lt;script&gt;" in str(letters["activated"].payload["html"])
    assert "{{7*7}} %(x)s" in str(letters["activated"].payload["text"])


def test_a_subject_is_one_line(sqlite_gatehouse: Gatehouse) -> None:
    """Header injection: nothing of an account can break out of a header."""
    letters = every_letter(sqlite_gatehouse, given_name="A\r\nBcc: evil@evil.test", family_name="B")
    carrier = SmtpCarrier(SmtpSettings("127.0.0.1", 25, "Gateway", "noreply@gateway.example"))
    for letter in letters.values():
        message = carrier.build(letter)
        assert message["Bcc"] is None
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["List-Unsubscribe"] is None
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_notice_says_when_and_where(sqlite_gatehouse: Gatehouse) -> None:
    """NIST SP 800-63B-4 §4.6: what, when, from where, and what to do if it was not you."""
    letters = every_letter(sqlite_gatehouse)
    text = str(letters["new-sign-in"].payload["text"])
    for sentence in (
        "Browser: Firefox on Linux",
        "When: 1 June 2026, 08:00 EDT",
        "From address: 192.0.2.9",
        "Was it not you? Tell Customer Relations at once.",
    ):
        assert sentence in text
    assert "192.0.2.9" not in str(letters["account-changed"].payload["text"])
    assert "Added: Passkey (My <b>key</b>)" in str(letters["factor-added"].payload["text"])
    assert "Removed: Authenticator app\n" in str(letters["factor-removed"].payload["text"])


def test_a_french_notice_says_no_english_word_between_browser_and_system(sqlite_gatehouse: Gatehouse) -> None:
    """Bar 6: "Firefox on Linux" stood in it; and what stands beside the name of a factor needs no colon."""
    letters = every_letter(sqlite_gatehouse, language="fr-CA")
    assert "Navigateur\u00a0: Firefox sur Linux" in str(letters["new-sign-in"].payload["text"])
    assert "Ajout\u00a0: Clé d'accès (My <b>key</b>)" in str(letters["factor-added"].payload["text"])


@pytest.mark.parametrize(("agent", "told"), [("Firefox/140.0", "Firefox"), ("(X11; Linux x86_64)", "Linux")])
def test_what_is_known_of_a_browser_is_told(sqlite_gatehouse: Gatehouse, agent: str, told: str) -> None:
    """6.8: the one name, if there is no other."""
    account = sqlite_gatehouse.provision()
    with sqlite_gatehouse.services.store.write() as unit:
        post_new_sign_in(unit, account, letterhead(sqlite_gatehouse.services), user_agent=agent)
    [letter] = sqlite_gatehouse.letters("new-sign-in")
    assert f"Browser: {told}\n" in str(letter.payload["text"])


def test_a_change_is_named_and_its_values_are_not(sqlite_gatehouse: Gatehouse) -> None:
    """G-86, C.03: to each address, without the name or number itself."""
    account = sqlite_gatehouse.provision()
    with sqlite_gatehouse.services.store.write() as unit:
        post_account_changed(
            unit,
            account,
            letterhead(sqlite_gatehouse.services),
            to=("old@acme.example", "new@acme.example"),
            changed=("e-mail address",),
        )
    letters = sqlite_gatehouse.letters("account-changed")
    assert {each.payload["to"] for each in letters} == {"old@acme.example", "new@acme.example"}
    for letter in letters:
        assert "Changed: Email address" in str(letter.payload["text"])
        assert "new@acme.example" not in str(letter.payload["text"])


def test_an_account_without_an_address_gets_no_letter(sqlite_gatehouse: Gatehouse) -> None:
    """Nothing is posted to nowhere."""
    account = sqlite_gatehouse.provision(email="")
    with sqlite_gatehouse.services.store.write() as unit:
        post_activated(unit, account, letterhead(sqlite_gatehouse.services))
    assert sqlite_gatehouse.deliver() == []


def test_a_custodian_is_told_of_a_machine_account(sqlite_gatehouse: Gatehouse) -> None:
    """G-24: whose account it is, and that it opens no application here."""
    letter = every_letter(sqlite_gatehouse, user_name="APIIESO00001", kind=AccountKind.MACHINE)["activation"]
    text = str(letter.payload["text"])
    assert "machine account" in text
    assert "compte de machine" in text
    assert "The account has no applications here. You can sign out." in text
