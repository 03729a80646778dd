"""What a SCIM resource means for the Gateway: facts of accounts and groups, and their prepared documents.

A document is the resource as its source stated it, without what the server adds (id, meta, groups,
members). The source's version is kept as a column; the document keeps its place (SOURCE_VERSION_MARK).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidValueException

from idp.domain.account import AccountKind, AccountOrganization
from idp.domain.networks import is_of_somebody
from idp.domain.provisioning import SOURCE_VERSION_MARK, AccountFacts, GroupFacts
from idp.domain.query import Record
from idp.domain.user_name import UserNameFault, fold, is_blank, user_name_fault
from kernel.sentences import in_a_sentence
from scim.domain.catalogue import GROUPS, USERS
from scim.domain.documents import LARGEST_INTEGER, write
from scim.domain.enterprise import manager_of
from scim.domain.entries import check_entries
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from scim.domain.values import changed_values, searchable_values

_SERVERS_OWN = ("id", "meta", "groups", "members")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_LONGEST_EMAIL = 254
_LEADING_ASTRAY = frozenset('<>,;"\\')  # what tells addresses apart in a letter; an apostrophe does not
_ACCESS = ("organizationId", "organizationShortName", "accessRoleKey", "accessRoleName", "applicationKey")
LONGEST_KEY = 1_024  # bytes of a value that is unique
LARGEST_RESOURCE = 1_048_576
"""The most bytes of a stored resource: those of a body, however many requests it grew by."""
_ROOM_TO_END = 64
"""Bytes more for a resource that is not active: an account of any size can be switched off."""
_MOST_DAYS = 36_500
_USER_NAME_FAULTS = {
    UserNameFault.BLANK: "'userName' is empty.",
    UserNameFault.TOO_LONG: "'userName' is too long.",
    UserNameFault.SPACE_AROUND: "'userName' starts or ends with a space.",
    UserNameFault.CONTROL_CHARACTER: "'userName' holds a character that cannot be seen.",
}


def wire_form(user: Any, *, inactive: bool = False) -> dict[str, Any]:  # noqa: ANN401 - a model that is built at run time
    """Return a user as JSON; one that was ``inactive`` and does not say otherwise stays so."""
    if user.active is None and inactive:
        user.active = False
    resource: dict[str, Any] = user.model_dump()
    return resource


def account_facts(
    resource: Mapping[str, Any], *, stored: Mapping[str, Any] | None = None, free_manager: bool = False
) -> AccountFacts:
    """Return what the user ``resource`` (in its wire form) states of an account.

    Names are cleaned of what could break a sentence of ours; the document keeps them as they were stated.
    With ``stored``, the document of the user that is changed, the values are those that differ from it.
    ``free_manager`` says that its manager may be nobody here.

    Raises:
        InvalidValueException: if a value cannot be what it is meant to be; the detail names the attribute.
    """
    extension: Mapping[str, Any] = resource.get(USER_EXTENSION) or {}
    name: Mapping[str, Any] = resource.get("name") or {}
    given, family = name.get("givenName") or "", name.get("familyName") or ""
    user_name = resource.get("userName") or ""
    fault = user_name_fault(user_name)
    if fault is not None:
        raise InvalidValueException(detail=_USER_NAME_FAULTS[fault])
    _check_length("externalId", resource.get("externalId") or "")
    check_entries(USERS, resource)
    for email in resource.get("emails") or ():
        _check_email(email.get("value"))
    shown = (resource.get("displayName") or "", name.get("formatted") or "", f"{given} {family}".strip())
    invites, days = _invitation(extension)
    document = _document(resource, USER_SCHEMA, USER_EXTENSION)
    values, emptied = changed_values(USERS, document, stored or {})
    return AccountFacts(
        kind=_kind(resource, extension),
        user_name=user_name,
        external_id=resource.get("externalId") or None,
        display_name=in_a_sentence(next((each for each in shown if not is_blank(each)), user_name)),
        given_name=in_a_sentence(given),
        family_name=in_a_sentence(family),
        middle_name=in_a_sentence(name.get("middleName") or ""),
        email=_main_value(resource.get("emails")),
        phone=_main_value(resource.get("phoneNumbers")),
        language=_language(resource.get("preferredLanguage")),
        active=resource.get("active"),
        invite=invites,
        manager=manager_of(resource),
        free_manager=free_manager,
        invitation_days=days,
        person_id=extension.get("personId") or "",
        custodian_person_id=extension.get("custodianPersonId") or "",
        organizations=tuple(
            AccountOrganization(each.get("id") or "", in_a_sentence(each.get("shortName") or ""))
            for each in extension.get("organizations") or ()
        ),
        allowed_addresses=tuple(_network(each) for each in extension.get("allowedAddresses") or ()),
        source_version=_source_version(extension),
        document=_written(document),
        values=values,
        emptied=emptied,
    )


def group_facts(resource: Mapping[str, Any]) -> GroupFacts:
    """Return what the group ``resource`` (in its wire form) states, its members aside.

    Raises:
        InvalidValueException: if a value cannot be what it is meant to be; the detail names the attribute.
    """
    extension: Mapping[str, Any] = resource.get(GROUP_EXTENSION) or {}
    display_name = resource.get("displayName") or ""
    if is_blank(display_name):
        raise InvalidValueException(detail="'displayName' is empty.")
    _check_length("displayName", fold(display_name))
    _check_length("externalId", resource.get("externalId") or "")
    document = _document(resource, GROUP_SCHEMA, GROUP_EXTENSION)
    return GroupFacts(
        external_id=resource.get("externalId") or None,
        display_name=display_name,
        organization_id=extension.get("organizationId") or "",
        organization_short_name=in_a_sentence(extension.get("organizationShortName") or ""),
        access_role_key=extension.get("accessRoleKey") or "",
        access_role_name=in_a_sentence(extension.get("accessRoleName") or ""),
        application_key=extension.get("applicationKey") or "",
        account_kinds=tuple(extension.get("accountKinds") or ()),
        source_version=_source_version(extension),
        document=_written(document),
        values=searchable_values(GROUPS, document),
    )


def states_access(resource: Mapping[str, Any]) -> bool:
    """Tell whether the group ``resource`` states access: an organization, a role or an application."""
    extension: Mapping[str, Any] = resource.get(GROUP_EXTENSION) or {}
    return any(extension.get(name) for name in _ACCESS)


def stated_document(record: Record) -> str:
    """Return the document of ``record`` with the source's version in its place."""
    return record.document.replace(SOURCE_VERSION_MARK, f'"sourceVersion":{record.source_version}', 1)


