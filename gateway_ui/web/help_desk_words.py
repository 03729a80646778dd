"""What stands on the pages of the help desk: deeds and what each of them ends, checks, reasons, states."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from idp.domain.account import Account
from idp.domain.account_lock import LockReason
from idp.domain.factors import FactorKind
from idp.domain.help_desk import Check, DeskRefusal, Doubt, Ground
from idp.domain.provisioning import Protected
from idp.domain.recorded_deed import RecordedDeed
from idp.usecases.find_accounts import AccountCard
from kernel.translations import mark
from kernel.web.language import day_text, moment_text
from kernel.web.language import gettext as _


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed as its page asks about it: what it is called, and, line by line, what it does.

    ``fits`` tells whether there is anything to do; ``protects`` is of one that staff may do unasked.
    """

    title: str
    effects: tuple[str, ...]
    button: str
    fits: Callable[[AccountCard], bool]
    protects: bool = False
    takes_away: bool = False


DEEDS: Mapping[str, Deed] = MappingProxyType(
    {
        "temporary-password": Deed(
            mark("Give %(name)s a temporary password?"),
            (
                mark("The password in use stops working at once."),
                mark("You are shown a temporary one, once. Read it to the person over the telephone."),
                mark("The second step is asked for as ever, and then a password of the person's own."),
                mark("Every session ends, in every browser and application. Wrong guesses are forgotten."),
                mark("The person gets an email that says so, without the password."),
            ),
            mark("Make a temporary password"),
            lambda card: card.has_password,
            takes_away=True,
        ),
        "second-steps": Deed(
            mark("Remove second steps of %(name)s?"),
            (
                mark("What you tick stops working at once, in every sign-in."),
                mark("Every session ends, in every browser and application. Wrong guesses are forgotten."),
                mark(
                    "The password stays as it is. If no second step is left, the person signs in with it and "
                    "a code that is sent to the registered email address, and then sets up a new one."
                ),
                mark("The person gets an email that says so."),
            ),
            mark("Remove what I ticked"),
            lambda card: bool(card.detail.factors),
            takes_away=True,
        ),
        "unlock": Deed(
            mark("Unlock the account of %(name)s?"),
            (
                mark("The lock of staff is taken off, and so is that of wrong guesses."),
                mark("What the lock ended does not come back: the person signs in anew."),
                mark("If the source of the account has switched it off, it stays switched off."),
            ),
            mark("Unlock"),
            lambda card: card.can_be_unlocked,
        ),
        "invitation": Deed(
            mark("Send %(name)s a new activation email?"),
            (
                mark("A new link goes to %(email)s, the address that is registered, and to no other."),
                mark("Every link that was sent before stops working."),
            ),
            mark("Send the email"),
            lambda card: card.can_be_invited,
        ),
        "sign-out": Deed(
            mark("Sign %(name)s out everywhere?"),
            (
                mark("Every session ends, in every browser and application, and every sign-in under way."),
                mark("Password and second steps stay as they are: whoever has them can sign in again."),
                mark("The person gets an email that says so."),
            ),
            mark("Sign out everywhere"),
            lambda card: card.detail.sessions > 0,
            protects=True,
            takes_away=True,
        ),
        "lock": Deed(
            mark("Lock the account of %(name)s?"),
            (
                mark("Nobody can sign in to it until staff unlock it, whatever its source says."),
                mark("Every session ends, in every browser and application, and every link and code."),
                mark("Whoever tries to sign in reads what everybody reads whose password is wrong."),
                mark("No email is sent: somebody else may be reading them."),
            ),
            mark("Lock the account"),
            lambda card: card.account.locked_at is None,
            protects=True,
            takes_away=True,
        ),
    }
)
"""Every deed by the word in its address, in the order of the buttons."""
BUTTONS: Mapping[str, str] = MappingProxyType(
    {
        "temporary-password": mark("Temporary password"),
        "second-steps": mark("Remove second steps"),
        "unlock": mark("Unlock"),
        "invitation": mark("New activation email"),
        "sign-out": mark("Sign out everywhere"),
        "lock": mark("Lock"),
    }
)
"""What leads to each deed from the page of an account."""
CHECKS: Mapping[Check, str] = MappingProxyType(
    {
        Check.CALLED_BACK: mark("I called the person back at the telephone number that is registered"),
        Check.PERSON_ID: mark("The person told me the right person ID"),
        Check.ORGANIZATION: mark("The person told me the right organization"),
    }
)
GROUNDS: Mapping[Ground, str] = MappingProxyType(
    {
        Ground.HOLDER: mark("The holder of the account, whom I verified"),
        Ground.STAFF: mark("Nobody: staff saw signs of misuse"),
    }
)
REASONS: Mapping[LockReason, str] = MappingProxyType(
    {
        LockReason.COMPROMISED: mark("Somebody else has used it, or knows how to"),
        LockReason.LOST_DEVICE: mark("A device was lost or stolen"),
        LockReason.SUSPICION: mark("Something looks wrong"),
        LockReason.REQUESTED: mark("The holder asked for it"),
    }
)
DOUBTS: Mapping[Doubt, str] = MappingProxyType(
    {
        Doubt.NOT_REACHED: mark("Nobody could be reached at the number that is registered"),
        Doubt.WRONG_ANSWERS: mark("What the person told was wrong"),
        Doubt.NOT_ALLOWED: mark("The person may not ask for this"),
        Doubt.IMPOSTOR: mark("Somebody pretended to be the holder"),
    }
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "lock": mark("The account is locked."),
        "second-steps": mark("What you ticked is removed, and the person is signed out everywhere."),
        "unlock": mark("The account is unlocked."),
        "invitation": mark("A new activation email is on its way."),
        "sign-out": mark("The person is signed out everywhere."),
        "deny": mark("The denial is recorded. The account is as it was."),
    }
)
"""What a page says after a deed, by the word in its address."""
NOT_DONE: Mapping[str, str] = MappingProxyType(
    {
        "meanwhile": mark(
            "Somebody did the same a moment ago, so nothing was done now. This is how the account stands."
        ),
        "locked-anew": mark(
            "Somebody has locked the account since you opened the page, so it was not unlocked. This is how "
            "the account stands."
        ),
        "nothing": mark(
            "There was nothing to do: the account is as you wanted it, or has changed meanwhile."
        ),
    }
)
"""What it says when nothing was done."""
_LEFT_ALONE: Mapping[DeskRefusal, str] = MappingProxyType(
    {
        DeskRefusal.OWN: mark(
            "This is your own account. Ask a colleague who looks after the Gateway at the command line."
        ),
        DeskRefusal.STAFF: mark(
            "This is an account of the operator's staff. The help desk does nothing to it: whoever looks "
            "after the Gateway can, at the command line."
        ),
    }
)
_PROTECTED = mark(
    "This account is protected, because it is kept for emergencies. Whoever looks after the Gateway has to "
    "end the protection first, at the command line."
)
_DEEDS: Mapping[str, str] = MappingProxyType(
    {
        "gateway:account:locked": mark("Locked"),
        "gateway:account:unlocked": mark("Unlocked"),
        "gateway:password:reset": mark("Temporary password"),
        "gateway:account:factors-removed": mark("Second steps removed"),
        "gateway:account:sessions-ended": mark("Signed out everywhere"),
        "gateway:account:invited-again": mark("New activation email"),
        "gateway:account:request-denied": mark("Request denied"),
        "gateway:account:protected": mark("Protected"),
        "gateway:account:unprotected": mark("No longer protected"),
    }
)
_KINDS: Mapping[FactorKind, str] = MappingProxyType(
    {FactorKind.PASSKEY: mark("Passkey"), FactorKind.TOTP: mark("Authenticator app")}
)


