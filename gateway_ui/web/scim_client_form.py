"""The form of a SCIM client: its fields, filled from what is stored and read back into an order."""

from __future__ import annotations

from collections.abc import Iterable

from gateway_ui.web.client_fields import CLIENT_ID, Choice, Field, Kind, Layout, Section
from gateway_ui.web.client_forms import Values
from gateway_ui.web.messages import (
    NETWORK_WRONG,
    NETWORKS_MANY,
    RATE_WRONG,
    READING_MISSING,
    SCIM_ID_WRONG,
    SCIM_NAME_WRONG,
    SCIM_SCOPE_MISSING,
    Message,
    complain,
)
from idp.domain.networks import network
from idp.domain.scim_client import StoredScimClient
from idp.domain.scim_scopes import GROUPS_READ, GROUPS_WRITE, READ, USERS_READ, USERS_WRITE, WRITE
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientRefused
from kernel.translations import mark
from kernel.web.forms import FormErrors

_LONGEST_SHOWN = 60
_ID = Field(
    CLIENT_ID.name,
    Kind.LINE,
    CLIENT_ID.label,
    mark(
        "What it makes belongs to this ID, and the ID never changes. If the client also asks for access "
        "tokens, take the ID of its OAuth client."
    ),
    own=True,
)
_NAME = Field("client_name", Kind.LINE, mark("Name"), mark("What operators see. Empty: its ID."), own=True)
_PROFILE = Field(
    "profile",
    Kind.CHOICE,
    mark("How are its requests read?"),
    "",
    (
        Choice("rfc", mark("Standard (rfc)"), mark("As RFC 7643 and RFC 7644 say. Right for most clients.")),
        Choice(
            "entra",
            mark("Microsoft Entra ID (entra)"),
            mark("Takes what Entra sends beyond the standard, with and without aadOptscim062020."),
        ),
        Choice(
            "okta", mark("Okta (okta)"), mark("For applications of Okta's network and of its wizard alike.")
        ),
        Choice(
            "strict",
            mark("Strict (strict)"),
            mark("For clients that keep to the SCIM 2.0 Interoperability Profile. All else is refused."),
        ),
    ),
)
_EXTENSION = Field(
    "extension",
    Kind.SWITCH,
    mark("It may use Switchyard's own SCIM extension"),
    mark(
        "With it, the client's groups can let people in to applications. For registries; identity providers "
        "do not need it."
    ),
)
_UNKNOWN_MEMBERS = Field(
    "leave_out_unknown_members",
    Kind.SWITCH,
    mark("Unknown members of its groups are left out"),
    mark(
        "Otherwise one member that is not there refuses the whole change. Each provisioning request tells "
        "how many were left out."
    ),
)
_RIGHTS = Field(
    "scopes",
    Kind.BOXES,
    mark("What they may do"),
    mark("Writing includes reading. An access token brings its own scopes."),
    (
        Choice(WRITE, mark("Write accounts and groups (scim.write)")),
        Choice(READ, mark("Read accounts and groups (scim.read)")),
        Choice(USERS_WRITE, mark("Write accounts (scim.users.write)")),
        Choice(USERS_READ, mark("Read accounts (scim.users.read)")),
        Choice(GROUPS_WRITE, mark("Write groups (scim.groups.write)")),
        Choice(GROUPS_READ, mark("Read groups (scim.groups.read)")),
    ),
)
_LIMITS = (
    Field(
        "requests_per_second",
        Kind.LINE,
        mark("Requests per second"),
        mark("On all nodes together, 25 at least. Empty: as many as the settings say."),
    ),
    Field(
        "allowed_addresses",
        Kind.LINES,
        mark("Addresses it asks from"),
        mark("One address or network per line, for example 192.0.2.0/28. Empty: from anywhere."),
    ),
    Field(
        "require_match",
        Kind.SWITCH,
        mark("It has to name the version that it changes (If-Match)"),
        mark("A change or deletion that names none is answered with 428."),
    ),
)
NEW_VALUES: Values = {"profile": "rfc", "scopes": [WRITE, READ]}
"""What the form of a new client holds: what the command line takes where nothing is stated."""


def layout(*, new: bool) -> Layout:
    """Return the form: with the client's ID where it is made."""
    about = (*([_ID] if new else []), _NAME, _PROFILE, _EXTENSION, _UNKNOWN_MEMBERS)
    return Layout(
        (
            Section(mark("About it"), about),
            Section(mark("Static tokens"), (_RIGHTS,)),
            Section(mark("Limits"), _LIMITS),
        )
    )


def stored_values(client: StoredScimClient) -> Values:
    """Return what the form of a stored client holds."""
    rate = client.requests_per_second
    return {
        "client_name": client.name,
        "profile": client.profile,
        "scopes": sorted(client.scopes),
        "allowed_addresses": "\n".join(client.allowed_addresses),
        "requests_per_second": "" if rate is None else str(rate),
        "require_match": "yes" if client.require_match else "",
        "extension": "yes" if client.extension else "",
        "leave_out_unknown_members": "yes" if client.leave_out_unknown_members else "",
    }


def on_one_line(text: str) -> str:
    """Return a text with plain spaces between its words, whatever spaces were pasted."""
    return " ".join(text.split())


def order_of(client_id: str, values: Values, errors: FormErrors) -> ScimClientOrder:
    """Return the order that the form makes; a rate that is no number is complained about."""
    rate = str(values["requests_per_second"]).strip()
    is_number = rate.isascii() and rate.isdigit() and len(rate) <= len("1000000")
    if rate and not is_number:
        complain(errors, "requests_per_second", RATE_WRONG)
    return ScimClientOrder(
        client_id,
        on_one_line(str(values["client_name"])),
        profile=str(values["profile"]),
        scopes=frozenset(values["scopes"]),
        require_match=values["require_match"] == "yes",
        extension=values["extension"] == "yes",
        leave_out_unknown_members=values["leave_out_unknown_members"] == "yes",
        requests_per_second=int(rate) if is_number else None,
        allowed_addresses=tuple(str(values["allowed_addresses"]).split()),
    )


_FAULTS: dict[ScimClientRefused, tuple[str, Message]] = {
    ScimClientRefused.ID: ("client_id", SCIM_ID_WRONG),
    ScimClientRefused.NAME: ("client_name", SCIM_NAME_WRONG),
    ScimClientRefused.PROFILE: ("profile", READING_MISSING),
    ScimClientRefused.SCOPES: ("scopes", SCIM_SCOPE_MISSING),
    ScimClientRefused.RATE: ("requests_per_second", RATE_WRONG),
}


def add_faults(errors: FormErrors, faults: Iterable[ScimClientRefused], order: ScimClientOrder) -> None:
    """Say every fault at its field; of networks the first one that is none is named."""
    for fault in faults:
        if fault is not ScimClientRefused.ADDRESSES:
            complain(errors, *_FAULTS[fault])
            continue
        wrong = next((each for each in order.allowed_addresses if network(each) is None), "")
        if wrong:
            shown = wrong if len(wrong) <= _LONGEST_SHOWN else f"{wrong[:_LONGEST_SHOWN]}…"
            complain(errors, "allowed_addresses", NETWORK_WRONG, network=shown)
        else:
            complain(errors, "allowed_addresses", NETWORKS_MANY)
