"""Every sentence by which a page answers what a person did, each with a number that keeps its meaning.

Tests and support staff quote the number; the words may be polished and translated. Numbers: 1xxx sign-in,
2xxx second step, 3xxx passwords, 4xxx enrolment, 5xxx requests of applications, 51xx the operator's pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import flask

from kernel.translations import mark, mark_plural
from kernel.web.forms import FormErrors
from kernel.web.language import gettext as _
from kernel.web.language import ngettext


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered sentence in English, translated where it is said; ``many`` is its plural, if it counts."""

    number: int
    text: str
    many: str = ""


BAD_LOGIN = Message(1001, mark("The user ID, email or password is not correct."))
TOO_MANY = Message(
    1003,
    *mark_plural(
        "Too many attempts. Wait %(num)s second, then try again.",
        "Too many attempts. Wait %(num)s seconds, then try again.",
    ),
)
USERNAME_MISSING = Message(1004, mark("Enter your user ID or email"))
PASSWORD_MISSING = Message(1005, mark("Enter your password"))
BAD_PASSKEY = Message(
    1006, mark("We could not sign you in with that passkey. Use your password, or try again.")
)

CODE_MISSING = Message(2001, mark("Enter the 6-digit code"))
CODE_SHAPE = Message(2002, mark("The code has 6 digits. Enter digits only."))
BAD_CODE = Message(2003, mark("That code is not correct."))
BAD_CODE_LEFT = Message(
    2004,
    *mark_plural(
        "That code is not correct. You have %(num)s attempt left.",
        "That code is not correct. You have %(num)s attempts left.",
    ),
)
BAD_FACTOR_PASSKEY = Message(2005, mark("That passkey was not accepted. Try again, or use another way."))
CODE_JUST_SENT = Message(
    2006,
    *mark_plural(
        "A code was sent a moment ago. You can ask for another in %(num)s second.",
        "A code was sent a moment ago. You can ask for another in %(num)s seconds.",
    ),
)

DEVICE_CODE = Message(
    2007, mark("No device waits with this code. Check the code on your device, or ask it for a new one.")
)
DEVICE_CODE_MISSING = Message(2008, mark("Enter the code shown on your device"))

PASSWORD_EMPTY = Message(3001, mark("Enter a password"))
PASSWORD_SHORT = Message(
    3002,
    *mark_plural(
        "The password must have at least %(num)s character.",
        "The password must have at least %(num)s characters.",
    ),
)
PASSWORD_LONG = Message(3003, mark("The password is too long. It may have at most %(value)s characters."))
PASSWORD_NO_UPPER = Message(3004, mark("Add an upper-case letter."))
PASSWORD_NO_LOWER = Message(3005, mark("Add a lower-case letter."))
PASSWORD_NO_DIGIT = Message(3006, mark("Add a number."))
PASSWORD_NO_SPECIAL = Message(3007, mark("Add a special character, for example %(examples)s."))
PASSWORD_FORBIDDEN = Message(
    3008, mark("Remove the character “%(value)s”. These can't be used: %(forbidden)s and spaces.")
)
PASSWORD_SPACE = Message(3009, mark("Remove the spaces. These can't be used: %(forbidden)s and spaces."))
PASSWORD_CONTROL = Message(3010, mark("Remove the characters that cannot be seen, such as tabs."))
PASSWORD_HAS_USER_NAME = Message(3011, mark("The password must not contain “%(value)s” or part of it."))
PASSWORD_HAS_NAME = Message(3012, mark("The password must not contain your name “%(value)s”."))
PASSWORD_HAS_EMAIL = Message(3013, mark("The password must not contain your email address or part of it."))
PASSWORD_COMMON = Message(3014, mark("This password appears in lists of stolen passwords. Choose another."))
PASSWORD_WORD = Message(
    3015, mark("The password is a word from a dictionary (“%(value)s”). Choose one that nobody can look up.")
)
PASSWORD_WEAK = Message(
    3016, mark("This password is easy to guess. Make it longer, or less like a word, name or date.")
)
PASSWORD_USED = Message(
    3017,
    *mark_plural(
        "You used this password before. Choose one that differs from your last %(num)s.",
        "You used this password before. Choose one that differs from your last %(num)s.",
    ),
)
PASSWORD_DIFFERS = Message(3018, mark("The two passwords are not the same. Type the same one twice."))
CURRENT_MISSING = Message(3019, mark("Enter your current password"))
CURRENT_WRONG = Message(3020, mark("Your current password is not correct."))

