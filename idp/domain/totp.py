"""Authenticator apps: time-based codes of six digits (RFC 6238).

A code is accepted for one step before and one after the present one, and a step only ever after the last
one that was accepted: the store moves ``last_step`` forward with one conditional statement (MF-02, MF-05).
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import io
from dataclasses import dataclass

from idp.domain.one_time import is_code

STEP_SECONDS = 30
SEED_BYTES = 20
_WINDOW = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What a person needs to add the account to an app: the key to type, the address, and it as a picture."""

    secret: str
    uri: str
    qr_svg: str


def secret_of(seed: bytes) -> str:
    """Return the seed in the form apps take: base32 without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def step_at(now: dt.datetime) -> int:
    """Return the number of the time step of ``now``: by the server's clock alone."""
    return int(now.timestamp()) // STEP_SECONDS


def code_at(seed: bytes, step: int) -> str:
    """Return the code of ``seed`` at ``step`` (RFC 4226 §5.3), however short a seed made elsewhere is."""
    mac = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def matching_step(seed: bytes, code: str, *, now: dt.datetime, last_step: int | None) -> int | None:
    """Return the step whose code ``code`` is, if it is in the window and later than ``last_step``.

    Only six ASCII digits are a code: other spellings of the same digits are not (MF-02).
    """
    if not is_code(code):
        return None
    found = None
    for shift in _WINDOW:
        step = step_at(now) + shift
        if hmac.compare_digest(code_at(seed, step), code) and (last_step is None or step > last_step):
            found = step
    return found


def enrolment(seed: bytes, *, issuer: str, user_name: str) -> TotpEnrolment:
    """Return what the enrolment page shows for ``seed``."""
    import pyotp  # noqa: PLC0415 - with segno 1 MB that only an enrolment needs

    secret = secret_of(seed)
    uri = pyotp.TOTP(secret).provisioning_uri(name=user_name, issuer_name=issuer)
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return TotpEnrolment(groups, uri, _picture(uri))


def _picture(uri: str) -> str:
    """Return the address as an SVG that fills its container; black on white even in dark mode."""
    import segno  # noqa: PLC0415 - as above

    out = io.BytesIO()
    code = segno.make(uri, error="m", micro=False)
    code.save(
        out,
        kind="svg",
        scale=5,
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        nl=False,
        omitsize=True,
    )
    return out.getvalue().decode()
