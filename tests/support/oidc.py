"""An OpenID provider over a real database: its clients, accounts and sessions, and requests to its endpoints.

Sessions are stored directly, as if somebody had signed in; everything else goes through the endpoints.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import select, update

from idp.domain.account import Account, AccountKind
from idp.settings import IdpSettings
from idp.storage import tables
from idp.storage.accounts import insert_account
from idp.storage.sessions import NewSession, open_session
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.services import IdpServices
from idp.web.oidc.routes import oidc_routes
from kernel.audit import SYSTEM
from kernel.clock import FrozenClock
from kernel.crypto import PasswordHasher, digest
from kernel.tables import audit_event, courier_message
from kernel.web.dispatch import Dispatch
from kernel.web.http import FORM, Request, Response
from kernel.web.lane import serve
from keys.domain.key import KeyState
from keys.settings import KeySettings
from keys.storage.material import make_pair
from keys.storage.signing_keys import publish
from keys.storage.tables import signing_key
from keys.usecases.signing import SigningKeys
from tests.support.clock import NOON, a_store
from tests.support.signatures import SigningKey, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idp.usecases.front_channel import LogoutFrame
    from kernel.database import Database
    from kernel.store import Store

ISSUER = "https://gateway.example"
CALLBACK = "https://emi.example/callback"
SECRET = "s" * 43
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BROWSER = "b" * 43
APPLICATION = "emi"
HASHER = PasswordHasher(memory_kib=64, passes=1)
_EC_KEY = ECKey.generate_key("P-256", {"kid": "ec"})
_RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})
_ED_KEY = OKPKey.generate_key("Ed25519", {"kid": "ed"})
_KEYS: dict[str, SigningKey] = {"ES256": _EC_KEY, "EdDSA": _ED_KEY}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class PlainPages:
    """Pages as bare as they can be, for tests of the endpoints alone."""

    def error_page(self, request: Request, status: int, code: str, language: str = "") -> Response:
        """Return the code as a page."""
        return self._page(status, f"error {code} {language}")

    def no_access_page(
        self, request: Request, application: str, language: str = "", *, client_id: str = ""
    ) -> Response:
        """Return the application's name as a page."""
        return self._page(403, f"no access to {application} {language}")

    def logout_page(
        self,
        request: Request,
        *,
        action: str,
        fields: Iterable[tuple[str, str]] = (),
        client_name: str = "",
        client_id: str = "",
        language: str = "",
        onward: str = "",
    ) -> Response:
        """Return the fields as JSON in a page, so that a test can send them back."""
        return self._page(200, f"sign out? {client_name}", fields=dict(fields))

    def signed_out_page(
        self,
        request: Request,
        language: str = "",
        *,
        frames: Sequence[LogoutFrame] = (),
        onward: str = "",
        client_name: str = "",
        client_id: str = "",
    ) -> Response:
        """Return a word as a page, and what it would hold as JSON, so that a test can look at it."""
        held = {"frames": [frame.address for frame in frames], "onward": onward, "client": client_name}
        return self._page(200, "signed out", fields=held)

    @staticmethod
    def _page(status: int, text: str, fields: Mapping[str, object] | None = None) -> Response:
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        if fields is not None:
            headers.append(("X-Fields", json.dumps(dict(fields))))
        return Response(status, f"<h1>{escape(text)}</h1>".encode(), tuple(headers))


