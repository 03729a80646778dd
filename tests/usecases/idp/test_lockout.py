"""Locks and limits: guessing is bounded, and does not become a weapon; and nobody learns who exists."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.event import listen

from idp.domain.account import AccountKind
from idp.domain.login_flow import Step
from idp.settings import IdpSettings
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.flow_outcomes import Done, FlowPage, NotSignedIn, PasskeyOptions, SlowDown, WrongCode
from kernel.crypto import PasswordHasher
from kernel.errors import BusyError
from tests.support.gatehouse import PASSWORD, Gatehouse, Holder, a_gatehouse, from_place
from tests.support.staff_deeds import lock

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database

STRANGER = "browser-of-a-stranger"
_LITERAL = re.compile(r"[xX]?'(?:[^']|'')*'|\b[0-9.]+\b|NULL")


def guess(
    gatehouse: Gatehouse, name: str = "fieldn", value: str = "Wrong-Password-1", browser: str = STRANGER
) -> object:
    return gatehouse.give_password(gatehouse.start(browser), browser, name, value)


def fail(gatehouse: Gatehouse, times: int, name: str = "fieldn", browser: str = STRANGER) -> None:
    for _ in range(times):
        assert guess(gatehouse, name, browser=browser) == NotSignedIn()


def test_ten_failures_lock_even_the_right_password_out(gatehouse: Gatehouse) -> None:
    """LK-10, bar 10: the answer to a right password while locked is the same sentence."""
    gatehouse.a_holder()
    fail(gatehouse, 9)
    assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)
    fail(gatehouse, 10)
    assert guess(gatehouse, value=PASSWORD) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked"


def test_a_lock_opens_by_itself_and_grows_with_each_further_failure(gatehouse: Gatehouse) -> None:
    """LK-05: 15, 30, 60 minutes; one try after each, and a right one starts anew."""
    gatehouse.a_holder()
    fail(gatehouse, 10)
    for minutes in (15, 30, 60, 60):
        gatehouse.clock.advance(dt.timedelta(minutes=minutes, seconds=-1))
        assert guess(gatehouse, value=PASSWORD) == NotSignedIn()
        assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked"
        gatehouse.clock.advance(dt.timedelta(seconds=1))
        fail(gatehouse, 1)
        assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "wrong"
    gatehouse.clock.advance(dt.timedelta(minutes=60))
    assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)
    fail(gatehouse, 9)
    assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)


def test_a_stranger_cannot_lock_the_holder_out_of_a_known_browser(gatehouse: Gatehouse) -> None:
    """LK-05, bar 9: strangers lock strangers out; the holder signs in as always."""
    holder = gatehouse.a_holder()
    fail(gatehouse, 40)
    assert isinstance(gatehouse.sign_in(holder), Done)
    fail(gatehouse, 1)
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked"


def test_a_known_browser_is_locked_by_its_own_failures_and_locks_nobody_else(gatehouse: Gatehouse) -> None:
    """LK-05 the other way round: a borrowed machine has its ten tries and no more."""
    holder = gatehouse.a_holder()
    fail(gatehouse, 10, browser=holder.browser)
    assert guess(gatehouse, value=PASSWORD, browser=holder.browser) == NotSignedIn()
    assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)


def test_login_name_and_address_share_one_counter(gatehouse: Gatehouse) -> None:
    """CVE-2025-24806, CVE-2025-6004: another spelling is not another ten tries."""
    gatehouse.a_holder()
    spellings = ["fieldn", "FIELDN", "fieldn@acme.example", "FieldN@acme.example", " fieldn "]
    for spelling in spellings * 2:
        fail(gatehouse, 1, spelling)
    assert guess(gatehouse, value=PASSWORD) == NotSignedIn()


def test_a_right_password_clears_its_own_counter_only(gatehouse: Gatehouse) -> None:
    """LK-06: the counter of the address is not reset by the attacker's own account."""
    gatehouse.a_holder()
    gatehouse.a_holder("mallory")
    with from_place("192.0.2.66"):
        for _ in range(6):
            fail(gatehouse, 5)
            gatehouse.clock.advance(dt.timedelta(seconds=1))
            if isinstance(guess(gatehouse, "mallory", PASSWORD), SlowDown):
                break
        assert isinstance(guess(gatehouse, "mallory", PASSWORD), SlowDown)
    assert [row.reason for row in gatehouse.audit("gateway:sign-in:limited")] == ["sign-in-address"]


