"""The fields of a client's form: what each is called, what its hint says, and how it is written down.

The names are those of RFC 7591 and OpenID Connect Registration, so that a fault of the registration finds its
field. What a client holds beyond these fields is shown and kept as JSON in the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from idp.domain.client_profile import RESPONSE_TYPES, ClientProfile
from idp.domain.oauth import CERTIFICATE_METHODS, AuthMethod, GrantType
from kernel.translations import mark


class Kind(Enum):
    """How a field is filled in."""

    LINE = auto()
    LINES = auto()
    CHOICE = auto()
    DROP_DOWN = auto()
    BOXES = auto()
    SWITCH = auto()
    JSON = auto()


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a field. ``text`` and ``hint`` are sentences to translate."""

    value: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``own`` are the columns of a client; the others are its metadata."""

    name: str
    kind: Kind
    label: str
    hint: str = ""
    choices: tuple[Choice, ...] = ()
    own: bool = False
    prompt: str = ""
    """The first line of a drop-down: what holds where nothing is chosen."""


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together; ``folded`` ones are opened by those who need them."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False


FURTHER = "further"
_PROFILES = (
    Choice(
        ClientProfile.DEFAULT.value,
        mark("Default"),
        mark("OAuth 2.1 as RFC 9700 has it: codes with PKCE and a nonce. Right for new applications."),
    ),
    Choice(
        ClientProfile.COMPAT.value,
        mark("Compatible"),
        mark(
            "OpenID Connect as it was written in 2014: implicit and hybrid response types, PKCE as the "
            "application likes, RS256. For applications that cannot do better."
        ),
    ),
    Choice(
        ClientProfile.IPSIE_SL1.value,
        mark("Enterprise (IPSIE SL1)"),
        mark("https alone, our issuer as the one audience of its assertions, no RS256."),
    ),
    Choice(
        ClientProfile.FAPI2.value,
        mark("Financial grade (FAPI 2.0)"),
        mark("Pushed requests, keys or certificates instead of secrets, tokens bound to a key, no RS256."),
    ),
)
METHODS = (
    Choice(
        AuthMethod.PRIVATE_KEY_JWT.value,
        mark("Private key (private_key_jwt)"),
        mark("It signs with a key of its own and gives us the public half. No secret is shared."),
    ),
    Choice(
        AuthMethod.SECRET_BASIC.value,
        mark("Secret in the header (client_secret_basic)"),
        mark("We make the secret and show it once."),
    ),
    Choice(AuthMethod.SECRET_POST.value, mark("Secret in the form (client_secret_post)")),
    Choice(
        AuthMethod.TLS.value,
        mark("Certificate of an authority (tls_client_auth)"),
        mark("Known by one name in the certificate."),
    ),
    Choice(
        AuthMethod.SELF_SIGNED_TLS.value,
        mark("Certificate of its own (self_signed_tls_client_auth)"),
        mark("Known by the keys below."),
    ),
    Choice(
        AuthMethod.NONE.value,
        mark("Nothing (none)"),
        mark("For applications on people's devices and in browsers, which can keep no secret."),
    ),
)
_GRANT_WORDS = {
    GrantType.AUTHORIZATION_CODE.value: mark("People sign in (authorization_code)"),
    GrantType.REFRESH_TOKEN.value: mark("It renews its tokens (refresh_token)"),
    GrantType.CLIENT_CREDENTIALS.value: mark("It acts for itself (client_credentials)"),
    GrantType.TOKEN_EXCHANGE.value: mark("It exchanges tokens that reach it (token-exchange)"),
    GrantType.JWT_BEARER.value: mark("It signs for machine accounts (jwt-bearer)"),
    GrantType.DEVICE_CODE.value: mark("People let it in from another screen (device_code)"),
    GrantType.DEVICE_CODE.value: mark("Devices without a keyboard sign in (device_code)"),
    GrantType.IMPLICIT.value: mark("Tokens in the browser's address (implicit, compatible profile only)"),
}
_GRANTS = tuple(Choice(each.value, _GRANT_WORDS.get(each.value, each.value)) for each in GrantType)

CLIENT_ID = Field(
    "client_id",
    Kind.LINE,
    mark("Client ID"),
    mark("2 to 64 letters, digits, dots, dashes or underscores. It never changes and people may see it."),
    own=True,
)
_ABOUT = Section(
    mark("About it"),
    (
        Field("client_name", Kind.LINE, mark("Name"), mark("What people see when they sign in."), own=True),
        Field(
            "description", Kind.LINE, mark("Description"), mark("One sentence for the dashboard."), own=True
        ),
        Field(
            "launch_url",
            Kind.LINE,
            mark("Address of its tile"),
            mark("Where the dashboard leads. Without it there is no tile."),
            own=True,
        ),
        Field(
            "application_key",
            Kind.LINE,
            mark("Application key"),
            mark("Only people with an access role of this application may sign in. Empty: everybody may."),
            own=True,
        ),
        Field(
            "first_party",
            Kind.CHOICE,
            mark("Whose is it?"),
            "",
            (
                Choice("yes", mark("Ours"), mark("Nobody is asked for consent.")),
                Choice("no", mark("Another organization's"), mark("People are asked what it may have.")),
            ),
            own=True,
        ),
        Field("profile", Kind.CHOICE, mark("Security profile"), "", _PROFILES, own=True),
    ),
)
_SIGN_IN = Section(
    mark("Signing in"),
    (
        Field(
            "redirect_uris",
            Kind.LINES,
            mark("Redirect URIs"),
            mark(
                "One per line. They are compared character by character: write each exactly as the "
                "application sends it. No wildcards."
            ),
        ),
        Field(
            "post_logout_redirect_uris",
            Kind.LINES,
            mark("Redirect URIs after sign-out"),
            mark("One per line, by the same rule."),
        ),
        Field(
            "initiate_login_uri",
            Kind.LINE,
            mark("Address that begins a sign-in"),
            mark("The tile leads here, and the application starts the sign-in itself."),
        ),
        Field(
            "application_type",
            Kind.CHOICE,
            mark("Where does it run?"),
            "",
            (
                Choice("web", mark("On a server or in a browser")),
                Choice(
                    "native",
                    mark("On people's devices"),
                    mark("It may use a scheme of its own, or any port of the loopback address (RFC 8252)."),
                ),
            ),
        ),
    ),
)
_PROOF = Section(
    mark("How it proves itself"),
    (
        Field("token_endpoint_auth_method", Kind.CHOICE, mark("Method"), "", METHODS),
        Field(
            "jwks",
            Kind.JSON,
            mark("Public keys"),
            mark('A JWK set: {"keys": […]}. Public keys only. Or give their address below.'),
        ),
        Field(
            "jwks_uri",
            Kind.LINE,
            mark("Address of its public keys"),
            mark("We fetch them from this https address and again when a key is new."),
        ),
        Field(
            "tls_client_auth_subject_dn",
            Kind.LINE,
            mark("Subject of its certificate"),
            mark("As RFC 4514 writes it, for example CN=meters,O=Acme,C=CA. For tls_client_auth."),
        ),
        Field(
            "allowed_addresses",
            Kind.LINES,
            mark("Addresses it asks from"),
            mark("One address or network per line, for example 192.0.2.0/28. Empty: from anywhere."),
        ),
    ),
)
_RIGHTS = Section(
    mark("What it may ask for"),
    (
        Field("grant_types", Kind.BOXES, mark("Grants"), "", _GRANTS),
        Field(
            "scope",
            Kind.LINE,
            mark("Scopes"),
            mark("Separated by spaces, for example: openid profile email access offline_access"),
        ),
        Field(
            "resources",
            Kind.LINES,
            mark("Resources it calls"),
            mark("One URI per line: the audiences it may ask tokens for (RFC 8707)."),
        ),
        Field(
            "serves",
            Kind.LINES,
            mark("Resources it stands for"),
            mark("One URI per line: it may introspect the tokens that are made for these."),
        ),
    ),
)
_SIGN_OUT = Section(
    mark("Signing out"),
    (
        Field(
            "backchannel_logout_uri",
            Kind.LINE,
            mark("Back-channel logout address"),
            mark("We tell it here, from server to server, that a session has ended."),
        ),
        Field(
            "frontchannel_logout_uri",
            Kind.LINE,
            mark("Front-channel logout address"),
            mark("Opened in a frame of the page that signs people out, if it cannot be told the other way."),
        ),
    ),
)
_CONSENT = Section(
    mark("What people see when they are asked"),
    (
        Field("client_uri", Kind.LINE, mark("Its page"), ""),
        Field("logo_uri", Kind.LINE, mark("Address of its logo"), ""),
        Field("policy_uri", Kind.LINE, mark("Address of its privacy policy"), ""),
        Field("tos_uri", Kind.LINE, mark("Address of its terms of use"), ""),
    ),
    folded=True,
)
_ADVANCED = Section(
    mark("Requests and tokens"),
    (
        Field(
            "response_types",
            Kind.BOXES,
            mark("Response types"),
            mark("All but code need the compatible profile."),
            tuple(Choice(each, each) for each in RESPONSE_TYPES),
        ),
        Field(
            "require_pushed_authorization_requests",
            Kind.SWITCH,
            mark("It has to push its authorization requests (RFC 9126)"),
        ),
        Field(
            "require_signed_request_object",
            Kind.SWITCH,
            mark("It has to sign its authorization requests (RFC 9101)"),
        ),
        Field(
            "dpop_bound_access_tokens",
            Kind.SWITCH,
            mark("Its tokens are bound to a key that it proves (DPoP, RFC 9449)"),
        ),
        Field(
            "tls_client_certificate_bound_access_tokens",
            Kind.SWITCH,
            mark("Its tokens are bound to its certificate (RFC 8705)"),
        ),
        Field(
            "id_token_signed_response_alg",
            Kind.DROP_DOWN,
            mark("Signature of its ID tokens"),
            "",
            prompt=mark("As its profile and the settings say"),
        ),
        Field(
            "subject_type",
            Kind.DROP_DOWN,
            mark("Subjects"),
            mark("A pairwise subject is known to this client alone: nobody can match it with another's."),
            (Choice("public", mark("The same for every client")), Choice("pairwise", mark("Pairwise"))),
            prompt=mark("The same for every client, unless stated"),
        ),
        Field(
            FURTHER,
            Kind.JSON,
            mark("Further metadata"),
            mark("Any other member of RFC 7591 and its extensions, as one JSON object."),
        ),
    ),
    folded=True,
)
_CERTIFICATE_FIELDS = frozenset({"tls_client_auth_subject_dn", "tls_client_certificate_bound_access_tokens"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The sections of the form, as the settings let them be."""

    sections: tuple[Section, ...]

    @property
    def fields(self) -> Iterator[Field]:
        """Every field, in the order of the page."""
        return (field for section in self.sections for field in section.fields)


def layout(*, new: bool, algorithms: tuple[str, ...], certificates: bool) -> Layout:
    """Return the form: with the client's ID where it is made, and certificates only where they are taken."""
    about = replace(_ABOUT, fields=(CLIENT_ID, *_ABOUT.fields)) if new else _ABOUT
    sections = (about, _SIGN_IN, _PROOF, _RIGHTS, _SIGN_OUT, _ADVANCED, _CONSENT)
    return Layout(tuple(_fit(section, algorithms, certificates=certificates) for section in sections))


def _fit(section: Section, algorithms: tuple[str, ...], *, certificates: bool) -> Section:
    fields = []
    for field in section.fields:
        if field.name in _CERTIFICATE_FIELDS and not certificates:
            continue
        if field.name == "token_endpoint_auth_method" and not certificates:
            choices = tuple(each for each in METHODS if each.value not in CERTIFICATE_METHODS)
            fields.append(replace(field, choices=choices))
        elif field.name == "id_token_signed_response_alg":
            fields.append(replace(field, choices=tuple(Choice(each, each) for each in algorithms)))
        else:
            fields.append(field)
    return replace(section, fields=tuple(fields))
