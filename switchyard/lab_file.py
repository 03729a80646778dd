"""The file of a laboratory: accounts, groups, clients and settings, checked before anything starts.

Owns the file's words and what may stand there. What is wrong is named by its key, all at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import ssl
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError

from idp.domain.client_metadata import KNOWN, is_client_id
from idp.domain.client_profile import ClientProfile
from idp.domain.oauth import SECRET_METHODS, AuthMethod
from idp.domain.password_policy import normal
from idp.domain.scim_scopes import READ, WRITE
from idp.domain.security_events import Payload
from idp.domain.user_name import UserNameFault, fold, user_name_fault, user_name_key
from scim.domain.profile import Profile
from switchyard.lab_claims import Part, StandardClaims, Text, WebAddress
from switchyard.lab_faults import Fault, LabFileError, fault_of, no_such_key, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST_SEED = 10
_HOST_AND_PORT = re.compile(r"(?:[a-z0-9._-]+|[0-9a-f:]+):(?P<port>[0-9]{1,5})")
_DEFAULT = Path(__file__).parent / "lab_default.json"
_USER_NAME_FAULTS = {
    UserNameFault.BLANK: "is empty",
    UserNameFault.TOO_LONG: "is too long",
    UserNameFault.SPACE_AROUND: "starts or ends with a space",
    UserNameFault.CONTROL_CHARACTER: "holds a character that cannot be seen",
}
_NOT_KEPT = frozenset(
    {
        "backchannel_client_notification_endpoint",
        "backchannel_token_delivery_mode",
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        "software_statement",
        "authorization_details_types",
        "use_mtls_endpoint_aliases",
    }
)
METADATA = KNOWN | _NOT_KEPT
"""What a client may state: the registry of RFC 7591 §4.1, and our own. What we do not use we do not keep."""


def _user_name(text: str) -> str:
    fault = user_name_fault(text)
    if fault is not None:
        raise ValueError(_USER_NAME_FAULTS[fault])
    return text


def _password(text: str) -> str:
    if normal(text) is None:
        raise ValueError("is too long, or no text at all")
    return text


def _client_id(text: str) -> str:
    if not is_client_id(text):
        raise ValueError("has to be 2 to 64 letters, digits, dots, dashes or underscores")
    return text


def _authority(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:  # an SSLError is one
        told = (
            "holds no certificate in PEM"
            if isinstance(error, ssl.SSLError)
            else f"cannot be read: {error.strerror}"
        )
        raise ValueError(told) from None
    return path


def _host_and_port(text: str) -> str:
    place = _HOST_AND_PORT.fullmatch(text)
    if place is None or not 1 <= int(place["port"]) <= 65_535:
        raise ValueError("has to be a host in lower case and a port, like 127.0.0.1:9000")
    return text


def _header_text(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has to be letters, digits and signs of ASCII, without a space")
    return text


def seed_of(secret: str) -> bytes:
    """Return the seed that a key of an authenticator app stands for.

    Raises:
        ValueError: if it is not base32 of at least ten bytes.
    """
    letters = secret.replace(" ", "").rstrip("=").upper()
    try:
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise ValueError("has to be base32: the letters A to Z and the digits 2 to 7") from None
    if len(seed) < _SHORTEST_SEED:
        raise ValueError("has to have at least 16 characters of base32")
    return seed


def _totp_secret(text: str) -> str:
    seed_of(text)
    return text


class LabAccount(Part):
    """An account: how it signs in, who it stands for, and the groups it is in."""

    user_name: Annotated[str, AfterValidator(_user_name)] = Field(alias="userName")
    password: Annotated[str, StringConstraints(min_length=1), AfterValidator(_password)] = Field(repr=False)
    second_factor: Literal["none", "required"] = "none"
    totp_secret: Annotated[str, AfterValidator(_totp_secret)] | None = Field(None, repr=False)
    claims: StandardClaims = StandardClaims()
    groups: tuple[Text, ...] = ()


class LabGroup(Part):
    """A group: its name, and the access role that a membership stands for, if it opens an application."""

    display_name: Text = Field(alias="displayName")
    application_key: str = ""
    organization_id: str = ""
    organization_short_name: str = ""
    access_role_key: str = ""
    access_role_name: str = ""


class LabClient(Part):
    """A client: its secret, our own words about it, and whatever metadata RFC 7591 knows."""

    model_config = ConfigDict(extra="allow")

    client_id: Annotated[str, AfterValidator(_client_id)]
    client_secret: Annotated[str, StringConstraints(min_length=1)] | None = Field(None, repr=False)
    profile: Annotated[ClientProfile, Field(strict=False)] = ClientProfile.DEFAULT
    description: str = ""
    application_key: str = ""
    launch_url: WebAddress | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the client states of itself beyond our own words; a key set without a key states nothing."""
        stated = dict(self.model_extra or {})
        if stated.get("jwks") == {"keys": []}:
            del stated["jwks"]
        return stated


