# ruff: noqa: RUF001, E501 - French is written with its own apostrophe; a letter's lines are as long as they are
"""The e-mails Registration sends, in both languages: subject and text from plain values.

No password, link or code is ever in them: the activation link comes from the Gateway to the same address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Letter(StrEnum):
    """The letters; the value is the template name kept with each message."""

    USER_NAME = "user-name"
    ACCESS_CHANGED = "access-changed"
    ACCESS_CHANGED_COPY = "access-changed-copy"
    CONTACT_CHANGED = "contact-changed"
    CONTACT_CHANGED_COPY = "contact-changed-copy"
    REQUEST_COMPLETE = "request-complete"
    REQUEST_OVERTAKEN = "request-overtaken"


@dataclass(frozen=True, slots=True)
class Written:
    """A letter ready to be posted."""

    subject: str
    text: str


_ENGLISH_SIGNATURE = (
    "\n\nThis message was sent automatically by {product} Registration ({registration_url}).\n"
)
_FRENCH_SIGNATURE = "\n\nCe message a été envoyé automatiquement par le système d’inscription de {product} ({registration_url}).\n"

TEXTS: Final[Mapping[Letter, Mapping[str, tuple[str, str]]]] = {
    Letter.USER_NAME: {
        "en": (
            "Your user ID for {product}",
            (
                "Hello {name},\n\nA user account is being created for you for {organization}.\n\n"
                "    User ID: {user_name}\n    Person ID: {person_no}\n\n"
                "You will get a second email with a link to activate the account. Open it, choose a password and set "
                "up a second factor. Nobody will ever ask you for your password.\n\n"
                "If you did not expect this, tell {requester} or Customer Relations."
            ),
        ),
        "fr": (
            "Votre identifiant pour {product}",
            (
                "Bonjour {name},\n\nUn compte d’utilisateur est en cours de création pour vous, pour {organization}.\n\n"
                "    Identifiant : {user_name}\n    Numéro de personne : {person_no}\n\n"
                "Vous recevrez un second courriel avec un lien pour activer le compte. Ouvrez-le, choisissez un mot de "
                "passe et configurez un second facteur. Personne ne vous demandera jamais votre mot de passe.\n\n"
                "Si vous ne vous attendiez pas à ce message, prévenez {requester} ou le service des relations avec la clientèle."
            ),
        ),
    },
    Letter.ACCESS_CHANGED: {
        "en": (
            "Your access for {organization} is changing (request {number})",
            (
                "Hello {name},\n\n{requester} made request {number} for {organization}:\n\n{changes}\n\n"
                "Your password and your second factor stay as they are."
            ),
        ),
        "fr": (
            "Votre accès pour {organization} change (demande {number})",
            (
                "Bonjour {name},\n\n{requester} a fait la demande {number} pour {organization} :\n\n{changes}\n\n"
                "Votre mot de passe et votre second facteur restent inchangés."
            ),
        ),
    },
    Letter.ACCESS_CHANGED_COPY: {
        "en": (
            "Request {number} for {organization}: access of {name}",
            (
                "Hello {requester},\n\nYour request {number} for {organization} is registered. It concerns {name} "
                "(Person ID {person_no}):\n\n{changes}\n\nSee when each change is in effect: {request_url}"
            ),
        ),
        "fr": (
            "Demande {number} pour {organization} : accès de {name}",
            (
                "Bonjour {requester},\n\nVotre demande {number} pour {organization} est enregistrée. Elle concerne "
                "{name} (numéro de personne {person_no}) :\n\n{changes}\n\n"
                "Voyez quand chaque changement prend effet : {request_url}"
            ),
        ),
    },
    Letter.CONTACT_CHANGED: {
        "en": (
            "Your contact roles for {organization} changed (request {number})",
            "Hello {name},\n\n{requester} made request {number} for {organization}:\n\n{changes}",
        ),
        "fr": (
            "Vos rôles de personne-ressource pour {organization} ont changé (demande {number})",
            "Bonjour {name},\n\n{requester} a fait la demande {number} pour {organization} :\n\n{changes}",
        ),
    },
    Letter.CONTACT_CHANGED_COPY: {
        "en": (
            "Request {number} for {organization}: contact roles of {name}",
            (
                "Hello {requester},\n\nYour request {number} for {organization} is registered. It concerns {name} "
                "(Person ID {person_no}):\n\n{changes}\n\nSee when each change is in effect: {request_url}"
            ),
        ),
        "fr": (
            "Demande {number} pour {organization} : rôles de personne-ressource de {name}",
            (
                "Bonjour {requester},\n\nVotre demande {number} pour {organization} est enregistrée. Elle concerne "
                "{name} (numéro de personne {person_no}) :\n\n{changes}\n\n"
                "Voyez quand chaque changement prend effet : {request_url}"
            ),
        ),
    },
    Letter.REQUEST_COMPLETE: {
        "en": (
            "Request {number} for {organization} is complete",
            "Hello {recipient},\n\nEvery change of request {number} for {organization} is in effect.\n\n{request_url}",
        ),
        "fr": (
            "La demande {number} pour {organization} est terminée",
            (
                "Bonjour {recipient},\n\nChaque changement de la demande {number} pour {organization} a pris effet."
                "\n\n{request_url}"
            ),
        ),
    },
    Letter.REQUEST_OVERTAKEN: {
        "en": (
            "Request {number} for {organization} is complete",
            (
                "Hello {recipient},\n\nOf request {number} for {organization} nothing is on its way any more. A later "
                "request overtook some of it before it was in effect.\n\n{request_url}"
            ),
        ),
        "fr": (
            "La demande {number} pour {organization} est terminée",
            (
                "Bonjour {recipient},\n\nDe la demande {number} pour {organization}, plus rien n’est en cours. Une "
                "demande ultérieure en a devancé une partie avant que celle-ci prenne effet.\n\n{request_url}"
            ),
        ),
    },
}

LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "access-granted": {"en": "  + access role: {name}", "fr": "  + rôle d’accès : {name}"},
    "access-revoked": {"en": "  - access role: {name}", "fr": "  - rôle d’accès : {name}"},
    "contact-added": {"en": "  + contact role: {name}", "fr": "  + rôle de personne-ressource : {name}"},
    "contact-ended": {"en": "  - contact role: {name}", "fr": "  - rôle de personne-ressource : {name}"},
}
"""One line for each kind of change that people are told of."""


def write(letter: Letter, language: str, values: Mapping[str, str]) -> Written:
    """Return ``letter`` in ``language`` (English where the language is not known) with its values filled in.

    Line ends in a value are flattened, so that no name can start a header or a paragraph of its own.
    """
    texts = TEXTS[letter]
    subject, text = texts.get(language, texts["en"])
    signature = _FRENCH_SIGNATURE if language == "fr" else _ENGLISH_SIGNATURE
    flat = {key: value if key == "changes" else " ".join(value.split()) for key, value in values.items()}
    return Written(subject.format_map(flat), (text + signature).format_map(flat))


def change_line(kind: str, language: str, name: str) -> str:
    """Return the line that tells of one change, or nothing for a kind people are not told of."""
    lines = LINES.get(kind)
    if lines is None:
        return ""
    return lines.get(language, lines["en"]).format(name=" ".join(name.split()))
