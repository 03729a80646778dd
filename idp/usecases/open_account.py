"""An operator opens an account whose password he knows: for laboratories, never for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from idp.domain.account import Waiver
from idp.domain.factors import FactorKind
from idp.domain.provisioning import Missing
from idp.storage.accounts import find_account, state_opening
from idp.storage.credentials import mark_activated, set_password
from idp.storage.factors import add_totp, remove_factors
from idp.usecases.dispatcher import policy
from idp.usecases.enrol_totp import SEED_PLACE
from idp.usecases.secret_hashing import hash_password
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class Opening:
    """How an account opens.

    ``claims`` are stated for it beside what its source says, ``waived`` is what the policy asks of everybody
    but of this account, and ``totp_seed`` is the secret of the authenticator app it has, if it has one.
    """

    password: str = field(repr=False)
    claims: Mapping[str, object]
    waived: Collection[Waiver] = ()
    totp_seed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The account signs in with the password, and the app's codes if it has an app."""


def open_account(
    services: IdpServices, *, actor: Actor, account_id: str, opening: Opening
) -> AccountOpened | Missing:
    """Activate the account with this password and this app, without any message; repeating replaces both.

    The password is not held against the policy: who opens an account so vouches for it.

    Raises:
        BusyError: when too many hashes are asked for at once; nothing was changed.
        ValueError: for a password that can be nobody's.
    """
    new_hash = hash_password(services, account_id, opening.password)
    with services.store.write() as unit:
        account = find_account(unit.connection, account_id)
        if account is None:
            return Missing()
        mark_activated(unit.connection, account_id, now=unit.now)
        set_password(unit.connection, account_id, new_hash, now=unit.now, history=policy(services).history)
        state_opening(
            unit.connection,
            account_id,
            claims=opening.claims,
            waived=sorted(set(opening.waived)),
            now=unit.now,
        )
        _set_app(unit, account_id, opening.totp_seed)
        unit.audit.record(
            "gateway:account:opened",
            actor=actor,
            target=account_id,
            details={"waived": [*sorted(set(opening.waived))], "app": opening.totp_seed is not None},
        )
    return AccountOpened()


def _set_app(unit: Unit, account_id: str, seed: bytes | None) -> None:
    remove_factors(unit.connection, account_id, FactorKind.TOTP)
    if seed is None:
        return
    factor_id = unit.randomness.ulid(unit.now)
    add_totp(
        unit.connection,
        factor_id=factor_id,
        account_id=account_id,
        sealed=unit.sealer.seal(seed, row=factor_id, **SEED_PLACE),
        label="",
        now=unit.now,
    )
