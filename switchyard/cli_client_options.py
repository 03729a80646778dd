"""What a client is described with at the command line, for `client add` and `client change` alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switchyard.cli_options import CLIENT_PROFILES, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

METHODS = (
    "private_key_jwt",
    "client_secret_basic",
    "client_secret_post",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CODE = ("authorization_code", "refresh_token")
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

_OWN = ("description", "application_key", "launch_url", "profile")
_TEXTS = {
    "auth_method": "token_endpoint_auth_method",
    "scope": "scope",
    "backchannel_logout_uri": "backchannel_logout_uri",
    "jwks_uri": "jwks_uri",
    "tls_subject_dn": "tls_client_auth_subject_dn",
}
_LISTS = ("redirect_uris", "post_logout_redirect_uris", "resources", "serves", "allowed_addresses")
_SWITCHES = {"dpop": "dpop_bound_access_tokens", "tls_bound": "tls_client_certificate_bound_access_tokens"}

_TEXT_OPTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--description", "", {"help": "One sentence for the dashboard."}),
    ("--application-key", "", {"help": "Application of the catalogue whose access roles open it."}),
    ("--launch-url", "", {"help": "Where the dashboard's tile leads; none without it."}),
    ("--backchannel-logout-uri", "", {"help": "Where logout tokens are sent."}),
    (
        "--auth-method",
        "private_key_jwt",
        {"type": click.Choice(METHODS), "help": "How it proves itself."},
    ),
    ("--jwks-uri", "", {"help": "Where the application publishes its public keys (https)."}),
    ("--scope", "openid profile email access", {"help": "What it may ask for, separated by spaces."}),
    (
        "--profile",
        "default",
        {"type": click.Choice(CLIENT_PROFILES), "help": "What is asked of the client, and what it may do."},
    ),
    ("--tls-subject-dn", "", {"help": "Subject of its certificate (RFC 4514), for tls_client_auth."}),
)
_LIST_OPTIONS = (
    ("--redirect-uri", "redirect_uris", "Exactly as the application sends it; repeatable."),
    ("--post-logout-redirect-uri", "post_logout_redirect_uris", "Repeatable."),
    ("--resource", "resources", "Audience it may ask tokens for; repeatable."),
    ("--serves", "serves", "Audience it stands for itself; repeatable."),
    ("--allowed-address", "allowed_addresses", "Address or network that it asks from; repeatable."),
)
_SWITCH_OPTIONS = (
    ("--dpop", "It has to prove a key (DPoP), to which its tokens are bound."),
    ("--tls-bound", "Its tokens are bound to the certificate it presents."),
    ("--exchange", "It may exchange tokens that reach it, for its resources."),
    ("--machine", "No people: client credentials only."),
    ("--third-party", "Not the operator's own: people are asked for consent."),
)


def describing(*, new: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options that describe a client; of a change each is left out unless it is given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([*_options(new=new)]):
            command = option(command)
        return command

    return decorate


def _options(*, new: bool) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    made: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.option("--name", required=new, help="What people see.")
    ]
    for flag, default, more in _TEXT_OPTIONS:
        value = default if new else None
        made.append(click.option(flag, default=value, show_default=bool(value), **more))
    made += [click.option(flag, name, multiple=True, help=text) for flag, name, text in _LIST_OPTIONS]
    for flag, text in _SWITCH_OPTIONS:
        names = flag if new else f"{flag}/--no-{flag.removeprefix('--')}"
        made.append(click.option(names, default=False if new else None, is_flag=True, help=text))
    made.append(click.option("--jwks", type=_FILE, help="File with its public keys (JWK set)."))
    text = "A JSON file with any metadata of RFC 7591; it goes before the options."
    text += "" if new else " A member that is null is taken away."
    made.append(click.option("--metadata", "stated", type=_FILE, help=text))
    return made


def own_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the options say of the client itself, without what was not given."""
    found = {name: given[name] for name in _OWN if given[name] is not None}
    if given["name"] is not None:
        found["name"] = given["name"]
    if given["third_party"] is not None:
        found["first_party"] = not given["third_party"]
    return found


def metadata_fields(given: Mapping[str, Any], *, grants: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the metadata that the options state; ``grants`` are those the client has."""
    found = {member: given[name] for name, member in _TEXTS.items() if given[name] is not None}
    found |= {name: list(given[name]) for name in _LISTS if given[name]}
    found |= {member: given[name] or None for name, member in _SWITCHES.items() if given[name] is not None}
    if given["jwks"]:
        found["jwks"] = _json(given["jwks"])
    if given["machine"] is not None or given["exchange"] is not None:
        found["grant_types"] = _grants(given, grants)
    return found | _object(given["stated"])


def _grants(given: Mapping[str, Any], present: tuple[str, ...]) -> list[str]:
    """Return the grants of a client after what the options say of them; the others stay."""
    found = set(present)
    if given["machine"] is not None:
        found = found - {*_CODE, "client_credentials"} | (
            {"client_credentials"} if given["machine"] else set(_CODE)
        )
    if given["exchange"] is not None:
        found = found | {_EXCHANGE} if given["exchange"] else found - {_EXCHANGE}
    return sorted(found)


def _json(file: Path) -> Any:  # noqa: ANN401 - whatever stands there
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        fail(f"{file} is not JSON: {error}", 2)


def _object(file: Path | None) -> dict[str, Any]:
    found = _json(file) if file else {}
    if not isinstance(found, dict):
        fail(f"{file} has to hold one object", 2)
    return found
