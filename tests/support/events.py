"""A receiver of security events that trusts nothing: it checks every token by another library than made it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwk, jws

from idp.domain.security_events import Payload
from idp.usecases.store_event_stream import StreamOrder, StreamStored, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from idp.web.events.routes import event_routes
from kernel.audit import SYSTEM
from kernel.web.lane import Lane, call
from tests.support.scim import ISSUER, Answer

if TYPE_CHECKING:
    from idp.usecases.services import IdpServices
    from tests.support.scim import ScimWorld

CLIENT = "registration-worker"
SET_CLAIMS = {"iss", "aud", "iat", "jti", "txn", "sub_id", "events"}


@dataclass(frozen=True)
class Event:
    """A token that was verified."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def uri(self) -> str:
        """The one event of the token."""
        (found,) = self.claims["events"]
        return str(found)

    @property
    def payload(self) -> dict[str, Any]:
        """What the event says."""
        found: dict[str, Any] = self.claims["events"][self.uri]
        return found


def verified(services: IdpServices, token: str, *, audience: str = CLIENT) -> Event:
    """Return what a token says, if it is a security event of ours for ``audience`` (RFC 8417 §2, §4)."""
    keys = jwk.KeySet.import_key_set(json.loads(services.signing.jwks().body))
    found = jws.deserialize_compact(token, keys, algorithms=["ES256", "RS256"])
    header, claims = dict(found.headers()), json.loads(found.payload)
    assert header["typ"] == "secevent+jwt"
    assert claims["iss"] == services.issuer
    assert claims["aud"] == audience
    assert not {"sub", "exp", "nbf"} & claims.keys()
    return Event(token, header, claims)


def hears(world: ScimWorld, payload: Payload = Payload.NOTICE, *, client_id: str = CLIENT) -> None:
    """Register the SCIM client and switch its events on."""
    order = ScimClientOrder(client_id, client_id, extension=True)
    assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)
    stream = StreamOrder(client_id, payload)
    assert isinstance(store_event_stream(world.services, stream, actor=SYSTEM), StreamStored)


class Receiver:
    """Polls the events of one client."""

    def __init__(self, world: ScimWorld, *, client_id: str = CLIENT, token: str | None = None) -> None:
        self._world = world
        self._client_id = client_id
        self._token = token
        self.lane = Lane(
            _nowhere,
            event_routes(world.services),
            randomness=world.services.store.randomness,
            peer=lambda _environ: "127.0.0.1",
            host_is_ours=lambda host: host == "127.0.0.1:8000",
        )

    def ask(
        self,
        body: Any = None,
        *,
        method: str = "POST",
        path: str = "/events/poll",
        raw: bytes | None = None,
        token: str | None = None,
        media_type: str = "application/json",
    ) -> Answer:
        """Send one request as it stands."""
        sent = raw if raw is not None else json.dumps(body).encode()
        chosen = next(
            each for each in (token, self._token, self._world.token(self._client_id)) if each is not None
        )
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(sent),
            "CONTENT_LENGTH": str(len(sent)),
            "CONTENT_TYPE": media_type,
        }
        if chosen:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {chosen}"
        status, headers, answered = call(self.lane, environ)
        return Answer(int(status.split()[0]), {name.lower(): value for name, value in headers}, answered)

    def poll(self, **members: Any) -> list[Event]:
        """Return the verified events that wait; nothing is acknowledged unless ``members`` say so."""
        answer = self.ask({"returnImmediately": True} | members)
        assert answer.status == 200, answer.body
        found = []
        for identifier, token in answer["sets"].items():
            event = verified(self._world.services, token, audience=self._client_id)
            assert event.claims["jti"] == identifier
            found.append(event)
        return found

    def take(self) -> list[Event]:
        """Return the events that wait, and acknowledge them; then none waits."""
        found = self.poll()
        assert self.poll(ack=[event.claims["jti"] for event in found]) == []
        return found


def _nowhere(_environ: Any, start: Any) -> list[bytes]:
    start("404 Not Found", [])
    return []


__all__ = ["CLIENT", "ISSUER", "SET_CLAIMS", "Event", "Receiver", "hears", "verified"]