def test_spraying_from_one_place_is_slowed_and_noticed(gatehouse: Gatehouse) -> None:
    """LK-07: one guess each on many names; the address waits, others do not."""
    gatehouse.a_holder()
    with from_place("2001:db8::1"):
        answers = [guess(gatehouse, f"name{number}") for number in range(30)]
    assert answers == [NotSignedIn()] * 30
    with from_place("2001:db8::ffff"):
        assert isinstance(guess(gatehouse, value=PASSWORD), SlowDown)
    with from_place("192.0.2.1"):
        assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)
    gatehouse.clock.advance(dt.timedelta(minutes=5))
    with from_place("2001:db8::1"):
        assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)


def test_spraying_from_many_places_is_slowed_in_all(sqlite_gatehouse: Gatehouse) -> None:
    """LK-07: 1,000 in five minutes for everybody together."""
    from idp.usecases.limits import EVERYBODY
    from kernel.ratelimit import take

    with sqlite_gatehouse.services.store.write() as unit:
        take(unit.connection, EVERYBODY, "", now=unit.now, cost=1_000)
    with from_place("192.0.2.1"):
        assert isinstance(guess(sqlite_gatehouse), SlowDown)


def test_one_place_cannot_use_up_the_limit_of_everybody(sqlite_gatehouse: Gatehouse) -> None:
    """LK-05, LK-07: what an address may no longer do keeps nobody else out."""
    holder = sqlite_gatehouse.a_holder()
    with from_place("192.0.2.66"):
        answers = [guess(sqlite_gatehouse, f"name{number}") for number in range(1_010)]
    assert isinstance(answers[-1], SlowDown)
    with from_place("198.51.100.7"):
        assert isinstance(guess(sqlite_gatehouse, holder.user_name, PASSWORD), FlowPage)


def test_one_place_cannot_fill_the_database_with_flows(sqlite_gatehouse: Gatehouse) -> None:
    """LK-07: whoever has proved nothing has a bounded number of flows kept; others go on, and so does it later."""
    from idp.usecases.limits import FLOWS
    from kernel.ratelimit import take

    with sqlite_gatehouse.services.store.write() as unit:
        take(unit.connection, FLOWS, "192.0.2.66", now=unit.now, cost=FLOWS.count)
    with from_place("192.0.2.66"), pytest.raises(BusyError):
        sqlite_gatehouse.start()
    with from_place("198.51.100.7"):
        assert sqlite_gatehouse.start()
    sqlite_gatehouse.clock.advance(dt.timedelta(minutes=5))
    with from_place("192.0.2.66"):
        assert sqlite_gatehouse.start()


def test_a_neighbour_cannot_keep_a_known_browser_out(gatehouse: Gatehouse) -> None:
    """LK-05: the limit of an address does not bind a browser that the account knows."""
    holder = gatehouse.a_holder()
    with from_place("192.0.2.5"):
        for number in range(31):
            guess(gatehouse, f"name{number}")
        assert isinstance(guess(gatehouse), SlowDown)
        assert isinstance(gatehouse.sign_in(holder), Done)


def test_sign_ins_that_succeed_do_not_use_the_limit_of_an_office_up(sqlite_gatehouse: Gatehouse) -> None:
    """LK-07: failures count, forty people behind one address in the morning do not."""
    holder = sqlite_gatehouse.a_holder()
    with from_place("192.0.2.5"):
        for number in range(40):
            assert isinstance(guess(sqlite_gatehouse, value=holder.password, browser=f"b{number}"), FlowPage)


def test_codes_are_counted_apart_from_passwords(gatehouse: Gatehouse) -> None:
    """MF-04, CVE-2024-32868: ten wrong codes over many flows lock the factor and leave the password."""
    holder = gatehouse.a_holder()
    answers = []
    for flow_number in range(3):
        browser = f"browser-{flow_number}"
        flow = gatehouse.start(browser)
        gatehouse.give_password(flow, browser, "fieldn")
        answers += [gatehouse.give_code(flow, browser, "000000") for _ in range(4)]
    assert [isinstance(each, WrongCode) for each in answers] == [True] * 10 + [False] * 2
    assert answers[9] == WrongCode(0)
    assert answers[10] == SlowDown(dt.timedelta(minutes=15))
    flow = gatehouse.start()
    assert isinstance(gatehouse.give_password(flow, "browser-elsewhere", "fieldn"), FlowPage)
    locked = gatehouse.give_code(flow, "browser-elsewhere", gatehouse.code(holder.seed))
    assert isinstance(locked, SlowDown)
    assert isinstance(gatehouse.sign_in(holder), Done)


