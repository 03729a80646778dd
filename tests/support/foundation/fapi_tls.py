"""What the suite looks at in the TLS of an endpoint before it asks anything of FAPI 2.0."""

from __future__ import annotations

import socket
import ssl
import warnings
from urllib.parse import urlsplit

_EVEN_WEAK = "@SECLEVEL=0"
_RECOMMENDED = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for kind in ("ECDSA", "RSA")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
)
"""RFC 9325 §4.2: what TLS 1.2 may use."""
_OTHERS = f"ALL:COMPLEMENTOFALL:{':'.join(f'!{each}' for each in _RECOMMENDED.split(':'))}"
_FINITE_FIELD = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
_OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
_OUR_OWN = {"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE"}
"""What would say that nothing was offered at all."""
_ONE_TWO, _ONE_THREE = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def has_good_tls(*urls: str) -> None:
    """Check the servers of these addresses: old versions and other ciphers are refused, TLS 1.3 comes first."""
    for host, port in {(parts.hostname or "", parts.port or 443) for parts in map(urlsplit, urls)}:
        for version in _OLD:
            assert not _agreed(host, port, version, version, f"ALL:{_EVEN_WEAK}"), version
        assert _agreed(host, port, _ONE_TWO, _ONE_THREE, _RECOMMENDED) == "TLSv1.3"
        assert _agreed(host, port, _ONE_TWO, _ONE_TWO, _RECOMMENDED) == "TLSv1.2"
        for ciphers in (_OTHERS, _FINITE_FIELD):
            assert not _agreed(host, port, _ONE_TWO, _ONE_TWO, f"{ciphers}:{_EVEN_WEAK}"), ciphers


def _agreed(host: str, port: int, lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str) -> str:
    """Return the version that was agreed on; empty where the server refused to agree."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the suite trusts every certificate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of versions that are to be refused
        context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers(ciphers)
    with socket.create_connection((host, port), timeout=30) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return str(secured.version())
        except ConnectionResetError:
            return ""
        except ssl.SSLError as error:
            if error.reason in _OUR_OWN:
                raise
            return ""