class LabScimClient(Part):
    """A client of SCIM: its fixed token, and all that an operator can set of it."""

    name: Text
    token: Annotated[Text, AfterValidator(_header_text)] = Field(repr=False)
    profile: Annotated[Profile, Field(strict=False)] = Profile.RFC
    scope: Text = f"{READ} {WRITE}"
    require_match: bool = False
    extension: bool = False
    leave_out_unknown_members: bool = False
    requests_per_second: int | None = None
    allowed_addresses: tuple[str, ...] = ()
    disabled: bool = False
    events: Annotated[Payload, Field(strict=False)] = Payload.NONE
    events_push: str = ""
    events_authorization: str = Field("", repr=False)


class LabFile(Part):
    """The whole file."""

    accounts: tuple[LabAccount, ...] = ()
    groups: tuple[LabGroup, ...] = ()
    clients: tuple[LabClient, ...] = ()
    scim_clients: tuple[LabScimClient, ...] = ()
    policy: Literal["ieso-2025", "nist-63b-4"] = "ieso-2025"
    limits: Literal["on", "off"] = "on"
    consent: Literal["skip", "ask"] = "skip"
    registration: Literal["closed", "token", "open"] = "closed"
    registration_profile: Annotated[ClientProfile, Field(strict=False)] = ClientProfile.DEFAULT
    registration_token: Annotated[str, AfterValidator(_header_text)] | None = Field(None, repr=False)
    fetch_authority: Annotated[Path, AfterValidator(_authority)] | None = None
    fetch_loopback: tuple[Annotated[str, AfterValidator(_host_and_port)], ...] = ()


def default_text() -> str:
    """Return the file of the default world."""
    return _DEFAULT.read_text(encoding="utf-8")


def default_world() -> LabFile:
    """Return the default world."""
    return parse(default_text(), _DEFAULT.name)


def read(path: Path) -> LabFile:
    """Read and check a file.

    Raises:
        LabFileError: naming every key that is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LabFileError(str(path), [Fault("the file", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise LabFileError(str(path), [Fault("the file", "is not UTF-8")]) from None
    return parse(text, str(path))


def parse(text: str, name: str) -> LabFile:
    """Check the text of a file that is called ``name``.

    Raises:
        LabFileError: naming every key that is wrong.
    """
    try:
        stated = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise LabFileError(name, [Fault(place, f"is not JSON: {error.msg}")]) from None
    except RecursionError:
        raise LabFileError(name, [Fault("the file", "nests too deeply")]) from None
    except _TwiceError as error:
        raise LabFileError(name, [Fault(str(error), "stands twice in one object")]) from None
    if no_texts := list(_no_texts(stated)):
        raise LabFileError(name, no_texts)
    try:
        found = LabFile.model_validate_json(text)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise LabFileError(name, [fault_of(each, LabFile) for each in details]) from None
    faults = [fault for rule in _RULES for fault in rule(found)]
    if faults:
        raise LabFileError(name, faults)
    return found


class _TwiceError(Exception):
    """A key stands twice in one object."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    doubled = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if doubled:
        raise _TwiceError(doubled[0])
    return dict(pairs)


