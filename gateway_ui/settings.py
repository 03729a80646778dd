"""Settings of the Gateway's pages: whom people may ask, and whose service this is."""

from __future__ import annotations

import datetime as dt

from kernel.settings import Section
from kernel.translations import mark


class GatewayPagesSettings(Section):
    """Pages of the Gateway: the contact block and the operator's name."""

    operator: str = mark("the system operator")
    """Name of the organisation that runs the service, as it stands in a sentence of the legal texts."""

    contact_office: str = mark("Customer Relations")
    """Name of the office that helps people who cannot sign in."""

    contact_phones: tuple[str, ...] = ("1-888-448-7777", "(905) 403-6900")
    """Telephone numbers of that office, the free one first."""

    contact_email: str = "customer.relations@ieso.ca"
    """E-mail address of that office."""

    remembered_user_life: dt.timedelta = dt.timedelta(days=180)
    """How long a browser keeps a user ID that a person asked to remember."""

    search_from: int = 9
    """The dashboard offers a search from this many applications on."""
