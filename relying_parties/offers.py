"""Bids and offers as the Energy Market Interface keeps them: what a good one is, and where it is stored."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from relying_parties.sentences import MARKET_TIME
from relying_parties.store import Store

DAYS_AHEAD = 7
LARGEST_QUANTITY = Decimal(5000)
LARGEST_PRICE = Decimal(2000)
MINUS = "\N{MINUS SIGN}"
"""French and typeset texts write it before numbers."""
NUMBER = re.compile(r"-?[0-9]{1,5}(\.[0-9]{1,2})?\Z")
SCHEMA = """
CREATE TABLE IF NOT EXISTS offer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL,
    organization TEXT NOT NULL,
    resource TEXT NOT NULL,
    delivery_date TEXT NOT NULL,
    first_hour INTEGER NOT NULL,
    last_hour INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    submitted_at INTEGER
);
CREATE INDEX IF NOT EXISTS offer_organization ON offer (client_id, organization, number);
"""
CONTENT = "organization, resource, delivery_date, first_hour, last_hour, quantity, price, entered_by"
NEWEST = " ORDER BY number DESC LIMIT ?"
IF_DRAFT = " AND submitted_at IS NULL"
COLUMNS = f"number, {CONTENT}, submitted_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDraft:
    """What somebody wants to offer."""

    resource: str
    delivery_date: date
    first_hour: int
    last_hour: int
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One stored offer; a draft until it is submitted."""

    number: int
    organization: str
    draft: OfferDraft
    entered_by: str
    submitted_at: datetime | None

    @property
    def name(self) -> str:
        """The number as people quote it."""
        return f"EMI-{self.number:06d}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: a sentence and what fills its gaps."""

    field: str
    sentence: str
    values: dict[str, date]


def resources_of(organization_name: str) -> tuple[str, ...]:
    """Return the resources that this market registers for an organization of that short name."""
    stem = re.sub(r"[^A-Z0-9]+", "", organization_name.upper())[:8] or "RESOURCE"
    return (f"{stem}-LT.G1", f"{stem}-LT.G2", f"{stem}-LD.1")


def draft_of(form: dict[str, str], *, resources: tuple[str, ...], today: date) -> OfferDraft | list[Fault]:
    """Return the draft that a form describes, or everything that is wrong with it."""
    faults: list[Fault] = []
    first_day, last_day = today + timedelta(days=1), today + timedelta(days=DAYS_AHEAD)
    if form.get("resource") not in resources:
        faults.append(Fault("resource", "Choose a resource of this organization", {}))
    on = _date(form.get("delivery_date", ""))
    if on is None:
        faults.append(
            Fault("delivery_date", "Enter the delivery date like {example}", {"example": first_day})
        )
    elif not first_day <= on <= last_day:
        window = {"first": first_day, "last": last_day}
        faults.append(Fault("delivery_date", "Enter a delivery date from {first} to {last}", window))
    first, last = _hour(form.get("first_hour", "")), _hour(form.get("last_hour", ""))
    if first is None:
        faults.append(Fault("first_hour", "Enter the first hour as a number from 1 to 24", {}))
    if last is None:
        faults.append(Fault("last_hour", "Enter the last hour as a number from 1 to 24", {}))
    if first is not None and last is not None and last < first:
        faults.append(Fault("last_hour", "The last hour may not be before the first", {}))
    quantity = _number(form.get("quantity", ""), Decimal("0.1"), LARGEST_QUANTITY, places=1)
    if quantity is None:
        faults.append(Fault("quantity", "Enter the quantity as a number from 0.1 to 5000", {}))
    price = _number(form.get("price", ""), -LARGEST_PRICE, LARGEST_PRICE, places=2)
    if price is None:
        faults.append(Fault("price", "Enter the price as a number from -2000 to 2000", {}))
    if faults or on is None or first is None or last is None or quantity is None or price is None:
        return faults
    return OfferDraft(
        resource=form["resource"],
        delivery_date=on,
        first_hour=first,
        last_hour=last,
        quantity=quantity,
        price=price,
    )