def _no_texts(stated: object) -> Iterator[Fault]:
    """Name what JSON brings by an escape and nothing can keep: zeros, and halves of pairs (RFC 7493 §2.1)."""
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), stated)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            if not all(map(_is_text, value)):
                yield Fault(path_of(place), "has a key with a character that no text can hold")
            waiting += [((*place, key), each) for key, each in value.items() if _is_text(key)]
        elif isinstance(value, list):
            waiting += [((*place, position), each) for position, each in enumerate(value)]
        elif isinstance(value, str) and not _is_text(value):
            yield Fault(path_of(place), "holds a character that no text can hold")


def _is_text(text: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _names_are_unique(file: LabFile) -> Iterator[Fault]:
    for table, key, names in (
        ("accounts", "userName", [user_name_key(each.user_name) for each in file.accounts]),
        ("groups", "displayName", [fold(each.display_name) for each in file.groups]),
        ("clients", "client_id", [each.client_id for each in file.clients]),
        ("scim_clients", "name", [fold(each.name) for each in file.scim_clients]),
        ("scim_clients", "token", [each.token for each in file.scim_clients]),
    ):
        yield from (
            Fault(f"{table}[{place}].{key}", f"is the same as that of {table}[{names.index(name)}]")
            for place, name in enumerate(names)
            if names.index(name) < place
        )


def _groups_are_there(file: LabFile) -> Iterator[Fault]:
    known = {each.display_name for each in file.groups}
    for place, account in enumerate(file.accounts):
        for position, name in enumerate(account.groups):
            if name not in known:
                key = f"accounts[{place}].groups[{position}]"
                yield Fault(key, f"no group of the file has the displayName {name!r}")


def _an_app_belongs_to_a_required_factor(file: LabFile) -> Iterator[Fault]:
    for place, account in enumerate(file.accounts):
        if account.totp_secret is not None and account.second_factor == "none":
            yield Fault(f"accounts[{place}].totp_secret", "needs second_factor 'required' beside it")


def _metadata_is_known(file: LabFile) -> Iterator[Fault]:
    own = LabClient.model_fields.keys()
    for place, client in enumerate(file.clients):
        for name in client.metadata:
            # A name may carry the language of its value: client_name#fr (RFC 7591 §2.2).
            if name.partition("#")[0] not in METADATA:
                yield Fault(f"clients[{place}].{name}", no_such_key(name, METADATA | own))


def _secrets_are_where_they_are_used(file: LabFile) -> Iterable[Fault]:
    for place, client in enumerate(file.clients):
        method = client.metadata.get("token_endpoint_auth_method", AuthMethod.SECRET_BASIC.value)
        if isinstance(method, str) and method in SECRET_METHODS and client.client_secret is None:
            yield Fault(f"clients[{place}].client_secret", f"is missing: {method} needs one")


def _events_are_pushed_where_there_are_some(file: LabFile) -> Iterator[Fault]:
    for place, client in enumerate(file.scim_clients):
        if client.events_push and client.events is Payload.NONE:
            yield Fault(f"scim_clients[{place}].events_push", "needs events 'notice' or 'full' beside it")
        if client.events_authorization and not client.events_push:
            yield Fault(f"scim_clients[{place}].events_authorization", "needs events_push beside it")


def _a_registration_token_lets_somebody_in(file: LabFile) -> Iterator[Fault]:
    if file.registration == "token" and not file.registration_token:
        yield Fault("registration_token", "is missing: registration is 'token'")
    if file.registration == "closed" and file.registration_token is not None:
        yield Fault("registration_token", "needs registration 'token' or 'open' beside it")


_RULES = (
    _names_are_unique,
    _groups_are_there,
    _an_app_belongs_to_a_required_factor,
    _metadata_is_known,
    _secrets_are_where_they_are_used,
    _events_are_pushed_where_there_are_some,
    _a_registration_token_lets_somebody_in,
)
