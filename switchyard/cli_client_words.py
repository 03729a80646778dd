"""How the command line tells a client: in lines to read, or as JSON for other programs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from idp.domain.client import Client
    from idp.domain.client_record import Registration
    from idp.usecases.show_client import ClientDetail


def tell(value: object, *lines: str, as_json: bool, none: str = "") -> None:
    """Print ``value`` as JSON, or the lines for people, who are told ``none`` of them beside the output."""
    if as_json:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)
    if none and not lines:
        click.echo(none, err=True)


def lines_of(client: Client) -> list[str]:
    """Return a client as the list shows it."""
    state = "disabled" if client.disabled else "enabled"
    return [
        f"{client.id}  {client.name}  {client.auth_method}  {client.profile}  {state}",
        f"  grants {' '.join(sorted(client.grant_types))}  scopes {' '.join(sorted(client.scopes)) or '-'}",
        *(f"  {uri}" for uri in client.redirect_uris),
    ]


def facts_of(found: Registration) -> dict[str, Any]:
    """Return a client as JSON tells it: its metadata as it was stated, and what we know beside."""
    client = found.client
    return {
        "client_id": client.id,
        "client_name": client.name,
        "description": client.description,
        "application_key": client.application_key,
        "launch_url": client.launch_url,
        "profile": client.profile,
        "first_party": client.first_party,
        "disabled": client.disabled,
        "version": client.version,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
        "disabled_at": moment(found.disabled_at),
        "metadata": dict(found.metadata),
    }


def detail_of(detail: ClientDetail) -> dict[str, Any]:
    """Return all that is known of a client, as JSON tells it."""
    made = detail.made_by
    return {
        **facts_of(detail.registration),
        "registered_by": made.who if made else None,
        "registration_token": detail.let_in_by or detail.registration.client.registered_by or None,
        "live_grants": detail.holdings.grants,
        "last_used_at": moment(detail.holdings.last_used_at),
        "secrets": [
            {"created_at": moment(age.created_at), "expires_at": moment(age.expires_at)}
            for age in detail.secrets
        ],
        "history": [
            {"at": moment(deed.at), "deed": deed.tag, "by": deed.who, "reason": deed.reason}
            for deed in detail.deeds
        ],
    }


def detail_lines(detail: ClientDetail) -> list[str]:
    """Return all that is known of a client, for people."""
    facts = detail_of(detail)
    own = {name: value for name, value in facts.items() if not isinstance(value, (dict, list))}
    lines = [*_pairs(own), *_pairs(facts["metadata"])]
    for age in detail.secrets:
        ends = f"former, works until {moment(age.expires_at)}" if age.expires_at else "current"
        lines.append(f"{'secret':34} {ends}, made {moment(age.created_at)}")
    lines += [
        f"{moment(deed.at)}  {deed.tag}  {deed.who}{f'  {deed.reason}' if deed.reason else ''}"
        for deed in detail.deeds
    ]
    return lines


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name:34} {_text(value)}" for name, value in values.items() if value not in (None, "", [])]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "  ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(at: dt.datetime | None) -> str | None:
    """Return a moment as JSON tells it, in UTC."""
    return at.astimezone(dt.UTC).isoformat(timespec="seconds") if at else None