def market_day(now: datetime) -> date:
    """Return the day of the market at ``now``."""
    return now.astimezone(MARKET_TIME).date()


class Offers:
    """The stored offers of one application."""

    def __init__(self, store: Store, client_id: str) -> None:
        self._store = store
        self._client_id = client_id
        store.create(SCHEMA)

    def keep(self, draft: OfferDraft, *, organization: str, entered_by: str) -> int:
        """Store a draft and return its number."""
        statement = f"INSERT INTO offer (client_id, {CONTENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        values = (
            self._client_id,
            organization,
            draft.resource,
            draft.delivery_date.isoformat(),
            draft.first_hour,
            draft.last_hour,
            str(draft.quantity),
            str(draft.price),
            entered_by,
        )
        with self._store.writing() as connection:
            return int(connection.execute(statement, values).lastrowid or 0)

    def find(self, number: int, *, organizations: tuple[str, ...]) -> Offer | None:
        """Return the offer if it belongs to one of the organizations."""
        statement = f"SELECT {COLUMNS} FROM offer WHERE client_id = ? AND number = ?"
        with self._store.reading() as connection:
            row = connection.execute(statement, (self._client_id, number)).fetchone()
        offer = _offer(row) if row else None
        return offer if offer and offer.organization in organizations else None

    def newest(self, organization: str, *, count: int = 50) -> list[Offer]:
        """Return the organization's offers, the newest first."""
        statement = f"SELECT {COLUMNS} FROM offer WHERE client_id = ? AND organization = ?{NEWEST}"
        with self._store.reading() as connection:
            rows = connection.execute(statement, (self._client_id, organization, count)).fetchall()
        return [_offer(row) for row in rows]

    def submit(self, offer: Offer, *, now: datetime) -> bool:
        """Submit a draft; of two who try at once one submits."""
        statement = (
            "UPDATE offer SET submitted_at = ? WHERE client_id = ? AND number = ? AND organization = ?"
            + IF_DRAFT
        )
        values = (int(now.timestamp()), self._client_id, offer.number, offer.organization)
        with self._store.writing() as connection:
            return connection.execute(statement, values).rowcount == 1

    def discard(self, offer: Offer) -> bool:
        """Remove a draft; what is submitted stays."""
        statement = "DELETE FROM offer WHERE client_id = ? AND number = ? AND organization = ?" + IF_DRAFT
        with self._store.writing() as connection:
            values = (self._client_id, offer.number, offer.organization)
            return connection.execute(statement, values).rowcount == 1


def _offer(row: tuple[int, str, str, str, int, int, str, str, str, int | None]) -> Offer:
    number, organization, resource, on, first, last, quantity, price, entered_by, submitted_at = row
    return Offer(
        number=number,
        organization=organization,
        draft=OfferDraft(
            resource=resource,
            delivery_date=date.fromisoformat(on),
            first_hour=first,
            last_hour=last,
            quantity=Decimal(quantity),
            price=Decimal(price),
        ),
        entered_by=entered_by,
        submitted_at=None if submitted_at is None else datetime.fromtimestamp(submitted_at, tz=UTC),
    )


def _date(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _hour(text: str) -> int | None:
    match = re.fullmatch(r"[0-9]{1,2}", text.strip())
    return int(match[0]) if match and 1 <= int(match[0]) <= 24 else None


def _number(text: str, smallest: Decimal, largest: Decimal, *, places: int) -> Decimal | None:
    """Return the number, written with a point or a comma, if it is within the limits."""
    clean = text.strip().replace(",", ".").replace(MINUS, "-")
    if not NUMBER.match(clean) or len(clean.partition(".")[2]) > places:
        return None
    value = Decimal(clean)
    return value if smallest <= value <= largest else None
