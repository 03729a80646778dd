"""How passwords, answers and mailed codes are kept: keyed, and bound to their account or flow.

Passwords and answers are hashed with argon2id over a keyed digest.
The key lives outside the database, so a stolen database alone cannot be searched for passwords (NIST SP
800-63B-4 §3.1.1.2), and a hash moved to another account matches nothing there.
"""

from __future__ import annotations

import base64

from idp.domain.password_policy import normal
from idp.domain.security_question import normal_answer
from idp.usecases.services import IdpServices


def hash_password(services: IdpServices, account_id: str, password: str) -> str:
    """Return the hash to store for a password that the policy accepted.

    Raises:
        BusyError: when too many hashes are asked for at once.
        ValueError: for a password that can be nobody's; the policy refuses those.
    """
    form = normal(password)
    if form is None:
        raise ValueError("not a password")
    return services.passwords.hash(_keyed(services, "password", account_id, form))


def password_matches(services: IdpServices, stored: str | None, account_id: str, password: str) -> bool:
    """Tell whether ``password`` is the account's; without a stored hash it takes the same time (EN-01).

    Raises:
        BusyError: when too many hashes are asked for at once.
    """
    form = normal(password)
    keyed = _keyed(services, "password", account_id, form or "")
    return services.passwords.verify(stored if form else None, keyed)


def hash_answer(services: IdpServices, account_id: str, answer: str) -> str:
    """Return the hash to store for a security answer, in its normal form (G-35, MF-15).

    Raises:
        BusyError: when too many hashes are asked for at once.
    """
    return services.passwords.hash(_keyed(services, "security answer", account_id, normal_answer(answer)))


def _keyed(services: IdpServices, purpose: str, account_id: str, form: str) -> str:
    message = account_id.encode() + b"\0" + form.encode()
    return base64.b64encode(services.store.sealer.mac(purpose, message)).decode()


def mailbox_code_digest(services: IdpServices, flow_id: bytes, digits: str) -> bytes:
    """Return the keyed digest of a code, bound to its flow: it is worth nothing in another one (MF-09)."""
    return services.store.sealer.mac("mailbox code", flow_id + b"\0" + digits.encode())