def is_stated(document: str, record: Record) -> bool:
    """Tell whether ``record`` states what ``document`` does; the order of members means nothing."""
    return document == record.document or json.loads(document) == json.loads(record.document)


def is_fenced(document: str) -> bool:
    """Tell whether the source states a version of the resource with this document."""
    return SOURCE_VERSION_MARK in document


def invitation_of(document: str) -> tuple[bool, int | None]:
    """Return whether the holder of a stored account is to be invited, and for how many days."""
    if '"activation":{' not in document:
        return True, None
    return _invitation(json.loads(document).get(USER_EXTENSION) or {})


def require_room(document: str, *, active: bool) -> None:
    """Refuse a document that is larger than a resource may be.

    Raises:
        InvalidValueException: that says how large it may be.
    """
    largest = LARGEST_RESOURCE + (0 if active else _ROOM_TO_END)
    if len(document) * 4 > largest and len(document.encode()) > largest:
        raise InvalidValueException(detail=f"A resource may have {LARGEST_RESOURCE} bytes at most.")


def keep_fence(resource: dict[str, Any], record: Record, extension: str) -> None:
    """Put the source's stored version back where a write leaves it out: a fence is never removed."""
    if is_fenced(record.document):
        _keep(resource, extension, "sourceVersion", record.source_version)


def keep_extension(resource: dict[str, Any], record: Record, extension: str) -> None:
    """Leave our extension as it was stored: who may not state it takes nothing of it away."""
    stored = json.loads(record.document).get(extension)
    if stored is not None:
        resource[extension] = stored


