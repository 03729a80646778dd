"""Addresses of a client that we let a browser open on our own account: where it signs people out and in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.redirects import origin_of, uri_fault, with_parameters

TEXTS: Final = ("frontchannel_logout_uri", "initiate_login_uri")
SWITCHES: Final = ("frontchannel_logout_session_required",)
NAMES: Final = (*TEXTS, *SWITCHES)
"""The client metadata of Front-Channel Logout 1.0 §2 and of OpenID Connect Core §4."""


def browser_address_faults(metadata: Mapping[str, Any], *, loopback_http: bool) -> Iterator[tuple[str, str]]:
    """Find what is wrong with these addresses, name by name.

    Both go by the rules of redirection URIs and use https. http on a loopback address is for demonstrations:
    ``loopback_http`` has to allow it, and a redirection URI of the client has to be of that very origin.
    """
    origins = {origin_of(uri) for uri in metadata.get("redirect_uris", ())}
    for name in TEXTS:
        if name not in metadata:
            continue
        uri = metadata[name]
        own = origin_of(uri) in origins if _is_uri(uri) else False
        is_frame = name == "frontchannel_logout_uri"  # of another origin it is wrong by that alone
        fault = uri_fault(uri, native=False, loopback_http=loopback_http and (own or is_frame))
        if fault:
            yield name, fault
        elif is_frame and not own:
            yield name, "has to have scheme, host and port of a redirection URI (Front-Channel Logout §2)"


def logout_frame(uri: str, *, issuer: str, session_id: str) -> str:
    """Return the address of the frame by which a client hears that a session ended (Front-Channel Logout §3).

    Issuer and session always stand in it, whether or not the client asked for them.
    """
    return with_parameters(uri, {"iss": issuer, "sid": session_id})


def login_start(uri: str, *, issuer: str, target: str) -> str:
    """Return the address by which a client is asked to begin a sign-in with us (OIDC Core §4).

    ``login_hint`` never stands there: the session of the browser says who it is, and the client would learn
    a user name before anybody agreed.
    """
    parameters = {"iss": issuer, "target_link_uri": target}
    return with_parameters(uri, {name: value for name, value in parameters.items() if value})


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True
