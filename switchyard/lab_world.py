"""Furnishes the Gateway of a laboratory with what its file describes, through the product's own deeds.

Doing it again to the same database changes what differs and keeps the rest, ids and all. A database that
another installation lives in is never touched.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from scim2_models import InvalidValueException
from sqlalchemy import exists, inspect, select

from idp.domain.account import Waiver
from idp.domain.group import MemberChange
from idp.domain.provisioning import AccountFacts, GroupFacts
from idp.domain.query import StoredAccount
from idp.domain.security_events import Payload
from idp.domain.user_name import fold
from idp.storage import tables
from idp.storage.accounts import find_by_user_name
from idp.storage.event_streams import find_stream
from idp.usecases.change_account import Changed, change_account
from idp.usecases.change_group import GroupChanged, GroupEdit, change_group
from idp.usecases.issue_registration_token import (
    RegistrationTokenOrder,
    RegistrationTokenRefused,
    issue_registration_token,
)
from idp.usecases.issue_scim_token import ScimTokenIssued, fix_scim_token
from idp.usecases.open_account import Opening, open_account
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.provision_group import GroupProvisioned, provision_group
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from idp.usecases.search_accounts import find_account_to_change
from idp.usecases.store_event_stream import StreamOrder, StreamRefused, StreamStored, store_event_stream
from idp.usecases.store_scim_client import (
    ScimClientOrder,
    ScimClientRefused,
    ScimClientStored,
    store_scim_client,
)
from kernel.audit import Actor
from kernel.errors import SpokenError
from kernel.tables import audit_event
from scim.domain.mapping import account_facts, group_facts
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA
from switchyard.lab_claims import AddressClaim, StandardClaims
from switchyard.lab_faults import Fault, LabFileError
from switchyard.lab_file import LabAccount, LabClient, LabFile, LabGroup, LabScimClient, seed_of

if TYPE_CHECKING:
    import threading

    from idp.usecases.services import IdpServices
    from kernel.database import Database

SOURCE = "switchyard.lab"
"""The source of what the file describes: no SCIM client of the file has that name."""
_ACTOR = Actor("operator", "lab")
_TAG, _TARGET = "gateway:lab:furnished", "lab"
_SCOPE = "openid profile email address phone access offline_access"
_GRANTS = ("authorization_code", "refresh_token")
_SCIM_KEYS = {
    ScimClientRefused.SCOPES: "scope",
    ScimClientRefused.RATE: "requests_per_second",
    ScimClientRefused.ADDRESSES: "allowed_addresses",
}
"""Which key of the file states what is refused; everything else is the name's."""
_STREAM_KEYS = {StreamRefused.ADDRESS: "events_push", StreamRefused.AUTHORIZATION: "events_authorization"}


class NotALabError(SpokenError):
    """The database belongs to an installation; the message says so."""

    code: ClassVar[str] = "not_a_lab"
    public: ClassVar[str] = "The database belongs to an installation."

    def __init__(self) -> None:
        super().__init__(
            "the database holds accounts or clients that no laboratory made; "
            "name an empty one, or one that a laboratory made"
        )


def check_database(database: Database) -> None:
    """Make sure that the database is empty or a laboratory's.

    Raises:
        NotALabError: if another installation lives in it.
    """
    if not {tables.account.name, tables.client.name, audit_event.name} <= set(
        inspect(database.engine).get_table_names()
    ):
        return
    with database.read() as connection:
        ours = select(audit_event.c.seq).where(audit_event.c.target == _TARGET, audit_event.c.tag == _TAG)
        someone = (exists(select(tables.account.c.id)), exists(select(tables.client.c.id)))
        if any(connection.scalar(select(each)) for each in someone) and not connection.scalar(
            select(exists(ours))
        ):
            raise NotALabError


