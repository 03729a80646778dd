"""The operator's catalogue: participations, contact roles, access roles and applications.

The catalogue is data, not code: another operator brings other files. This module owns its shape and the
checks over it; reading files and storing versions happen elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kernel.errors import SpokenError

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
AccountKind = Literal["personal", "machine"]

FILES: Final = ("participations", "contact_roles", "access_roles", "applications")
OPERATOR: Final = "operator"
CUSTOMER_RELATIONS: Final = "registration-customer-relations"


class Entry(BaseModel):
    """What every entry of every file has."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: Key
    name: Text
    description: Text


class ParticipationType(Entry):
    """Something an organization can be registered for (R-113, R-114, R-121)."""

    category: Literal["market", "program", "service-provider"]
    required_tasks: list[Key]
    one_time: bool = False
    needs_facility: bool = False
    account_rule: Key | None = None
    account_naming: Literal["email"] | None = None
    relationship: Key | None = None


class ContactRole(Entry):
    """A way of speaking for an organization (R-124..R-130)."""

    assigned_by: list[Key] = Field(min_length=1)
    min_required: int | None = Field(ge=0)
    max_permitted: int | None = Field(ge=1)
    contact_type: Literal["person", "section", "both", "unknown"]
    requires_participation: list[Key]
    excludes: list[Key]
    implies: list[Key]
    min_condition: Text | None = None
    if_vacant: Text | None = None
    scope: Literal["facility"] | None = None

    @property
    def minimum(self) -> int:
        """The fewest holders the registry insists on.

        A minimum under a condition is advice until the condition is known to hold, so it does not bind.
        """
        return 0 if self.min_condition else self.min_required or 0


class AccessRole(Entry):
    """What an account may do in one application, always for one organization (R-173..R-177)."""

    system: Key
    account_kinds: list[AccountKind]
    requires_participation: list[Key]
    excludes: list[Key] = []
    granted_by: Literal["rights-administrator", "contact-role", "operator"] = "rights-administrator"
    anonymous: bool = False
    sensitive: bool = False
    account_naming: Literal["email"] | None = None
    requires_training: Key | None = None


class Application(Entry):
    """What people or machine accounts open."""

    kind: Literal["oidc", "webservice", "public"]
    path: Annotated[str, StringConstraints(pattern=r"^/[a-z0-9/-]*$")]
    groups: list[Key]
    also: Literal["oidc", "webservice"] | None = None
    on_dashboard: bool = True
    account_naming: Literal["email"] | None = None


class CatalogueFault(NamedTuple):
    """One thing wrong in a catalogue: the file, the entry and the field it stands in, and what it is."""

    file: str
    entry: str
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}.yaml: {self.entry}" if self.entry else f"{self.file}.yaml"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class CatalogueError(SpokenError):
    """A catalogue that cannot be used; ``faults`` names every place."""

    code = "catalogue"
    public = "The catalogue cannot be used."

    def __init__(self, faults: Iterable[CatalogueFault]) -> None:
        self.faults = tuple(faults)
        told = [str(fault) for fault in self.faults]
        super().__init__("\n  ".join(["the catalogue cannot be used:", *told]), faults=told)


