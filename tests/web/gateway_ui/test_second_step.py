"""The second step: what it refuses, and that nothing of it is told before the password."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from idp.settings import IdpSettings
from kernel.clock import FrozenClock
from tests.support.forms import form_with, forms_of, submit, token_of
from tests.support.gateway import Journey, a_gateway, heading_of, shown_secret, totp_code

if TYPE_CHECKING:
    from kernel.database import Database

Member = tuple[Journey, str]


@pytest.fixture
def at_code(member: Member, clock: FrozenClock) -> Member:
    """Give a browser that stands before the second step, in a later time step than the enrolment's."""
    visitor, secret = member
    clock.advance(dt.timedelta(minutes=2))
    visitor.open("/sign-in")
    visitor.give_password()
    return visitor, secret


def test_a_wrong_code_is_refused_and_says_how_many_tries_are_left(at_code: Member) -> None:
    """6.3, G-29: one wrong digit opens nothing."""
    visitor, secret = at_code
    visitor.send(code=_wrong(secret, visitor))
    assert visitor.page.status_code == 422
    assert visitor.messages == ["2004"]
    assert "attempts left" in visitor.text
    assert visitor.client.get_cookie("gateway_session") is None


def test_whoever_has_a_phone_whose_clock_is_wrong_is_told_what_to_do(at_code: Member) -> None:
    """MF-02: its codes are those of another time. The page says so beforehand, and of no code when it is right."""
    visitor, secret = at_code
    told = "The app makes its codes from the time of your phone"
    assert told in visitor.text
    clock = FrozenClock(visitor.gateway.services.store.clock.now() + dt.timedelta(minutes=5))
    visitor.send(code=totp_code(secret, clock))
    assert (visitor.messages, told in visitor.text) == (["2004"], True)


def test_so_is_whoever_sets_up_its_app(nora: Journey) -> None:
    nora.start_activation()
    nora.set_question()
    nora.send(method="app")
    assert "The app makes its codes from the time of your phone" in nora.text


def _wrong(secret: str, visitor: Journey) -> str:
    right = totp_code(secret, visitor.gateway.services.store.clock)
    return right[:-1] + str((int(right[-1]) + 5) % 10)


def test_the_last_wrong_code_says_that_the_sign_in_has_ended_and_why(at_code: Member) -> None:
    """MF-04: no form is left that looks at no code, and nobody reads that an hour has passed."""
    visitor, secret = at_code
    for _try in range(5):
        assert visitor.path == "/sign-in/second-step"
        visitor.send(code=_wrong(secret, visitor))
    assert visitor.page is not None
    assert visitor.page.status_code == 410
    assert heading_of(visitor.text) == "Too many wrong codes"
    assert "The code was wrong 5 times" in visitor.text
    assert "60 minutes" not in visitor.text
    visitor.open(f"/sign-in/second-step?{visitor.page.request.query_string.decode()}")
    assert heading_of(visitor.text) == "Too many wrong codes"
    visitor.send(action=next(form.action for form in forms_of(visitor.text) if "/again" in form.action))
    visitor.give_password()
    assert heading_of(visitor.text) == "Enter your code"


def test_so_does_the_last_wrong_code_of_an_app_that_is_set_up(nora: Journey) -> None:
    """MF-04: while an account is activated, too; its password is there, and a sign-in goes on."""
    nora.start_activation()
    nora.set_question()
    nora.send(method="app")
    secret = shown_secret(nora.text)
    for _try in range(5):
        assert nora.path == "/enrol/app"
        nora.send(code=_wrong(secret, nora))
    assert heading_of(nora.text) == "Too many wrong codes"
    nora.send(action=next(form.action for form in forms_of(nora.text) if "/again" in form.action))
    nora.give_password()
    assert heading_of(nora.text) == "Confirm your mailbox"
    nora.send(action=next(form.action for form in forms_of(nora.text) if "/mailbox/send" in form.action))
    assert "The email does not arrive" in nora.text
    assert "tel:18885550100" in nora.text
    for _try in range(5):
        assert nora.path == "/sign-in/mailbox"
        nora.send(code="000000")
    assert heading_of(nora.text) == "Too many wrong codes"


