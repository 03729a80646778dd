"""A SCIM service over a real database, reached through the lane as a client reaches it.

Tokens are those of the product's own signing keys, stored as the token endpoint stores them.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import flask
from sqlalchemy import insert, select

from idp.domain.tokens import ACCESS_TOKEN_TYPE
from idp.settings import IdpSettings
from idp.storage.tables import access_token, client
from idp.usecases.services import IdpServices
from kernel.clock import FrozenClock
from kernel.crypto import PasswordHasher, digest
from kernel.web.flask_mount import mount
from kernel.web.lane import Lane, call
from keys.settings import KeySettings
from keys.usecases.signing import SigningKeys
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from scim.web.routes import scim_routes
from tests.support.clock import a_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel.clock import Clock
    from kernel.database import Database
    from scim.settings import ScimSettings

ISSUER = "http://127.0.0.1:8000"
BASE = f"{ISSUER}/scim/v2"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def __getitem__(self, name: str) -> Any:
        return self.json()[name]

    @property
    def scim_type(self) -> str:
        """The keyword of an error."""
        return str(self.json().get("scimType", ""))

    @property
    def detail(self) -> str:
        """The sentence of an error."""
        return str(self.json().get("detail", ""))


@dataclass
class ScimWorld:
    """One service with clients that hold tokens for it."""

    services: IdpServices
    lane: Lane
    flask_app: flask.Flask
    tokens: dict[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        client_id: str = "registration-worker",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        through: str = "lane",
        below: str = "/scim/v2",
    ) -> Answer:
        """Send one request; ``path`` is below /scim/v2, or what else ``below`` says."""
        sent = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        bare, _, written = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"{below}{bare}",
            "QUERY_STRING": written
            or "&".join(f"{name}={quote(value, safe='')}" for name, value in (query or {}).items()),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(sent),
            "CONTENT_LENGTH": str(len(sent)),
        }
        if sent:
            environ["CONTENT_TYPE"] = "application/scim+json"
        chosen = self.token(client_id) if token is None else token
        if chosen:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {chosen}"
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        application = self.lane if through == "lane" else self.flask_app.wsgi_app
        status, found, answered = call(application, environ)
        return Answer(int(status.split()[0]), {name.lower(): value for name, value in found}, answered)

    def get(self, path: str, **options: Any) -> Answer:
        """Send a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a POST."""
        return self.request("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a PUT."""
        return self.request("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path, **options)

    def patch(self, path: str, *operations: Mapping[str, Any], **options: Any) -> Answer:
        """Send a PATCH of these operations."""
        return self.request("PATCH", path, {"schemas": [PATCH_SCHEMA], "Operations": operations}, **options)

    def later(self, seconds: int = 1) -> None:
        """Let time pass; the clock stands otherwise."""
        clock = self.services.store.clock
        assert isinstance(clock, FrozenClock)
        clock.advance(dt.timedelta(seconds=seconds))

    def search(self, kind: str, text: str, **query: str) -> Answer:
        """Ask for the resources that meet a filter."""
        return self.get(f"/{kind}", query={"filter": text, **query})

    def found(self, kind: str, text: str) -> list[str]:
        """Return the user or display names of the resources that meet a filter."""
        answer = self.search(kind, text)
        assert answer.status == 200, answer.body
        name = "userName" if kind == "Users" else "displayName"
        return [each[name] for each in answer["Resources"]]

    def token(
        self,
        client_id: str = "registration-worker",
        *,
        scope: str = "scim.read scim.write",
        audience: str = BASE,
        life: dt.timedelta = dt.timedelta(days=3650),
        account_id: str = "",
    ) -> str:
        """Return a live access token of the client; one of the usual kind is made once."""
        usual = (scope, audience, account_id) == ("scim.read scim.write", BASE, "")
        if usual and client_id in self.tokens and life > dt.timedelta(0):
            return self.tokens[client_id]
        now = self.services.store.clock.now()
        token = self.services.signing.sign({"jti": str(next(_numbers))}, typ=ACCESS_TOKEN_TYPE)
        with self.services.store.write() as unit:
            if unit.connection.scalar(select(client.c.id).where(client.c.id == client_id)) is None:
                unit.connection.execute(insert(client).values(_client_row(client_id, now)))
            unit.connection.execute(
                insert(access_token).values(
                    digest=digest(token),
                    grant_id=None,
                    client_id=client_id,
                    subject=account_id or client_id,
                    scope=scope,
                    audience=audience,
                    issued_at=now,
                    expires_at=now + life,
                    revoked_at=None,
                )
            )
        if usual and life > dt.timedelta(0):
            self.tokens[client_id] = token
        return token


def _client_row(client_id: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": client_id,
        "name": client_id,
        "description": "",
        "application_key": "",
        "launch_url": "",
        "profile": "default",
        "first_party": True,
        "metadata": {},
        "disabled_at": None,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def a_scim_world(
    database: Database, *, clock: Clock | None = None, settings: ScimSettings | None = None
) -> ScimWorld:
    """Return a SCIM service over ``database``."""
    store = a_store(database, clock=clock)
    signing = SigningKeys(store, KeySettings(algorithms=("ES256",)))
    signing.ensure()
    services = IdpServices(
        store=store,
        settings=IdpSettings(),
        passwords=PasswordHasher(memory_kib=8, passes=1, lanes=1),
        signing=signing,
        issuer=ISSUER,
        public_url=ISSUER,
    )
    return a_scim_world_of(services, settings=settings)


def a_scim_world_of(services: IdpServices, *, settings: ScimSettings | None = None) -> ScimWorld:
    """Return the SCIM service of a provider that is there already."""
    store = services.store
    routes = scim_routes(services, settings)
    app = flask.Flask("scim-tests")
    mount(app, routes, randomness=store.randomness, peer=lambda _environ: "127.0.0.1")
    lane = Lane(
        app.wsgi_app,
        routes,
        randomness=store.randomness,
        peer=lambda _environ: "127.0.0.1",
        host_is_ours=lambda host: host == "127.0.0.1:8000",
    )
    return ScimWorld(services, lane, app)


def a_user(user_name: str = "fieldn", **attributes: Any) -> dict[str, Any]:
    """Return a user as Registration states one."""
    return {
        "schemas": [USER_SCHEMA, USER_EXTENSION],
        "externalId": f"acct:{user_name}",
        "userName": user_name,
        "name": {"givenName": "Nora", "familyName": "Field"},
        "displayName": "Nora Field",
        "emails": [{"value": f"{user_name}@acme.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "tel:+1-416-555-0100", "type": "work", "primary": True}],
        "active": True,
        "userType": "Personal",
        "preferredLanguage": "en",
        USER_EXTENSION: {
            "personId": "100001",
            "accountKind": "personal",
            "organizations": [{"id": "10001", "shortName": "ACME GENERATION"}],
            "sourceVersion": 1,
            "tenant": "ieso",
        },
    } | attributes


def a_group(role: str = "emi_user", **attributes: Any) -> dict[str, Any]:
    """Return a group as Registration states one."""
    return {
        "schemas": [GROUP_SCHEMA, GROUP_EXTENSION],
        "externalId": f"grp:10001:{role}",
        "displayName": f"ACME GENERATION/{role}",
        GROUP_EXTENSION: {
            "organizationId": "10001",
            "organizationShortName": "ACME GENERATION",
            "accessRoleKey": role,
            "accessRoleName": role.replace("_", " "),
            "applicationKey": "emi",
            "accountKinds": ["personal"],
            "sourceVersion": 1,
        },
    } | attributes