QUESTION_MISSING = Message(4001, mark("Choose a question"))
ANSWER_SHORT = Message(
    4002,
    *mark_plural(
        "The answer must have at least %(num)s character.",
        "The answer must have at least %(num)s characters.",
    ),
)
ANSWER_LONG = Message(4003, mark("The answer is too long. Choose a shorter one."))
ANSWER_EMPTY = Message(4004, mark("Enter your answer"))
ANSWER_SIMPLE = Message(4005, mark("That answer is too easy to guess. Choose another."))
ANSWER_IN_QUESTION = Message(4008, mark("The answer must not repeat words of the question."))
ANSWER_USER_NAME = Message(4009, mark("The answer must not be your user ID."))
NAME_LONG = Message(4010, mark("The name is too long. Choose one of at most 60 characters."))
METHOD_MISSING = Message(4006, mark("Choose how you want to confirm that it is you"))
PASSKEY_NOT_MADE = Message(
    4007, mark("The passkey could not be set up. Try again, or set up an authenticator app instead.")
)

REQUEST_REFUSED = Message(
    5001, mark("The application sent a request that we cannot answer. Nothing was changed.")
)
CLIENT_UNKNOWN = Message(
    5002, mark("The application that sent you here is not registered with us. We told it nothing about you.")
)
ADDRESS_UNKNOWN = Message(
    5003,
    mark("The application asked us to send you to an address that is not registered for it. We did not."),
)
FLOW_GONE = Message(
    5004,
    mark(
        "This sign-in has expired or was already finished. Open the application again from your applications."
    ),
)
REQUEST_GONE = Message(
    5005,
    mark("The application's request has expired or was already answered. Open the application again."),
)
REQUEST_UNTRUSTED = Message(
    5006,
    mark("The application sent a request that is not signed as it should be. We did not follow it."),
)
ADDRESS_MISSING = Message(
    5007, mark("The application did not say to which address we should send you back. We sent you nowhere.")
)
HINT_INVALID = Message(
    5008,
    mark("The application asked us to sign you out, but its request is not valid. Nothing was changed."),
)
WAY_BACK_UNKNOWN = Message(
    5009,
    mark(
        "The application asked us to sign you out and then to send you to an address that is not registered "
        "for it. Nothing was changed."
    ),
)
LOGOUT_REFUSED = Message(
    5010,
    mark("The application asked us to sign you out by a request that we cannot read. Nothing was changed."),
)

DAY_NOT_READ = Message(5101, mark("Enter a day as year, month and day, for example 2026-11-21"))
DAYS_TURNED = Message(5102, mark("The last day must not come before the first"))
PROOF_OLD = Message(
    5103,
    mark(
        "It is a while since you proved who you are. Nothing was saved, and what you entered is still here: "
        "prove it again, then save."
    ),
)
CLIENT_OUTDATED = Message(
    5104,
    mark(
        "Somebody else changed this client while you did. What you entered is still here, but not saved: "
        "look at the client as it is now. If you save again, yours takes its place."
    ),
)
FIELD_WRONG = Message(5105, mark("%(label)s: %(fault)s"))
JSON_NOT_READ = Message(5106, mark("This is not JSON: look at line %(line)s, character %(column)s."))
JSON_NO_OBJECT = Message(5107, mark("This has to be one JSON object, in braces."))
FIELD_ELSEWHERE = Message(5108, mark("%(name)s has a field of its own on this page."))
START_MISSING = Message(5109, mark("Choose what it is"))
NAME_NOT_TYPED = Message(5110, mark("Type the client's ID exactly as it stands above"))
STILL_ROTATING = Message(
    5111,
    mark(
        "Two secrets work already. Retire the former one first, or let both stop at once by giving the "
        "new one no overlap."
    ),
)
SCIM_ID_WRONG = Message(5112, mark("Enter an ID of 1 to 64 characters that can be seen"))
SCIM_ID_TAKEN = Message(
    5113, mark("There is a SCIM client with this ID already: change that one, or enter another ID")
)
SCIM_NAME_WRONG = Message(5114, mark("Enter a name of at most 100 characters, on one line"))
READING_MISSING = Message(5115, mark("Choose how its requests are read"))
SCIM_SCOPE_MISSING = Message(5116, mark("Choose what its static tokens may do"))
RATE_WRONG = Message(5117, mark("Enter a whole number from 25 to 1000000, or leave it empty"))
NETWORK_WRONG = Message(
    5118, mark("“%(network)s” is no network: write each like 192.0.2.0/24 or 2001:db8::/32, one per line")
)
NETWORKS_MANY = Message(5119, mark("Enter 100 networks at most"))
TOKENS_FULL = Message(
    5120, mark("Two tokens of this client work already, the most there may be. Revoke one of them first.")
)
TOKENS_CHANGED = Message(
    5121,
    mark(
        "A token of this client was made or ended while you were on this page, so none was made now. "
        "Look at its tokens as they are now."
    ),
)
END_MISSING = Message(5122, mark("Choose when the token stops working"))
END_WRONG = Message(5123, mark("Enter a day from today on, within the next hundred years"))
LABEL_WRONG = Message(5124, mark("Enter at most 60 characters, on one line"))
TOLD_MISSING = Message(5125, mark("Choose what an event tells"))
PUSH_ADDRESS_WRONG = Message(5126, mark("Enter an address that begins with https:// and names a host"))
PUSH_HEADER_WRONG = Message(
    5127, mark("Enter one line of characters, and only beside an address that events are pushed to")
)
TEXT_LONG = Message(5128, mark("Enter 256 characters at most"))
ALGORITHM_MISSING = Message(5129, mark("Choose an algorithm from the list"))