def test_a_wrong_code_that_locks_leaves_the_page_that_tells_how_long(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """MF-04: the sign-in stands, and goes on after the wait."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, settings=IdpSettings(lock_after=2))
    gateway.provision()
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=2))
    visitor = Journey(gateway)
    visitor.open("/sign-in")
    visitor.give_password()
    for numbers in (["2004"], ["2003"], ["1003"]):
        visitor.send(code=_wrong(secret, visitor))
        assert visitor.messages == numbers
        assert visitor.path == "/sign-in/second-step"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("", "2001"),
        ("   ", "2001"),
        ("12345", "2002"),
        ("abcdef", "2002"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "2002"),
    ],
)
def test_what_is_no_code_costs_no_attempt(at_code: Member, typed: str, number: str) -> None:
    """WCAG 3.3.1: the page says what is wrong with what was typed."""
    visitor, _ = at_code
    visitor.send(code=typed)
    assert visitor.page.status_code == 422
    assert visitor.messages == [number]


def test_spaces_and_hyphens_in_a_code_do_not_matter(at_code: Member) -> None:
    """gateway.md 3.5: people type codes in groups."""
    visitor, secret = at_code
    code = totp_code(secret, visitor.gateway.services.store.clock)
    visitor.send(code=f" {code[:3]} {code[3:5]}-{code[5:]} ")
    assert heading_of(visitor.text) == "Your applications"


def test_a_code_works_once(at_code: Member) -> None:
    """MF-02: the same time step is refused the second time, in another flow too."""
    visitor, secret = at_code
    visitor.give_code(secret)
    other = Journey(visitor.gateway)
    other.open("/sign-in")
    other.give_password()
    other.give_code(secret)
    assert other.page.status_code == 422
    assert heading_of(other.text) == "Enter your code"


def test_the_field_takes_paste_and_autofill(at_code: Member) -> None:
    """WCAG 3.3.8: one field for the whole code."""
    visitor, _ = at_code
    assert visitor.text.count('autocomplete="one-time-code"') == 1
    assert 'inputmode="numeric"' in visitor.text
    assert "maxlength" not in visitor.text


def test_the_page_of_the_second_step_is_nothing_before_the_password(member: Member) -> None:
    """EN-04: no factor, no name before the first proof."""
    visitor, _ = member
    page = visitor.open("/sign-in")
    flow = form_with(page.text, "username").action.partition("?flow=")[2]
    visitor.open(f"/sign-in/second-step?flow={flow}")
    assert visitor.path == "/sign-in"
    assert "Nora" not in visitor.text
    assert "authenticator" not in visitor.text


def test_someone_else_may_sign_in_instead(at_code: Member) -> None:
    """The way back to another user ID starts a new flow towards the same place."""
    visitor, _ = at_code
    action = next(part for part in visitor.text.split('"') if part.startswith("/sign-in/again"))
    visitor.send(action=action)
    assert heading_of(visitor.text) == "Sign in"


def test_passkey_options_name_nobody(member: Member) -> None:
    """EN-05: for a stranger the options are the same whoever signs in, and hold no credential."""
    visitor, _ = member
    page = visitor.open("/sign-in")
    form = form_with(page.text, "credential")
    options = form.action.replace("/passkey?", "/passkey/options?")
    first = visitor.client.post(options, data={"csrf_token": token_of(page.text)})
    second = visitor.client.post(options, data={"csrf_token": token_of(page.text)})
    assert first.status_code == 200
    assert first.mimetype == "application/json"
    one, two = json.loads(first.data), json.loads(second.data)
    assert one.pop("challenge") != two.pop("challenge")
    assert one == two
    assert not one.get("allowCredentials")
    assert one["userVerification"] == "required"
    assert one["timeout"] == 300_000


def test_passkey_options_need_the_form_token(member: Member) -> None:
    """SE-05: another site cannot fetch a challenge."""
    visitor, _ = member
    page = visitor.open("/sign-in")
    options = form_with(page.text, "credential").action.replace("/passkey?", "/passkey/options?")
    assert visitor.client.post(options).status_code == 403
    assert visitor.client.get(options).status_code == 405


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{}",
        "null",
        "[]",
        "not json",
        '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}',
        "\ufeff{}",
        "[" * 10_000,
        '{"id":"' + "A" * 20_000 + '"}',
    ],
)
def test_a_malformed_passkey_is_one_refusal(member: Member, credential: str) -> None:
    """WA-12: truncated, deep, long, strange: the same sentence, never an error."""
    visitor, _ = member
    page = visitor.open("/sign-in")
    answer = submit(visitor.client, page, {"credential": credential})
    assert answer.status_code == 422
    assert heading_of(answer.text) == "Sign in"


def test_an_answer_of_ten_megabytes_is_not_read(member: Member) -> None:
    """WA-12: bounded before anything looks at it."""
    visitor, _ = member
    page = visitor.open("/sign-in")
    answer = submit(visitor.client, page, {"credential": "A" * 10_000_000})
    assert answer.status_code == 413
