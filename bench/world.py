"""The world of a benchmark: a Gateway's database with clients, accounts, groups and live sessions."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from bench.crowd import MARK, multiply
from idp.domain.session import Acr
from idp.storage.credentials import mark_activated, set_password
from idp.storage.sessions import NewSession, open_session
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.secret_hashing import hash_password
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM
from kernel.crypto import digest
from kernel.database import Database
from kernel.web.lane import Application, call
from switchyard import wiring
from switchyard.gateway_app import make_gateway
from switchyard.settings import GatewaySettings, read_settings

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
USER_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:User"
GROUP_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CALLBACK = "http://127.0.0.1:9/callback"
SECRET = "a-bench-secret-of-more-than-32-characters"
PASSWORD = "Correct-Horse-7-Battery"
SESSIONS = 10


@dataclass(slots=True)
class World:
    """What the workloads know."""

    issuer: str
    settings_file: Path
    key: ec.EllipticCurvePrivateKey
    user_ids: list[str] = field(default_factory=list)
    group_ids: dict[int, str] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)
    scim_token: str = ""

    @property
    def hash_times(self) -> Path:
        """The file through which its server tells what its hashes take."""
        return self.settings_file.with_name("hash-times")

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The key by which the machine's client assertions are verified."""
        public = ECKey.import_key(self.key.public_key()).as_dict(private=False)
        return dict(public) | {"use": "sig", "alg": "ES256", "kid": "b"}

    @property
    def basic(self) -> str:
        """The header with which the confidential client proves itself."""
        return "Authorization: Basic " + base64.b64encode(f"web:{SECRET}".encode()).decode() + "\r\n"


def settings_text(folder: Path, port: int, database_url: str) -> str:
    """Return the settings of the Gateway under test: everything on but the rate limits."""
    database = database_url or f"sqlite:///{folder / 'gateway.db'}"
    return "\n".join(
        [
            "[gateway.kernel]",
            f'public_url = "http://127.0.0.1:{port}"',
            f'database_url = "{database}"',
            f'key_file = "{folder / "kek.txt"}"',
            "workers = 1",
            'log_level = "warning"',
            "[gateway.idp]",
            "limits = false",
            'second_factor = "optional"',
            'policy = "nist-63b-4"',
            "loopback_http_clients = true",
            "",
        ]
    )