def telephone(account: Account) -> str:
    """Return the registered telephone number as one dials it, in the language of the page; empty if none is.

    Registration states a ``tel:`` address, with the extension behind (RFC 3966).
    """
    number, extension = telephone_number(account), account.phone.partition(";ext=")[2]
    if not extension:
        return number
    return _("%(number)s, extension %(extension)s", number=number, extension=extension)


def telephone_number(account: Account) -> str:
    """Return the same without an extension."""
    return account.phone.removeprefix("tel:").partition(";")[0]


def checks(account: Account) -> list[dict[str, str]]:
    """Return the checks with what is registered beside each, in the language of the page."""
    registered = {
        Check.CALLED_BACK: telephone(account),
        Check.PERSON_ID: account.person_id or account.custodian_person_id,
        Check.ORGANIZATION: ", ".join(each.short_name for each in account.organizations),
    }
    return [
        {"value": each.value, "text": _(text), "hint": registered[each] or _("None is registered")}
        for each, text in CHECKS.items()
    ]


def left_alone(why: DeskRefusal | Protected) -> str:
    """Return why the help desk does nothing to an account, in the language of the page."""
    return _(_PROTECTED) if isinstance(why, Protected) else _(_LEFT_ALONE[why])


def reason(done: RecordedDeed) -> str:
    """Return why a deed was done, in the language of the page; empty if nobody stated it."""
    texts = {each.value: text for table in (REASONS, DOUBTS) for each, text in table.items()}
    return _(texts[done.reason]) if done.reason in texts else ""


