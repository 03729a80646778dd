"""The first story, one function per step, walked through the real pages by real HTTP.

A Rights Administrator gives a new person access to the Energy Market Interface, the person uses it, and the
access is taken away again (MAN-107 A.1, A.11 and section 8). Each step returns one line on what was seen. A
step that does not hold raises, and says what stood on the page instead. The demonstration walks all of them;
the journeys of the tests walk them on both databases.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from switchyard.mail_reader import MailReader
from switchyard.operations import add_operator, load_operator_catalogue
from switchyard.people import Particulars, Person
from switchyard.settings import registration_settings
from switchyard.visitor import LostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from switchyard.local import Site
    from switchyard.visitor import Page

NUMBER, SHORT_NAME, LEGAL_NAME = "122846", "ACME GENERATION", "ACME Generation Inc."
PARTICIPATIONS = ("physical-market", "generator")
EMI_ROLE, REPORTS_ROLE = "emi-dispatch-data-submit", "reports-dispatch"
_PATIENCE = 60.0


def _people() -> dict[str, Person]:
    def person(role: str, particulars: Particulars, password: str) -> Person:
        return Person(role, particulars, password)

    return {
        "staff": person(
            "Customer Relations",
            Particulars("Robin", "Clark", "robin.clark@operator.example"),
            "Harbour-Violin-41",
        ),
        "representative": person(
            "Authorized Representative",
            Particulars("Steve", "MacMasterly", "steve.macmasterly@acme.example"),
            "Lantern-Orchard-52",
        ),
        "primary": person(
            "Primary Contact",
            Particulars("Jim", "Smith", "jim.l.smith@acme.example", middle_name="L."),
            "Granite-Pebble-63",
        ),
        "administrator": person(
            "Rights Administrator", Particulars("Jim", "Jones", "jim.jones@acme.example"), "Copper-Meadow-74"
        ),
        "newcomer": person(
            "bids and offers", Particulars("Jim", "Smith", "jim.smith@acme.example"), "Walnut-Glacier-85"
        ),
    }


@dataclass
class Story:
    """Who takes part, where it happens, and what has come about so far."""

    site: Site
    mail: MailReader = field(init=False)
    people: dict[str, Person] = field(default_factory=_people)
    organization: str = ""
    request: str = ""
    patience: float = _PATIENCE

    def __post_init__(self) -> None:
        """Open the mailbox of the site."""
        self.mail = MailReader(self.site.mailbox)

    @property
    def staff(self) -> Person:
        """Customer Relations."""
        return self.people["staff"]

    @property
    def administrator(self) -> Person:
        """The Rights Administrator."""
        return self.people["administrator"]

    @property
    def newcomer(self) -> Person:
        """The person who gets access."""
        return self.people["newcomer"]

    def close(self) -> None:
        """Close every browser."""
        for person in self.people.values():
            person.visitor.close()


def until(
    look: Callable[[], Page], holds: Callable[[Page], bool], what: str, seconds: float = _PATIENCE
) -> float:
    """Look again and again until what is seen holds, and return the seconds that took.

    Raises:
        LostError: if it does not come about in time.
    """
    begun = time.monotonic()
    while True:
        page = look()
        waited = time.monotonic() - begun
        if holds(page):
            return waited
        if waited > seconds:
            raise LostError(f"{what} did not come about within {seconds:.0f} s: {page}")
        time.sleep(0.1)


# --- the steps ---


def catalogue_is_loaded(story: Story) -> str:
    """The operator's catalogue is in force; the first of its staff is added at the command line."""
    settings = registration_settings(story.site.settings, story.site.plan.environ)
    loaded = load_operator_catalogue(settings)
    made = add_operator(settings, story.staff.particulars.form())
    return f"version {loaded.version}; request {made.number} adds {story.staff.name}"


