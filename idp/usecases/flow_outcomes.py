"""What the deeds of a login flow answer; a refusal says no more than a page may show."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.account import Account
from idp.domain.factors import FactorSummary
from idp.domain.login_flow import FlowKind, PasswordDue, ProofKind, Step
from idp.domain.password_policy import Fault, Requirement
from idp.domain.security_question import AnswerFault, Question
from idp.domain.session import Acr
from idp.usecases.answer_authorization import ToClient


@dataclass(frozen=True, slots=True)
class FlowPage:
    """A flow as it stands, with what the page of its step needs.

    ``account`` is empty until the first proof (EN-04). At ``done`` nothing is missing but the button.
    ``adds`` is a flow's whose goal is a further factor (G-33), ``has_added`` that there is one.
    """

    step: Step
    kind: FlowKind
    client_name: str
    login_hint: str
    account: Account | None
    expires_at: dt.datetime
    second_factors: tuple[ProofKind, ...] = ()
    password_due: PasswordDue = PasswordDue.NO
    requirements: tuple[Requirement, ...] = ()
    questions: tuple[Question, ...] = ()
    factors: tuple[FactorSummary, ...] = ()
    has_question: bool = False
    factor_required: bool = True
    question_required: bool = True
    passkeys_possible: bool = False
    mailbox: str = ""
    code_sent: bool = False
    client_id: str = ""
    adds: bool = False
    has_added: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The flow ended in a session: its token goes into the cookie, the person to ``next_url``.

    With an ``answer`` she goes to the client that waited, instead: it was given in the same unit of work.
    """

    session_token: str = field(repr=False)
    session_id: str
    next_url: str
    acr: Acr
    answer: ToClient | None = None


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """The flow has ended in this browser before: a double click, or the way back.

    ``led_back``: its client has its answer already, so that nothing is at ``next_url`` any more;
    ``given_up``: it was told that nobody signs in.
    """

    next_url: str
    client_name: str = ""
    client_id: str = ""
    led_back: bool = False
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class FlowLost:
    """No such flow, another browser's, expired, or dead of too many wrong codes; one starts again.

    The client is known only where the flow is this browser's own, and so is that codes killed it
    (``is_spent``).
    """

    client_name: str = ""
    client_id: str = ""
    is_spent: bool = False


@dataclass(frozen=True, slots=True)
class NotSignedIn:
    """Unknown, wrong, locked, not activated, deactivated: one answer for all (EN-01, LG-11, LK-10)."""


@dataclass(frozen=True, slots=True)
class SlowDown:
    """Too many tries from this place or for this factor; again after ``retry_after``."""

    retry_after: dt.timedelta


@dataclass(frozen=True, slots=True)
class WrongCode:
    """The code is wrong, used, or old; ``tries_left`` until the flow must start again."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class PasskeyRefused:
    """The answer of the passkey was not accepted; the audit knows why."""


@dataclass(frozen=True, slots=True)
class PasskeyOptions:
    """The options of a ceremony for the browser, as JSON."""

    json: str


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """The password breaks these rules; nothing was spent and nothing changed."""

    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class AnswerRefused:
    """The answer to the security question is refused."""

    fault: AnswerFault


@dataclass(frozen=True, slots=True)
class TooManyFactors:
    """The account has as many factors of this kind as it may have."""


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way; another can be asked for after ``wait``."""

    wait: dt.timedelta


@dataclass(frozen=True, slots=True)
class LinkDead:
    """Used, replaced, expired, of a deactivated account, or never issued: one answer for all (EN-09)."""


Moved = FlowPage | Done | AlreadyDone | FlowLost
"""What every step of a flow may answer besides its own refusals."""
