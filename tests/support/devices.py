"""Devices that ask to be let in (RFC 8628), and the persons who answer them, at one OpenID provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idp.usecases.decide_device import decide_device, look_at_device
from idp.usecases.sessions import find_session
from tests.support.oidc import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idp.domain.session import LiveSession
    from kernel.web.http import Response
    from tests.support.oidc import Op

DEVICE = "/oauth2/device_authorization"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def television(op: Op, client_id: str = "tv", **changes: Any) -> str:
    """Register a client of devices: public, with refresh tokens, unless told otherwise."""
    values = {
        "token_endpoint_auth_method": "none",
        "grant_types": [GRANT, "refresh_token"],
        "redirect_uris": None,
        **changes,
    }
    return op.client(client_id, secret=SECRET, **values)


def request(
    op: Op, headers: Mapping[str, str] | None = None, *, address: str = "192.0.2.1", **fields: str
) -> Response:
    """Let a device ask."""
    asked = {"client_id": "tv", "scope": "openid profile", **fields}
    return op.post(DEVICE, asked, headers=headers, address=address)


def ask(op: Op, headers: Mapping[str, str] | None = None, **fields: str) -> Any:
    """Let a device ask, and return both codes with what is told beside them."""
    answer = request(op, headers, **fields)
    assert answer.status == 200, answer.body
    return answer.json()


def poll(
    op: Op, told: Mapping[str, Any], headers: Mapping[str, str] | None = None, **fields: str
) -> Response:
    """Let the device ask for its tokens."""
    asked = {"grant_type": GRANT, "device_code": told["device_code"], "client_id": "tv", **fields}
    return op.post("/oauth2/token", asked, headers=headers)


def live(op: Op, cookie: str) -> LiveSession:
    """Return the session behind a cookie."""
    found = find_session(op.services, cookie)
    assert found is not None
    return found


def look(op: Op, cookie: str, told: Mapping[str, Any]) -> object:
    """Let a person look at who waits under the code that her device shows."""
    return look_at_device(op.services, typed=told["user_code"], session=live(op, cookie))


def decided(op: Op, cookie: str, told: Mapping[str, Any], *, allowed: bool = True) -> object:
    """Let a person answer."""
    return decide_device(op.services, typed=told["user_code"], session=live(op, cookie), allowed=allowed)


def error_of(answer: Response) -> str:
    """Return the error of a refusal."""
    assert answer.status in {400, 401, 429, 503}, answer.body
    return str(answer.json()["error"])
