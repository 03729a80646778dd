"""Activation: a link that only the button spends, a password with reasons, and the wizard of three steps."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.forms import submit
from tests.support.gateway import PASSWORD, Journey, first_choice, heading_of, shown_secret, totp_code

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from tests.support.gateway import PagesGateway


def _without_chance(text: str) -> str:
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", text)
    text = re.sub(r"/activate/[\w-]+", "/activate/", text)
    return re.sub(r'name="return_to" value="[^"]*"', "", text)


def test_used_expired_replaced_and_made_up_links_look_the_same(
    gateway: PagesGateway, nora: Journey, clock: FrozenClock
) -> None:
    """EN-09, G-14: a stranger learns nothing from a dead link."""
    used = gateway.activation_path()
    nora.start_activation()
    gateway.provision("younga", given_name="Ann", family_name="Young", email="ann@acme.example")
    old = gateway.activation_path("ann@acme.example")
    clock.advance(dt.timedelta(days=90))
    stranger = Journey(gateway)
    stranger.open("/help")
    texts = set()
    for path in (
        used,
        old,
        "/activate/" + "A" * 43,
        "/activate/x",
        "/activate/" + "z" * 500,
    ):
        page = stranger.open(path)
        assert page.status_code == 410
        texts.add(_without_chance(page.text))
    assert len(texts) == 1
    assert "Nora" not in texts.pop()


def test_looking_at_the_link_a_hundred_times_leaves_it_usable(gateway: PagesGateway, nora: Journey) -> None:
    """Bar 12: mail scanners open links; GET and HEAD are inert and name nobody."""
    path = gateway.activation_path()
    scanner = gateway.app.test_client()
    for _ in range(50):
        page = scanner.get(path)
        assert scanner.head(path).status_code == 200
        assert page.status_code == 200
    for word in ("fieldn", "Nora", "Field", "acme"):
        assert word not in page.text
    nora.activate()
    assert heading_of(nora.text) == "Your applications"


def test_the_link_works_to_the_last_second_of_ninety_days(
    gateway: PagesGateway, nora: Journey, clock: FrozenClock
) -> None:
    """G-14: 90 days, exact."""
    path = gateway.activation_path()
    clock.advance(dt.timedelta(days=90) - dt.timedelta(seconds=1))
    assert nora.open(path).status_code == 200
    clock.advance(dt.timedelta(seconds=1))
    assert nora.open(path).status_code == 410


@pytest.mark.parametrize(
    ("password", "numbers"),
    [
        ("", ["3001"]),
        ("Ab1!x", ["3002"]),
        ("marmalade+turbine42", ["3004"]),
        ("MARMALADE+TURBINE42", ["3005"]),
        ("Marmalade+Turbine", ["3006"]),
        ("MarmaladeTurbine42", ["3007"]),
        ("Marmalade+Turbine42&", ["3008"]),
        ("Marmalade + Turbine42", ["3009"]),
        ("Turbine+fieldn+Marmalade42", ["3011", "3012"]),
        ("Marmalade+Nora+Turbine42", ["3012", "3013"]),
        ("Password1!", ["3014"]),
    ],
)
def test_every_refusal_names_its_reason_and_spends_nothing(
    gateway: PagesGateway, nora: Journey, password: str, numbers: list[str]
) -> None:
    """G-41 to G-50, G-55: the sentence says what to change; the link still works."""
    nora.open(gateway.activation_path())
    nora.send(password=password, repeat=password)
    assert nora.page.status_code == 422
    assert nora.messages == numbers
    assert not password or f'"{password}"' not in nora.text
    nora.send(password=PASSWORD, repeat=PASSWORD)
    assert heading_of(nora.text) == "Choose a security question"


def test_a_repeat_that_differs_is_said_at_its_field(gateway: PagesGateway, nora: Journey) -> None:
    """G-62: both typings must be the same."""
    nora.open(gateway.activation_path())
    nora.send(password=PASSWORD, repeat=PASSWORD + "x")
    assert nora.messages == ["3018"]
    assert 'id="repeat-error"' in nora.text


def test_the_forbidden_character_is_named(gateway: PagesGateway, nora: Journey) -> None:
    """X-02, 6.3: the sentence names the character, escaped."""
    nora.open(gateway.activation_path())
    nora.send(password="Marmalade<Turbine42", repeat="Marmalade<Turbine42")
    assert "Remove the character “&lt;”." in nora.text


def test_the_requirements_stand_above_the_field(gateway: PagesGateway, nora: Journey) -> None:
    """G-16, G-55: nine lines, rendered by the server, before the field."""
    text = nora.open(gateway.activation_path()).text
    listed = text[text.index("Your password must:") : text.index('id="password"')]
    assert listed.count("<li") == 9
    assert "at least 8 characters" in listed
    assert "&amp; \\ &lt; &gt; &#39; &#34;" in listed
    assert "Create My Account" in text
    assert text.count('autocomplete="new-password"') == 2


def test_an_activation_link_is_spent_once(gateway: PagesGateway, nora: Journey) -> None:
    """WA-13, G-25: two browsers hold the page; the second finds it dead and sets no password."""
    path = gateway.activation_path()
    other = Journey(gateway)
    theirs = other.open(path)
    nora.start_activation()
    answer = submit(other.client, theirs, {"password": "Other+Turbine4242", "repeat": "Other+Turbine4242"})
    assert answer.status_code == 410
    other.open("/sign-in")
    other.give_password(password="Other+Turbine4242")
    assert other.messages == ["1001"]


def test_leaving_the_wizard_and_signing_in_goes_on_where_one_left(
    gateway: PagesGateway, nora: Journey, clock: FrozenClock
) -> None:
    """gateway.md 6.5, MF-14: after the password the set-up goes on at the next sign-in, after a code by e-mail."""
    nora.start_activation()
    assert heading_of(nora.text) == "Choose a security question"
    later = Journey(gateway)
    clock.advance(dt.timedelta(days=1))
    later.open("/sign-in")
    later.give_password()
    assert heading_of(later.text) == "Confirm your mailbox"
    assert "nora@acme.example" not in later.text
    action = next(part for part in later.text.split('"') if part.startswith("/sign-in/mailbox/send"))
    later.send(action=action)
    later.send(code="000000")
    assert later.messages[0] in ("2003", "2004")
    later.send(code=gateway.mailbox_code())
    later.set_question()
    later.set_up_app()
    later.finish()
    assert heading_of(later.text) == "Your applications"


def test_a_second_code_can_be_asked_for_after_a_moment(gateway: PagesGateway, nora: Journey) -> None:
    """6.3: the page says how long to wait."""
    nora.start_activation()
    later = Journey(gateway)
    later.open("/sign-in")
    later.give_password()
    action = next(part for part in later.text.split('"') if part.startswith("/sign-in/mailbox/send"))
    later.send(action=action)
    later.send(action=action)
    assert later.page.status_code == 429
    assert later.messages == ["2006"]
    assert int(later.page.headers["Retry-After"]) >= 1


def test_the_wizard_says_its_steps_and_ends_on_the_dashboard(gateway: PagesGateway, nora: Journey) -> None:
    """gateway.md 6.5, G-16 to G-22: step 1 of 3, 2 of 3, 3 of 3, Finish, dashboard."""
    nora.open(gateway.activation_path())
    assert "Step 1 of 3" in nora.text
    nora.send(password=PASSWORD, repeat=PASSWORD)
    assert "Step 2 of 3" in nora.text
    assert heading_of(nora.text) == "Choose a security question"
    nora.set_question()
    assert heading_of(nora.text) == "Set up two-step verification"
    nora.set_up_app()
    assert "Step 3 of 3" in nora.text
    assert "fieldn" in nora.text
    assert nora.client.get_cookie("gateway_session") is None
    nora.finish()
    assert nora.path == "/"
    assert nora.client.get_cookie("gateway_session") is not None


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("", "4004"),
        ("abc", "4002"),
        ("aaaaaa", "4005"),
        ("password", "4005"),
        ("fieldn", "4009"),
        ("x" * 300, "4003"),
    ],
)
def test_a_weak_answer_is_refused_with_its_reason(nora: Journey, answer: str, number: str) -> None:
    """G-35: short, guessable and over-long answers are refused, and the choice of the question stays."""
    nora.start_activation()
    chosen = first_choice(nora.text, "question")
    nora.send(question=chosen, answer=answer)
    assert nora.page.status_code == 422
    assert nora.messages == [number]
    assert re.search(rf'value="{chosen}" checked', nora.text)


def test_a_question_must_be_chosen_from_the_list(nora: Journey) -> None:
    """G-34: only what was offered; nothing chosen and something made up are the same."""
    nora.start_activation()
    nora.send(answer="a blue whale song")
    assert nora.messages == ["4001"]
    nora.send(question="made-up", answer="a blue whale song")
    assert nora.messages == ["4001"]


def test_the_questions_are_a_short_list_that_stays(nora: Journey) -> None:
    """G-34: drawn once for the account, the same after a reload."""
    nora.start_activation()
    listed = re.findall(r'name="question" type="radio" value="([^"]+)"', nora.text)
    assert len(listed) == 6
    page = nora.page
    assert page is not None
    again = nora.client.get(page.request.full_path.rstrip("?"))
    assert re.findall(r'name="question" type="radio" value="([^"]+)"', again.text) == listed


def test_a_second_step_must_be_chosen(nora: Journey) -> None:
    """WCAG 3.3.1: nothing chosen, something made up."""
    nora.start_activation()
    nora.set_question()
    action = next(part for part in nora.text.split('"') if part.startswith("/enrol?flow="))
    nora.send(action=action)
    assert nora.messages == ["4006"]
    nora.send(method="sms")
    assert nora.messages == ["4006"]


def test_the_app_page_shows_picture_and_key_and_keeps_them(nora: Journey) -> None:
    """G-31: a QR code as an inline picture with a name, and the same key in readable groups after a reload."""
    nora.start_activation()
    nora.set_question()
    nora.send(method="app")
    secret = shown_secret(nora.text)
    assert re.fullmatch(r"([A-Z2-7]{4} )+[A-Z2-7]{1,4}", secret)
    assert 'role="img" aria-label="QR code' in nora.text
    assert "<svg" in nora.text
    assert "style=" not in nora.text
    page = nora.page
    assert page is not None
    again = nora.client.get(page.request.full_path)
    assert shown_secret(again.text) == secret


def test_a_wrong_code_enrols_nothing(nora: Journey) -> None:
    """G-21: the app counts only once its code was verified; the key stays."""
    nora.start_activation()
    nora.set_question()
    nora.send(method="app")
    secret = shown_secret(nora.text)
    right = totp_code(secret, nora.gateway.services.store.clock)
    nora.send(code=right[:-1] + str((int(right[-1]) + 5) % 10))
    assert nora.page.status_code == 422
    assert nora.messages[0] in ("2003", "2004")
    assert shown_secret(nora.text) == secret
    nora.send(code=right)
    assert heading_of(nora.text) == "Check and finish"


def test_the_app_page_before_the_choice_leads_to_the_choice(nora: Journey) -> None:
    """Going back and forth never breaks."""
    nora.start_activation()
    nora.set_question()
    page = nora.page
    assert page is not None
    flow = page.request.args["flow"]
    assert heading_of(nora.open(f"/enrol/app?flow={flow}").text) == "Set up two-step verification"


def test_a_passkey_page_promises_nothing_without_a_script(nora: Journey) -> None:
    """Bar 2: without JavaScript the page says so and leads back to the app."""
    nora.start_activation()
    nora.set_question()
    nora.send(method="passkey")
    assert heading_of(nora.text) == "Create a passkey"
    assert "<noscript>" in nora.text
    assert "govuk-back-link" in nora.text


def test_a_malformed_passkey_is_not_enrolled(nora: Journey) -> None:
    """WA-12: refused with one sentence; the app is still there to set up."""
    nora.start_activation()
    nora.set_question()
    nora.send(method="passkey")
    nora.send(credential='{"id":"AAAA"}')
    assert nora.page.status_code == 422
    assert nora.messages == ["4007"]


def test_a_machine_account_is_activated_the_same_way_and_has_no_applications(gateway: PagesGateway) -> None:
    """G-24: its custodian sets it up; the dashboard says that there is nothing to open."""
    from idp.domain.account import AccountKind

    gateway.provision(
        "APIIESO00001",
        kind=AccountKind.MACHINE,
        given_name="",
        family_name="",
        email="custodian@acme.example",
    )
    custodian = Journey(gateway)
    custodian.activate("custodian@acme.example")
    assert 'id="machine-account"' in custodian.text
    assert 'href="/sign-out"' in custodian.text