CHECKS_MISSING = Message(
    5140, mark("Tick each check, and only what you did check. If one was wrong, deny the request.")
)
TICKET_WRONG = Message(5141, mark("Enter the number of the request, such as INC-4711, and no name or text"))
GROUND_MISSING = Message(5142, mark("Choose who asked for this"))
LOCK_REASON_MISSING = Message(5143, mark("Choose why you lock the account"))
DOUBT_MISSING = Message(5144, mark("Choose why you deny the request"))
FACTORS_MISSING = Message(5145, mark("Tick each second step that the person has lost"))

REQUEST_ERRORS: Mapping[str, Message] = MappingProxyType(
    {
        "invalid_request": REQUEST_REFUSED,
        "unknown_client": CLIENT_UNKNOWN,
        "invalid_client": CLIENT_UNKNOWN,
        "redirect_uri": ADDRESS_UNKNOWN,
        "redirect_uri_missing": ADDRESS_MISSING,
        "invalid_redirect_uri": ADDRESS_UNKNOWN,
        "flow_expired": FLOW_GONE,
        "request_uri": REQUEST_GONE,
        "request_object": REQUEST_UNTRUSTED,
    }
)
"""What a refused request of an application is called by the endpoint, and what we say."""

LOGOUT_ERRORS: Mapping[str, Message] = MappingProxyType(
    {
        "logout_request": LOGOUT_REFUSED,
        "id_token_hint": HINT_INVALID,
        "post_logout_redirect_uri": WAY_BACK_UNKNOWN,
    }
)
"""The same for a refused request to sign somebody out."""


def say(message: Message, **values: object) -> str:
    """Return the sentence in the language of the page, and note its number for the page's head."""
    _note(message)
    return _(message.text, **values)


def say_count(message: Message, count: int, **values: object) -> str:
    """Return the sentence for ``count`` things in the language of the page, and note its number."""
    _note(message)
    return ngettext(message.text, message.many, count, **values)


def _note(message: Message) -> None:
    numbers: list[str] = flask.g.setdefault("messages", [])
    numbers.append(str(message.number))


def said() -> str:
    """Return the numbers of what was said on this page, in order."""
    return " ".join(flask.g.get("messages", ()))


def complain(errors: FormErrors, field: str, message: Message, **values: object) -> None:
    """Say ``message`` about ``field``."""
    errors.add(field, say(message, **values))


def complain_count(errors: FormErrors, field: str, message: Message, count: int) -> None:
    """Say ``message``, which counts, about ``field``."""
    errors.add(field, say_count(message, count))


def disclaimer(operator: str) -> str:
    """Return the short legal disclaimer (G-27); its full text is a page of its own."""
    return _(
        "This service belongs to %(operator)s and is for authorized users only. "
        "What you do here is recorded. By signing in you accept the conditions of use.",
        operator=operator,
    )
