"""Settings: one documented class per package, read from TOML and the environment, unknown keys refused."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kernel.errors import SettingsError

_THREADS = 8
_MOST_PROCESSES = 256
_LONGEST = dt.timedelta(days=36_500)
_LARGEST = 2**63 - 1
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]")

Span = Annotated[dt.timedelta, Field(gt=dt.timedelta(0))]
"""How long something lasts, where nothing at all would make no sense."""
Count = Annotated[int, Field(ge=1)]
"""How many there are, where none would make no sense."""


class Section(BaseModel):
    """The base of every settings class. The text under an option is its documentation.

    No option is below zero, lasts longer than a calendar has years, or holds what cannot be printed.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True
    )

    @field_validator("*")
    @classmethod
    def _within_reason(cls, value: object) -> object:
        if isinstance(value, dt.timedelta) and not dt.timedelta(0) <= value <= _LONGEST:
            raise ValueError("has to be a span of time between none and a hundred years")
        if isinstance(value, int) and not 0 <= value <= _LARGEST:
            raise ValueError("has to be zero or more, and no more than a database counts")
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and _UNPRINTED.search(text) for text in texts):
            raise ValueError("holds a character that cannot be printed")
        return value


M = TypeVar("M", bound=BaseModel)


class KernelSettings(Section):
    """What every system needs: who it is, its database, its keys, how mail and text messages leave."""

    environment: str = "Sandbox"
    """Name of the environment, shown in the strip on every page; `Production` shows nothing."""

    production: bool = False
    """True refuses everything that is only fit for a demonstration (plain http, console mail, open files)."""

    public_url: str = "http://127.0.0.1:8000"
    """Address under which people reach this system, without a trailing slash; links are built from it."""

    database_url: str = "sqlite:///var/switchyard.db"
    """SQLAlchemy address of the database: `sqlite:///path` or `postgresql://user@host/name`."""

    database_pool: Count = 8
    """Connections kept open by each worker process."""

    key_file: str = "var/kek.txt"
    """File of the key-encryption keys (mode 600). Made on the first start unless `production` is true."""

    trusted_proxies: int = 0
    """How many reverse proxies stand in front and may set `forwarded_header`. 0 believes none."""

    forwarded_header: str = "X-Forwarded-For"
    """Header in which our proxies say who asks. X_Forwarded_For counts as the same name: where they drop no
    names with underscores, as nginx does, have them write to one of letters and digits and name it here."""

    auto_upgrade: bool = True
    """True brings the database schema up to date when a system starts."""

    node: str = "node"
    """Name of this node, seen in the audit and in leases."""

    smtp_host: str = "127.0.0.1"
    """Relay that takes our e-mail."""

    smtp_port: int = Field(default=25, ge=1, le=65_535)
    """Port of the relay."""

    smtp_security: Literal["none", "starttls", "tls"] = "none"
    """How the connection to the relay is protected."""

    smtp_user: str = ""
    """User name at the relay; empty for none."""

    smtp_password_file: str = ""
    """File that holds the password at the relay."""

    support_email: str = "customer.relations@operator.example"
    """E-mail address that pages and messages name for help."""

    support_phone: str = "1-888-555-0100"
    """Telephone number that pages and messages name for help."""

    mail_from_name: str = "Switchyard"
    """Sender's name of every e-mail."""

    mail_from_address: str = "noreply@switchyard.example"
    """Sender's address of every e-mail."""

    courier: Literal["smtp", "console"] = "smtp"
    """How e-mail leaves: `smtp`, or `console` to print it (never in production)."""

    courier_record_life: Span = dt.timedelta(days=30)
    """How long it is known that a message was sent or given up; its text is wiped at once."""

    sms_webhook_url: str = ""
    """Address of the text-message provider's webhook; empty switches text messages off."""

    sms_webhook_token_file: str = ""
    """File that holds the bearer token for the webhook."""

    password_memory_kib: int = Field(default=19_456, ge=8, le=2**22)
    """argon2id: memory of one hash, in KiB. Never below 19,456 in production."""

    password_passes: int = Field(default=2, ge=1, le=100)
    """argon2id: passes over the memory."""

    password_parallel: int = 0
    """How many hashes may run at once in one process; 0 means one per processor."""

    workers: int = Field(default=1, ge=1, le=_MOST_PROCESSES)
    """Worker processes of the web server."""

    threads: int = Field(default=0, ge=0, le=_MOST_PROCESSES)
    """Threads of each worker process. Polls for events are held open on those beyond two, at most on two.
    0 means eight: while some wait for the disk others work, and deeds that wait in line share a commit."""

    metrics_address: str = ""
    """Address and port at which this node tells Prometheus what it counts, as `127.0.0.1:9464`; empty: none.
    Whoever reaches it may read all of it, so it belongs to this machine or an inner network."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log line that is written."""

    @field_validator("threads")
    @classmethod
    def _enough_threads(cls, value: int) -> int:
        if value == 1:
            raise ValueError("one is too few: give 2 or more, or 0")
        return value

    @property
    def serving_threads(self) -> int:
        """How many threads a worker serves with: what is set, or eight.

        On one processor eight issue a fifth more tokens than four on SQLite, and a tenth to a third more on
        PostgreSQL; readers lose a few percent.
        """
        return self.threads or _THREADS


