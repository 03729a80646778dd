"""RP-initiated logout (RP-Initiated Logout 1.0): who asks, whether to ask back, and the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.domain.client import Client
from idp.domain.oauth import ErrorCode, Fault
from idp.domain.redirects import with_parameters
from idp.domain.response_encryption import ENCRYPTED_DOTS, ENCRYPTED_HINT
from idp.domain.session import EndReason, LiveSession
from idp.domain.tokens import ID_TOKEN_TYPE
from idp.storage.clients import look_up_client
from idp.usecases.endings import end_session
from idp.usecases.front_channel import LogoutFrame, logout_frames
from idp.usecases.services import IdpServices
from idp.usecases.subjects import subject_of
from kernel.audit import Actor
from kernel.base64url import base64url
from kernel.crypto import same

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
CONFIRMATION = "confirmation"
UNREADABLE = "logout_request"
"""What a request is called that cannot be read; in one that can be, the wrong parameter is named."""
_LONGEST = 8_192


@dataclass(frozen=True, slots=True)
class LogoutRefused:
    """The request is not to be followed: a page of our own says so, and nothing ended."""

    fault: Fault
    language: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmLogout:
    """The person is asked first. The form sends ``fields`` back, with a confirmation that it was ours.

    ``onward`` is the address of the client that a yes leads to, or empty.
    """

    fields: tuple[tuple[str, str], ...] = field(repr=False)
    client_name: str
    language: str = ""
    onward: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """There is no session any more. ``redirect_to`` is the client's own address, or empty for our page.

    ``frames`` are for the page that says so; the browser shows it before it goes on to ``client_name``.
    """

    redirect_to: str
    language: str = ""
    frames: tuple[LogoutFrame, ...] = ()
    client_name: str = ""
    client_id: str = ""


LogoutOutcome = LogoutRefused | ConfirmLogout | LoggedOut


@dataclass(frozen=True, slots=True)
class _Wish:
    client: Client | None
    hint: Mapping[str, Any] | None
    redirect_uri: str
    state: str
    language: str


def leave(
    services: IdpServices, parameters: Mapping[str, Sequence[str]], *, session: LiveSession | None
) -> LogoutOutcome:
    """End the session if the request proves to come from a client of this very person, or was confirmed.

    Without such a hint the person is asked, and only the answer of our own form ends the session (LO-01).
    A hint that is not ours is refused; an expired one of ours still identifies (LO-03).
    """
    values = {name: list(parameters.get(name, ())) for name in (*PARAMETERS, CONFIRMATION)}
    wish = _read(services, values)
    if isinstance(wish, LogoutRefused):
        return wish
    target = _target(wish)
    if session is None:
        return LoggedOut(target, wish.language)
    client_id, name = (wish.client.id, wish.client.name) if wish.client else ("", "")
    confirmed = values[CONFIRMATION][:1]
    if not _is_of(services, wish, session) and not (
        confirmed and same(confirmed[0].encode(), _confirmation(services, session, values).encode())
    ):
        fields = [(name, values[name][0]) for name in PARAMETERS if values[name]]
        fields.append((CONFIRMATION, _confirmation(services, session, values)))
        return ConfirmLogout(tuple(fields), name, wish.language, wish.redirect_uri, client_id)
    with services.store.write() as unit:
        end_session(
            unit,
            services,
            session_id=session.id,
            reason=EndReason.SIGNED_OUT.value,
            actor=Actor("account", session.account.id, session.id),
        )
        frames = logout_frames(unit, services, session_id=session.id)
    return LoggedOut(target, wish.language, frames, name, client_id)


def _read(services: IdpServices, values: Mapping[str, list[str]]) -> _Wish | LogoutRefused:
    single = {name: found[0] if found else "" for name, found in values.items()}
    language = single["ui_locales"][:64]
    if any(len(found) > 1 or len("".join(found)) > _LONGEST for found in values.values()):
        return LogoutRefused(_invalid("A parameter stands twice or is too long.", UNREADABLE))
    hint = None
    if single["id_token_hint"]:
        hint = services.signing.verify_hint(single["id_token_hint"], typ=ID_TOKEN_TYPE)
        if single["id_token_hint"].count(".") == ENCRYPTED_DOTS:
            return LogoutRefused(_invalid(ENCRYPTED_HINT, "id_token_hint"), language)
        if hint is None or hint.get("iss") != services.issuer:
            return LogoutRefused(_invalid("id_token_hint is not one of ours.", "id_token_hint"), language)
    named = str(hint["aud"]) if hint is not None else single["client_id"]
    if hint is not None and single["client_id"] not in ("", named):
        fault = _invalid("client_id is not the client of id_token_hint.", "id_token_hint")
        return LogoutRefused(fault, language)
    client = _client(services, named)
    target = single["post_logout_redirect_uri"]
    if target and client is not None and target not in client.post_logout_redirect_uris:
        fault = _invalid("post_logout_redirect_uri is not registered.", "post_logout_redirect_uri")
        return LogoutRefused(fault, language)
    # Without a client nobody vouches for the address: it is not followed, and the person sees our own page.
    return _Wish(client, hint, target if client else "", single["state"], language)


def _invalid(description: str, reason: str) -> Fault:
    return Fault(ErrorCode.INVALID_REQUEST, description, reason=reason)


def _client(services: IdpServices, client_id: str) -> Client | None:
    if not 0 < len(client_id) <= 64:
        return None
    found = look_up_client(services.store.database, client_id)
    return found if found is not None and not found.disabled else None


def _target(wish: _Wish) -> str:
    if not wish.redirect_uri:
        return ""
    return with_parameters(wish.redirect_uri, {"state": wish.state}) if wish.state else wish.redirect_uri


def _is_of(services: IdpServices, wish: _Wish, session: LiveSession) -> bool:
    """Tell whether the hint is of the person who is signed in here now; another's never signs her out."""
    if wish.hint is None or wish.client is None:
        return False
    return wish.hint.get("sub") == subject_of(services, wish.client, session.account.id)


def _confirmation(services: IdpServices, session: LiveSession, values: Mapping[str, list[str]]) -> str:
    """Return what only our own form for this session and this request can send back (LO-01)."""
    said = "\x00".join([session.id, *(values[name][0] if values[name] else "" for name in PARAMETERS)])
    return base64url(services.store.sealer.mac("oidc logout confirmation", said.encode()))