def test_the_budget_of_code_guesses_is_small(gatehouse: Gatehouse) -> None:
    """MF-04: no more than twenty looks at a code in an hour, whoever asks how often."""
    gatehouse.a_holder()
    looked = 0
    for minute in range(60):
        browser = f"browser-{minute}"
        flow = gatehouse.start(browser)
        gatehouse.give_password(flow, browser, "fieldn")
        looked += sum(isinstance(gatehouse.give_code(flow, browser, "000000"), WrongCode) for _ in range(6))
        gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert looked <= 20


def test_the_holder_hears_of_a_lock_but_is_not_flooded(gatehouse: Gatehouse) -> None:
    """MF-04, BM-04: a letter for a lock, three a day at most; none for a name that is nobody's."""
    gatehouse.a_holder()
    fail(gatehouse, 10)
    fail(gatehouse, 10, "nobody")
    assert len(gatehouse.letters("locked")) == 1
    for _ in range(10):
        gatehouse.clock.advance(dt.timedelta(hours=1))
        fail(gatehouse, 1)
    assert len(gatehouse.letters("locked")) == 3


def test_old_failures_are_forgotten(gatehouse: Gatehouse) -> None:
    """Nine failures of yesterday and one of today do not lock."""
    gatehouse.a_holder()
    fail(gatehouse, 9)
    gatehouse.clock.advance(dt.timedelta(hours=24))
    fail(gatehouse, 9)
    assert isinstance(guess(gatehouse, value=PASSWORD), FlowPage)


