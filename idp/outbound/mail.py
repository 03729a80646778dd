"""The letters of the identity provider: one function each, posted with the deed they tell of.

In the language of the account; the activation letter carries the other language below, because nobody has
chosen one yet. No letter holds a password, and none but its own holds a link or a code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from idp.domain.account import Account
from idp.domain.factors import FactorKind, OwnFactor
from idp.domain.user_agent import browser_of, system_of
from idp.outbound.letters import (
    FormLetter,
    Letter,
    Letterhead,
    as_form,
    blank,
    button,
    code,
    compose,
    facts,
    paragraph,
    plain,
    post,
    post_form,
    speaker,
    steps,
)
from kernel.origin import current_origin
from kernel.store import Unit
from kernel.translations import LANGUAGES, mark
from kernel.written_times import written_moment


def post_activation(unit: Unit, account: Account, head: Letterhead, *, link: str, until: dt.datetime) -> None:
    """Tell the new holder of an account how to activate it (G-11 to G-14, G-40)."""
    first = account.mail_language
    languages = (first, *(language for language in LANGUAGES if language != first))
    letters = tuple(_activation(account, head, language, link, until) for language in languages)
    post(unit, head, *letters, to=account.email, template="activation")


def _activation(account: Account, head: Letterhead, language: str, link: str, until: dt.datetime) -> Letter:
    say = speaker(language)
    intro = (
        mark(
            "A machine account was made for an application you look after. Activate it: you create its "
            "password and set up a second way to prove that it is you."
        )
        if account.is_machine
        else mark(
            "An account was made for you. Activate it: you create a password and set up a second way to "
            "prove that it is you."
        )
    )
    after = (
        mark("The account has no applications here. You can sign out.")
        if account.is_machine
        else mark("You see your applications.")
    )
    return compose(
        head,
        language,
        subject=say(mark("Activate your %(product)s account"), product=head.product),
        blocks=(
            paragraph(say(mark("Hello %(name)s,"), name=account.display)),
            paragraph(say(intro)),
            button(
                say(mark("Activate Account")),
                link,
                hint=say(mark("Or copy this address into your browser:")),
            ),
            facts(
                (say(mark("Your user ID")), account.user_name),
                (say(mark("The link works once, until")), written_moment(language, head.zone, until)),
            ),
            paragraph(say(mark("Note your user ID down: you need it each time you sign in."))),
            steps(
                say(mark("What happens when you click the button?")),
                say(mark("You create a password that only you know.")),
                say(mark("You choose a security question, and an authenticator app or a passkey.")),
                say(after),
            ),
            paragraph(
                say(
                    mark(
                        "Do not forward this letter, and do not share your account or its password with "
                        "anybody."
                    )
                )
            ),
        ),
    )


def post_activated(unit: Unit, account: Account, head: Letterhead) -> None:
    """Tell the holder that the account was activated and its password set (ASVS 6.3.7)."""
    say = speaker(account.mail_language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="activated",
            subject=say(mark("Your account was activated")),
            first=say(mark("Your account was activated and a password was set for it.")),
        ),
    )


def post_password_changed(unit: Unit, account: Account, head: Letterhead) -> None:
    """Tell the holder that the password was changed (ASVS 6.3.7)."""
    say = speaker(account.mail_language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="password-changed",
            subject=say(mark("Your password was changed")),
            first=say(mark("The password of your account was changed. Every other session was signed out.")),
        ),
    )


def post_password_reset(unit: Unit, account: Account, head: Letterhead, *, until: dt.datetime) -> None:
    """Tell the holder that staff reset the password; the temporary one is told by voice, and never here."""
    language = account.mail_language
    say = speaker(language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="password-reset",
            subject=say(mark("Your password was reset")),
            first=say(
                mark(
                    "Customer Relations reset the password of your account. The former one works no more, "
                    "and every session was signed out. You sign in with the temporary password that you were "
                    "told, and your second step, and then choose a password of your own."
                )
            ),
            rows=(
                (
                    say(mark("The temporary password works once, until")),
                    written_moment(language, head.zone, until),
                ),
            ),
            where=False,
        ),
    )


def post_sessions_ended(unit: Unit, account: Account, head: Letterhead) -> None:
    """Tell the holder that staff signed her out everywhere."""
    say = speaker(account.mail_language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="sessions-ended",
            subject=say(mark("You were signed out everywhere")),
            first=say(
                mark(
                    "Customer Relations signed you out of every browser and application. Your password is as "
                    "it was: sign in again as you always do."
                )
            ),
            where=False,
        ),
    )


FactorChange = Literal["added", "removed"]
_FACTOR_WORDS: Mapping[FactorChange, tuple[str, str, str]] = {
    "added": (
        mark("A second step was added to your account"),
        mark("You can now use it to prove that it is you."),
        mark("Added"),
    ),
    "removed": (
        mark("A second step was removed from your account"),
        mark("It can no longer be used to prove that it is you."),
        mark("Removed"),
    ),
}


def post_factor_changed(
    unit: Unit, account: Account, head: Letterhead, *, change: FactorChange, kind: FactorKind, label: str
) -> None:
    """Tell the holder that a second factor was added, or removed (ASVS 6.3.7, MF-13)."""
    say = speaker(account.mail_language)
    subject, first, term = map(say, _FACTOR_WORDS[change])
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template=f"factor-{change}",
            subject=subject,
            first=first,
            rows=((term, _factor_name(say, kind, label)),),
        ),
    )


def post_factors_lost(
    unit: Unit, account: Account, head: Letterhead, lost: Iterable[OwnFactor], *, any_left: bool
) -> None:
    """Tell the holder that staff removed second factors, and how she signs in now (ASVS 6.3.7, 6.4.4)."""
    say = speaker(account.mail_language)
    then = (
        mark("You sign in with your password and a second step that you still have.")
        if any_left
        else mark(
            "You sign in with your password and a code that is sent to this address, and then set up a new "
            "second step."
        )
    )
    first = mark(
        "Customer Relations removed a second step that you had lost. It can no longer be used to prove that "
        "it is you, and every session was signed out."
    )
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="factors-lost",
            subject=say(mark("A second step was removed from your account")),
            first=f"{say(first)} {say(then)}",
            rows=(
                (say(mark("Removed")), ", ".join(_factor_name(say, each.kind, each.label) for each in lost)),
            ),
            where=False,
        ),
    )


def _factor_name(say: Callable[..., str], kind: FactorKind, label: str) -> str:
    name = say(mark("Passkey")) if kind is FactorKind.PASSKEY else say(mark("Authenticator app"))
    return f"{name} ({label})" if label else name


def post_question_set(unit: Unit, account: Account, head: Letterhead) -> None:
    """Tell the holder that a security question was set; neither question nor answer is named."""
    say = speaker(account.mail_language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="question-set",
            subject=say(mark("Your security question was set")),
            first=say(mark("A security question and its answer were set for your account.")),
        ),
    )


def post_new_sign_in(unit: Unit, account: Account, head: Letterhead, *, user_agent: str) -> None:
    """Tell the holder of a sign-in from a browser that the account was never used in (ASVS 6.3.5)."""
    say = speaker(account.mail_language)
    browser, system = browser_of(user_agent), system_of(user_agent)
    known = browser or system
    if browser and system:
        known = say(mark("%(browser)s on %(system)s"), browser=browser, system=system)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="new-sign-in",
            subject=say(mark("New sign-in to your account")),
            first=say(mark("Somebody signed in to your account from a browser we had not seen before.")),
            rows=((say(mark("Browser")), known),),
        ),
    )


def post_locked(unit: Unit, account: Account, head: Letterhead, *, until: dt.datetime) -> None:
    """Tell the holder that too many wrong tries locked the sign-in, and until when."""
    language = account.mail_language
    say = speaker(language)
    _post_notice(
        unit,
        account,
        head,
        _Notice(
            template="locked",
            subject=say(mark("Sign-in to your account is locked for a while")),
            first=say(
                mark(
                    "Somebody gave a wrong password or code too often. Sign-in from there waits until the "
                    "time below; other browsers you have used before are not affected."
                )
            ),
            rows=((say(mark("Locked until")), written_moment(language, head.zone, until)),),
        ),
    )


def post_mailbox_code(unit: Unit, account: Account, head: Letterhead, *, digits: str, minutes: int) -> None:
    """Send the code that proves the mailbox; it is bound to the flow that asked for it (MF-09)."""
    say = speaker(account.mail_language)
    letter = compose(
        head,
        account.mail_language,
        subject=say(mark("Your security code")),
        blocks=(
            paragraph(
                say(
                    mark("Type this code on the page you came from. It works for %(minutes)s minutes."),
                    minutes=minutes,
                )
            ),
            code(digits),
            paragraph(say(mark("Don't share this code. Customer Relations will never ask for it."))),
            paragraph(
                say(
                    mark(
                        "You did not ask for a code? Then somebody knows your password: tell Customer "
                        "Relations at once."
                    )
                )
            ),
        ),
    )
    post(unit, head, letter, to=account.email, template="mailbox-code")


def post_which_account(unit: Unit, accounts: Iterable[Account], head: Letterhead) -> None:
    """Tell who signs in with an address that several accounts share which login names those are (G-06)."""
    found = tuple(accounts)
    language = found[0].mail_language
    say = speaker(language)
    letter = compose(
        head,
        language,
        subject=say(mark("Sign in with your user ID")),
        blocks=(
            paragraph(
                say(
                    mark(
                        "Somebody tried to sign in with this email address. Several accounts have it, so it "
                        "cannot tell which one is meant. Use the user ID instead."
                    )
                )
            ),
            facts(*((say(mark("User ID")), account.user_name) for account in found)),
            paragraph(say(mark("Was it not you? Then nothing happened, and you need not do anything."))),
        ),
    )
    post(unit, head, letter, to=found[0].email, template="which-account")


_CHANGED = {
    "name": mark("Name"),
    "e-mail address": mark("Email address"),
    "phone number": mark("Phone number"),
}


def post_account_changed(
    unit: Unit, account: Account, head: Letterhead, *, to: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    """Tell each address in ``to`` what was changed by its name, never by its value (G-86, C.03)."""
    say = speaker(account.mail_language)
    names = " · ".join(say(_CHANGED[name]) for name in changed)
    for address in to:
        _post_notice(
            unit,
            account,
            head,
            _Notice(
                template="account-changed",
                subject=say(mark("Your account details changed")),
                first=say(mark("Your details were changed in Registration and are in force here as well.")),
                rows=((say(mark("Changed")), names),),
                where=False,
            ),
            to=address,
        )


@dataclass(frozen=True, slots=True)
class _Notice:
    """Something that happened, in the words of its letter; ``where`` adds the address it came from."""

    template: str
    subject: str
    first: str
    rows: tuple[tuple[str, str], ...] = ()
    where: bool = True


def _post_notice(
    unit: Unit, account: Account, head: Letterhead, notice: _Notice, *, to: str | None = None
) -> None:
    """Post what happened, when and where, and what to do if it was not the holder."""
    language = account.mail_language
    say = speaker(language)
    address = current_origin().address if notice.where else ""
    rows = (
        (say(mark("Account")), account.user_name),
        *notice.rows,
        (say(mark("When")), written_moment(language, head.zone, unit.now)),
        (say(mark("From address")), address),
    )
    given = [(name, value) for name, value in rows if plain(value)]
    form = _notice_form(head, language, notice.subject, notice.first, tuple(name for name, _ in given))
    values = [account.display, *(value for _, value in given)]
    post_form(unit, form, values, to=account.email if to is None else to, template=notice.template)


@lru_cache(maxsize=64)
def _notice_form(
    head: Letterhead, language: str, subject: str, first: str, names: tuple[str, ...]
) -> FormLetter:
    """Return the letter of a notice with blanks for the holder's name and for the value of each row."""
    say = speaker(language)
    letter = compose(
        head,
        language,
        subject=subject,
        blocks=(
            paragraph(say(mark("Hello %(name)s,"), name=blank(0))),
            paragraph(first),
            facts(*((name, blank(number)) for number, name in enumerate(names, start=1))),
            paragraph(say(mark("Was it not you? Tell Customer Relations at once."))),
        ),
    )
    return as_form(head, letter)
