"""The form of a client: filled from what is stored, read back into an order, nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import flask

from gateway_ui.web.client_fields import FURTHER, Field, Kind, Layout
from gateway_ui.web.messages import FIELD_ELSEWHERE, JSON_NO_OBJECT, JSON_NOT_READ, complain
from idp.domain.client_profile import CODE, ClientProfile
from idp.domain.client_record import Registration
from idp.domain.oauth import AuthMethod, GrantType
from idp.usecases.register_client import ClientOrder
from kernel.foreign_json import read_json
from kernel.translations import mark
from kernel.web.forms import FormErrors, several, single

Values = Mapping[str, str | list[str]]
_LONGEST = 60_000
_SIGN_IN_SCOPE = "openid profile email access"
_COLUMNS = (
    "client_name",
    "description",
    "launch_url",
    "application_key",
    "first_party",
    "profile",
    "client_id",
)
_WEB: Values = {
    "application_type": "web",
    "first_party": "yes",
    "profile": ClientProfile.DEFAULT.value,
    "token_endpoint_auth_method": AuthMethod.SECRET_BASIC.value,
    "grant_types": [GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value],
    "response_types": [CODE],
    "scope": _SIGN_IN_SCOPE,
}


@dataclass(frozen=True, slots=True)
class Start:
    """A kind of client to start from: its name, what it is, and what its form holds at first."""

    text: str
    hint: str
    values: Values


STARTS: Mapping[str, Start] = MappingProxyType(
    {
        "web": Start(
            mark("A web application with a server"),
            mark("People sign in; the server keeps a secret or a key."),
            _WEB,
        ),
        "browser": Start(
            mark("An application that runs in the browser"),
            mark("People sign in; there is no server of its own that could keep a secret."),
            {**_WEB, "token_endpoint_auth_method": AuthMethod.NONE.value},
        ),
        "native": Start(
            mark("An application on people's devices"),
            mark("A program on a computer or a telephone; people sign in with their browser."),
            {**_WEB, "token_endpoint_auth_method": AuthMethod.NONE.value, "application_type": "native"},
        ),
        "machine": Start(
            mark("A machine"),
            mark("No people: a program that calls web services in its own name."),
            {
                **_WEB,
                "grant_types": [GrantType.CLIENT_CREDENTIALS.value],
                "response_types": [],
                "scope": "",
            },
        ),
    }
)


def stored_values(found: Registration, layout: Layout) -> Values:
    """Return what the form of a stored client holds."""
    client, metadata = found.client, dict(found.metadata)
    metadata.pop("client_name", None)  # it has a field of its own
    values: dict[str, str | list[str]] = {
        "client_name": client.name,
        "description": client.description,
        "launch_url": client.launch_url,
        "application_key": client.application_key,
        "first_party": "yes" if client.first_party else "no",
        "profile": client.profile,
    }
    for field in layout.fields:
        if not field.own and field.name != FURTHER:
            values[field.name] = _written(field, metadata.pop(field.name, None))
    values[FURTHER] = _json(metadata) if metadata else ""
    return values


def sent_values(layout: Layout) -> Values:
    """Return what was typed, as it was typed."""
    form = flask.request.form
    values: dict[str, str | list[str]] = {}
    for field in layout.fields:
        if field.kind is Kind.BOXES:
            values[field.name] = several(form, field.name)
        else:
            values[field.name] = single(form, field.name, longest=_LONGEST)
    return values


def order_of(client_id: str, values: Values, layout: Layout, errors: FormErrors) -> ClientOrder:
    """Return the order that the form makes; what cannot be read is complained about."""
    further = _object(values, errors)
    shown = {field.name for field in layout.fields}
    for name in sorted({*further} & {*shown, *_COLUMNS}):
        complain(errors, FURTHER, FIELD_ELSEWHERE, name=name)
    metadata: dict[str, Any] = dict(further)
    for field in layout.fields:
        if not field.own and field.name != FURTHER:
            metadata[field.name] = _read(field, values, errors)
    return ClientOrder(
        id=client_id,
        name=_line(values, "client_name"),
        metadata=metadata,
        description=_line(values, "description"),
        application_key=_line(values, "application_key"),
        launch_url=_line(values, "launch_url"),
        profile=_line(values, "profile"),
        first_party=values.get("first_party") != "no",
    )


def _written(field: Field, value: Any) -> str | list[str]:  # noqa: ANN401 - metadata is JSON
    if value is None:
        return [] if field.kind is Kind.BOXES else ""
    if field.kind is Kind.BOXES:
        return [str(each) for each in value]
    if field.kind is Kind.LINES:
        return "\n".join(str(each) for each in value)
    if field.kind is Kind.SWITCH:
        return "yes" if value is True else ""
    return _json(value) if field.kind is Kind.JSON else str(value)


def _read(field: Field, values: Values, errors: FormErrors) -> object:
    value = values.get(field.name, "")
    if isinstance(value, list):
        return value
    if field.kind is Kind.LINES:
        return [line.strip() for line in value.splitlines() if line.strip()]
    if field.kind is Kind.SWITCH:
        return True if value == "yes" else None
    if field.kind is Kind.JSON:
        return _parsed(field.name, value, errors)
    return value.strip()


def _object(values: Values, errors: FormErrors) -> dict[str, Any]:
    found = _parsed(FURTHER, str(values.get(FURTHER, "")), errors)
    if found is None or isinstance(found, dict):
        return found or {}
    complain(errors, FURTHER, JSON_NO_OBJECT)
    return {}


def _parsed(name: str, text: str, errors: FormErrors) -> object:
    if not text.strip():
        return None
    try:
        return read_json(text)
    except json.JSONDecodeError as error:
        complain(errors, name, JSON_NOT_READ, line=error.lineno, column=error.colno)
    except (ValueError, RecursionError):
        complain(errors, name, JSON_NOT_READ, line=1, column=1)
    return None


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _line(values: Values, name: str) -> str:
    return str(values.get(name, "")).strip()