@dataclass(frozen=True)
class Catalogue:
    """One whole, checked catalogue of one operator (``tenant``)."""

    tenant: str
    participations: Mapping[str, ParticipationType]
    contact_roles: Mapping[str, ContactRole]
    access_roles: Mapping[str, AccessRole]
    applications: Mapping[str, Application]

    def document(self) -> dict[str, Any]:
        """Return the catalogue as the JSON document that :func:`parse_catalogue` reads back."""
        return {
            name: {
                "tenant": self.tenant,
                name: [entry.model_dump(exclude_defaults=True) for entry in getattr(self, name).values()],
            }
            for name in FILES
        }

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the document: two catalogues are the same version iff it is equal."""
        canonical = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def exclusion_slot(self, access_role: str) -> str | None:
        """Return the name of the set that an access role excludes others in, or None.

        One account has at most one role of a set in one organization; the database holds a unique index
        over the slot (R-127, I-04).
        """
        excludes = self.access_roles[access_role].excludes
        return "|".join(sorted([access_role, *excludes])) if excludes else None

    def contact_slot(self, contact_role: str) -> str | None:
        """Return the name of the set that a contact role excludes others in, or None (R-127)."""
        excludes = self.contact_roles[contact_role].excludes
        return "|".join(sorted([contact_role, *excludes])) if excludes else None


_MODELS: Final[Mapping[str, type[Entry]]] = {
    "participations": ParticipationType,
    "contact_roles": ContactRole,
    "access_roles": AccessRole,
    "applications": Application,
}


def parse_catalogue(documents: Mapping[str, Any]) -> Catalogue:
    """Return the checked catalogue of the four documents (``FILES``), parsed from YAML or JSON.

    Raises:
        CatalogueError: naming every fault with its file, entry and field.
    """
    faults: list[CatalogueFault] = []
    tenants: set[str] = set()
    entries: dict[str, dict[str, Any]] = {}
    for file in FILES:
        entries[file] = dict(_entries(file, documents.get(file), tenants, faults))
    if len(tenants) > 1:
        faults.append(CatalogueFault("participations", "", "tenant", f"files disagree: {sorted(tenants)}"))
    if faults:
        raise CatalogueError(faults)
    catalogue = Catalogue(
        tenant=tenants.pop(),
        participations=entries["participations"],
        contact_roles=entries["contact_roles"],
        access_roles=entries["access_roles"],
        applications=entries["applications"],
    )
    faults = [fault for check in _CHECKS for fault in check(catalogue)]
    if faults:
        raise CatalogueError(faults)
    return catalogue


def _entries(
    file: str, document: object, tenants: set[str], faults: list[CatalogueFault]
) -> Iterator[tuple[str, Entry]]:
    if not isinstance(document, dict):
        faults.append(CatalogueFault(file, "", "", "the file is missing or is no mapping"))
        return
    faults.extend(
        CatalogueFault(file, "", str(name), "unknown key; expected tenant and " + file)
        for name in document
        if name not in {"tenant", file}
    )
    tenant, rows = document.get("tenant"), document.get(file)
    if not isinstance(tenant, str) or not tenant:
        faults.append(CatalogueFault(file, "", "tenant", "names the operator; it is missing"))
    else:
        tenants.add(tenant)
    if not isinstance(rows, list):
        faults.append(CatalogueFault(file, "", file, "has to be a list of entries"))
        return
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        label = str(row["key"]) if isinstance(row, dict) and row.get("key") else f"entry {number}"
        try:
            entry = _MODELS[file].model_validate(row)
        except ValidationError as error:
            faults.extend(_translated(file, label, error))
            continue
        if entry.key in seen:
            faults.append(CatalogueFault(file, label, "key", "is used twice"))
        seen.add(entry.key)
        yield entry.key, entry


def _translated(file: str, label: str, error: ValidationError) -> Iterator[CatalogueFault]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"]
        yield CatalogueFault(file, label, field, message)


def _references(
    file: str, entries: Mapping[str, Entry], field: str, known: Iterable[str], what: str
) -> Iterator[CatalogueFault]:
    allowed = set(known)
    for key, entry in entries.items():
        value = getattr(entry, field)
        for name in value if isinstance(value, list) else [value]:
            if name not in allowed:
                yield CatalogueFault(file, key, field, f"{name!r} is no {what}")


def _check_references(catalogue: Catalogue) -> Iterator[CatalogueFault]:
    contacts, accesses = catalogue.contact_roles, catalogue.access_roles
    gates = catalogue.participations
    yield from _references("contact_roles", contacts, "requires_participation", gates, "participation")
    yield from _references("access_roles", accesses, "requires_participation", gates, "participation")
    yield from _references("contact_roles", contacts, "excludes", contacts, "contact role")
    yield from _references("access_roles", accesses, "excludes", accesses, "access role")
    yield from _references("contact_roles", contacts, "implies", accesses, "access role")
    yield from _references("contact_roles", contacts, "assigned_by", {*contacts, OPERATOR}, "contact role")
    yield from _references("access_roles", accesses, "system", catalogue.applications, "application")
    yield from _references("applications", catalogue.applications, "groups", accesses, "access role")


def _check_applications(catalogue: Catalogue) -> Iterator[CatalogueFault]:
    for key, role in catalogue.access_roles.items():
        application = catalogue.applications.get(role.system)
        if application and not role.anonymous and key not in application.groups:
            yield CatalogueFault("access_roles", key, "system", f"{role.system!r} does not list it in groups")
        if not role.account_kinds and not role.anonymous:
            yield CatalogueFault("access_roles", key, "account_kinds", "is empty, so nobody can hold it")
    for key, application in catalogue.applications.items():
        for name in application.groups:
            listed = catalogue.access_roles.get(name)
            if listed and listed.system != key:
                yield CatalogueFault("applications", key, "groups", f"{name!r} belongs to {listed.system!r}")


def _check_exclusions(catalogue: Catalogue) -> Iterator[CatalogueFault]:
    tables: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("contact_roles", catalogue.contact_roles),
        ("access_roles", catalogue.access_roles),
    )
    for file, entries in tables:
        for key, entry in entries.items():
            if key in entry.excludes:
                yield CatalogueFault(file, key, "excludes", "an entry cannot exclude itself")
            # One slot per role lets one unique index decide, so every member names all the others.
            wanted = {key, *entry.excludes}
            for other in entry.excludes:
                partner = entries.get(other)
                if partner is not None and {other, *partner.excludes} != wanted:
                    yield CatalogueFault(file, key, "excludes", f"{other!r} does not name the same set")


def _check_contact_roles(catalogue: Catalogue) -> Iterator[CatalogueFault]:
    for key, role in catalogue.contact_roles.items():
        if role.max_permitted is not None and role.minimum > role.max_permitted:
            yield CatalogueFault("contact_roles", key, "min_required", "is above max_permitted")
        if role.contact_type == "section" and role.implies:
            yield CatalogueFault("contact_roles", key, "implies", "a section has no account")
        for name in role.implies:
            access = catalogue.access_roles.get(name)
            if access and "personal" not in access.account_kinds:
                message = f"{name!r} is not for personal accounts"
                yield CatalogueFault("contact_roles", key, "implies", message)


_CHECKS: Final[tuple[Callable[[Catalogue], Iterator[CatalogueFault]], ...]] = (
    _check_references,
    _check_applications,
    _check_exclusions,
    _check_contact_roles,
)
