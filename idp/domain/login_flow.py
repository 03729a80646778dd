"""The login flow: which step comes next, given the proofs of this flow and the state of the account.

Steps never lead to each other. Each adds its proof to the stored flow, and :func:`next_step` alone tells
what comes next, for sign-in, step-up and activation alike. A proof belongs to one flow, one browser and
one account; it is never taken from anywhere else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.lockout import TRIES_PER_FLOW
from idp.domain.session import Acr, satisfies
from kernel.local_paths import local_path


class FlowKind(StrEnum):
    """What a flow is for."""

    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    ACTIVATION = "activation"


class ProofKind(StrEnum):
    """What somebody proved, and enrolments that count as proof because their code was verified."""

    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - the name of a proof
    MAILBOX = "mailbox"
    TOTP = "totp"
    PASSKEY = "passkey"


class Step(StrEnum):
    """What a flow waits for."""

    IDENTIFY = "identify"
    SECOND_FACTOR = "second-factor"
    CHANGE_PASSWORD = "change-password"  # noqa: S105 - the name of a step
    PROVE_MAILBOX = "prove-mailbox"
    SET_QUESTION = "set-question"
    ENROL_FACTOR = "enrol-factor"
    REVIEW = "review"
    DONE = "done"


class PasswordDue(StrEnum):
    """Why the password must be changed before anything else."""

    NO = "no"
    TEMPORARY = "temporary"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a relying party asks of the sign-in (OIDC Core §3.1.2.1).

    ``acr`` are acceptable classes, ``fresh`` asks for a new proof although a session lives, and ``max_age``
    (seconds) asks for one if the session's proof is older. ``review`` is a page's of our own: the flow ends
    where second steps are looked at and further ones enrolled.
    """

    acr: tuple[str, ...] = ()
    fresh: bool = False
    max_age: int | None = None
    review: bool = False

    def wants_fresh(self, *, authenticated_at: dt.datetime, now: dt.datetime) -> bool:
        """Tell whether a session that was proved at ``authenticated_at`` must be proved again."""
        too_old = self.max_age is not None and now - authenticated_at > dt.timedelta(seconds=self.max_age)
        return self.fresh or too_old


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof given in a flow; ``verified`` and ``synced`` speak of passkeys."""

    kind: ProofKind
    at: dt.datetime
    factor: str = ""
    verified: bool = False
    synced: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy in force asks of an account."""

    factor_required: bool = True
    question_required: bool = True


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an account has, as far as a flow asks."""

    password_due: PasswordDue = PasswordDue.NO
    totp: bool = False
    passkey: bool = False
    question: bool = False

    @property
    def has_factor(self) -> bool:
        """Tell whether the account has a possession factor."""
        return self.totp or self.passkey


@dataclass(frozen=True, slots=True)
class Flow:
    """A stored flow. ``id`` is the digest of its token and ``browser`` that of the browser it is bound to."""

    id: bytes
    browser: bytes
    kind: FlowKind
    account_id: str | None
    session_id: str | None
    client_id: str
    client_name: str
    login_hint: str
    request: Mapping[str, object]
    demands: Demands
    session_acr: str
    proofs: tuple[Proof, ...]
    step: int
    tries: int
    created_at: dt.datetime
    expires_at: dt.datetime
    finished_at: dt.datetime | None = None
    resumed_at: dt.datetime | None = None

    def has(self, kind: ProofKind) -> bool:
        """Tell whether this flow holds a proof of ``kind``."""
        return any(proof.kind is kind for proof in self.proofs)

    @property
    def began_at(self) -> dt.datetime | None:
        """When the first proof of this flow was given; None while there is none.

        A flow that changed the password (LG-08) counts from the change, which ends every other flow.
        """
        passwords = [proof.at for proof in self.proofs if proof.kind is ProofKind.PASSWORD]
        if len(passwords) > 1:
            return max(passwords)
        return min((proof.at for proof in self.proofs), default=None)

    def outlives(self, ended_at: dt.datetime | None) -> bool:
        """Tell whether the flow goes on after its account's pending sign-ins were ended at ``ended_at``.

        A step-up ends with its session, and with nothing else.
        """
        began_at = self.began_at
        return self.kind is FlowKind.STEP_UP or not began_at or not ended_at or began_at >= ended_at

    def is_alive(self, now: dt.datetime) -> bool:
        """Tell whether the flow can still move: not ended, not expired, not dead of wrong codes (MF-04)."""
        return self.finished_at is None and self.expires_at > now and not self.is_spent

    @property
    def is_spent(self) -> bool:
        """Tell whether all the codes that may be tried in this flow were wrong."""
        return self.tries >= TRIES_PER_FLOW

    @property
    def is_wizard(self) -> bool:
        """Tell whether this flow sets an account up, and so ends with a review (G-18, G-21, G-33)."""
        return self.kind is FlowKind.ACTIVATION or self.has(ProofKind.MAILBOX) or self.demands.review

    @property
    def has_possession(self) -> bool:
        """Tell whether an authenticator app or a passkey was proved in this flow."""
        return self.has(ProofKind.TOTP) or self.has(ProofKind.PASSKEY)

    @property
    def has_verified_passkey(self) -> bool:
        """Tell whether a passkey was proved that checked its holder: two factors in one."""
        return any(proof.kind is ProofKind.PASSKEY and proof.verified for proof in self.proofs)


def acr_of(flow: Flow) -> Acr:
    """Return how strongly this flow proved its account; a step-up builds on its session (AL-*)."""
    if flow.has_verified_passkey:
        return Acr.PHISHING_RESISTANT
    first = flow.has(ProofKind.PASSWORD) or (flow.kind is FlowKind.STEP_UP and not flow.demands.fresh)
    if first and flow.has_possession:
        return Acr.TWO_FACTORS
    return Acr.ONE_FACTOR


def amr_of(flow: Flow) -> tuple[str, ...]:
    """Return the means this flow used, in the words of RFC 8176."""
    found: list[str] = []
    if flow.has(ProofKind.PASSWORD):
        found.append("pwd")
    if flow.has(ProofKind.TOTP):
        found.append("otp")
    for proof in flow.proofs:
        if proof.kind is ProofKind.PASSKEY:
            found.append("swk" if proof.synced else "hwk")
            found += ["user"] if proof.verified else []
    if acr_of(flow) is not Acr.ONE_FACTOR:
        found.append("mfa")
    return tuple(dict.fromkeys(found))


def proves_anew(flow: Flow) -> bool:
    """Tell whether this flow said anew who somebody is, and so moves ``auth_time``."""
    return flow.has(ProofKind.PASSWORD) or flow.has_verified_passkey


def next_step(flow: Flow, state: AccountState, rules: Rules) -> Step:
    """Return what ``flow`` waits for: the one place that decides it.

    The order is the law: who (password or passkey), second factor, an overdue password (LG-08), then what
    the account lacks. What is lacking is only enrolled after a possession was proved in this very flow: an
    enrolled factor, the activation link, or a code from the mailbox (MF-14).
    """
    if flow.account_id is None or not _is_identified(flow):
        return Step.IDENTIFY
    if _wants_second_factor(flow, state):
        return Step.SECOND_FACTOR
    if flow.has(ProofKind.PASSWORD) and state.password_due is not PasswordDue.NO:
        return Step.CHANGE_PASSWORD
    return _enrolment_step(flow, state, rules)


def _is_identified(flow: Flow) -> bool:
    if flow.kind is FlowKind.ACTIVATION:
        return flow.has(ProofKind.LINK) and flow.has(ProofKind.PASSWORD)
    if flow.kind is FlowKind.STEP_UP and not flow.demands.fresh:
        return True
    return flow.has(ProofKind.PASSWORD) or flow.has_verified_passkey


def _wants_second_factor(flow: Flow, state: AccountState) -> bool:
    if flow.has_verified_passkey:
        return False
    if flow.kind is FlowKind.STEP_UP and not flow.demands.fresh:
        return state.has_factor and not satisfies(_best(flow), _reachable(flow, state))
    if state.has_factor and not flow.has_possession:
        return True
    return state.passkey and not satisfies(acr_of(flow), _reachable(flow, state))


def second_factors(flow: Flow, state: AccountState) -> tuple[ProofKind, ...]:
    """Return the factors that can serve as this flow's second proof, best first."""
    only_passkey = not satisfies(Acr.TWO_FACTORS, _reachable(flow, state))
    found = [ProofKind.PASSKEY] if state.passkey else []
    if state.totp and not only_passkey:
        found.append(ProofKind.TOTP)
    return tuple(found)


