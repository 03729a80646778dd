"""Settings of the Gateway's pages: whose service this is, and who helps."""

from __future__ import annotations

import datetime as dt

from kernel.settings import Section, Span
from kernel.translations import mark


class GatewayPagesSettings(Section):
    """Pages of the Gateway: names in their texts, and what a browser keeps."""

    operator: str = mark("the system operator")
    """Who runs the service, as it stands in a sentence of the legal texts."""

    contact_office: str = mark("Customer Relations")
    """Name of the office that helps people who cannot sign in. Its addresses are those of the letters."""

    remembered_user_life: Span = dt.timedelta(days=180)
    """How long a browser keeps a user ID that a person asked it to remember."""

    search_from: int = 9
    """The dashboard offers a search from this many applications on."""

    operator_role: str = "registration-customer-relations"
    """Access role whose holders may open the operator's pages; empty closes them."""

    operator_source: str = "registration-worker"
    """SCIM client that gives this role; a role of the same name from any other opens nothing."""

    operator_proof_life: Span = dt.timedelta(minutes=10)
    """Before a change on the operator's pages people prove who they are, unless they did within this time."""
