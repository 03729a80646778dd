"""Energy Market Interface: the browser entry of bids and offers.

Who holds the role to submit may keep drafts and submit them; who holds the role to view sees the same
screen with the form at rest. Submitting asks for a recent sign-in with a second factor.
"""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, request

from relying_parties.application import Application
from relying_parties.id_token import Access, Identity
from relying_parties.offers import Fault, Offer, Offers, draft_of, market_day, resources_of
from relying_parties.pages import page
from relying_parties.sessions import Session

SUBMIT = "emi-dispatch-data-submit"
VIEW = "emi-dispatch-data-view"


@dataclass(frozen=True, slots=True)
class Desk:
    """For which organization somebody works, and what she may do for it."""

    organization: str
    organization_name: str
    may_submit: bool


def add_energy_market(blueprint: Blueprint, application: Application) -> None:
    """Add the screens."""
    screens = EnergyMarket(application)
    blueprint.add_url_rule("", "home", application.signed_in(screens.home))
    blueprint.add_url_rule("offers", "draft", application.signed_in(screens.draft), methods=["POST"])
    blueprint.add_url_rule("offers/<int:number>", "offer", application.signed_in(screens.offer))
    for deed in (screens.submit, screens.discard):
        name = deed.__name__
        blueprint.add_url_rule(
            f"offers/<int:number>/{name}", name, application.signed_in(deed), methods=["POST"]
        )


class EnergyMarket:
    """The screens of one Energy Market Interface."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._offers = Offers(application.workshop.store, application.settings.client_id)

    def home(self, session: Session) -> Response:
        """Show who she is, her access, and the bids and offers of the organization she acts for."""
        desk = chosen_desk(session.identity, request.args.get("org", ""))
        if desk is None:
            return page("no_access.html", status=403)
        return self._screen(session, desk, form={}, faults=[])

    def draft(self, session: Session) -> Response:
        """Keep a draft and show it for checking; nothing reaches the market yet."""
        desk = self._submitting_desk(session, request.form.get("org", ""))
        form = {name: value[:64] for name, value in request.form.items()}
        outcome = draft_of(
            form, resources=resources_of(desk.organization_name), today=market_day(self._application.now)
        )
        if isinstance(outcome, list):
            return self._screen(session, desk, form=form, faults=outcome)
        number = self._offers.keep(outcome, organization=desk.organization, entered_by=_name_of(session))
        return self._application.see(f"{self._application.settings.path}offers/{number}")

    def offer(self, session: Session, number: int) -> Response:
        """Show one offer; a draft is submitted from here, by who signed in strongly and recently (RP-11)."""
        offer = self._find(session, number)
        desk = _desk(session.identity, offer.organization)
        submittable = desk is not None and desk.may_submit and offer.submitted_at is None
        if submittable and not self._application.is_strong(session):
            return self._application.step_up(self._application.this_page())
        return page("offer.html", offer=offer, desk=desk, submittable=submittable)

    def submit(self, session: Session, number: int) -> Response:
        """Submit a draft to the market, once."""
        offer = self._find(session, number)
        self._submitting_desk(session, offer.organization)
        if not self._application.is_strong(session):
            return self._application.step_up(f"{self._application.settings.path}offers/{number}")
        self._offers.submit(offer, now=self._application.now)
        return self._back_to_list(offer, "submitted")

    def discard(self, session: Session, number: int) -> Response:
        """Remove a draft."""
        offer = self._find(session, number)
        self._submitting_desk(session, offer.organization)
        done = self._offers.discard(offer)
        return self._back_to_list(offer, "discarded" if done else "kept")

    def _screen(self, session: Session, desk: Desk, *, form: dict[str, str], faults: list[Fault]) -> Response:
        today = market_day(self._application.now)
        return page(
            "energy_market.html",
            status=422 if faults else 200,
            desk=desk,
            desks=desks_of(session.identity),
            access=session.identity.access,
            offers=self._offers.newest(desk.organization),
            resources=resources_of(desk.organization_name),
            form=form,
            faults={fault.field: fault for fault in faults},
            tomorrow=today.fromordinal(today.toordinal() + 1),
            said=request.args.get("said", ""),
            about=request.args.get("about", ""),
        )

    def _find(self, session: Session, number: int) -> Offer:
        """Return the offer if an organization of hers owns it; otherwise there is no such page."""
        own = tuple(desk.organization for desk in desks_of(session.identity))
        offer = self._offers.find(number, organizations=own)
        return offer or abort(404)

    def _submitting_desk(self, session: Session, organization: str) -> Desk:
        """Return the desk if she may submit for the organization; otherwise the form is refused."""
        desk = _desk(session.identity, organization)
        return desk if desk is not None and desk.may_submit else abort(403)

    def _back_to_list(self, offer: Offer, said: str) -> Response:
        home = self._application.settings.path
        return self._application.see(f"{home}?org={offer.organization}&said={said}&about={offer.name}")


def desks_of(identity: Identity) -> list[Desk]:
    """Return the organizations she may work for here, in the order in which the provider names them."""
    rows: dict[str, list[Access]] = {}
    for row in identity.access:
        if row.role in (SUBMIT, VIEW):
            rows.setdefault(row.organization, []).append(row)
    return [
        Desk(organization, held[0].organization_name, any(row.role == SUBMIT for row in held))
        for organization, held in rows.items()
    ]


def chosen_desk(identity: Identity, organization: str) -> Desk | None:
    """Return the organization asked for if it is one of hers, else her first, else None."""
    own = desks_of(identity)
    return _desk(identity, organization) or (own[0] if own else None)


def _desk(identity: Identity, organization: str) -> Desk | None:
    return next((desk for desk in desks_of(identity) if desk.organization == organization), None)


def _name_of(session: Session) -> str:
    return session.profile.user_name or session.profile.name or session.identity.subject
