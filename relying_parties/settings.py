"""What the applications are told: one frozen class per kind of thing, read from one TOML file.

Owns the shape of the file and the sentences for its mistakes. It opens no key; that is
:mod:`relying_parties.oidc`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

KINDS = ("energy-market", "reports", "plain")
SIGNATURES = ("ES256", "RS256", "PS256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512", "EdDSA")
"""Signature algorithms an application may be told to accept: asymmetric ones only (RFC 8725 §3.1, §3.2)."""


class SettingsError(Exception):
    """A mistake in the settings; the message names the option and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSettings:
    """One application: an OpenID Connect client of its own."""

    client_id: str
    """The name under which the provider knows the application."""

    issuer: str
    """The provider's issuer, exactly as it stands in its tokens (no slash is added or taken away)."""

    path: str
    """Where the application lives, with a slash at both ends: ``/apps/emi/``."""

    public_url: str
    """Scheme, host and port under which browsers and the provider reach the application."""

    name: str
    """What the application is called on its pages."""

    description: str = ""
    """One sentence for the front page, in English."""

    reader: str = ""
    """One sentence to the reader of the first page, in English: what she can do here and whom to ask."""

    name_fr: str = ""
    """The name on French pages; empty takes ``name``."""

    description_fr: str = ""
    """The French sentence for the front page; empty takes ``description``."""

    reader_fr: str = ""
    """The French sentence to the reader; empty takes ``reader``."""

    kind: str = "plain"
    """Which screens: ``energy-market``, ``reports`` or ``plain`` (only who she is)."""

    key_file: str = ""
    """A private key in PEM; set, the client authenticates by private_key_jwt (RFC 7523 §2.2)."""

    client_secret: str = field(default="", repr=False)
    """The shared secret for client_secret_basic (RFC 6749 §2.3.1)."""

    client_secret_file: str = ""
    """A file that holds the shared secret, instead of ``client_secret``."""

    scopes: tuple[str, ...] = ("openid", "profile", "email", "access")
    """What is asked for. ``access`` brings the access roles per organization."""

    signing_algorithms: tuple[str, ...] = ("ES256", "RS256")
    """The only signature algorithms accepted in the provider's tokens."""

    second_factor_acr: tuple[str, ...] = ("urn:switchyard:acr:2fa", "phr")
    """The authentication contexts that count as a second factor, the one to ask for first."""

    step_up_minutes: int = 60
    """How old a sign-in may be on pages that ask for a second factor."""

    session_minutes: int = 480
    """The longest life of a session, whatever the provider allows."""

    idle_minutes: int = 60
    """How long a session lives without a request."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of ``public_url``."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def base_url(self) -> str:
        """The address of the application's first page."""
        return self.origin + self.path

    @property
    def secure(self) -> bool:
        """Tell whether browsers reach the application over TLS."""
        return self.public_url.startswith("https://")

    @property
    def cookie_stem(self) -> str:
        """The beginning of the application's cookie names."""
        return self.client_id.replace("-", "_")

    @property
    def step_up_age(self) -> timedelta:
        """How old a sign-in may be where a second factor is asked for."""
        return timedelta(minutes=self.step_up_minutes)

    def name_in(self, language: str) -> str:
        """Return the application's name in ``language``."""
        return (self.name_fr if language == "fr" else "") or self.name

    def description_in(self, language: str) -> str:
        """Return the sentence for the front page in ``language``."""
        return (self.description_fr if language == "fr" else "") or self.description

    def reader_in(self, language: str) -> str:
        """Return the sentence to the reader in ``language``."""
        return (self.reader_fr if language == "fr" else "") or self.reader


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServiceSettings:
    """One machine-to-machine web service: a resource server that accepts RFC 9068 access tokens."""

    path: str
    """Where the service lives, starting and ending with a slash: ``/ws/emim/``."""

    public_url: str
    """Scheme, host and port under which callers reach the service."""

    issuer: str
    """The only issuer whose tokens are accepted."""

    audience: str
    """What must stand in ``aud``: the resource's own identifier (RFC 9068 §4)."""

    name: str
    """What the service is called in its answers."""

    scope: str = ""
    """The scope a caller needs; empty asks for none."""

    acr: tuple[str, ...] = ()
    """The authentication contexts of which the sign-in behind a token needs one; empty asks for none."""

    max_age_minutes: int = 0
    """How old the sign-in behind a token may be; 0 does not ask, and then machines may call."""

    signing_algorithms: tuple[str, ...] = ("ES256", "RS256")
    """The only signature algorithms accepted."""

    @property
    def max_age(self) -> timedelta | None:
        """How old the sign-in behind a token may be; None does not ask."""
        return timedelta(minutes=self.max_age_minutes) if self.max_age_minutes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationsSettings:
    """All applications and web services of one process."""

    database: str
    """The SQLite file for sessions and sign-ins in progress; shared by all workers of the process group."""

    applications: tuple[ApplicationSettings, ...] = ()
    """The applications."""

    web_services: tuple[WebServiceSettings, ...] = ()
    """The web services."""

    environment: str = ""
    """The environment's name for the strip on every page; empty hides the strip."""

    ca_file: str = ""
    """Certificate authorities for calls to the provider; empty takes the usual ones."""

    connect_seconds: float = 2.0
    """How long a connection to the provider may take to open."""

    read_seconds: float = 5.0
    """How long the provider may be silent."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises :class:`SettingsError`.
        """
        if not self.database:
            raise SettingsError("database is empty: name the SQLite file that keeps the sessions.")
        for number, application in enumerate(self.applications):
            _check_application(application, f"applications[{number}]")
        for number, service in enumerate(self.web_services):
            _check_service(service, f"web_services[{number}]")
        _check_distinct("client_id", [each.client_id for each in self.applications])
        _check_distinct("path", [each.path for each in self.mounted])

    @property
    def mounted(self) -> tuple[ApplicationSettings | WebServiceSettings, ...]:
        """Everything that has a path of its own."""
        return (*self.applications, *self.web_services)