def make_world(
    folder: Path, port: int, *, users: int, group_sizes: tuple[int, ...], database_url: str = ""
) -> World:
    """Build the database under ``folder`` and return what the workloads need to know."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "switchyard.toml"
    file.write_text(settings_text(folder, port, database_url))
    settings = read_settings(file, {}).gateway
    wiring.set_up_logs(settings.kernel)
    services = wiring.gateway_services(settings)
    wiring.prepare_schema(services.store, "gateway", settings.kernel)
    services.signing.ensure()
    world = World(services.issuer, file, ec.generate_private_key(ec.SECP256R1()))
    _register(services, world)
    gateway = make_gateway(settings, services)
    _fill(services, gateway, world, users, group_sizes)
    _sign_in(services, world)
    settle(services.store.database)
    services.store.database.dispose()
    return world


def settle(database: Database) -> None:
    """Have PostgreSQL look at what was written, as it does by itself within a minute."""
    if database.dialect == "postgresql":
        with database.read() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _register(services: IdpServices, world: World) -> None:
    orders = [
        ClientOrder(
            id="web",
            name="Web",
            application_key="emi",
            secret=SECRET,
            metadata={
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                "scope": "openid profile email access offline_access scim.read scim.write",
                "token_endpoint_auth_method": "client_secret_basic",
                "resources": [f"{world.issuer}/scim/v2"],
            },
        ),
        ClientOrder(
            id="machine",
            name="Machine",
            metadata={
                "grant_types": ["client_credentials"],
                "scope": "scim.read scim.write",
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [world.public_jwk]},
                "resources": [f"{world.issuer}/scim/v2"],
            },
        ),
    ]
    for order in orders:
        outcome = register_client(services, order, actor=SYSTEM)
        assert isinstance(outcome, Registered), outcome


def _ask(
    gateway: Application, method: str, path: str, body: bytes, media_type: str, headers: dict[str, str]
) -> Any:
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": headers.pop("Host"),
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "CONTENT_TYPE": media_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    status, _, answer = call(gateway, environ)
    assert status[0] == "2", (status, answer[:500])
    return json.loads(answer) if answer else None


def _host(world: World) -> str:
    return world.issuer.partition("://")[2]


def _machine_token(gateway: Application, world: World) -> str:
    form = {"grant_type": "client_credentials", "scope": "scim.read scim.write"}
    headers = {"Host": _host(world), "Authorization": world.basic.partition(": ")[2].strip()}
    media_type = "application/x-www-form-urlencoded"
    return str(
        _ask(gateway, "POST", "/oauth2/token", urlencode(form).encode(), media_type, headers)["access_token"]
    )


def user_document(number: int | str) -> dict[str, Any]:
    """Return the SCIM document of one account."""
    return {
        "schemas": [USER, USER_EXTENSION],
        "externalId": f"acct:{number}",
        "userName": f"user{number}",
        "name": {"givenName": "Sample", "familyName": f"User {number}"},
        "displayName": f"Sample User {number}",
        "emails": [{"value": f"user{number}@participant.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "tel:+1-416-555-0100", "type": "work", "primary": True}],
        "active": True,
        "userType": "Personal",
        USER_EXTENSION: {
            "personId": str(number),
            "accountKind": "personal",
            "organizations": [{"id": "122846", "shortName": "ACME"}],
            "activation": {"send": False, "validDays": 90},
            "sourceVersion": 1,
        },
    }


def add_users(world: World, names: Sequence[str]) -> list[str]:
    """Add accounts to a world while its server runs, and return their ids."""
    settings = read(world.settings_file)
    services = wiring.gateway_services(settings)
    try:
        ids = _crowd(services, make_gateway(settings, services), world, names)
        settle(services.store.database)
        return ids
    finally:
        services.store.database.dispose()


def _crowd(services: IdpServices, gateway: Application, world: World, names: Sequence[str]) -> list[str]:
    world.scim_token = _machine_token(gateway, world)  # the one before may end while the world is measured
    headers = {"Host": _host(world), "Authorization": f"Bearer {world.scim_token}"}
    body = json.dumps(user_document(MARK)).encode()
    original = _ask(gateway, "POST", "/scim/v2/Users", body, "application/scim+json", headers)["id"]
    return multiply(services.store, original, names)


def _fill(
    services: IdpServices, gateway: Application, world: World, users: int, group_sizes: Sequence[int]
) -> None:
    world.user_ids += _crowd(services, gateway, world, [str(number) for number in range(users)])
    _gather(gateway, world, group_sizes)


def add_groups(world: World, sizes: Sequence[int]) -> None:
    """Add groups to a world while its server runs: of each size one, of the first accounts."""
    settings = read(world.settings_file)
    services = wiring.gateway_services(settings)
    try:
        _gather(make_gateway(settings, services), world, sizes)
        settle(services.store.database)
    finally:
        services.store.database.dispose()


def _gather(gateway: Application, world: World, group_sizes: Sequence[int]) -> None:
    world.scim_token = _machine_token(gateway, world)

    def send(method: str, path: str, document: dict[str, Any]) -> Any:
        headers = {"Host": _host(world), "Authorization": f"Bearer {world.scim_token}"}
        return _ask(gateway, method, path, json.dumps(document).encode(), "application/scim+json", headers)

    for size in group_sizes:
        document = {
            "schemas": [GROUP, GROUP_EXTENSION],
            "externalId": f"grp:{size}:emi",
            "displayName": f"ACME {size}/Dispatch data submit",
            GROUP_EXTENSION: {
                "organizationId": str(size),
                "organizationShortName": f"ACME {size}",
                "accessRoleKey": "emi-dispatch-data-submit",
                "accessRoleName": "Dispatch data submit",
                "applicationKey": "emi",
                "accountKinds": ["personal"],
                "sourceVersion": 1,
            },
        }
        world.group_ids[size] = send("POST", "/scim/v2/Groups", document)["id"]
        for start in range(0, size, 500):
            members = [{"value": identifier} for identifier in world.user_ids[start : min(start + 500, size)]]
            change = {
                "schemas": [PATCH_OP],
                "Operations": [{"op": "add", "path": "members", "value": members}],
            }
            send("PATCH", f"/scim/v2/Groups/{world.group_ids[size]}", change)


def _sign_in(services: IdpServices, world: World) -> None:
    """Give the first accounts a password and a live session each."""
    hashes = {each: hash_password(services, each, PASSWORD) for each in world.user_ids[:SESSIONS]}
    with services.store.write() as unit:
        for account_id, hashed in hashes.items():
            set_password(unit.connection, account_id, hashed, now=unit.now, history=4)
            mark_activated(unit.connection, account_id, now=unit.now)
            token = unit.randomness.token()
            world.sessions.append(token)
            new = NewSession(
                id=unit.randomness.ulid(unit.now),
                digest=digest(token),
                browser=digest("bench"),
                account_id=account_id,
                acr=Acr.ONE_FACTOR,
                amr=("pwd",),
                authenticated_at=unit.now,
                expires_at=unit.now + services.settings.session_life,
                address="127.0.0.1",
                user_agent="bench",
            )
            open_session(unit.connection, new, began_at=unit.now, now=unit.now)


def read(file: Path) -> GatewaySettings:
    """Return the settings of a world."""
    return read_settings(file, {}).gateway