def wants_verified_passkey(flow: Flow, state: AccountState) -> bool:
    """Tell whether a passkey must check its holder: where it stands alone, or ``phr`` is asked for."""
    return not _is_identified(flow) or not satisfies(Acr.TWO_FACTORS, _reachable(flow, state))


def _best(flow: Flow) -> str:
    return flow.session_acr if satisfies(flow.session_acr, (acr_of(flow),)) else acr_of(flow)


def _reachable(flow: Flow, state: AccountState) -> tuple[str, ...]:
    """Return the classes asked for, none above what the account can reach: nobody is sent in circles."""
    return within_reach(flow.demands.acr, passkey=state.passkey)


def within_reach(wanted: Iterable[str], *, passkey: bool) -> tuple[str, ...]:
    """Return classes asked for, each lowered to what an account with or without a passkey can reach."""
    top = Acr.PHISHING_RESISTANT if passkey else Acr.TWO_FACTORS
    return tuple(acr if satisfies(top, (acr,)) else top for acr in wanted)


def _enrolment_step(flow: Flow, state: AccountState, rules: Rules) -> Step:
    lacks_factor = not state.has_factor and (rules.factor_required or _demands_factor(flow))
    lacks_question = rules.question_required and not state.question
    proved = flow.has_possession or flow.has(ProofKind.LINK) or flow.has(ProofKind.MAILBOX)
    if (lacks_factor or lacks_question or flow.demands.review) and not proved:
        return Step.PROVE_MAILBOX
    if lacks_question:
        return Step.SET_QUESTION
    if lacks_factor:
        return Step.ENROL_FACTOR
    return Step.REVIEW if flow.is_wizard else Step.DONE


def _demands_factor(flow: Flow) -> bool:
    return not satisfies(Acr.ONE_FACTOR, flow.demands.acr)


ENROLLING_STEPS = (Step.ENROL_FACTOR, Step.REVIEW)
"""Where a factor may be enrolled: at its step, and at the review, which offers further ones (G-18)."""

FINISHING_STEPS = (Step.REVIEW, Step.DONE)
"""Where a flow may end in a session."""


RESUME_PATH = "/oauth2/authorize/resume"


def next_url(request: Mapping[str, object], token: str) -> str:
    """Return where a finished flow leads: back into its authorization request, or to a page of ours.

    A path that could lead anywhere else leads to the first page (RFC 9700 §4.11).
    """
    if request.get("kind") == "authorize":
        return f"{RESUME_PATH}?flow={token}"
    path = request.get("path")
    return local_path(path) if isinstance(path, str) else "/"
