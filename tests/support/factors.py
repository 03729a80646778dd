"""Second steps that somebody has without having enrolled them: nobody knows their seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.storage.factors import add_totp

if TYPE_CHECKING:
    from idp.usecases.services import IdpServices


def an_app(services: IdpServices, account_id: str, factor_id: str, label: str = "") -> None:
    """Give an account an authenticator app."""
    with services.store.write() as unit:
        add_totp(
            unit.connection,
            factor_id=factor_id,
            account_id=account_id,
            sealed=b"x",
            label=label,
            now=unit.now,
        )