@dataclass
class Op:
    """One OpenID provider under test."""

    services: IdpServices
    clock: FrozenClock
    dispatch: Dispatch = field(init=False)

    def __post_init__(self) -> None:
        """Wire the routes."""
        self.routes = oidc_routes(self.services, pages=PlainPages())
        self.dispatch = Dispatch(self.routes)

    # --- who is there -----------------------------------------------------------------------------

    def client(
        self,
        client_id: str = "emi",
        *,
        secret: str = SECRET,
        application_key: str = "",
        profile: str = "default",
        first_party: bool = True,
        replace: bool = False,
        **metadata: object,
    ) -> str:
        """Register a client and return its id: confidential, Basic, codes and refresh, unless told otherwise."""
        values: dict[str, object] = {
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email address phone access offline_access",
            **metadata,
        }
        method = values.get("token_endpoint_auth_method", "client_secret_basic")
        done = register_client(
            self.services,
            ClientOrder(
                id=client_id,
                name=f"The {client_id}",
                metadata={name: value for name, value in values.items() if value is not None},
                application_key=application_key,
                profile=profile,
                first_party=first_party,
                secret=secret if str(method).startswith("client_secret") else "",
            ),
            actor=SYSTEM,
            replace=replace,
        )
        assert isinstance(done, Registered), done
        return client_id

    def machine(self, client_id: str = "m2m", **metadata: object) -> str:
        """Register a client of client credentials only."""
        values = {
            "redirect_uris": None,
            "grant_types": ["client_credentials"],
            "scope": "scim.read scim.write",
            "resources": [f"{ISSUER}/scim/v2"],
            **metadata,
        }
        return self.client(client_id, **values)  # type: ignore[arg-type]

    def account(self, user_name: str = "fieldn", **changes: object) -> str:
        """Store an active, activated account and return its id."""
        with self.services.store.write() as unit:
            values: dict[str, Any] = {
                "id": unit.randomness.ulid(unit.now),
                "source": "test",
                "kind": AccountKind.PERSONAL,
                "user_name": user_name,
                "external_id": f"acct:{user_name}",
                "display_name": "Nora Field",
                "given_name": "Nora",
                "family_name": "Field",
                "middle_name": "",
                "email": f"{user_name}@acme.example",
                "phone": "+14165550100",
                "language": "en-CA",
                "active": True,
                "activated_at": unit.now,
                "person_id": "P-1",
                "custodian_person_id": "",
                "organizations": (),
                "allowed_addresses": (),
                "source_version": 1,
                "version": 1,
                "created_at": unit.now,
                "updated_at": unit.now,
                **changes,
            }
            made = Account(**values)
            assert insert_account(unit.connection, made, "{}", ()) is None
        return made.id

    def session(
        self,
        account_id: str,
        *,
        acr: str = "urn:switchyard:acr:2fa",
        amr: tuple[str, ...] = ("pwd", "otp", "mfa"),
        age: dt.timedelta = dt.timedelta(0),
        life: dt.timedelta = dt.timedelta(hours=12),
    ) -> str:
        """Store a live session and return its cookie."""
        token = self.services.store.randomness.token(32)
        with self.services.store.write() as unit:
            open_session(
                unit.connection,
                NewSession(
                    id=unit.randomness.ulid(unit.now),
                    digest=digest(token),
                    browser=digest(BROWSER),
                    account_id=account_id,
                    acr=acr,
                    amr=amr,
                    authenticated_at=unit.now - age,
                    expires_at=unit.now + life,
                    address="192.0.2.1",
                    user_agent="test",
                ),
                began_at=unit.now,
                now=unit.now,
            )
        return token

    def member(
        self, account_id: str, *, application_key: str = APPLICATION, organization: str = "10001"
    ) -> str:
        """Make the account a member of a group that opens the application; return the group's id."""
        with self.services.store.write() as unit:
            group_id = unit.randomness.ulid(unit.now)
            unit.connection.execute(
                tables.group.insert().values(
                    id=group_id,
                    source="test",
                    external_id=f"grp:{group_id}",
                    display_name=group_id,
                    display_name_key=group_id,
                    organization_id=organization,
                    organization_short_name="ACME",
                    access_role_key="meter-reader",
                    access_role_name="Meter Reader",
                    application_key=application_key,
                    account_kinds=["personal"],
                    source_version=1,
                    version=1,
                    document="{}",
                    created_at=unit.now,
                    updated_at=unit.now,
                )
            )
            unit.connection.execute(
                tables.membership.insert().values(group_id=group_id, account_id=account_id, added_at=unit.now)
            )
        return group_id

    def set_account(self, account_id: str, **values: object) -> None:
        """Change columns of an account directly."""
        with self.services.store.write() as unit:
            unit.connection.execute(
                update(tables.account).where(tables.account.c.id == account_id).values(**values)
            )

    # --- requests -----------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        address: str = "192.0.2.1",
    ) -> Response:
        """Send one request to the endpoints, as the lane would."""
        found = self.dispatch.find(path)
        assert found is not None, path
        endpoints, values = found
        request = Request(method, path, query, dict(headers or {}), body, address, values)
        return serve(endpoints, request, request_id="test")

    def get(
        self, path: str, cookie: str = "", headers: Mapping[str, str] | None = None, **query: str
    ) -> Response:
        """GET with a query, and the cookies of a signed-in browser if a session is given."""
        return self.call(
            "GET", path, query=urlencode(query), headers={**self.cookies(cookie), **(headers or {})}
        )

    def post(
        self,
        path: str,
        fields: Mapping[str, str | list[str]],
        *,
        headers: Mapping[str, str] | None = None,
        address: str = "192.0.2.1",
    ) -> Response:
        """POST a form."""
        return self.call(
            "POST",
            path,
            body=urlencode(fields, doseq=True).encode(),
            headers={"content-type": FORM, **(headers or {})},
            address=address,
        )

    @staticmethod
    def cookies(session: str) -> dict[str, str]:
        """Return the cookie header of a browser."""
        pairs = [f"__Host-gateway_browser={BROWSER}"] + (
            [f"__Host-gateway_session={session}"] if session else []
        )
        return {"cookie": "; ".join(pairs)}

    @staticmethod
    def basic(client_id: str = "emi", secret: str = SECRET) -> dict[str, str]:
        """Return the header of client_secret_basic."""
        return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}

    def ask(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters of a good authorization request, changed as told; None leaves one out."""
        values: dict[str, str | None] = {
            "client_id": "emi",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email access",
            "state": "st",
            "nonce": "no",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def authorize(self, cookie: str = "", **changes: str | None) -> Response:
        """Send an authorization request by GET."""
        return self.get("/oauth2/authorize", cookie, **self.ask(**changes))

    def code(self, cookie: str, **changes: str | None) -> str:
        """Return a fresh authorization code."""
        answer = returned(self.authorize(cookie, **changes))
        assert "code" in answer, answer
        return answer["code"]

    def redeem(
        self, code: str, *, headers: Mapping[str, str] | None = None, **changes: str | None
    ) -> Response:
        """Redeem a code at the token endpoint."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        kept = {name: value for name, value in fields.items() if value is not None}
        return self.post("/oauth2/token", kept, headers=headers if headers is not None else self.basic())

    def tokens(self, cookie: str, **changes: str | None) -> dict[str, Any]:
        """Return the token response of a whole sign-in."""
        answer = self.redeem(self.code(cookie, **changes))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def refresh(self, token: str, *, headers: Mapping[str, str] | None = None, **fields: str) -> Response:
        """Use a refresh token."""
        return self.post(
            "/oauth2/token",
            {"grant_type": "refresh_token", "refresh_token": token, **fields},
            headers=headers if headers is not None else self.basic(),
        )

    def introspect(self, token: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return what introspection says of a token."""
        answer = self.post("/oauth2/introspect", {"token": token}, headers=headers or self.basic())
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def userinfo(self, token: str) -> Response:
        """Ask userinfo with a bearer token."""
        return self.call("GET", "/oauth2/userinfo", headers={"authorization": f"Bearer {token}"})

    # --- what was left behind -------------------------------------------------------------------------

    def audit(self, tag: str) -> list[Any]:
        """Return the audit rows of a tag, oldest first."""
        with self.services.store.read() as connection:
            return list(
                connection.execute(
                    select(audit_event).where(audit_event.c.tag == tag).order_by(audit_event.c.seq)
                )
            )

    def notices(self) -> list[dict[str, Any]]:
        """Return the logout notices that wait, in the order in which they were posted."""
        found = []
        with self.services.store.read() as connection:
            rows = connection.execute(
                select(courier_message)
                .where(courier_message.c.channel.startswith("backchannel-logout"))
                .order_by(courier_message.c.id)
            )
            for row in rows:
                plain = self.services.store.sealer.open(
                    row.payload, table="courier_message", column="payload", row=row.id
                )
                found.append(json.loads(plain))
        return found


def an_op(
    database: Database,
    *,
    clock: FrozenClock | None = None,
    seed: int | None = None,
    keys: KeySettings | None = None,
    **settings: object,
) -> Op:
    """Return a provider over ``database``; the clock stands at noon until it is moved."""
    time = clock or FrozenClock(NOON)
    store = a_store(database, clock=time, seed=seed)
    kept = keys or KeySettings()
    # A store of its own, so that a seeded provider draws the same chance whether keys were drawn before or not.
    _lay_down_keys(a_store(database, clock=time), kept)
    signing = SigningKeys(store, kept)
    services = IdpServices(
        store=store,
        settings=IdpSettings(**settings),  # type: ignore[arg-type]
        passwords=HASHER,
        signing=signing,
        issuer=ISSUER,
        public_url=ISSUER,
    )
    return Op(services, time)


# Drawing an RSA key takes a good part of a second, so a test process draws its keys once and lays them down in
# every database: sealed under the key of all tests, bound to their rows as ever.
_drawn: dict[str, dict[str, Any]] = {}
ENCRYPTING = KeySettings(encryption_algorithms=("RSA-OAEP-256", "ECDH-ES"))
"""Settings of a provider that takes encrypted requests."""


def _lay_down_keys(store: Store, settings: KeySettings) -> None:
    known = [_drawn[name] for name in settings.kept if name in _drawn]
    if known:
        now = store.clock.now()
        moments = {"published_at": now, "activate_at": now, "activated_at": now}
        with store.write() as unit:
            unit.connection.execute(signing_key.insert(), [{**row, **moments} for row in known])
    for name in [name for name in settings.kept if name not in _drawn]:
        pair, active = make_pair(name, store.sealer), KeyState.ACTIVE
        with store.write() as unit:  # in use at once, as at a first start
            publish(unit.connection, pair, name, state=active, now=unit.now, activate_at=unit.now)
    with store.read() as connection:
        rows = connection.execute(select(signing_key)).mappings()
        _drawn.update({row["algorithm"]: dict(row) for row in rows})


def returned(response: Response) -> dict[str, str]:
    """Return the parameters that a redirect gives to the client, in its query or in its fragment."""
    assert response.status == 303, (response.status, response.body)
    location = response.header("location")
    assert location.startswith(CALLBACK), location
    parts = urlsplit(location)
    assert not (parts.query and parts.fragment), "an answer stands in one place"
    found = parse_qs(parts.query or parts.fragment, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, unverified."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWT, unverified."""
    header = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return found


def public_keys(*keys: SigningKey) -> dict[str, Any]:
    """Return the JWK set that a client registers."""
    return {"keys": [key.as_dict(private=False) for key in (keys or (_EC_KEY, _RSA_KEY, _ED_KEY))]}


def an_assertion(
    client_id: str,
    *,
    algorithm: str = "ES256",
    now: dt.datetime = NOON,
    key: Any = None,
    typ: str | None = None,
    **changes: object,
) -> dict[str, str]:
    """Return the form fields of private_key_jwt; None leaves a claim, or the type in the header, out."""
    chosen = key or _KEYS.get(algorithm, _RSA_KEY)
    claims: dict[str, object] = {
        "iss": client_id,
        "sub": client_id,
        "aud": ISSUER,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 60,
        "jti": base64.urlsafe_b64encode(
            hashlib.sha256(repr(sorted(changes.items())).encode()).digest()
        ).decode(),
        **changes,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": algorithm, "kid": chosen.kid, **({} if typ is None else {"typ": typ})}
    token = signed(header, said, chosen)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