def load(path: Path | str) -> ApplicationsSettings:
    """Read the settings from a TOML file; unknown options and wrong types are refused by name.

    ``[[applications]]`` and ``[[web_services]]`` are lists of tables; relative file names count from the
    folder of the settings file. Raises :class:`SettingsError`.
    """
    place = Path(path)
    try:
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{place}: cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{place}: is not TOML: {error}.") from error
    try:
        return _build(document, place.parent)
    except SettingsError as error:
        raise SettingsError(f"{place}: {error}") from error


def _build(document: Mapping[str, Any], folder: Path) -> ApplicationsSettings:
    plain = {name: value for name, value in document.items() if name not in ("applications", "web_services")}
    values = _checked(ApplicationsSettings, plain, "")
    values["applications"] = tuple(
        _application(table, f"applications[{number}].", folder)
        for number, table in enumerate(_tables(document, "applications"))
    )
    values["web_services"] = tuple(
        WebServiceSettings(**_checked(WebServiceSettings, table, f"web_services[{number}]."))
        for number, table in enumerate(_tables(document, "web_services"))
    )
    for name in ("database", "ca_file"):
        if values.get(name):
            values[name] = str(folder / values[name])
    return ApplicationsSettings(**values)


def _application(table: Mapping[str, Any], where: str, folder: Path) -> ApplicationSettings:
    values = _checked(ApplicationSettings, table, where)
    if values.get("key_file"):
        values["key_file"] = str(folder / values["key_file"])
    secret_file = values.pop("client_secret_file", "")
    if secret_file:
        try:
            values["client_secret"] = (folder / secret_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{where}client_secret_file: cannot be read ({error.strerror}).") from error
    return ApplicationSettings(**values)


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"{name}: write each one as a table [[{name}]].")
    return tables


Kind = TypeVar("Kind", bound=ApplicationSettings | WebServiceSettings | ApplicationsSettings)


def _checked(kind: type[Kind], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values of ``table`` in the types of ``kind``, or refuse the first that does not fit."""
    known = {each.name: each for each in fields(kind) if each.name not in ("applications", "web_services")}
    for name in table:
        if name not in known:
            raise SettingsError(
                f"{where}{name}: there is no such option. Known are {', '.join(sorted(known))}."
            )
    for name, option in known.items():
        if option.default is MISSING and not table.get(name):
            raise SettingsError(f"{where}{name}: is missing.")
    return {name: _typed(known[name].type, value, where + name) for name, value in table.items()}


def _typed(kind: object, value: object, where: str) -> object:
    if kind is str and isinstance(value, str):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    if kind == tuple[str, ...] and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    expected = {str: "a text", int: "a whole number above 0", float: "a number above 0"}
    wanted = expected.get(kind, "a list of texts") if isinstance(kind, type) else "a list of texts"
    raise SettingsError(f"{where}: has to be {wanted}.")


def _check_application(application: ApplicationSettings, where: str) -> None:
    _check_path(application.path, f"{where}.path")
    _check_url(application.issuer, f"{where}.issuer")
    _check_origin(application.public_url, f"{where}.public_url")
    _check_algorithms(application.signing_algorithms, f"{where}.signing_algorithms")
    if application.kind not in KINDS:
        raise SettingsError(f"{where}.kind: has to be one of {', '.join(KINDS)}.")
    if "openid" not in application.scopes:
        raise SettingsError(f"{where}.scopes: has to hold openid (OpenID Connect Core §3.1.2.1).")
    if bool(application.key_file) == bool(application.client_secret):
        raise SettingsError(
            f"{where}: give either key_file (private_key_jwt) or client_secret (client_secret_basic)."
        )
    if not application.client_id.replace("-", "").replace("_", "").isalnum():
        raise SettingsError(f"{where}.client_id: may hold letters, digits, - and _ only.")


def _check_service(service: WebServiceSettings, where: str) -> None:
    _check_path(service.path, f"{where}.path")
    _check_url(service.issuer, f"{where}.issuer")
    _check_origin(service.public_url, f"{where}.public_url")
    _check_algorithms(service.signing_algorithms, f"{where}.signing_algorithms")


def _check_path(path: str, where: str) -> None:
    if not (path.startswith("/") and path.endswith("/") and "//" not in path and len(path) > 1):
        raise SettingsError(f"{where}: has to start and end with a slash, like /apps/emi/.")


def _check_url(url: str, where: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(f"{where}: has to be an http or https address without query and fragment.")


def _check_origin(url: str, where: str) -> None:
    _check_url(url, where)
    if urlsplit(url).path not in ("", "/") or "@" in url:
        raise SettingsError(f"{where}: has to be scheme, host and port only, like https://apps.example.com.")


def _check_algorithms(algorithms: tuple[str, ...], where: str) -> None:
    unknown = [each for each in algorithms if each not in SIGNATURES]
    if unknown or not algorithms:
        raise SettingsError(f"{where}: has to name some of {', '.join(SIGNATURES)}.")


def _check_distinct(name: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise SettingsError(f"{name} {value}: stands twice; each application needs its own.")
