"""Which certificates of a proxy's header are believed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from kernel.web.certificates import ClientCertificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DER = bytes(range(200))
PLAIN = base64.b64encode(DER).decode()
PEM = f"-----BEGIN CERTIFICATE-----\n{PLAIN[:64]}\n{PLAIN[64:]}\n-----END CERTIFICATE-----\n"


def handed_on(peer: str, **headers: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def behind(environ: dict[str, Any], _start: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return []

    front = ClientCertificates(
        behind, header="x-client-certificate", source="Client-Cert", proxies=("10.0.0.0/30", "::1")
    )
    front({"REMOTE_ADDR": peer, **headers}, lambda *_: None)
    return {name: value for name, value in seen.items() if name != "REMOTE_ADDR"}


@pytest.mark.parametrize("peer", ["10.0.0.4", "192.0.2.1", "", "proxy", "::2"])
def test_a_stranger_says_nothing_by_any_header(peer: str) -> None:
    """RFC 8705 §6.5, RFC 9440 §4: both headers are taken off."""
    assert handed_on(peer, HTTP_CLIENT_CERT=f":{PLAIN}:", HTTP_X_CLIENT_CERTIFICATE=PLAIN) == {}


@pytest.mark.parametrize("peer", ["10.0.0.1", "::1"])
@pytest.mark.parametrize("said", [f":{PLAIN}:", PEM, quote(PEM), PEM.replace("\n", " "), f" :{PLAIN}: "])
def test_our_proxy_is_believed_in_each_form(peer: str, said: str) -> None:
    """RFC 9440 §2.1, and PEM as nginx and Apache write it; our own header from outside is taken off still."""
    given = handed_on(peer, HTTP_CLIENT_CERT=said, HTTP_X_CLIENT_CERTIFICATE="forged")
    assert given == {"HTTP_X_CLIENT_CERTIFICATE": PLAIN}


@pytest.mark.parametrize(
    "said", ["text", ":%%:", f":{PLAIN}:, :{PLAIN}:", PEM[:-5], ":" + "A" * 17_000 + ":"]
)
def test_what_is_no_certificate_is_none(said: str) -> None:
    """Nothing is guessed."""
    assert handed_on("10.0.0.1", HTTP_CLIENT_CERT=said) == {"HTTP_X_CLIENT_CERTIFICATE": ""}
