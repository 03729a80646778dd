"""For every tolerance one request that a profile with it takes, and one without it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA
from scim.domain.profile import Profile
from tests.support.scim_profiles import ADSCIM, DONE, ENTERPRISE, Row, a_patch, nora, plain_user

if TYPE_CHECKING:
    from collections.abc import Mapping

NORA, GUIDES = "/Users/{nora}", "/Groups/{guides}"


@dataclass(frozen=True)
class Contested:
    """A request as it is taken, and as it ends elsewhere; ``strictly`` where the strict profile words it anew."""

    taken: Row
    otherwise: Row
    strictly: Row | None = None

    def of(self, profile: Profile, *, tolerated: bool) -> Row:
        """Return what a client of ``profile`` is to meet."""
        if tolerated:
            return self.taken
        return self.strictly if profile is Profile.STRICT and self.strictly else self.otherwise


def _refused(taken: Row, scim_type: str, strictly: str = "") -> Contested:
    return Contested(taken, taken.refused(scim_type), taken.refused(strictly) if strictly else None)


_NAMED_ANEW = {"op": "replace", "path": "name", "value": {"familyName": "Meadow"}}
_CLEARED = {"op": "replace", "path": "title", "value": ""}

CONTESTED: Mapping[str, Contested] = {
    "unknown_attributes": _refused(
        Row("C11, Q", "PUT", NORA, nora() | {"favouriteColour": "blue"}, stored={"favouriteColour": None}),
        "invalidSyntax",
    ),
    "unknown_schemas": _refused(
        Row(
            "C3, Q, R",
            "POST",
            "/Groups",
            {"schemas": [GROUP_SCHEMA, ADSCIM], "displayName": "Porters"},
            status=201,
            stored={"schemas": [GROUP_SCHEMA], "displayName": "Porters"},
        ),
        "invalidSyntax",
    ),
    "unlisted_extensions": _refused(
        Row(
            "C3",
            "POST",
            "/Users",
            plain_user("pia") | {ENTERPRISE: {"department": "Tours"}},
            status=201,
            stored={"schemas": [USER_SCHEMA, ENTERPRISE], ENTERPRISE: {"department": "Tours"}},
        ),
        "invalidSyntax",
    ),
    "pathless_operations": _refused(
        a_patch(
            "H4, H5, Q, R, S",
            NORA,
            {"op": "replace", "value": {"title": "Guide", "active": False}},
            stored={"title": "Guide", "active": False},
        ),
        "invalidSyntax",
    ),
    "listed_attributes": _refused(
        a_patch(
            "H4, H5",
            NORA,
            {"op": "add", "value": [{"schemas": [USER_SCHEMA], "title": "Guide", "name.givenName": "N"}]},
            stored={"title": "Guide", "name": {"familyName": "Field", "givenName": "N"}},
        ),
        "invalidSyntax",
    ),
    "capitalised_operations": _refused(
        a_patch(
            "H1, R", NORA, {"op": "Replace", "path": "title", "value": "Guide"}, stored={"title": "Guide"}
        ),
        "invalidSyntax",
    ),
    "whole_entry_paths": _refused(
        a_patch(
            "H7, Q",
            NORA,
            {"op": "remove", "path": 'emails[type eq "home"]'},
            stored={"emails": [{"value": "nora@acme.example", "type": "work", "primary": True}]},
        ),
        "invalidPath",
    ),
    "several_entries_selected": _refused(
        a_patch(
            "H5, Q",
            NORA,
            {"op": "replace", "path": 'phoneNumbers[type eq "work"].display', "value": "Desk"},
            stored={
                "phoneNumbers": [
                    {"value": "tel:+1-416-555-0100", "display": "Desk", "type": "work"},
                    {"value": "tel:+1-416-555-0101", "display": "Desk", "type": "work"},
                ]
            },
        ),
        "invalidFilter",
    ),
    "merging_replace": Contested(
        a_patch("H5", NORA, _NAMED_ANEW, stored={"name": {"familyName": "Meadow", "givenName": "Nora"}}),
        a_patch("Q", NORA, _NAMED_ANEW, stored={"name": {"familyName": "Meadow", "givenName": None}}),
    ),
    "removal_by_value": _refused(
        a_patch(
            "H6, R",
            GUIDES,
            {"op": "remove", "path": "members", "value": [{"$ref": None, "value": "{nora}"}]},
            status=DONE,
            stored={"members": None},
        ),
        "invalidValue",
    ),
    "text_booleans": _refused(
        a_patch(
            "C9, R", NORA, {"op": "replace", "path": "active", "value": "False"}, stored={"active": False}
        ),
        "invalidValue",
    ),
    "empty_text_unassigns": Contested(
        a_patch("R", NORA, _CLEARED, stored={"title": None}),
        a_patch("H5", NORA, _CLEARED, stored={"title": ""}),
    ),
    "text_for_complex": _refused(
        a_patch(
            "R",
            NORA,
            {"op": "add", "path": f"{ENTERPRISE}:manager", "value": "{omar}"},
            stored={ENTERPRISE: {"manager": {"value": "{omar}"}}},
        ),
        "invalidValue",
    ),
    "plain_manager": _refused(
        a_patch(
            "E6, R",
            NORA,
            {
                "op": "add",
                "path": "manager",
                "value": [{"$ref": "https://gateway.example/scim/v2/Users/{omar}", "value": "{omar}"}],
            },
            stored={ENTERPRISE: {"manager": {"value": "{omar}"}}},
        ),
        "invalidPath",
        strictly="invalidSyntax",
    ),
    "unknown_managers": _refused(
        a_patch(
            "R, S",
            NORA,
            {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": "not-here-yet"}},
            stored={ENTERPRISE: {"manager": {"value": "not-here-yet"}}},
        ),
        "invalidValue",
    ),
    "described_entries": _refused(
        a_patch(
            "H5, R",
            NORA,
            {"op": "replace", "path": 'addresses[type eq "work"].locality', "value": "Toronto"},
            stored={"addresses": [{"locality": "Toronto", "type": "work"}]},
        ),
        "noTarget",
    ),
    "free_text_links": _refused(
        a_patch(
            "C9, R",
            NORA,
            {"op": "add", "path": "profileUrl", "value": "SOMEWHERE"},
            stored={"profileUrl": "SOMEWHERE"},
        ),
        "invalidValue",
    ),
    "own_id_in_patch": _refused(
        a_patch(
            "H5, S",
            GUIDES,
            {"op": "replace", "value": {"id": "{guides}", "displayName": "Leaders"}},
            status=DONE,
            stored={"displayName": "Leaders"},
        ),
        "invalidSyntax",
    ),
    "ignored_passwords": _refused(
        a_patch(
            "C12, S",
            NORA,
            {"op": "replace", "path": "password", "value": "t3MPorary-Word!"},
            stored={"password": None, "title": "Warden"},
        ),
        "invalidPath",
        strictly="invalidSyntax",
    ),
    "unquoted_filter_values": _refused(
        Row(
            "E8, R",
            "GET",
            "/Users",
            query={"filter": "externalId eq ext-nora"},
            answer={"totalResults": 1},
        ),
        "invalidFilter",
    ),
    "compared_entries": _refused(
        Row(
            "E8, R",
            "GET",
            "/Users",
            query={"filter": 'emails[type eq "home"] eq "NORA@home.example" and userName pr'},
            answer={"totalResults": 1},
        ),
        "invalidFilter",
    ),
}


def contested_rows(profile: Profile) -> dict[str, Row]:
    """Return what a client of ``profile`` is to meet, by the name of the tolerance."""
    return {
        flag: each.of(profile, tolerated=getattr(profile.tolerance, flag)) for flag, each in CONTESTED.items()
    }
