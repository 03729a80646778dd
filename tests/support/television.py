"""A television of somebody else that wants to be let in, beside a Gateway's pages (RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from tests.support.devices import DEVICE, GRANT

if TYPE_CHECKING:
    from tests.support.gateway import PagesGateway


@dataclass
class Television:
    """A public client that knows its name and the Gateway."""

    gateway: PagesGateway
    client_id: str = "tv"

    def asks(self, **fields: str) -> Any:
        """Ask for both codes."""
        return self._post(DEVICE, scope="openid email", **fields)

    def polls(self, told: Any) -> Any:
        """Ask for the tokens."""
        return self._post("/oauth2/token", grant_type=GRANT, device_code=told["device_code"])

    def _post(self, path: str, **fields: str) -> Any:
        values = {"client_id": self.client_id, **fields}
        return self.gateway.app.test_client().post(path, data=values).get_json()


def a_television(
    gateway: PagesGateway, client_id: str = "tv", *, name: str = "The <Television>", application_key: str = ""
) -> Television:
    """Register a television with logo, policy and terms."""
    order = ClientOrder(
        id=client_id,
        name=name,
        first_party=False,
        application_key=application_key,
        metadata={
            "scope": "openid email",
            "token_endpoint_auth_method": "none",
            "grant_types": [GRANT],
            "logo_uri": "https://images.tv.example/logo.png",
            "policy_uri": "https://tv.example/policy",
            "tos_uri": "https://tv.example/terms",
        },
    )
    done = register_client(gateway.services, order, actor=SYSTEM)
    assert isinstance(done, Registered), done
    return Television(gateway, client_id)