def furnish(services: IdpServices, file: LabFile, *, name: str, stop: threading.Event | None = None) -> None:
    """Make or change everything that ``file``, which is called ``name``, describes.

    Each account costs the hash of its password: once ``stop`` is set no more is made.

    Raises:
        LabFileError: naming each key that the Gateway refuses.
    """
    with services.store.write() as unit:
        unit.audit.record(_TAG, actor=_ACTOR, target=_TARGET)
    accounts: dict[str, str] = {}
    faults: list[Fault] = []
    for place, account in enumerate(file.accounts):
        if stop is not None and stop.is_set():
            return
        made = _furnish_account(services, account, f"accounts[{place}]")
        if isinstance(made, Fault):
            faults.append(made)
        else:
            accounts[account.user_name] = made
    for place, group in enumerate(file.groups):
        members = frozenset(
            accounts[each.user_name]
            for each in file.accounts
            if group.display_name in each.groups and each.user_name in accounts
        )
        faults += _furnish_group(services, group, members, f"groups[{place}]")
    for place, client in enumerate(file.clients):
        faults += _furnish_client(services, client, f"clients[{place}]", asks=file.consent == "ask")
    for place, scim_client in enumerate(file.scim_clients):
        faults += _furnish_scim_client(services, scim_client, f"scim_clients[{place}]")
    if file.registration_token is not None:
        faults += _furnish_registration_token(services, file.registration_token)
    if faults:
        raise LabFileError(name, faults)


# --- accounts


def _furnish_account(services: IdpServices, wanted: LabAccount, key: str) -> str | Fault:
    """Return the id of the account, or what is wrong with it."""
    with services.store.read() as connection:
        known = find_by_user_name(connection, wanted.user_name)
    found = known and find_account_to_change(services, source=SOURCE, account_id=known.id)
    stored = found[0] if found else None
    try:
        document = json.loads(stored.document) if stored else None
        facts = account_facts(wanted.claims.resource(wanted.user_name), stored=document)
    except InvalidValueException as error:
        return Fault(key + _claim_refused(wanted), error.detail or "is refused")
    facts = dataclasses.replace(facts, invite=False)
    account_id = _stored_account(services, facts, stored)
    if account_id is None:
        return Fault(f"{key}.userName", "is taken by an account that the file did not make")
    waived = {Waiver.QUESTION} | ({Waiver.SECOND_FACTOR} if wanted.second_factor == "none" else set())
    opening = Opening(
        wanted.password,
        wanted.claims.statements(),
        waived,
        seed_of(wanted.totp_secret) if wanted.totp_secret else None,
    )
    open_account(services, actor=_ACTOR, account_id=account_id, opening=opening)
    return account_id


def _claim_refused(wanted: LabAccount) -> str:
    """Return the key of the claim that is refused even alone; empty if it is none."""
    claims = wanted.claims
    alone = {f".claims.{name}": {name: getattr(claims, name)} for name in sorted(claims.model_fields_set)}
    if claims.address is not None:
        del alone[".claims.address"]
        for name in sorted(claims.address.model_fields_set):
            part = AddressClaim.model_construct(**{name: getattr(claims.address, name)})
            alone[f".claims.address.{name}"] = {"address": part}
    return next((key for key, stated in alone.items() if _is_refused(stated, wanted.user_name)), "")


def _is_refused(stated: dict[str, Any], user_name: str) -> bool:
    try:
        account_facts(StandardClaims.model_construct(**stated).resource(user_name))
    except InvalidValueException:
        return True
    return False


def _stored_account(services: IdpServices, facts: AccountFacts, stored: StoredAccount | None) -> str | None:
    if stored is None:
        made = provision_account(services, actor=_ACTOR, source=SOURCE, facts=facts)
        return made.record.id if isinstance(made, Provisioned) else None
    changed = change_account(services, actor=_ACTOR, stored=stored, facts=facts)
    return stored.account.id if isinstance(changed, Changed) else None


# --- groups


def _furnish_group(
    services: IdpServices, wanted: LabGroup, members: frozenset[str], key: str
) -> Iterator[Fault]:
    try:
        facts = group_facts(_group_resource(wanted))
    except InvalidValueException as error:
        yield Fault(f"{key}.{_group_key_refused(wanted)}", error.detail or "is refused")
        return
    if not _stored_group(services, facts, members):
        yield Fault(f"{key}.displayName", "is taken by a group that the file did not make")


def _group_key_refused(wanted: LabGroup) -> str:
    """Return the key that is refused even beside a good name; all of them are the name's own, else."""
    for name in sorted(wanted.model_fields_set - {"display_name"}):
        alone = LabGroup.model_construct(display_name="a name", **{name: getattr(wanted, name)})
        try:
            group_facts(_group_resource(alone))
        except InvalidValueException:
            return name
    return "displayName"


def _group_resource(wanted: LabGroup) -> dict[str, Any]:
    extension = {
        "applicationKey": wanted.application_key,
        "organizationId": wanted.organization_id,
        "organizationShortName": wanted.organization_short_name,
        "accessRoleKey": wanted.access_role_key,
        "accessRoleName": wanted.access_role_name,
    }
    resource: dict[str, Any] = {"schemas": [GROUP_SCHEMA], "displayName": wanted.display_name}
    if stated := {name: value for name, value in extension.items() if value}:
        resource[GROUP_EXTENSION] = stated
    return resource


