"""Enrolling a passkey in a flow that has proved a possession already (MF-14, WA-13)."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.factors import MOST, FactorKind, clean_label
from idp.domain.login_flow import ENROLLING_STEPS, Proof, ProofKind
from idp.domain.signals import passkey_credential
from idp.domain.webauthn_policy import (
    CHALLENGE_BYTES,
    CHALLENGE_LIFE,
    Ceremony,
    NewPasskey,
    PasskeyFault,
)
from idp.outbound.mail import post_factor_changed
from idp.storage.factors import add_challenge, add_passkey, count_factors, passkeys
from idp.usecases.dispatcher import Position, advance, locate, page_of
from idp.usecases.flow_outcomes import (
    AlreadyDone,
    FlowLost,
    Moved,
    PasskeyOptions,
    PasskeyRefused,
    TooManyFactors,
)
from idp.usecases.letterhead import letterhead
from idp.usecases.passkey_party import answer_of, party, user_handle
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit


def begin_passkey_enrolment(
    services: IdpServices, *, flow: str, browser: str
) -> PasskeyOptions | TooManyFactors | FlowLost | AlreadyDone:
    """Return the options for ``navigator.credentials.create`` with a challenge of this flow alone."""
    from idp.domain.passkey_ceremonies import enrolment_options  # noqa: PLC0415 - 5 MB, for who sees a passkey

    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step not in ENROLLING_STEPS:
            return FlowLost(position.flow.client_name, position.flow.client_id)
        existing = passkeys(unit.connection, account.id)
        if len(existing) >= MOST[FactorKind.PASSKEY]:
            return TooManyFactors()
        challenge = unit.randomness.token_bytes(CHALLENGE_BYTES)
        add_challenge(
            unit.connection,
            challenge,
            flow_id=position.flow.id,
            ceremony=Ceremony.ENROL,
            expires_at=unit.now + CHALLENGE_LIFE,
        )
        return PasskeyOptions(
            enrolment_options(
                party(services),
                user_handle=user_handle(services, account.id),
                user_name=account.user_name,
                display_name=account.display,
                challenge=challenge,
                existing=existing,
            )
        )


def confirm_passkey_enrolment(
    services: IdpServices, *, flow: str, browser: str, credential: str, label: str = ""
) -> Moved | PasskeyRefused:
    """Enrol the passkey whose JSON the browser answered, if all of it holds (WA-01 to WA-12).

    Enrolling counts as a proof of possession and as no more: that the passkey resists phishing is proved
    by the next sign-in with it.
    """
    import idp.domain.passkey_ceremonies  # noqa: F401, PLC0415 - loaded while nobody waits for the unit

    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step not in ENROLLING_STEPS:
            return page_of(unit.connection, services, position)
        factor_id = unit.randomness.ulid(unit.now)
        new = _enrolled(unit, services, position, account, credential, (factor_id, clean_label(label)))
        if isinstance(new, PasskeyFault):
            return _refuse(unit, account, new)
        post_factor_changed(
            unit,
            account,
            letterhead(services),
            change="added",
            kind=FactorKind.PASSKEY,
            label=clean_label(label),
        )
        unit.audit.record(
            "gateway:factor:enrolled",
            actor=Actor("account", account.id),
            target=account.id,
            details={"kind": FactorKind.PASSKEY.value, "factor": factor_id, "aaguid": new.aaguid},
        )
        signal_credential_changed(
            unit,
            services,
            account_id=account.id,
            credential=passkey_credential(new.transports),
            change="create",
            actor=Actor("account", account.id),
        )
        proof = Proof(ProofKind.PASSKEY, unit.now, factor=factor_id, synced=new.backup_eligible)
        return advance(unit, services, position, proof)


def _enrolled(
    unit: Unit,
    services: IdpServices,
    position: Position,
    account: Account,
    credential: str,
    named: tuple[str, str],
) -> NewPasskey | PasskeyFault:
    answer = answer_of(unit, services, position, credential, Ceremony.ENROL)
    if isinstance(answer, PasskeyFault):
        return answer
    from idp.domain.passkey_ceremonies import verify_enrolment  # noqa: PLC0415 - loaded already

    new = verify_enrolment(answer, challenge=answer.challenge, party=party(services))
    if isinstance(new, PasskeyFault):
        return new
    if count_factors(unit.connection, account.id, FactorKind.PASSKEY) >= MOST[FactorKind.PASSKEY]:
        return PasskeyFault.TOO_MANY
    factor_id, label = named
    added = add_passkey(
        unit.connection, new, factor_id=factor_id, account_id=account.id, label=label, now=unit.now
    )
    return new if added else PasskeyFault.ALREADY_ENROLLED


def _refuse(unit: Unit, account: Account, fault: PasskeyFault) -> PasskeyRefused:
    unit.audit.record(
        "gateway:factor:refused",
        actor=Actor("account", account.id),
        target=account.id,
        outcome="refused",
        reason=fault.value,
        details={"kind": FactorKind.PASSKEY.value},
    )
    return PasskeyRefused()
