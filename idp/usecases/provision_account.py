"""A source makes an account; who is to use it hears of it in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.changed_names import changed_names
from idp.domain.provisioning import AccountFacts, OwnManager, Taken, UnknownManager
from idp.domain.query import Record, account_record
from idp.storage.accounts import insert_account
from idp.storage.violations import TakenError
from idp.usecases.invitation import invite
from idp.usecases.managers import settle_manager
from idp.usecases.provisioning_log import record_deed
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The account is stored, as ``record`` shows it."""

    record: Record


def provision_account(
    services: IdpServices, *, actor: Actor, source: str, facts: AccountFacts
) -> Provisioned | Taken | UnknownManager | OwnManager:
    """Make the account that ``facts`` describe, owned by ``source``.

    An active account is invited to activate itself; the mail of a machine account goes to its custodian,
    whose address the account carries. An account that exists already is never adopted: its name or
    external id is taken (SA-05).
    """
    try:
        return _provision(services, actor, source, facts)
    except TakenError as refused:
        return refused.taken


def _provision(
    services: IdpServices, actor: Actor, source: str, facts: AccountFacts
) -> Provisioned | UnknownManager | OwnManager:
    with services.store.write() as unit:
        settled = settle_manager(unit, facts, source=source)
        if not isinstance(settled, AccountFacts):
            return settled
        facts = settled
        account = _new_account(unit, source, facts)
        insert_account(unit.connection, account, facts.document, facts.values)
        if facts.invite and account.awaits_activation and account.email:
            invite(unit, services, account, days=facts.invitation_days)
        unit.audit.record(
            "gateway:account:provisioned",
            actor=actor,
            target=account.id,
            organization=account.first_organization_id,
            details={"source": source, "kind": account.kind.value, "active": account.active},
        )
        record_deed(
            unit, account, changed=changed_names("{}", facts.document), former="{}", document=facts.document
        )
        return Provisioned(account_record(account, facts.document))


def _new_account(unit: Unit, source: str, facts: AccountFacts) -> Account:
    return Account(
        id=unit.randomness.ulid(unit.now),
        source=source,
        kind=facts.kind,
        user_name=facts.user_name,
        external_id=facts.external_id,
        display_name=facts.display_name,
        given_name=facts.given_name,
        family_name=facts.family_name,
        middle_name=facts.middle_name,
        email=facts.email,
        phone=facts.phone,
        language=facts.language,
        active=facts.active is not False,
        activated_at=None,
        person_id=facts.person_id,
        custodian_person_id=facts.custodian_person_id,
        organizations=facts.organizations,
        allowed_addresses=facts.allowed_addresses,
        source_version=facts.source_version or 0,
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
    )