def load(model: type[M], *, file: Path | None, environ: Mapping[str, str], prefix: str = "SWITCHYARD") -> M:
    """Read ``model`` from ``file`` (TOML) and the environment, which wins.

    An option ``a.b`` is the variable ``<PREFIX>_A__B``. Lists are given as JSON.

    Raises:
        SettingsError: naming the key, what is wrong, and what is expected.
    """
    values = _read_toml(file) if file else {}
    for name, value in environ.items():
        start = prefix + "_"
        if not name.startswith(start) or "__" not in name:
            continue
        _put(values, [part.lower() for part in name[len(start) :].split("__")], value, model, name)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, file)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} is not TOML: {error}") from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise SettingsError(f"the settings file {file} holds what is too long or deep to be read") from None


def _put(values: dict[str, Any], path: list[str], value: str, model: type[BaseModel], name: str) -> None:
    place: dict[str, Any] = values
    for part in path[:-1]:
        below = place.setdefault(part, {})
        if not isinstance(below, dict):
            raise SettingsError(f"{name} names a table that is a value")
        place = below
    place[path[-1]] = _list_of(value, name) if _is_list(model, path) else value


def _list_of(value: str, name: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise SettingsError(f'{name} is no list in JSON, as in ["one", "two"]') from None


def _is_list(model: type[BaseModel], path: list[str]) -> bool:
    kind: Any = model
    for part in path:
        found = (
            kind.model_fields.get(part) if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        )
        if found is None:
            return False
        kind = found.annotation
    return get_origin(kind) in (list, tuple, dict)


def _explain(error: ValidationError, file: Path | None) -> str:
    lines = [f"the settings{f' in {file}' if file else ''} cannot be used:"]
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        key = ".".join(str(part) for part in fault["loc"])
        lines.append(f"  {key}: {_WORDS.get(fault['type']) or fault['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


_NO_SPAN = "is no span of time: write PT30S for seconds, PT10M for minutes, PT12H for hours, P90D for days"
_WORDS = {
    "extra_forbidden": "there is no such option",
    "model_type": "is a section, which holds options, and no option itself",
    "time_delta_parsing": _NO_SPAN,
    "time_delta_type": _NO_SPAN,
}


def example_toml(model: type[BaseModel], *, path: tuple[str, ...] = ()) -> str:
    """Return an example file of every option with its documentation and default, commented out."""
    lines: list[str] = []
    nested: list[str] = []
    for name, option in model.model_fields.items():
        kind = option.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            doc = (kind.__doc__ or "").strip().splitlines()[0]
            nested.append(
                f"\n# {doc}\n[{'.'.join((*path, name))}]\n" + example_toml(kind, path=(*path, name))
            )
            continue
        lines += [f"# {line}" for line in (option.description or "").splitlines()]
        lines.append(f"# {name} = {_toml_value(option)}")
        lines.append("")
    return "\n".join(lines) + "".join(nested)


def _toml_value(option: FieldInfo) -> str:
    value = option.get_default(call_default_factory=True) if option.default_factory is None else None
    if value is PydanticUndefined or (
        value is None and option.default_factory is None and option.is_required()
    ):
        return '"..."'
    if value is None:
        return (
            '""'
            if get_origin(option.annotation) in (Union, UnionType) and str in get_args(option.annotation)
            else "[]"
        )
    if isinstance(value, dt.timedelta):
        return json.dumps(_written(value))
    if isinstance(value, tuple | list):
        return json.dumps(list(value))
    return json.dumps(value) if not isinstance(value, Path) else json.dumps(str(value))


def _written(span: dt.timedelta) -> str:
    """Return a span of time in the largest unit that tells it whole (ISO 8601)."""
    for unit, form in (
        (dt.timedelta(days=1), "P{}D"),
        (dt.timedelta(hours=1), "PT{}H"),
        (dt.timedelta(minutes=1), "PT{}M"),
    ):
        if span and not span % unit:
            return form.format(span // unit)
    return f"PT{span.total_seconds():g}S"
