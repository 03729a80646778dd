"""The clients that the foundation's modules play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.foundation.fapi_variants import Certificates, fapi_clients
from tests.support.tls_world import RP, SECOND_SECRET, Keys, a_client

if TYPE_CHECKING:
    from tests.support.https_server import Documents

BACK_CHANNEL, FRONT_CHANNEL = "/backchannel-logout", f"{RP}/frontchannel-logout"


def clients_of_the_foundation(
    keys: Keys, certificates: Certificates, documents: Documents, issuer: str
) -> list[dict[str, Any]]:
    """Return them; ``documents`` is the server on which the suite itself listens."""
    compat = {"profile": "compat", "id_token_signed_response_alg": "RS256"}
    return [
        a_client("foundation", **compat),
        a_client("foundation-second", client_secret=SECOND_SECRET, **compat),
        a_client("foundation-post", token_endpoint_auth_method="client_secret_post", **compat),
        a_client("foundation-back-channel", backchannel_logout_uri=documents.origin + BACK_CHANNEL, **compat),
        a_client("foundation-front-channel", frontchannel_logout_uri=FRONT_CHANNEL, **compat),
        *fapi_clients(keys, certificates, f"{issuer}/scim/v2"),
    ]