def _stored_group(services: IdpServices, facts: GroupFacts, members: frozenset[str]) -> bool:
    with services.store.read() as connection:
        known = connection.execute(
            select(tables.group.c.id, tables.group.c.version).where(
                tables.group.c.source == SOURCE,
                tables.group.c.display_name_key == fold(facts.display_name),
            )
        ).first()
    if known is None:
        made = provision_group(services, actor=_ACTOR, source=SOURCE, facts=facts, members=members)
        return isinstance(made, GroupProvisioned)
    changed = change_group(
        services,
        actor=_ACTOR,
        source=SOURCE,
        group_id=known.id,
        edit=GroupEdit(facts, MemberChange().replace(members), expected_version=known.version),
    )
    return isinstance(changed, GroupChanged)


# --- clients


def _furnish_client(services: IdpServices, wanted: LabClient, key: str, *, asks: bool) -> Iterator[Fault]:
    metadata = wanted.metadata
    if "grant_types" not in metadata:
        metadata["grant_types"] = list(_GRANTS)
    if metadata["grant_types"] != ["client_credentials"]:
        metadata.setdefault("scope", _SCOPE)
    if isinstance(metadata.get("resources"), list):
        metadata["resources"] = [_resource(each, services.issuer) for each in metadata["resources"]]
    order = ClientOrder(
        id=wanted.client_id,
        name=str(metadata.get("client_name") or wanted.client_id),
        metadata=metadata,
        description=wanted.description,
        application_key=wanted.application_key,
        launch_url=wanted.launch_url or "",
        secret=wanted.client_secret or "",
        profile=wanted.profile.value,
        first_party=not asks,
    )
    outcome = register_client(services, order, actor=_ACTOR, replace=True)
    if isinstance(outcome, RegistrationRefused):
        for fault in outcome.faults:
            yield Fault(f"{key}.{fault.name}", fault.message)


def _resource(stated: object, issuer: str) -> object:
    """Return a resource; a path is one of the laboratory's own, whose port the file need not know."""
    return f"{issuer}{stated}" if isinstance(stated, str) and stated.startswith("/") else stated


def _furnish_scim_client(services: IdpServices, wanted: LabScimClient, key: str) -> Iterator[Fault]:
    if wanted.name == SOURCE:
        yield Fault(f"{key}.name", "is the name under which the file's own accounts are kept")
        return
    order = ScimClientOrder(
        wanted.name,
        wanted.name,
        profile=wanted.profile.value,
        scopes=frozenset(wanted.scope.split()),
        disabled=wanted.disabled,
        require_match=wanted.require_match,
        requests_per_second=wanted.requests_per_second,
        allowed_addresses=wanted.allowed_addresses,
        extension=wanted.extension,
        leave_out_unknown_members=wanted.leave_out_unknown_members,
    )
    outcome = store_scim_client(services, order, actor=_ACTOR)
    if not isinstance(outcome, ScimClientStored):
        yield Fault(f"{key}.{_SCIM_KEYS.get(outcome, 'name')}", f"cannot be used: {outcome.value}")
        return
    if wanted.events is not Payload.NONE or find_stream(services.store.database, wanted.name) is not None:
        ordered = StreamOrder(
            wanted.name,
            wanted.events,
            endpoint_url=wanted.events_push,
            authorization=wanted.events_authorization,
        )
        stream = store_event_stream(services, ordered, actor=_ACTOR)
        if not isinstance(stream, StreamStored):
            yield Fault(f"{key}.{_STREAM_KEYS.get(stream, 'events')}", f"cannot be used: {stream.value}")
    fixed = fix_scim_token(services, wanted.name, wanted.token, actor=_ACTOR)
    if not isinstance(fixed, ScimTokenIssued):
        yield Fault(f"{key}.token", f"cannot be used: {fixed.value}")


def _furnish_registration_token(services: IdpServices, token: str) -> Iterator[Fault]:
    order = RegistrationTokenOrder(name="the laboratory's file", uses=None, life=None)
    outcome = issue_registration_token(services, order, actor=_ACTOR, chosen=token)
    if isinstance(outcome, RegistrationTokenRefused):
        yield Fault("registration_token", f"cannot be used: {outcome.value}")
