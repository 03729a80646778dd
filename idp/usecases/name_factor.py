"""Somebody who is signed in names a second factor of her own."""

from __future__ import annotations

from idp.domain.factors import clean_label
from idp.domain.session import LiveSession
from idp.storage import own_factors as stored
from idp.usecases.own_factors import is_proved
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def name_factor(services: IdpServices, session: LiveSession, factor_id: str, *, label: str) -> bool | None:
    """Name a factor of whoever is signed in; an empty name lets its kind name it.

    False if she has none such; None if she has to prove anew who she is first, and nothing is changed.
    """
    if not is_proved(services, session):
        return None
    account_id = session.account.id
    with services.store.write() as unit:
        done = stored.name_factor(unit.connection, account_id, factor_id, clean_label(label))
        if done:
            unit.audit.record(
                "gateway:factor:named",
                actor=Actor("account", account_id, session.id),
                target=account_id,
                details={"factor": factor_id},
            )
    return done
