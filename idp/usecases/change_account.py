"""A source changes an account: attributes, and whether it may be used at all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.account_lock import shown
from idp.domain.changed_names import changed_names
from idp.domain.provisioning import (
    AccountFacts,
    Immutable,
    Missing,
    Moved,
    OwnManager,
    Protected,
    Stale,
    Taken,
    UnknownManager,
)
from idp.domain.query import Record, StoredAccount, account_record
from idp.outbound.mail import post_account_changed
from idp.storage.accounts import change_account_row
from idp.storage.one_time import put_out_of_force, put_out_of_force_at_last
from idp.storage.signal_receivers import as_receivers, ask_receivers_of_account
from idp.storage.violations import TakenError
from idp.usecases.invitation import invite
from idp.usecases.letterhead import letterhead
from idp.usecases.managers import rename_manager, settle_manager
from idp.usecases.provisioning_log import record_deed
from idp.usecases.services import IdpServices
from idp.usecases.switching import follow_switch
from kernel.audit import Actor
from kernel.store import Unit

_NAMES = ("given_name", "family_name", "middle_name", "display_name")
_STATED = (
    "kind",
    "user_name",
    "external_id",
    *_NAMES,
    "email",
    "phone",
    "language",
    "person_id",
    "custodian_person_id",
    "organizations",
    "allowed_addresses",
)


@dataclass(frozen=True, slots=True)
class Changed:
    """The account is stored as ``record`` shows it."""

    record: Record


AccountRefusal = Stale | Moved | Missing | Immutable | Protected | UnknownManager | OwnManager


def change_account(
    services: IdpServices,
    *,
    actor: Actor,
    stored: StoredAccount,
    facts: AccountFacts,
) -> Changed | Taken | AccountRefusal:
    """Store ``facts`` over the account as it was read, and do what follows from the change.

    Deactivation ends every session, code and token in the same transaction and tells the applications
    (I4). What is stated of an account that staff keep locked counts from the moment they unlock it. An
    account that nobody has activated yet is invited anew when its address changes (G-23) or when it comes
    back. The holder of an activated account hears, at the old and the new address, that name, address or
    number changed (G-86, SP-10).
    """
    try:
        return _change(services, actor, stored.account, stored.document, facts)
    except TakenError as refused:
        return refused.taken


def _change(
    services: IdpServices, actor: Actor, stored: Account, document: str, facts: AccountFacts
) -> Changed | AccountRefusal:
    refused = _refusal(stored, facts)
    if refused is not None:
        return refused
    with services.store.write() as unit:
        settled = settle_manager(unit, facts, source=stored.source, account_id=stored.id, document=document)
        if not isinstance(settled, AccountFacts):
            return settled
        facts = settled
        changed = _apply(unit, stored, facts)
        switched = stored.active != changed.active
        done = change_account_row(
            unit.connection,
            stored,
            changed,
            facts.document,
            values=facts.values,
            emptied=facts.emptied,
            beside=[ask_receivers_of_account(stored.id)] if switched else [],
        )
        if not isinstance(done, list):
            return done
        if changed.display_name != stored.display_name:
            rename_manager(unit, changed)
        if switched:
            receivers = as_receivers(done[0])
            follow_switch(unit, services, changed, to=receivers, reason="deactivated", actor=actor)
        _follow(unit, services, stored, changed, facts)
        names = changed_names(document, facts.document) if facts.changed is None else facts.changed
        _record(unit, stored, changed, actor, names)
        former, new = shown(stored, document), shown(changed, facts.document)
        record_deed(unit, changed, before=stored, changed=names, former=former, document=new)
        return Changed(account_record(changed, facts.document))


def _refusal(stored: Account, facts: AccountFacts) -> Stale | Immutable | Protected | None:
    if stored.protected_at is not None:
        return Protected()
    if facts.source_version is not None and facts.source_version < stored.source_version:
        return Stale(stored.source_version)
    if facts.kind is not stored.kind and stored.activated_at is not None:
        return Immutable("accountKind")
    return None


def _apply(unit: Unit, stored: Account, facts: AccountFacts) -> Account:
    stated = {name: getattr(facts, name) for name in _STATED}
    wanted = stored.is_wanted if facts.active is None else facts.active
    is_locked = stored.locked_at is not None
    return dataclasses.replace(
        stored,
        **stated,
        active=wanted and not is_locked,
        active_after_lock=wanted if is_locked else None,
        source_version=max(stored.source_version, facts.source_version or 0),
        version=stored.version + 1,
        updated_at=unit.now,
    )


def _follow(
    unit: Unit, services: IdpServices, stored: Account, changed: Account, facts: AccountFacts
) -> None:
    # Links that went to the old address, or to an account that is off, open nothing any more. Those of one
    # that was switched off just now ended with its sessions.
    if not stored.active and not changed.active:
        put_out_of_force_at_last(unit.transaction, changed.id, now=unit.now)
    elif changed.active and changed.email != stored.email:
        put_out_of_force(unit.connection, changed.id, now=unit.now)
    if changed.awaits_activation:
        if facts.invite and changed.email and (not stored.active or changed.email != stored.email):
            invite(unit, services, changed, days=facts.invitation_days)
        return
    if changed.activated_at is not None:
        _tell_holder(unit, services, stored, changed)


def _tell_holder(unit: Unit, services: IdpServices, stored: Account, changed: Account) -> None:
    what = {
        "name": any(getattr(stored, name) != getattr(changed, name) for name in _NAMES),
        "e-mail address": stored.email != changed.email,
        "phone number": stored.phone != changed.phone,
    }
    names = tuple(name for name, differs in what.items() if differs)
    if not names:
        return
    addresses = tuple(dict.fromkeys(filter(None, (stored.email, changed.email))))
    post_account_changed(unit, changed, letterhead(services), to=addresses, changed=names)


def _record(unit: Unit, stored: Account, changed: Account, actor: Actor, names: tuple[str, ...]) -> None:
    action = "changed"
    if stored.active != changed.active:
        action = "reactivated" if changed.active else "deactivated"
    unit.audit.record(
        f"gateway:account:{action}",
        actor=actor,
        target=changed.id,
        organization=changed.first_organization_id,
        details={"attributes": [*names], "version": changed.version},
    )
