"""Plans, memberships, letters, searching, small values: what pages show is what deeds do (I-18, I-21)."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.folding import folded, in_the_alphabet
from registration.domain.letters import LINES, TEXTS, Letter, change_line, write
from registration.domain.membership import GRANT, Effect, Source, effects, sources_by_role
from registration.domain.organization import OrganizationDetails, OrganizationForm, check_organization
from registration.domain.outcomes import Fault, FaultCode
from registration.domain.plan import Change, ChangeKind, Plan, PlanSubject, membership_change
from registration.domain.request import WaitReason, waiting_for
from registration.domain.search import PersonRow, PersonSearch, paged, rank
from registration.domain.text import has_control, letters, sort_key
from tests.support.clock import NOON

ROLES = st.sampled_from(["emi", "reports", "crow"])
SOURCES = st.lists(st.builds(Source, ROLES, st.sampled_from([GRANT, "submitter", "viewer"])), max_size=8)


@given(SOURCES, SOURCES)
def test_a_membership_exists_exactly_while_something_gives_it(
    before: list[Source], after: list[Source]
) -> None:
    """I-18: reference counting, whatever the sources."""
    old, new = sources_by_role(before), sources_by_role(after)
    for role, effect in effects(before, after).items():
        assert (effect is Effect.JOINS) == (role not in old and role in new)
        assert (effect is Effect.LEAVES) == (role in old and role not in new)
        assert (effect is Effect.STAYS) == (role in old and role in new and old[role] != new[role])


def test_ending_a_contact_role_keeps_what_a_grant_still_gives() -> None:
    """I-18."""
    both = [Source("emi"), Source("emi", "submitter"), Source("crow", "submitter")]
    assert effects(both, both[:1]) == {"emi": Effect.STAYS, "crow": Effect.LEAVES}


def a_plan() -> Plan:
    return Plan(
        "01ORG",
        PlanSubject("01P", 200_001, "Jim Smith", "jim@acme.example"),
        (Change(ChangeKind.ACCESS_GRANTED, "emi", "EMI"),),
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(a_plan(), organization_id="01OTHER"),
        replace(a_plan(), changes=()),
        replace(a_plan(), subject=replace(a_plan().subject, person_id="01Q")),
        replace(a_plan(), subject=replace(a_plan().subject, email="eve@acme.example")),
        replace(a_plan(), subject=replace(a_plan().subject, fingerprint="x")),
        replace(a_plan(), changes=(Change(ChangeKind.ACCESS_REVOKED, "emi", "EMI"),)),
    ],
)
def test_any_difference_makes_another_digest(changed: Plan) -> None:
    """I-21, RG-12, RG-16: nothing can be exchanged between confirm page and confirm."""
    assert changed.digest != a_plan().digest
    assert a_plan().digest == a_plan().digest


def test_a_kept_membership_says_what_keeps_it() -> None:
    kept = membership_change(Effect.STAYS, key="emi", name="EMI", application="Market", kept_by=["Submitter"])
    assert kept == Change(ChangeKind.GATEWAY_KEPT, "emi", "EMI", "Market", "Submitter")
    assert membership_change(Effect.NONE, key="emi", name="", application="", kept_by=[]) is None


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("letter", Letter)
def test_every_letter_says_the_same_in_both_languages(letter: Letter) -> None:
    english, french = TEXTS[letter]["en"], TEXTS[letter]["fr"]
    assert placeholders(english[0] + english[1]) == placeholders(french[0] + french[1])
    assert english != french
    for lines in LINES.values():
        assert set(lines) == {"en", "fr"}


@pytest.mark.parametrize("letter", Letter)
def test_no_letter_carries_a_secret(letter: Letter) -> None:
    """R-246: nobody else ever knows a password; the activation link comes from the Gateway."""
    names = placeholders("".join(TEXTS[letter]["en"]))
    assert not {name for name in names if any(word in name for word in ("password", "token", "link", "code"))}


def test_a_name_cannot_start_a_header_or_a_paragraph() -> None:
    values = dict.fromkeys(
        ["product", "registration_url", "name", "organization", "user_name", "person_no", "requester"], "x"
    )
    written = write(
        Letter.USER_NAME, "en", {**values, "product": "Switch\r\nBcc: eve@x.example", "name": "A\n\nB"}
    )
    assert "\n" not in written.subject
    assert "\r" not in written.subject
    assert "Hello A B,\n" in written.text


def test_an_unknown_language_is_english_and_unknown_changes_are_not_told() -> None:
    assert change_line("access-granted", "de", "EMI") == "  + access role: EMI"
    assert change_line("gateway-joined", "en", "EMI") == ""


def test_an_organization_is_checked() -> None:
    """R-003."""
    found = check_organization(
        OrganizationForm(" ACME  Generation Inc. ", "acme gen", "122846", ("generator",) * 2)
    )
    assert found == OrganizationDetails(
        "ACME Generation Inc.", "ACME GEN", 122_846, ("generator",), owns_facilities=False
    )
    assert check_organization(OrganizationForm("", "-x-", "12a")) == (
        Fault("legal_name", FaultCode.MISSING),
        Fault("short_name", FaultCode.NOT_A_SHORT_NAME),
        Fault("number", FaultCode.NOT_A_NUMBER),
    )
    assert check_organization(OrganizationForm("x" * 201, "", "9" * 30)) == (
        Fault("legal_name", FaultCode.TOO_LONG),
        Fault("short_name", FaultCode.MISSING),
        Fault("number", FaultCode.NOT_A_NUMBER),
    )
    assert check_organization(OrganizationForm("a\x00b", "A")) == (Fault("legal_name", FaultCode.NOT_TEXT),)


def test_a_search_needs_something_to_look_for() -> None:
    """R-020."""
    assert PersonSearch().is_empty
    assert PersonSearch(" ", "  ", "").is_empty
    assert PersonSearch(person_no="x").number == -1
    assert PersonSearch(person_no="200001").number == 200_001
    assert PersonSearch(person_no="9" * 40).number == -1


def a_hit(number: int, last: str, first: str, *, own: bool = True) -> PersonRow:
    return PersonRow(str(number), number, last, first, "", "", own)


def test_results_are_ranked() -> None:
    """R-022: whole matches before beginnings before parts; own people first; then by name."""
    hits = [
        a_hit(1, "Blacksmith", "Ann"),
        a_hit(2, "Smithson", "Ann"),
        a_hit(3, "Smith", "Zoe", own=False),
        a_hit(4, "Smith", "Bob"),
        a_hit(5, "Smith", "Ann"),
    ]
    ordered = sorted(hits, key=lambda row: rank(row, PersonSearch(last_name="smith")))
    assert [row.person_no for row in ordered] == [5, 4, 3, 2, 1]


def test_pages_count_from_one_and_never_run_out() -> None:
    """R-022."""
    assert paged(list(range(45)), 3, 20).rows == tuple(range(40, 45))
    assert paged(list(range(45)), 99, 20).page == 3
    assert paged([], -1).pages == 1


def test_names_fold() -> None:
    assert folded("ÆØÅ ß Łódź") == "aeoa ss lodz"
    assert sorted(["Zoé", "école", "Eve", "Élan", "Ecole"], key=in_the_alphabet) == [
        *("Ecole", "école", "Élan", "Eve", "Zoé")
    ]
    assert letters("D\u2019Arcy-Étienne 3rd") == "darcyetiennerd"
    assert sort_key("  O'  Neil ") == "o' neil"
    assert has_control("a\u200fb")
    assert not has_control("Zoé O\u2019Neil")


def test_without_a_delivery_an_item_is_queued() -> None:
    waiting = waiting_for(None, unreachable_since=NOON, registered_at=NOON)
    assert waiting.reason is WaitReason.QUEUED
