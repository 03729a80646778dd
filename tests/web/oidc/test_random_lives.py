"""Whatever happens in whatever order: a token works exactly as long as all that it rests on.

A seeded walk over the endpoints, beside a model of our own words. After each deed every token that was ever
given is asked for, and the logout notices are those of the sessions that the deed ended.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.log_out import log_out
from idp.usecases.sweep_sign_in import sweep_sign_in
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import SYSTEM
from tests.support.accounts import switched
from tests.support.oidc import Op, an_op
from tests.support.staff_deeds import lock, unlock

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response

STEPS = 220
CLIENTS = ("emi", "reports")
SPANS = [dt.timedelta(seconds=4), dt.timedelta(seconds=11), dt.timedelta(minutes=4), dt.timedelta(minutes=31)]


@dataclass
class Person:
    """An account: its source switches it, staff lock it."""

    name: str
    id: str
    wanted: bool = True
    locked: bool = False

    @property
    def active(self) -> bool:
        return self.wanted and not self.locked


@dataclass
class Session:
    """A sign-in of one browser. ``used`` is when it was seen last: after half an hour it opens nothing."""

    person: Person
    cookie: str
    used: dt.datetime
    ends: dt.datetime
    ended: bool = False
    clients: set[str] = field(default_factory=set)


@dataclass
class Family:
    """What one authorization gave; without a session it is offline access."""

    person: Person
    client: str
    session: Session | None
    code: str
    code_ends: dt.datetime
    ends: dt.datetime
    redeemed: bool = False
    dead: bool = False


@dataclass
class Token:
    """An access token, or a refresh token with the one that took its place."""

    value: str
    family: Family
    ends: dt.datetime
    dead: bool = False
    spent: dt.datetime | None = None
    heir: Token | None = None


class Walk:
    """One provider, what was done to it, and what is to be expected of it."""

    def __init__(self, op: Op, seed: int) -> None:
        self.op, self.chance = op, random.Random(seed)
        for client_id in CLIENTS:
            op.client(client_id, backchannel_logout_uri=f"https://{client_id}.example/out")
        self.people = [Person(name, op.account(name)) for name in ("alice", "bob")]
        self.enabled = dict.fromkeys(CLIENTS, True)
        self.sessions: list[Session] = []
        self.families: list[Family] = []
        self.access: list[Token] = []
        self.refresh: list[Token] = []
        self.told: Counter[tuple[str, str]] = Counter()

    @property
    def now(self) -> dt.datetime:
        return self.op.clock.now()

    # --- the model ----------------------------------------------------------------------------------

    def holds(self, family: Family) -> bool:
        """Tell whether a family gives anything: neither it nor what it rests on is over."""
        rests = family.session is None or not family.session.ended
        return not family.dead and rests and family.person.active and self.now < family.ends

    def lives(self, token: Token) -> bool:
        fresh = not token.dead and token.spent is None and self.now < token.ends
        return (
            fresh
            and not token.family.dead
            and token.family.person.active
            and self.enabled[token.family.client]
        )

    def end(self, session: Session) -> None:
        """End a session with what lives with it; each client that it signed in to hears of it once."""
        if not session.ended:
            session.ended = True
            self.told.update((client, session.person.id) for client in session.clients)
            for family in self.families:
                family.dead |= family.session is session

    def end_all(self, person: Person) -> None:
        for session in self.sessions:
            if session.person is person:
                self.end(session)
        for family in self.families:
            family.dead |= family.person is person

    # --- deeds --------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        active = [person for person in self.people if person.active]
        if active:
            person = self.chance.choice(active)
            life = self.op.services.settings.session_life
            self.sessions.append(Session(person, self.op.session(person.id), self.now, self.now + life))

    def authorize(self) -> None:
        """Ask for a code in the newest session, without a question."""
        if not self.sessions:
            return
        session, client = self.chance.choice(self.sessions[-2:]), self.chance.choice(CLIENTS)
        scope = self.chance.choice(["openid email", "openid email offline_access"])
        idle = self.op.services.settings.session_idle
        opens = not session.ended and self.now < session.ends and self.now - session.used < idle
        answer = self.op.authorize(session.cookie, client_id=client, scope=scope, prompt="none")
        if not self.enabled[client]:
            assert answer.status == 400
            return
        location = answer.header("location")
        if opens and self.now - session.used >= dt.timedelta(minutes=1):
            session.used = self.now
        assert ("code=" in location, "error=login_required" in location) == (opens, not opens)
        if opens:
            code = location.split("code=")[1].split("&")[0]
            offline = "offline" in scope
            ends = self.now + self.op.services.settings.refresh_token_life if offline else session.ends
            minute = self.now + self.op.services.settings.code_life
            kept = None if offline else session
            self.families.append(Family(session.person, client, kept, code, minute, ends))
            session.clients.add(client)

    def redeem(self) -> None:
        """Redeem a code, now and then once more: what it gave dies then (RFC 6749 4.1.2)."""
        if not self.families:
            return
        waiting = [family for family in self.families if not family.redeemed]
        found = self.families if self.chance.random() < 0.1 else waiting or self.families
        family = self.chance.choice(found[-2:])
        good = not family.redeemed and self.now < family.code_ends and self.holds(family)
        answer = self.op.redeem(family.code, headers=self.op.basic(family.client))
        if self.answers(answer, family, good=good):
            self.took(answer, family)
        elif self.enabled[family.client]:
            family.dead = True
        family.redeemed |= self.enabled[family.client]

    def renew(self) -> None:
        """Use a refresh token, also one that was spent: within the grace its heir comes again, later all dies."""
        if not self.refresh:
            return
        used = self.chance.random() < 0.3
        found = [token for token in self.refresh if not token.family.dead and bool(token.spent) is used]
        token = self.chance.choice(found[-4:] or self.refresh[-4:])
        family, holds = token.family, self.holds(token.family)
        grace = self.op.services.settings.refresh_grace
        unused = token.heir is not None and token.heir.spent is None
        again = token.spent is not None and self.now - token.spent < grace and unused
        good = holds and (again or (token.spent is None and self.now < token.ends))
        answer = self.op.refresh(token.value, headers=self.op.basic(family.client))
        if self.answers(answer, family, good=good):
            if token.heir is None:
                token.heir = self.took(answer, family)
            else:
                body = answer.json()
                assert body["refresh_token"] == token.heir.value
                assert self.op.introspect(body["access_token"], self.op.basic(family.client))["active"]
        elif self.enabled[family.client] and token.spent is not None:
            family.dead = True
        if self.enabled[family.client] and self.now < token.ends:
            token.spent = token.spent or self.now

    def give_back(self) -> None:
        """Revoke one access token, or by its refresh token the family (RFC 7009)."""
        found = [*self.access[-2:], *self.refresh[-2:]]
        if found:
            token = self.chance.choice(found)
            proof = self.op.basic(token.family.client)
            answer = self.op.post("/oauth2/revoke", {"token": token.value}, headers=proof)
            assert answer.status == (200 if self.enabled[token.family.client] else 401)
            if answer.status == 200 and token in self.refresh:
                token.family.dead = True
            elif answer.status == 200:
                token.dead = True

    def sign_out(self) -> None:
        """Sign out here, which works after idling too, or everywhere, which has to be proved by a live session."""
        if self.sessions:
            standing = [session for session in self.sessions if not session.ended] or self.sessions
            session, everywhere = self.chance.choice(standing[-3:]), self.chance.random() < 0.3
            stands = not session.ended and self.now < session.ends
            live = stands and self.now - session.used < self.op.services.settings.session_idle
            log_out(self.op.services, session_token=session.cookie, everywhere=everywhere)
            if everywhere and live:
                self.end_all(session.person)
            elif stands and not everywhere:
                self.end(session)

    def switch(self) -> None:
        person = next((each for each in self.people if not each.wanted), self.chance.choice(self.people))
        person.wanted = not person.wanted
        switched(self.op.services, person.id, active=person.wanted)
        if not person.wanted:
            self.end_all(person)

    def staff(self) -> None:
        person = next((each for each in self.people if each.locked), self.chance.choice(self.people))
        if person.locked:
            unlock(self.op.services, person.name)
        else:
            lock(self.op.services, person.name)
            self.end_all(person)
        person.locked = not person.locked

    def switch_client(self) -> None:
        client = next((each for each in CLIENTS if not self.enabled[each]), self.chance.choice(CLIENTS))
        deed = disable_client if self.enabled[client] else enable_client
        assert deed(self.op.services, client, actor=SYSTEM)
        self.enabled[client] = not self.enabled[client]
        for family in self.families:
            family.dead |= family.client == client

    def wait(self) -> None:
        longer = [dt.timedelta(hours=11), dt.timedelta(days=15)]
        self.op.clock.advance(self.chance.choice(longer if self.chance.random() < 0.1 else SPANS))

    def sweep(self) -> None:
        sweep_tokens(self.op.services)
        sweep_sign_in(self.op.services)

    # --- what is to be seen --------------------------------------------------------------------------

    def answers(self, answer: Response, family: Family, *, good: bool) -> bool:
        """Tell whether tokens came; a refusal is the one that the standard has for it."""
        if self.enabled[family.client] and good:
            assert answer.status == 200, answer.body
            return True
        expected = "invalid_grant" if self.enabled[family.client] else "invalid_client"
        assert answer.json()["error"] == expected
        return False

    def took(self, answer: Response, family: Family) -> Token:
        body, settings = answer.json(), self.op.services.settings
        ends = min(family.ends, self.now + settings.access_token_life)
        self.access.append(Token(body["access_token"], family, ends))
        renewed = Token(
            body["refresh_token"], family, min(family.ends, self.now + settings.refresh_token_idle)
        )
        self.refresh.append(renewed)
        return renewed

    def look(self) -> None:
        """Ask for each token, and count who was told of ended sessions."""
        for token in [*self.access, *self.refresh]:
            client = token.family.client
            if self.enabled[client]:
                assert self.op.introspect(token.value, self.op.basic(client))["active"] == self.lives(token)
        for token in self.access:
            assert self.op.userinfo(token.value).status == (200 if self.lives(token) else 401)
        assert Counter((each["client_id"], each["sub"]) for each in self.op.notices()) == self.told


DEEDS = {
    Walk.sign_in: 4,
    Walk.authorize: 12,
    Walk.redeem: 16,
    Walk.renew: 14,
    Walk.give_back: 3,
    Walk.sign_out: 3,
    Walk.switch: 1,
    Walk.staff: 1,
    Walk.switch_client: 1,
    Walk.wait: 6,
    Walk.sweep: 1,
}


@pytest.mark.parametrize("seed", range(4))
def test_a_token_works_as_long_as_all_that_it_rests_on(gateway_database: Database, seed: int) -> None:
    """RT-07, RT-08, TK-01, IR-04, I4, LO-04: nothing dead works again, nothing that lives is lost, all are told."""
    walk = Walk(an_op(gateway_database, limits=False), seed)
    for _ in range(STEPS):
        (deed,) = walk.chance.choices([*DEEDS], weights=[*DEEDS.values()])
        deed(walk)
        walk.look()
