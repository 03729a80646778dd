"""What staff have to know before they do something to an account at the help desk (G-65 to G-67)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idp.domain.help_desk import Check, DeskRefusal, Ground, Verification

CHECKS = st.frozensets(st.sampled_from(Check))


@given(CHECKS, st.sampled_from(Ground))
def test_nothing_is_done_without_the_number_of_a_request(checks: frozenset[Check], ground: Ground) -> None:
    """G-65, privacy: a text could name somebody, and the audit names nobody."""
    for ticket in ("", "Nora Field", "nobody"):
        stated = Verification(ticket, checks, ground)
        assert all(DeskRefusal.TICKET in stated.faults(protects=each) for each in (False, True))


@given(CHECKS)
def test_of_what_is_compared_all_has_to_be_right(checks: frozenset[Check]) -> None:
    """G-65, G-67: the number that is registered, the person, and the organization."""
    stated = Verification("INC-4711", checks)
    expected = () if len(checks) == len(Check) else (DeskRefusal.UNVERIFIED,)
    assert [stated.faults(protects=each) for each in (False, True)] == [expected, expected]


@given(CHECKS)
def test_staff_act_of_their_own_only_to_protect(checks: frozenset[Check]) -> None:
    """LG-11: who took an account over answers its telephone, too; but nobody gets a password by it."""
    stated = Verification("INC-4711", checks, Ground.STAFF)
    assert stated.faults(protects=True) == ()
    missing = checks != frozenset(Check)
    assert stated.faults(protects=False) == ((DeskRefusal.UNVERIFIED,) if missing else ())


def test_the_audit_holds_words_of_a_list_and_a_number() -> None:
    """G-65: always in the same order, whatever was ticked first."""
    stated = Verification("INC-4711", frozenset({Check.ORGANIZATION, Check.CALLED_BACK}))
    assert stated.told == {
        "ticket": "INC-4711",
        "ground": "holder",
        "checks": "called-back organization",
    }