def staff_activates(story: Story) -> str:
    """That person activates the account like everybody."""
    staff, page = story.staff, f"{story.site.registration}/sign-in"
    staff.activate(story.mail)
    # The account comes first and its membership a moment later: until then the Gateway refuses the page.
    until(lambda: staff.visitor.open(page), lambda seen: seen.status == 200, "the membership", story.patience)
    return f"{story.staff.name} ({story.staff.user_name}) is signed in to Registration"


def organization_is_registered(story: Story) -> str:
    """Customer Relations register the organization with its participations."""
    visitor = story.staff.visitor
    visitor.open(f"{story.site.registration}/operator/organizations")
    visitor.submit(press="/operator/organizations/new")
    form: dict[str, str | list[str]] = {
        "legal_name": LEGAL_NAME,
        "short_name": SHORT_NAME,
        "number": NUMBER,
        "participations": list(PARTICIPATIONS),
    }
    visitor.submit(form)
    visitor.expect(SHORT_NAME, NUMBER)
    visitor.submit(press="Confirm")
    visitor.expect(SHORT_NAME, NUMBER)
    story.organization = story.staff.page.url.rstrip("/").rpartition("/")[2]
    return f"{SHORT_NAME}, organization {NUMBER}"


def representative_is_named(story: Story) -> str:
    """Customer Relations name the first Authorized Representative, who activates the account."""
    visitor, representative = story.staff.visitor, story.people["representative"]
    visitor.open(f"{story.site.registration}/organizations/{story.organization}")
    visitor.submit(press=f"/operator/organizations/{story.organization}/representative")
    _register_person(story.staff, representative)
    visitor.submit({"evidence": "Letter of 2 November 2026"}, press="Confirm")
    visitor.expect(representative.particulars.last_name)
    _wait_until_live(story, story.staff)
    representative.activate(story.mail)
    return f"{representative.name} ({representative.user_name})"


def primary_contact_is_named(story: Story) -> str:
    """The Authorized Representative names a Primary Contact."""
    return _name(story, "representative", "primary-contact", "primary")


def rights_administrator_is_named(story: Story) -> str:
    """The Primary Contact names a Rights Administrator."""
    return _name(story, "primary", "rights-administrator", "administrator")


def role_is_granted(story: Story) -> str:
    """The Rights Administrator registers a person and grants access roles; a double click does it once."""
    story.administrator.sign_in(f"{story.site.registration}/sign-in")
    return grant_role(story)


def grant_role(story: Story) -> str:
    """Grant the roles from a session that is there already."""
    visitor = story.administrator.visitor
    visitor.open(f"{story.site.registration}/organizations/{story.organization}/access")
    visitor.submit({"type": "grant"})
    visitor.expect(SHORT_NAME, NUMBER)
    visitor.submit({"account_kind": "personal"})
    _register_person(story.administrator, story.newcomer)
    _choose_roles(story.administrator, [EMI_ROLE, REPORTS_ROLE])
    confirm = visitor.expect("Dispatch data submit", SHORT_NAME, NUMBER)
    visitor.submit(press="Confirm")
    visitor.expect(story.newcomer.particulars.last_name)
    story.request = story.administrator.page.url
    # A double click on Confirm sends the same form again: it must be the same request.
    form = confirm.form("Confirm")
    visitor.submit(press="Confirm", form=form)
    if story.administrator.page.url != story.request:
        raise LostError(f"the double submit made another request: {story.administrator.page.url}")
    return f"request {story.request.rpartition('/')[2]}, once"


def grant_is_live(story: Story) -> str:
    """The worker brings the change to the Gateway; the request page says since when."""
    visitor = story.administrator.visitor
    waited = until(lambda: visitor.open(story.request), _is_live, "the grant", story.patience)
    return f"live in the Gateway {waited:.1f} s after the confirmation"


def newcomer_activates(story: Story) -> str:
    """The person gets a user name and a link, creates a password, sets up a second factor, sees one tile."""
    newcomer = story.newcomer
    newcomer.activate(story.mail)
    tiles = _tiles(newcomer.page)
    if tiles != ["emi"]:
        raise LostError(f"the dashboard shows {tiles}, expected the Energy Market Interface alone")
    return f"{newcomer.name} is {newcomer.user_name} and sees Energy Market Interface"


