"""Granting and revoking access roles, step by step (MAN-107 §8; R-164..R-185)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import flask
from flask.typing import ResponseReturnValue

from kernel.translations import mark
from kernel.web.forms import FormErrors, several, single
from kernel.web.language import gettext as _
from registration.domain.access import OfferedRole, OfferGroup
from registration.domain.authority import Represented
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson
from registration.usecases.grant_access_roles import grant_access_roles
from registration.usecases.offer_access_roles import offer_access_roles
from registration.usecases.preview_grant import preview_grant
from registration.usecases.preview_revoke import preview_revoke
from registration.usecases.revoke_access_roles import revoke_access_roles
from registration.web.confirming import confirm_page, reason_given
from registration.web.current import caller, identity, services, signed_in
from registration.web.drafts import (
    ACCESS,
    GRANT,
    REVOKE,
    address,
    begin,
    chosen_person,
    go,
    keep,
    step_of,
    text,
    texts,
)
from registration.web.pages import ACCESS_STEPS, wizard_page
from registration.web.refusals import refusal_page
from registration.web.words import refusal_text

PAGES = flask.Blueprint("access_steps", __name__)
ROLES_PER_PAGE = 10
_TYPES = (GRANT, REVOKE)


def _granting() -> tuple[Represented, ...]:
    return tuple(entry for entry in identity().organizations if entry.may_grant)


@PAGES.get("/access")
@signed_in
def organization() -> ResponseReturnValue:
    """Choose the organization; who acts for one only goes on at once (R-012, R-013, R-165)."""
    granting = _granting()
    if not granting:
        return _not_an_administrator()
    chosen = single(flask.request.args, "organization", longest=40)
    if any(entry.organization_id == chosen for entry in granting):
        return flask.redirect(f"/organizations/{chosen}/access", 303)
    if len(granting) == 1:
        return flask.redirect(f"/organizations/{granting[0].organization_id}/access", 303)
    errors = FormErrors()
    if "organization" in flask.request.args or "chosen" in flask.request.args:
        errors.add("organization", _("Choose an organization"))
    page = flask.render_template("registration/choose_organization.html", granting=granting, errors=errors)
    return page, 422 if errors else 200


@PAGES.route("/organizations/<organization_id>/access", methods=["GET", "POST"])
@signed_in
def begin_request(organization_id: str) -> ResponseReturnValue:
    """Choose to grant or to revoke (R-166); this starts the wizard."""
    represented = next((entry for entry in _granting() if entry.organization_id == organization_id), None)
    if represented is None:
        return _not_an_administrator()
    errors = FormErrors()
    if flask.request.method == "POST":
        chosen = single(flask.request.form, "type", longest=20)
        if chosen in _TYPES:
            return begin(
                ACCESS,
                organization_id,
                "account",
                type=chosen,
                organization_number=str(represented.number),
                organization_name=represented.short_name,
            )
        errors.add("type", _("Choose to grant or to revoke access roles"))
    page = flask.render_template(
        "registration/choose_type.html",
        represented=represented,
        errors=errors,
        steps=[_(name) for name in ACCESS_STEPS],
    )
    return page, 422 if errors else 200


@PAGES.route("/drafts/<draft_id>/account", methods=["GET", "POST"])
@step_of(ACCESS)
def account(draft: Draft) -> ResponseReturnValue:
    """Choose the kind of account: person or machine (R-167)."""
    errors = FormErrors()
    chosen = text(draft, "account_kind") or "personal"
    if flask.request.method == "POST":
        chosen = single(flask.request.form, "account_kind", longest=20)
        if chosen == "personal":
            kept = keep(draft, account_kind=chosen)
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, "search")
        if chosen == "machine":
            errors.add(
                "account_kind", _("Machine accounts are registered by Customer Relations. Choose Person.")
            )
        else:
            errors.add("account_kind", _("Choose an account type"))
    return wizard_page(
        "choose_account.html",
        draft,
        step=mark("Account type"),
        errors=errors,
        chosen=chosen,
        back=f"/organizations/{draft.organization_id}/access",
    )


@dataclass(frozen=True, slots=True)
class RolePage:
    """One page of the offered roles, under their participations (R-175)."""

    groups: tuple[OfferGroup, ...]
    page: int
    pages: int

    @property
    def keys(self) -> set[str]:
        """The keys of the roles this page shows."""
        return {role.key for group in self.groups for role in group.roles}


def role_page(groups: Iterable[OfferGroup], page: int) -> RolePage:
    """Cut the offer into pages; a participation that goes on repeats its heading."""
    flat: list[tuple[OfferGroup, OfferedRole]] = [(group, role) for group in groups for role in group.roles]
    pages = max(1, -(-len(flat) // ROLES_PER_PAGE))
    page = min(max(page, 1), pages)
    shown: dict[str, tuple[OfferGroup, list[OfferedRole]]] = {}
    for group, role in flat[(page - 1) * ROLES_PER_PAGE : page * ROLES_PER_PAGE]:
        shown.setdefault(group.heading_key, (group, []))[1].append(role)
    cut = tuple(OfferGroup(group.heading_key, group.heading, tuple(roles)) for group, roles in shown.values())
    return RolePage(cut, page, pages)


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 1


@PAGES.route("/drafts/<draft_id>/roles", methods=["GET", "POST"])
@step_of(ACCESS)
def roles(draft: Draft) -> ResponseReturnValue:
    """Choose the roles to grant, beside those the person has (R-173..R-175, R-185)."""
    person = chosen_person(draft)
    if text(draft, "type") != GRANT or person is None:
        return go(draft, "search")
    offer = offer_access_roles(
        services(), caller=caller(), organization_id=draft.organization_id or "", person=person
    )
    if isinstance(offer, Refused):
        return refusal_page(offer, ask=_ask())
    errors = FormErrors()
    chosen = texts(draft, "roles")
    values = flask.request.form if flask.request.method == "POST" else flask.request.args
    shown = role_page(offer.groups, _number(single(values, "page", longest=10)))
    if flask.request.method == "POST":
        ticked = [key for key in several(flask.request.form, "role") if key in shown.keys]
        chosen = [key for key in chosen if key not in shown.keys] + ticked
        kept = keep(draft, roles=chosen)
        if isinstance(kept, Refused):
            return refusal_page(kept)
        turn = single(flask.request.form, "turn", longest=10)
        if turn:
            return flask.redirect(f"{address(draft, 'roles')}?page={_number(turn)}", 303)
        if chosen:
            return go(draft, "confirm-grant")
        errors.add("role", refusal_text(Refused(Refusal.NOTHING_CHOSEN)))
    return wizard_page(
        "choose_roles.html",
        draft,
        step=mark("Access roles"),
        errors=errors,
        offer=offer,
        person=offer.person,
        shown=shown,
        chosen=chosen,
        elsewhere=len([key for key in chosen if key not in shown.keys]),
        back=address(draft, "confirm-person" if not text(draft, "person_id") else "select"),
    )


@PAGES.route("/drafts/<draft_id>/confirm-grant", methods=["GET", "POST"])
@step_of(ACCESS)
def confirm_grant(draft: Draft) -> ResponseReturnValue:
    """Show exactly what would change, and do it once (R-176, R-177, I-21, I-22)."""
    person, chosen = chosen_person(draft), texts(draft, "roles")
    if text(draft, "type") != GRANT or person is None or not chosen:
        return go(draft, "roles" if person is not None else "search")
    role_keys = tuple(chosen)
    return confirm_page(
        draft,
        "confirm_grant.html",
        preview=partial(preview_grant, person=person, role_keys=role_keys),
        deed=partial(
            grant_access_roles,
            person=person,
            role_keys=role_keys,
            reason=reason_given(),
            ticket=single(flask.request.form, "ticket", longest=80),
        ),
        back=address(draft, "roles"),
        ask=_ask(),
        ticket=flask.request.form.get("ticket", ""),
    )


@PAGES.route("/drafts/<draft_id>/revoke", methods=["GET", "POST"])
@step_of(ACCESS)
def revoke(draft: Draft) -> ResponseReturnValue:
    """Choose among the roles the person holds, or all of them (R-178, R-179)."""
    person = chosen_person(draft)
    if text(draft, "type") != REVOKE or not isinstance(person, ExistingPerson):
        return go(draft, "search")
    offer = offer_access_roles(
        services(), caller=caller(), organization_id=draft.organization_id or "", person=person
    )
    if isinstance(offer, Refused):
        return refusal_page(offer, ask=_ask())
    errors = FormErrors()
    chosen = texts(draft, "roles")
    if flask.request.method == "POST":
        every = single(flask.request.form, "every", longest=10) == "yes"
        revocable = [role.key for role in offer.held if role.revocable]
        chosen = (
            revocable if every else [key for key in several(flask.request.form, "role") if key in revocable]
        )
        if chosen:
            kept = keep(draft, roles=chosen, every=every)
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, "confirm-revoke")
        errors.add("role", refusal_text(Refused(Refusal.NOTHING_CHOSEN)))
    return wizard_page(
        "choose_held.html",
        draft,
        step=mark("Access roles"),
        errors=errors,
        offer=offer,
        person=offer.person,
        chosen=chosen,
        back=address(draft, "select"),
    )


@PAGES.route("/drafts/<draft_id>/confirm-revoke", methods=["GET", "POST"])
@step_of(ACCESS)
def confirm_revoke(draft: Draft) -> ResponseReturnValue:
    """Show what the revocation would change, and do it once (R-180, R-181)."""
    person, chosen = chosen_person(draft), texts(draft, "roles")
    if text(draft, "type") != REVOKE or not isinstance(person, ExistingPerson) or not chosen:
        return go(draft, "revoke" if person is not None else "search")
    person_id, role_keys, every = person.person_id, tuple(chosen), draft.values.get("every") is True
    return confirm_page(
        draft,
        "confirm_revoke.html",
        preview=partial(preview_revoke, person_id=person_id, role_keys=role_keys, every=every),
        deed=partial(
            revoke_access_roles, person_id=person_id, role_keys=role_keys, every=every, reason=reason_given()
        ),
        back=address(draft, "revoke"),
        ask=_ask(),
    )


def _ask() -> str:
    return _("Only a Rights Administrator of the organization can do this. A Primary Contact names them.")


def _not_an_administrator() -> ResponseReturnValue:
    return refusal_page(Refused(Refusal.NOT_ALLOWED), ask=_ask())
