"""Working out what a deed would change, without changing anything: preview and effect come from here alike.

No deed of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registration.domain.access import conflicting as conflicting_access
from registration.domain.authority import Identity
from registration.domain.letters import Letter
from registration.domain.membership import GRANT, Effect, Source, effects, sources_by_role
from registration.domain.outcomes import Refusal, Refused
from registration.domain.plan import Change, ChangeKind, Plan, PlanSubject, membership_change
from registration.usecases.standing import Standing, Subject, sources


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants changed for one person in one organization: keys of roles."""

    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    end: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A plan with what carrying it out needs to know besides: memberships before and after."""

    plan: Plan
    effects: Mapping[str, Effect]
    after: Mapping[str, frozenset[str]]

    @property
    def creates_account(self) -> bool:
        """Whether the person gets an account by this."""
        return bool(self.plan.of(ChangeKind.ACCOUNT_CREATED))


def work_out(
    standing: Standing, subject: Subject, wish: Wish, *, maker: Identity | None
) -> Outcome | Refused:
    """Return everything that ``wish`` would change, or why it cannot be had."""
    before = sources(standing, subject.grants, subject.contact_roles)
    granted = (subject.grants | {*wish.grant}) - {*wish.revoke}
    named = (subject.contact_roles | {*wish.name}) - {*wish.end}
    after = sources(standing, granted, named)
    clash = conflicting_access(standing.catalogue, [source.access_role for source in after])
    if clash and (wish.grant or wish.name):
        names = [standing.catalogue.access_roles[key].name for key in clash]
        return Refused(Refusal.EXCLUDED, details={"role": names[0], "other": names[1]})
    changed = effects(before, after)
    plan = Plan(
        organization_id=standing.organization.id,
        subject=_subject(subject),
        changes=tuple(_changes(standing, subject, wish, changed, after, maker)),
    )
    return Outcome(plan, changed, sources_by_role(after))


def _subject(subject: Subject) -> PlanSubject:
    return PlanSubject(
        person_id=subject.person.id if subject.person else "",
        person_no=subject.person.number if subject.person else None,
        name=subject.details.full_name,
        email=subject.shown_email,
        user_name=subject.shown_user_name,
        fingerprint=subject.fingerprint,
    )


def _changes(
    standing: Standing,
    subject: Subject,
    wish: Wish,
    changed: Mapping[str, Effect],
    after: list[Source],
    maker: Identity | None,
) -> Iterator[Change]:
    if subject.person is None:
        yield Change(ChangeKind.PERSON_REGISTERED, "", subject.details.full_name)
    creates = subject.account is None and bool(after)
    if creates:
        yield Change(ChangeKind.ACCOUNT_CREATED, "personal", subject.details.full_name)
    yield from _role_changes(standing, wish)
    yield from _gateway_changes(standing, changed, sources_by_role(after))
    yield from _mails(subject, wish, maker, creates=creates)


def _role_changes(standing: Standing, wish: Wish) -> Iterator[Change]:
    contact_roles, access_roles = standing.catalogue.contact_roles, standing.catalogue.access_roles
    for kind, keys in ((ChangeKind.CONTACT_ADDED, wish.name), (ChangeKind.CONTACT_ENDED, wish.end)):
        for key in keys:
            yield Change(kind, key, contact_roles[key].name)
    for kind, keys in ((ChangeKind.ACCESS_GRANTED, wish.grant), (ChangeKind.ACCESS_REVOKED, wish.revoke)):
        for key in keys:
            role = access_roles.get(key)
            application = standing.catalogue.applications[role.system].name if role else ""
            yield Change(kind, key, role.name if role else key, application)


def _gateway_changes(
    standing: Standing, changed: Mapping[str, Effect], after: Mapping[str, frozenset[str]]
) -> Iterator[Change]:
    for key, effect in changed.items():
        role = standing.catalogue.access_roles.get(key)
        kept = (
            "" if by == GRANT else standing.catalogue.contact_roles[by].name
            for by in sorted(after.get(key, frozenset()))
        )
        line = membership_change(
            effect,
            key=key,
            name=role.name if role else key,
            application=standing.catalogue.applications[role.system].name if role else "",
            kept_by=[name or "access role" for name in kept],
        )
        if line is not None:
            yield line


def _mails(subject: Subject, wish: Wish, maker: Identity | None, *, creates: bool) -> Iterator[Change]:
    email = subject.shown_email
    if creates:
        yield Change(ChangeKind.MAIL_SENT, Letter.USER_NAME.value, email)
    told = Letter.ACCESS_CHANGED if wish.grant or wish.revoke else Letter.CONTACT_CHANGED
    yield Change(ChangeKind.MAIL_SENT, told.value, email)
    if maker is not None and maker.email and (subject.person is None or maker.person_id != subject.person.id):
        copy = Letter.ACCESS_CHANGED_COPY if told is Letter.ACCESS_CHANGED else Letter.CONTACT_CHANGED_COPY
        yield Change(ChangeKind.MAIL_SENT, copy.value, maker.email)