def applications_open(story: Story) -> str:
    """Both applications know who she is and for whom she acts; the second asks for nothing."""
    newcomer = story.newcomer
    newcomer.visitor.open(story.site.emi)
    newcomer.visitor.expect(SHORT_NAME, newcomer.particulars.last_name)
    newcomer.visitor.open(story.site.reports)
    newcomer.visitor.expect(SHORT_NAME, newcomer.particulars.last_name)
    return "Energy Market Interface and Reports, one sign-in"


def sign_in_again(story: Story) -> str:
    """She signs out and in again: one wrong digit is refused, the right code opens."""
    newcomer = story.newcomer
    newcomer.sign_out(story.site)
    # The application is told behind the browser's back: soon it asks for a sign-in again.
    asks = until(
        lambda: newcomer.visitor.open(story.site.emi),
        lambda page: page.heading == "Sign in",
        "the logout at the application",
        story.patience,
    )
    newcomer.give_password()
    newcomer.give_code(newcomer.wrong_code())
    if newcomer.page.heading != "Enter your code":
        raise LostError(f"a wrong digit was not refused: {newcomer.page}")
    newcomer.give_code()
    newcomer.visitor.expect(SHORT_NAME)
    return f"the application forgot her after {asks:.1f} s; a wrong digit is refused, the right code opens"


def lock_holds(story: Story) -> str:
    """Ten wrong passwords lock an account, and the answers never tell whether the account exists."""
    victim = story.people["representative"]
    said: dict[str, list[str]] = {}
    for user_name in (victim.user_name, "nobodyn"):
        with victim.visitor.another() as stranger:
            attacker = Person("stranger", victim.particulars, "Wrong-Window-96", stranger)
            attacker.visitor.open(f"{story.site.gateway}/sign-in")
            for _ in range(10):
                attacker.give_password(user_name=user_name)
                said.setdefault(user_name, []).append(_told(attacker.page, user_name))
            attacker.give_password(victim.password, user_name=user_name)
            said[user_name].append(_told(attacker.page, user_name))
    known, unknown = said.values()
    if known != unknown:
        raise LostError("the answers tell an account from none")
    return f"{victim.user_name} is locked; an unknown name is answered the same"


def role_is_revoked(story: Story) -> str:
    """The Rights Administrator revokes the role: session, tile and access are gone."""
    newcomer, visitor = story.newcomer, story.administrator.visitor
    newcomer.sign_in(story.site.emi)
    newcomer.visitor.expect(SHORT_NAME)
    story.administrator.sign_in(f"{story.site.registration}/sign-in")
    visitor.open(f"{story.site.registration}/organizations/{story.organization}/access")
    visitor.submit({"type": "revoke"})
    visitor.submit({"account_kind": "personal"})
    _find_person(story.administrator, newcomer)
    visitor.submit({"role": [EMI_ROLE]}, press="Next")
    visitor.submit(press="Confirm")
    confirmed = time.monotonic()
    _wait_until_live(story, story.administrator)
    until(
        lambda: newcomer.visitor.open(story.site.emi),
        lambda page: page.status == 403,
        "the refusal",
        story.patience,
    )
    waited = time.monotonic() - confirmed
    newcomer.visitor.expect("Rights Administrator", status=403)
    newcomer.visitor.open(f"{story.site.gateway}/")
    if "emi" in _tiles(newcomer.page):
        raise LostError("the tile is still there")
    return f"access, tile and session gone after {waited:.1f} s"


