"""Who asks, and what the matrix lets them do (MAN-107 §3, §8; R-082..R-111).

Authority comes from open contact roles in the registry, read in the same transaction as the deed, never from
a token or a page: an administrator whose role ended cannot finish what is still open on the screen (RG-13).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from registration.domain.catalogue import OPERATOR, Catalogue

AUTHORIZED_REPRESENTATIVE: Final = "authorized-representative"
PRIMARY_CONTACT: Final = "primary-contact"
RIGHTS_ADMINISTRATOR: Final = "rights-administrator"
APPLICANT_REPRESENTATIVE: Final = "applicant-representative"

TRUST_ROLES: Final = (
    AUTHORIZED_REPRESENTATIVE,
    PRIMARY_CONTACT,
    RIGHTS_ADMINISTRATOR,
    APPLICANT_REPRESENTATIVE,
)

NAMED_BY: Final[Mapping[str, frozenset[str]]] = {
    AUTHORIZED_REPRESENTATIVE: frozenset({AUTHORIZED_REPRESENTATIVE}),
    PRIMARY_CONTACT: frozenset({AUTHORIZED_REPRESENTATIVE, PRIMARY_CONTACT}),
    RIGHTS_ADMINISTRATOR: frozenset({PRIMARY_CONTACT}),
    APPLICANT_REPRESENTATIVE: frozenset({RIGHTS_ADMINISTRATOR}),
}
"""Who names and removes the holders of the trust model. A catalogue cannot loosen this (R-084..R-090)."""

NEXT_UP: Final[Mapping[str, str]] = {
    AUTHORIZED_REPRESENTATIVE: OPERATOR,
    PRIMARY_CONTACT: AUTHORIZED_REPRESENTATIVE,
    RIGHTS_ADMINISTRATOR: PRIMARY_CONTACT,
    APPLICANT_REPRESENTATIVE: RIGHTS_ADMINISTRATOR,
}
"""Who is asked to fill an empty group (R-006, R-103, R-104)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a deed: an account in a session, or somebody at the operator's own command line."""

    account_id: str
    session: str = ""
    at_console: bool = False

    @classmethod
    def console(cls, name: str = "console") -> Caller:
        """Return the caller that the operator's command line is."""
        return cls(account_id=name, at_console=True)

    @property
    def kind(self) -> str:
        """What kind of caller it is: an account, or the operator at the command line."""
        return "operator" if self.at_console else "account"


@dataclass(frozen=True, slots=True)
class Represented:
    """An organization a person acts for, and the contact roles held in it right now."""

    organization_id: str
    number: int
    short_name: str
    legal_name: str
    contact_roles: frozenset[str]

    @property
    def may_grant(self) -> bool:
        """Whether the person may grant and revoke access roles here (R-089)."""
        return RIGHTS_ADMINISTRATOR in self.contact_roles


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person: the account, the person behind it and whom she acts for."""

    account_id: str
    user_name: str
    person_id: str
    person_no: int
    display_name: str
    email: str
    language: str
    is_staff: bool
    organizations: tuple[Represented, ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What a caller may do in one organization, worked out from the registry at one moment."""

    roles: frozenset[str] = frozenset()
    is_staff: bool = False

    @property
    def may_see(self) -> bool:
        """Whether the organization exists for the caller at all; if not, every answer is "not found"."""
        return self.is_staff or bool(self.roles)

    @property
    def may_grant(self) -> bool:
        """Only a Rights Administrator grants and revokes access roles (R-089, R-110; decision C-03)."""
        return RIGHTS_ADMINISTRATOR in self.roles

    @property
    def may_search(self) -> bool:
        """Whoever may name or grant somebody may look for persons first (R-019; decision C-02)."""
        return self.is_staff or bool(self.roles & {*TRUST_ROLES})

    def may_name(self, catalogue: Catalogue, contact_role: str) -> bool:
        """Tell whether the caller may add and remove holders of ``contact_role`` (MAN-107 §3).

        The operator's staff may not: they establish the first Authorized Representative only, which is a
        deed of its own (R-004..R-006).
        """
        role = catalogue.contact_roles.get(contact_role)
        if role is None:
            return False
        namers = NAMED_BY.get(contact_role, frozenset(role.assigned_by) - {OPERATOR})
        return bool(self.roles & namers)