def keep_kind(resource: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Keep the stated kind of account where a replacement does not mention it: it is immutable."""
    kind = (stored.get(USER_EXTENSION) or {}).get("accountKind")
    if kind is not None:
        _keep(resource, USER_EXTENSION, "accountKind", kind)


def _keep(resource: dict[str, Any], extension: str, name: str, value: object) -> None:
    stated = resource.get(extension) or {}
    if stated.get(name) is None:
        resource[extension] = stated | {name: value}
        if extension not in resource["schemas"]:
            resource["schemas"] = [*resource["schemas"], extension]


def _document(resource: Mapping[str, Any], schema: str, extension: str) -> dict[str, Any]:
    """Return what is kept of a resource; ``schemas`` lists the schemas that it states something of.

    An empty ``externalId`` names nothing and is not kept; any number of resources may state one.
    """
    kept = {name: value for name, value in resource.items() if name not in _SERVERS_OWN}
    if not kept.get("externalId"):
        kept.pop("externalId", None)
    kept["schemas"] = [schema, *(name for name in kept if name.startswith("urn:"))]
    own = kept.get(extension)
    if own and own.get("sourceVersion") is not None:
        kept[extension] = own | {"sourceVersion": None}
    return kept


def _written(document: Mapping[str, Any]) -> str:
    text = write(document)
    require_room(text, active=document.get("active") is not False)
    return text


def _kind(resource: Mapping[str, Any], extension: Mapping[str, Any]) -> AccountKind:
    stated = extension.get("accountKind")
    if stated is None:
        user_type = (resource.get("userType") or "").lower()
        return AccountKind(user_type) if user_type in set(AccountKind) else AccountKind.PERSONAL
    try:
        return AccountKind(stated)
    except ValueError:
        raise InvalidValueException(detail="'accountKind' must be personal, machine or workspace.") from None


def _main_value(entries: list[Mapping[str, Any]] | None) -> str:
    """Return the primary value of a multi-valued attribute, else the first for work, else the first."""
    stated = [each for each in entries or () if each.get("value")]
    chosen = (
        next((each for each in stated if each.get("primary") is True), None)
        or next((each for each in stated if each.get("type") == "work"), None)
        or next(iter(stated), None)
    )
    return str(chosen["value"]) if chosen else ""


def _check_length(name: str, key: str) -> None:
    """Refuse what an index entry could not hold."""
    if len(key.encode()) > LONGEST_KEY:
        raise InvalidValueException(detail=f"'{name}' is too long.")


def _check_email(value: str | None) -> None:
    if value is None:
        return
    local, _, domain = value.rpartition("@")
    plain = value.isascii() and value.isprintable() and " " not in value
    odd = not plain and any(each.isspace() or unicodedata.category(each).startswith("C") for each in value)
    if (
        not local
        or not domain
        or odd
        or len(value) > _LONGEST_EMAIL
        or any(each in value for each in _LEADING_ASTRAY)
    ):
        raise InvalidValueException(detail="The value of 'emails.value' is no e-mail address.")


def _language(value: str | None) -> str:
    return value if value and len(value) <= 16 and _LANGUAGE.fullmatch(value) else ""


def _network(value: str) -> str:
    if not is_of_somebody(value):
        raise InvalidValueException(detail="'allowedAddresses' holds what is no network.")
    return value


def _invitation(extension: Mapping[str, Any]) -> tuple[bool, int | None]:
    activation: Mapping[str, Any] = extension.get("activation") or {}
    return activation.get("send") is not False, _days(activation.get("validDays"))


def _days(stated: int | None) -> int | None:
    if stated is not None and not 1 <= stated <= _MOST_DAYS:
        raise InvalidValueException(detail="'activation.validDays' is out of range.")
    return stated


def _source_version(extension: Mapping[str, Any]) -> int | None:
    version = extension.get("sourceVersion")
    if version is None:
        return None
    if not 0 <= version <= LARGEST_INTEGER:
        raise InvalidValueException(detail="'sourceVersion' is out of range.")
    return int(version)