def deed(done: RecordedDeed) -> str:
    """Return what staff did, why and by which request, in the language of the page."""
    ticket = str(done.details.get("ticket", ""))
    parts = [part for part in (reason(done), ticket) if part]
    what = _(_DEEDS.get(done.tag, done.tag))
    return _("%(deed)s: %(more)s", deed=what, more=", ".join(parts)) if parts else what


def factors(card: AccountCard) -> list[dict[str, str]]:
    """Return the second steps to choose from, with the name that their holder gave each, oldest first."""
    return [
        {
            "value": each.id,
            "text": f"{_(_KINDS[each.kind])} ({each.label})" if each.label else _(_KINDS[each.kind]),
            "hint": _("Added on %(day)s", day=day_text(each.created_at)),
        }
        for each in card.detail.factors
    ]


def kinds(card: AccountCard) -> list[str]:
    """Return the kinds of second steps that somebody has, each once."""
    return list(dict.fromkeys(_(_KINDS[each.kind]) for each in card.detail.factors))


def standing(card: AccountCard, *, now: dt.datetime) -> list[str]:
    """Return in plain sentences what keeps the holder from signing in, or that nothing does."""
    account, told = card.account, []
    if card.lock is not None:
        told.append(_locked(card.lock))
    elif account.locked_at is not None:  # the audit of it is gone
        told.append(_("Staff locked it on %(at)s.", at=moment_text(account.locked_at)))
    if not account.is_wanted:
        told.append(
            _(
                "Its source, %(source)s, has switched it off, and can alone switch it on.",
                source=account.source,
            )
        )
    if account.activated_at is None and account.is_wanted:
        told.append(_awaited(card))
    if card.detail.guessed_until is not None:
        until = moment_text(card.detail.guessed_until)
        told.append(_("Wrong guesses lock the sign-in until %(at)s, for some browsers at least.", at=until))
    return told + _password(card, now) or [_("Nothing keeps its holder from signing in.")]


def _locked(lock: RecordedDeed) -> str:
    why = reason(lock)
    values = {"at": moment_text(lock.at), "why": why}
    return (
        _("Staff locked it on %(at)s: %(why)s.", **values)
        if why
        else _("Staff locked it on %(at)s.", **values)
    )


def _awaited(card: AccountCard) -> str:
    if card.invited_at is None:
        return _("Nobody has activated it yet, and there is no activation link that works.")
    at = moment_text(card.invited_at)
    if card.link_until is None:
        return _("Nobody has activated it yet. The link in the email of %(at)s works no more.", at=at)
    return _(
        "Nobody has activated it yet. The newest activation email was sent on %(at)s; its link works "
        "until %(until)s.",
        at=at,
        until=moment_text(card.link_until),
    )


def _password(card: AccountCard, now: dt.datetime) -> list[str]:
    password = card.detail.password
    if password is None or not card.has_password or password.temporary_until is None:
        return []
    at = moment_text(password.temporary_until)
    if password.opens(now):
        return [_("A temporary password waits to be used, once, until %(at)s.", at=at)]
    return [_("The temporary password was used up or has expired, and no other was chosen.")]
