"""The profiles a SCIM client may have, and what each tolerates.

``strict`` is the SCIM 2.0 Interoperability Profile (draft-zollner-scim-interop-profile); ``rfc`` is RFC 7643
and RFC 7644 as servers commonly read them; ``entra`` and ``okta`` take what these two clients really send.
A tolerance never changes what an answer looks like: resources are shown in the standard's form to everybody.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """How a client's requests are read."""

    STRICT = "strict"
    RFC = "rfc"
    ENTRA = "entra"
    OKTA = "okta"

    @property
    def tolerance(self) -> Tolerance:
        """What the profile tolerates."""
        return _TOLERANCES[self]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a request may do beyond the strict profile, which has none of it.

    Each docstring says what is taken, who sends it, and what others are answered; the table in
    docs/scim-clients.md is these words.
    """

    unknown_attributes: bool = False
    """An attribute that no schema defines is ignored (C11, Q).

    Sent by: many clients; the standard leaves it open. Else: 400 invalidSyntax.
    """

    unknown_schemas: bool = False
    """A schema URI that is not ours is ignored with all it holds (C3, Q, R).

    Sent by: Microsoft Entra, whose groups list an ADSCIM URI. Else: 400 invalidSyntax.
    """

    unlisted_extensions: bool = False
    """An extension may be used though ``schemas`` does not name it (C3).

    Sent by: many clients. Else: 400 invalidSyntax.
    """

    pathless_operations: bool = False
    """A PATCH operation may name its attributes in its value (H4, H5, Q, R, S).

    Sent by: Okta, and Microsoft Entra with aadOptscim062020. Else: 400 invalidSyntax.
    """

    listed_attributes: bool = False
    """The value that names the attributes may stand in a list of one (H4, H5).

    Sent by: SCIM-SDK for Java (captaingoldfish). Else: 400 invalidSyntax.
    """

    capitalised_operations: bool = False
    """``op`` may be written Add, Replace or Remove (H1, R).

    Sent by: Microsoft Entra without aadOptscim062020. Else: 400 invalidSyntax.
    """

    whole_entry_paths: bool = False
    """A path may select an entry as a whole, ``emails[type eq "work"]`` (H7, Q).

    Sent by: RFC 7644 §3.5.2. Else: 400 invalidPath.
    """

    several_entries_selected: bool = False
    """The selection in a path may meet several entries, and changes all (H5, Q).

    Sent by: RFC 7644 §3.5.2.3. Else: 400 invalidFilter.
    """

    merging_replace: bool = False
    """Replacing a complex attribute leaves the parts that are not named (H5, Q).

    Sent by: RFC 7644 §3.5.2.3. Else: the whole attribute is replaced.
    """

    removal_by_value: bool = False
    """A remove may say by its value which entries go, or repeat the one value that does (H6, R).

    Sent by: Microsoft Entra without aadOptscim062020. Else: 400 invalidValue.
    """

    text_booleans: bool = False
    """A boolean may be the text "True" or "False" (C9, R).

    Sent by: Microsoft Entra without aadOptscim062020. Else: 400 invalidValue.
    """

    empty_text_unassigns: bool = False
    """A PATCH with an empty text unassigns its target, unless that is a whole list (J8, R).

    Sent by: Microsoft Entra, which clears a manager so. Else: the empty text is the value.
    """

    text_for_complex: bool = False
    """A complex attribute may be stated by the text of its ``value`` (R).

    Sent by: Microsoft Entra, which sends a manager as an id. Else: 400 invalidValue.
    """

    plain_manager: bool = False
    """A manager may be called ``manager`` alone: in a filter, and in a PATCH, in a list of one (E6, R).

    Sent by: Microsoft Entra, whose examples write it so. Else: 400 invalidPath, invalidFilter.
    """

    unknown_managers: bool = False
    """A manager who is no account here is kept as stated (R, S).

    Sent by: Microsoft Entra and Okta, which send people in any order. Else: 400 invalidValue.
    """

    described_entries: bool = False
    """A PATCH to ``emails[type eq "work"].value`` makes the entry where none is (H5, R).

    Sent by: Microsoft Entra. Else: 400 noTarget.
    """

    free_text_links: bool = False
    """``profileUrl`` and ``photos.value`` may hold what is no URI (C9, R).

    Sent by: Microsoft Entra's validator. Else: 400 invalidValue.
    """

    own_id_in_patch: bool = False
    """The value of a PATCH may repeat the id of the resource itself (H5, S).

    Sent by: Okta and authentik, which change a group so. Else: 400 invalidSyntax.
    """

    ignored_passwords: bool = False
    """A PATCH of ``password`` succeeds and changes nothing (C12, S).

    Sent by: Okta's password push; passwords are made by people here. Else: 400 invalidPath.
    """

    unquoted_filter_values: bool = False
    """A text in a filter may lack its quotes, ``externalId eq jyoung`` (E8, R).

    Sent by: Microsoft Entra. Else: 400 invalidFilter.
    """

    compared_entries: bool = False
    """A filter may compare what it selects by its value, ``emails[type eq "work"] eq "..."`` (E8, R).

    Sent by: Microsoft Entra, whose documentation asks for it. Else: 400 invalidFilter.
    """


_STRICT = Tolerance()
_RFC = Tolerance(
    unknown_attributes=True,
    unknown_schemas=True,
    unlisted_extensions=True,
    pathless_operations=True,
    listed_attributes=True,
    capitalised_operations=True,
    whole_entry_paths=True,
    several_entries_selected=True,
    merging_replace=True,
    removal_by_value=True,
    own_id_in_patch=True,
)
_TOLERANCES = {
    Profile.STRICT: _STRICT,
    Profile.RFC: _RFC,
    Profile.ENTRA: dataclasses.replace(
        _RFC,
        text_booleans=True,
        empty_text_unassigns=True,
        text_for_complex=True,
        plain_manager=True,
        unknown_managers=True,
        described_entries=True,
        free_text_links=True,
        ignored_passwords=True,
        unquoted_filter_values=True,
        compared_entries=True,
    ),
    Profile.OKTA: dataclasses.replace(
        _RFC,
        unknown_managers=True,
        ignored_passwords=True,
    ),
}
