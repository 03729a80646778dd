"""What is in the laboratory that relying parties of others and the foundation's checks meet: people and clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey

from switchyard.lab_file import default_world
from tests.support.signatures import SigningKey, a_signing_key, algorithm_of

RP = "https://rp.example"
CALLBACK, OTHER_CALLBACK, SIGNED_OUT = f"{RP}/callback", f"{RP}/other", f"{RP}/signed-out"
QUERY = "?dummy1=lorem&dummy2=ipsum"
SECRET, SECOND_SECRET = "a secret that the tests know", "another secret that they know"
PASSWORD = "alice-in-the-lab"
SCOPE = "openid profile email address phone offline_access"


def a_key(kid: str) -> ECKey:
    """Draw a signing key of a client."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"}, private=True)


@dataclass(frozen=True)
class Keys:
    """The keys of clients that prove themselves by signatures."""

    first: ECKey = field(default_factory=lambda: a_key("first"))
    second: ECKey = field(default_factory=lambda: a_key("second"))
    others: dict[tuple[str, str], SigningKey] = field(default_factory=dict)

    def of(self, who: str, algorithm: str) -> SigningKey:
        """Return the key of ``first`` or ``second`` for ``algorithm``, always the same."""
        if algorithm == "ES256":
            return self.first if who == "first" else self.second
        name = (who, algorithm)
        return self.others.setdefault(name, self.others.get(name) or a_signing_key(algorithm, who))

    @staticmethod
    def public(key: SigningKey) -> dict[str, Any]:
        """Return the key set that a client registers."""
        return {"keys": [key.as_dict(private=False)]}


def a_client(client_id: str, **metadata: object) -> dict[str, Any]:
    """Return a client with a secret and one callback, changed as told; None leaves a name out."""
    values: dict[str, Any] = {
        "client_id": client_id,
        "client_name": client_id,
        "client_secret": SECRET,
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": SCOPE,
        **metadata,
    }
    return {name: value for name, value in values.items() if value is not None}


def a_fapi_client(client_id: str, key: SigningKey, **metadata: object) -> dict[str, Any]:
    """Return a client of the profile fapi2 with private_key_jwt and DPoP."""
    return a_client(
        client_id,
        **{
            "profile": "fapi2",
            "client_secret": None,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm_of(key),
            "dpop_bound_access_tokens": True,
            "id_token_signed_response_alg": algorithm_of(key),
            "jwks": Keys.public(key),
            **metadata,
        },
    )


def clients_of_others(keys: Keys, addresses: dict[str, str]) -> list[dict[str, Any]]:
    """Return the clients that real relying parties are; ``addresses`` says where those listen that serve pages."""
    served = [
        a_client(
            name,
            redirect_uris=[f"{base}/callback"],
            post_logout_redirect_uris=[base, f"{base}/", f"{base}/signed-out"],
            id_token_signed_response_alg="RS256",  # what these expect unless they are told
        )
        for name, base in addresses.items()
    ]
    return [
        *served,
        a_client("openid-client"),
        a_client(
            "openid-client-machine",
            client_secret=None,
            redirect_uris=None,
            post_logout_redirect_uris=None,
            grant_types=["client_credentials"],
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_signing_alg="ES256",
            jwks=Keys.public(keys.first),
            scope="scim.read",
            resources=[f"{RP}/api"],
        ),
        a_client("oauth4webapi"),
        a_fapi_client("oauth4webapi-fapi2", keys.first),
        a_fapi_client(
            "oauth4webapi-signed",
            keys.first,
            require_signed_request_object=True,
            request_object_signing_alg="ES256",
            authorization_signed_response_alg="ES256",
            introspection_signed_response_alg="ES256",
        ),
        a_client(
            "jose",
            profile="compat",
            id_token_signed_response_alg="RS256",
            userinfo_signed_response_alg="ES256",
        ),
        a_client("authlib"),
        a_client("idpyoidc"),
    ]


def a_world(clients: list[dict[str, Any]], **rest: object) -> dict[str, Any]:
    """Return a laboratory's file: one person with every standard claim, and another, who has little."""
    everything = default_world().accounts[0].claims.model_dump(exclude_none=True)
    return {
        "accounts": [
            {"userName": "alice", "password": PASSWORD, "claims": everything},
            {
                "userName": "bert",
                "password": PASSWORD,
                "claims": {"name": "Bert", "email": "bert@lab.example"},
            },
        ],
        "clients": clients,
        "limits": "off",
        "consent": "ask",
        "registration": "open",
        "registration_profile": "compat",
        **rest,
    }
