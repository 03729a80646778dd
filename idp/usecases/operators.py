"""Who may open the operator's pages of the Gateway: the operator's own staff, Customer Relations."""

from __future__ import annotations

from idp.domain.session import Acr, LiveSession, strength
from idp.storage.provisioning_subjects import holds_role
from idp.usecases.services import IdpServices


def is_operator(services: IdpServices, session: LiveSession, *, role: str, source: str) -> bool:
    """Tell whether the person who is signed in holds the operator's access role.

    Only a group of ``source`` gives it: another provisioning client may call a role the same and gains
    nothing by it. The account must be usable and a person's, and the sign-in of two factors.
    """
    account = session.account
    if not role or not source or account.is_machine or not account.is_usable:
        return False
    if strength(session.acr) < strength(Acr.TWO_FACTORS):
        return False
    return holds_role(services.store.database, account.id, role=role, source=source)
