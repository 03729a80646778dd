"""What people are shown of a client, in the language of the page (OpenID Connect Registration §2)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.client import Client
from idp.domain.localized import in_language


@dataclass(frozen=True, slots=True)
class ClientFace:
    """Names and addresses of a client for people; what it never told is empty."""

    name: str
    logo_uri: str
    policy_uri: str
    terms_uri: str


def face_of(client: Client, language: str) -> ClientFace:
    """Return what is shown of a client in ``language``: its words in it, else those without a language."""
    words = client.words
    return ClientFace(
        in_language(words, "client_name", language, client.name),
        in_language(words, "logo_uri", language, client.logo_uri),
        in_language(words, "policy_uri", language, client.policy_uri),
        in_language(words, "tos_uri", language, client.terms_uri),
    )
