"""Registration as a client of the Gateway: the two registrations by which it signs people in and provisions.

Owns what those registrations say, from the settings of both systems. Their keys are Registration's own: it
makes them where they are missing, and the Gateway is told the public halves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp.usecases.register_client import ClientOrder
from registration.outbound.access_token import SCOPE
from registration.outbound.keys import create_key_file

if TYPE_CHECKING:
    from switchyard.settings import RegistrationSystemSettings


def registration_orders(system: RegistrationSystemSettings) -> list[ClientOrder]:
    """Return the orders for the client that signs people in and for the worker; a missing key is made.

    Raises:
        SettingsError: naming the key file that cannot be used.
        OSError: if one cannot be written.
    """
    settings, base = system.registration, f"{system.kernel.public_url}/"
    return [
        ClientOrder(
            id=settings.client_id,
            name="Online Registration",
            description="Organizations, persons, contact roles and access.",
            application_key="online-registration",
            launch_url=f"{base}sign-in",
            metadata=_proved_by(settings.client_key_file)
            | {
                "redirect_uris": [f"{base}callback"],
                "post_logout_redirect_uris": [f"{base}signed-out"],
                "backchannel_logout_uri": f"{base}backchannel-logout",
                "scope": "openid profile email access",
            },
        ),
        ClientOrder(
            id=settings.worker_client_id,
            name="Registration's worker",
            description="Provisions accounts and memberships.",
            metadata=_proved_by(settings.worker_key_file)
            | {
                "grant_types": ["client_credentials"],
                "scope": SCOPE,
                "resources": [settings.scim_url],
            },
        ),
    ]


def _proved_by(file: str) -> dict[str, Any]:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    return {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [create_key_file(path)]}}
