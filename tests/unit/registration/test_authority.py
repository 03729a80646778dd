"""Who may do what: the matrix of MAN-107 §3, and nothing beside it (I-14)."""

from __future__ import annotations

import itertools

import pytest

from registration.domain.authority import (
    APPLICANT_REPRESENTATIVE,
    AUTHORIZED_REPRESENTATIVE,
    PRIMARY_CONTACT,
    RIGHTS_ADMINISTRATOR,
    TRUST_ROLES,
    Caller,
    Rights,
)
from registration.domain.contact_roles import conflicting, implied, is_open, may_be_held_by_person
from tests.support.registration_world import CATALOGUE

MATRIX = {
    (AUTHORIZED_REPRESENTATIVE, AUTHORIZED_REPRESENTATIVE),
    (AUTHORIZED_REPRESENTATIVE, PRIMARY_CONTACT),
    (PRIMARY_CONTACT, PRIMARY_CONTACT),
    (PRIMARY_CONTACT, RIGHTS_ADMINISTRATOR),
    (RIGHTS_ADMINISTRATOR, APPLICANT_REPRESENTATIVE),
}


@pytest.mark.parametrize(("actor", "role"), list(itertools.product(TRUST_ROLES, TRUST_ROLES)))
def test_each_group_names_exactly_whom_the_matrix_says(actor: str, role: str) -> None:
    """R-084..R-090, R-111."""
    assert Rights(frozenset({actor})).may_name(CATALOGUE, role) == ((actor, role) in MATRIX)


@pytest.mark.parametrize("actor", TRUST_ROLES)
def test_only_a_rights_administrator_grants(actor: str) -> None:
    """R-089, R-110, decision C-03."""
    assert Rights(frozenset({actor})).may_grant == (actor == RIGHTS_ADMINISTRATOR)


def test_an_applicant_representative_keeps_the_other_contacts() -> None:
    """R-091, R-092."""
    rights = Rights(frozenset({APPLICANT_REPRESENTATIVE}))
    others = [key for key in CATALOGUE.contact_roles if key not in TRUST_ROLES]
    assert all(rights.may_name(CATALOGUE, key) for key in others)


def test_staff_name_no_contact_and_grant_nothing_by_being_staff() -> None:
    """R-004..R-006: establishing the first representative is a deed of its own."""
    rights = Rights(is_staff=True)
    assert rights.may_see
    assert not rights.may_grant
    assert not any(rights.may_name(CATALOGUE, key) for key in CATALOGUE.contact_roles)


def test_a_stranger_sees_nothing() -> None:
    """RG-02."""
    nobody = Rights()
    assert not any((nobody.may_see, nobody.may_grant, nobody.may_search))
    assert not any(nobody.may_name(CATALOGUE, key) for key in CATALOGUE.contact_roles)


def test_an_ordinary_contact_searches_nobody() -> None:
    rights = Rights(frozenset({"settlements"}))
    assert rights.may_see
    assert not rights.may_search


def test_an_unknown_role_is_nobodys_to_name() -> None:
    assert not Rights(frozenset(TRUST_ROLES)).may_name(CATALOGUE, "emperor")


def test_the_command_line_is_the_operator() -> None:
    assert Caller.console().kind == "operator"
    assert Caller("01").kind == "account"


def test_contact_roles_open_by_participation_and_holder_kind() -> None:
    """R-125, R-129."""
    roles = CATALOGUE.contact_roles
    assert is_open(roles["settlements"], {"physical-market"})
    assert not is_open(roles["settlements"], {"generator"})
    assert is_open(roles["primary-contact"], set())
    assert may_be_held_by_person(roles["dispatch-data-viewer"])
    assert not may_be_held_by_person(roles["control-room"])


def test_submitter_and_viewer_exclude_each_other() -> None:
    """R-127."""
    assert (
        conflicting(CATALOGUE, "dispatch-data-viewer", {"dispatch-data-submitter"})
        == "dispatch-data-submitter"
    )
    assert conflicting(CATALOGUE, "dispatch-data-viewer", {"settlements"}) is None
    slots = {CATALOGUE.contact_slot(key) for key in ("dispatch-data-submitter", "dispatch-data-viewer")}
    assert len(slots) == 1
    assert CATALOGUE.contact_slot("settlements") is None


def test_a_contact_role_implies_only_what_a_participation_opens() -> None:
    """I-05."""
    assert implied(CATALOGUE, "dispatch-data-submitter", {"generator"}) == ("emi-dispatch-data-submit",)
    assert implied(CATALOGUE, "dispatch-data-submitter", {"retailer"}) == ()
    assert implied(CATALOGUE, "primary-contact", set()) == (
        "registration-base",
        "registration-primary-contact",
    )