def role_is_granted_again(story: Story) -> str:
    """The same role is granted once more to the person who is registered by now."""
    visitor = story.administrator.visitor
    visitor.open(f"{story.site.registration}/organizations/{story.organization}/access")
    visitor.submit({"type": "grant"})
    visitor.submit({"account_kind": "personal"})
    _find_person(story.administrator, story.newcomer)
    _choose_roles(story.administrator, [EMI_ROLE])
    visitor.submit(press="Confirm")
    _wait_until_live(story, story.administrator)
    return f"{story.newcomer.user_name} has Energy Market Interface again"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story: its sentence and its function."""

    sentence: str
    walk: Callable[[Story], str]


STEPS: tuple[Step, ...] = (
    Step("The operator's catalogue is loaded", catalogue_is_loaded),
    Step("Customer Relations activate their first account", staff_activates),
    Step("Customer Relations register an organization", organization_is_registered),
    Step("Its first Authorized Representative gets an account", representative_is_named),
    Step("Who names a Primary Contact", primary_contact_is_named),
    Step("Who names a Rights Administrator", rights_administrator_is_named),
    Step("Who grants access to a new person", role_is_granted),
    Step("The change reaches the Gateway", grant_is_live),
    Step("The person activates the account", newcomer_activates),
    Step("And opens two applications", applications_open),
    Step("Signs out and in again", sign_in_again),
    Step("Ten wrong passwords lock an account", lock_holds),
    Step("The Rights Administrator revokes the role", role_is_revoked),
)


# --- what several steps do ---


def _name(story: Story, by: str, role_key: str, who: str) -> str:
    namer, named = story.people[by], story.people[who]
    namer.sign_in(f"{story.site.registration}/sign-in")
    namer.visitor.open(f"{story.site.registration}/organizations/{story.organization}")
    namer.visitor.submit(press=f"/contacts/{role_key}/name")
    _register_person(namer, named)
    namer.visitor.submit(press="Confirm")
    namer.visitor.expect(named.particulars.last_name)
    _wait_until_live(story, namer)
    named.activate(story.mail)
    return f"{named.name} ({named.user_name})"


def _wait_until_live(story: Story, by: Person) -> None:
    """On the page of a request: wait until everything in it is active in the Gateway."""
    request = by.page.url
    until(lambda: by.visitor.open(request), _is_live, "the request", story.patience)


def _register_person(by: Person, who: Person) -> None:
    """From the search page: look, find nobody, register, confirm."""
    visitor = by.visitor
    visitor.submit(
        {"last_name": who.particulars.last_name, "first_name": who.particulars.first_name}, press="Search"
    )
    visitor.follow("Register New Person")
    visitor.submit(who.particulars.form(), press="Next")
    visitor.expect(who.particulars.last_name, who.particulars.email)
    visitor.submit(press="Next")


def _find_person(by: Person, who: Person) -> None:
    """From the search page: look and choose the one with that user name or e-mail."""
    visitor = by.visitor
    visitor.submit(
        {"last_name": who.particulars.last_name, "first_name": who.particulars.first_name}, press="Search"
    )
    form = visitor.page.form("Next")
    # Two persons share this name; the newcomer is the one without a middle name, registered last.
    choices = [choice for choice in form.choices if choice.name == "person_id"]
    visitor.submit({"person_id": choices[-1].value}, form=form, press="Next")


def _choose_roles(by: Person, roles: list[str]) -> None:
    """On the page of access roles: choose these, which may stand on several pages of the list."""
    wanted = list(roles)
    while wanted:
        form = by.page.form("Next")
        here = [role for role in wanted if any(choice.value == role for choice in form.choices)]
        wanted = [role for role in wanted if role not in here]
        if wanted and "Next page" not in [button.text for button in form.buttons]:
            raise LostError(f"{wanted} is not offered on {by.page}")
        by.visitor.submit({"role": here} if here else {}, press="Next page" if wanted else "Next")


def _is_live(page: Page) -> bool:
    return "All of it has been in effect since" in page.text


def _tiles(page: Page) -> list[str]:
    import re  # noqa: PLC0415 - only here

    return re.findall(r'data-application="([^"]+)"', page.html)


def _told(page: Page, user_name: str) -> str:
    """What a page says, without what was typed and without what changes with every answer."""
    return f"{page.status} {page.heading} {page.text.replace(user_name, '')}"