def test_a_busy_system_gives_the_try_back(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """Bar 35: when no hash can be computed, nobody is locked out for it."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock)
    gatehouse.a_holder()
    busy = a_gatehouse(
        sqlite_gateway_database, clock, passwords=PasswordHasher(memory_kib=8, passes=1, parallel=1, wait=0)
    )
    with busy.services.passwords.turns.turn():
        for _ in range(20):
            with pytest.raises(BusyError):
                guess(busy, value=PASSWORD)
    assert isinstance(guess(busy, value=PASSWORD), FlowPage)


def test_a_busy_system_opens_no_lock(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """LK-10: a try that met a lock was not counted, and nothing of it is given back."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock)
    gatehouse.a_holder()
    fail(gatehouse, 10)
    busy = a_gatehouse(
        sqlite_gateway_database, clock, passwords=PasswordHasher(memory_kib=8, passes=1, parallel=1, wait=0)
    )
    with busy.services.passwords.turns.turn(), pytest.raises(BusyError):
        guess(busy)
    assert guess(gatehouse, value=PASSWORD) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked"


def test_limits_can_be_switched_off_for_load_tests_and_locks_stay(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """Settings: `limits = false` frees the place, not the account."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock, settings=IdpSettings(limits=False))
    gatehouse.a_holder()
    with from_place("192.0.2.1"):
        for number in range(40):
            assert guess(gatehouse, f"name{number}") == NotSignedIn()
        fail(gatehouse, 10)
        assert guess(gatehouse, value=PASSWORD) == NotSignedIn()


# --- enumeration ---------------------------------------------------------------------------------


def a_crowd(gatehouse: Gatehouse) -> dict[str, Holder | None]:
    """Return names in every state an account can have."""
    crowd: dict[str, Holder | None] = {"existing": gatehouse.a_holder("existing")}
    crowd["deactivated"] = gatehouse.a_holder("deactivated")
    gatehouse.deactivate(crowd["deactivated"].id)  # type: ignore[union-attr]
    crowd["locked"] = gatehouse.a_holder("locked")
    fail(gatehouse, 10, "locked")
    crowd["locked-by-staff"] = gatehouse.a_holder("locked-by-staff")
    lock(gatehouse.services, "locked-by-staff")
    gatehouse.provision("unactivated")
    crowd["unactivated"] = None
    crowd["apiieso00001"] = gatehouse.a_holder("APIIESO00001", kind=AccountKind.MACHINE)
    crowd["unknown"] = None
    crowd["existing@acme.example"] = None
    crowd["nobody@acme.example"] = None
    return crowd


def test_every_state_of_an_account_reads_the_same(gatehouse: Gatehouse) -> None:
    """EN-01, LG-11: unknown, locked, not activated, deactivated, machine, wrong: one answer, one page."""
    crowd = a_crowd(gatehouse)
    pages = []
    for name in crowd:
        flow = gatehouse.start()
        assert gatehouse.give_password(flow, "browser-elsewhere", name, "Wrong-Password-1") == NotSignedIn()
        pages.append(gatehouse.page(flow, "browser-elsewhere"))
    assert len({repr(page) for page in pages}) == 1
    assert pages[0].step is Step.IDENTIFY
    assert pages[0].account is None


def test_a_right_password_opens_nothing_that_may_not_sign_in(gatehouse: Gatehouse) -> None:
    """LG-11: the audit has the true reason, the page has not."""
    gatehouse.deactivate(gatehouse.a_holder("deactivated").id)
    gatehouse.a_holder("locked")
    fail(gatehouse, 10, "locked")
    gatehouse.provision("unactivated")
    for name, reason in (
        ("deactivated", "deactivated"),
        ("locked", "locked"),
        ("unactivated", "not-activated"),
        ("unknown", "unknown"),
    ):
        assert guess(gatehouse, name, PASSWORD) == NotSignedIn()
        assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == reason


def test_unknown_names_lock_like_known_ones(gatehouse: Gatehouse) -> None:
    """EN-01, LK-10: a lock that only known names have would tell them."""
    fail(gatehouse, 11, "nobody")
    assert gatehouse.audit("gateway:sign-in:refused")[-1].target.startswith("name:")
    with gatehouse.services.store.read() as connection:
        from sqlalchemy import select

        from idp.storage.tables import failure_count

        row = connection.execute(select(failure_count)).one()
    assert row.failures == 10
    assert row.locked_until is not None


def test_exactly_one_hash_is_computed_whoever_is_named(sqlite_gatehouse: Gatehouse) -> None:
    """EN-01: the time of the hash is the time of the answer."""
    crowd = a_crowd(sqlite_gatehouse)
    for name in ("one", "two"):
        sqlite_gatehouse.a_holder(name, email="shared@acme.example")
    hasher = sqlite_gatehouse.services.passwords
    looked: list[str | None] = []
    verify = hasher.verify

    def counting(stored: str | None, secret: str) -> bool:
        looked.append(stored)
        return verify(stored, secret)

    hasher.verify = counting  # type: ignore[method-assign]
    for name in [*crowd, "shared@acme.example", "", "x" * 5000]:
        looked.clear()
        guess(sqlite_gatehouse, name)
        assert len(looked) == 1, name


def test_known_and_unknown_names_cost_the_same_work(sqlite_gatehouse: Gatehouse) -> None:
    """EN-01: the same statements in the same order, beside the one hash; nothing is left that takes time."""
    sqlite_gatehouse.a_holder()
    seen: list[str] = []

    def note(text: str) -> None:
        seen.append(_LITERAL.sub("?", text))

    def work(name: str) -> list[str]:
        flow = sqlite_gatehouse.start(STRANGER)
        seen.clear()
        assert sqlite_gatehouse.give_password(flow, STRANGER, name, "Wrong-Password-1") == NotSignedIn()
        return list(seen)

    database = sqlite_gatehouse.services.store.database
    database.dispose()
    listen(database.engine, "connect", lambda raw, _record: raw.set_trace_callback(note))
    known, unknown = work("fieldn"), work("nobody")
    assert len(known) > 5
    assert known == unknown


def test_the_first_page_names_no_factor_and_no_person(gatehouse: Gatehouse) -> None:
    """EN-04: whatever hint the request carried."""
    gatehouse.a_holder()
    flow = gatehouse.start(login_hint="fieldn")
    page = gatehouse.page(flow, "browser-elsewhere")
    assert (page.account, page.second_factors, page.factors, page.mailbox) == (None, (), (), "")
    assert page.login_hint == "fieldn"


def test_passkey_options_are_the_same_for_everybody(gatehouse: Gatehouse) -> None:
    """EN-05: they name nobody's credentials; only the challenge differs."""
    import json

    gatehouse.a_holder()
    found = []
    for hint in ("fieldn", "nobody", ""):
        flow = gatehouse.start(login_hint=hint)
        options = begin_passkey(gatehouse.services, flow=flow, browser="browser-elsewhere")
        assert isinstance(options, PasskeyOptions)
        found.append(json.loads(options.json))
    challenges = {each.pop("challenge") for each in found}
    assert len(challenges) == 3
    assert found[0] == found[1] == found[2]
    assert not found[0].get("allowCredentials")
    assert found[0]["userVerification"] == "required"
    assert found[0]["timeout"] == 300_000
