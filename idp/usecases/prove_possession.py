"""Judging what a request proves to possess: a key (RFC 9449) or a certificate (RFC 8705). Parts of deeds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from idp.domain.client import ProvenClient
from idp.domain.confirmation import Binding, Confirmation
from idp.domain.dpop import NONCE, ExpectedProof, Proof, judged_proof
from idp.domain.oauth import ErrorCode, Fault
from idp.storage.clients import spend_proof
from idp.usecases.dpop_nonces import good_nonces
from idp.usecases.services import IdpServices

MISUSED = Fault(ErrorCode.INVALID_TOKEN, "The access token is bound to what the request does not prove.", 401)

REPLAYED = Fault(ErrorCode.INVALID_DPOP_PROOF, "The DPoP proof is not valid.", 401, "proof: replayed")


@dataclass(frozen=True, slots=True)
class Shown:
    """What came beside a request: a proof, and the thumbprint of the certificate of its connection.

    ``as_dpop`` tells that the access token itself was announced as bound to a key. ``proof`` is None where no
    header came; one that is empty came, and proves nothing.
    """

    method: str = ""
    uri: str = ""
    proof: str | None = field(default=None, repr=False)
    certificate: str = ""
    as_dpop: bool = False


NOTHING = Shown()


def judge_proof(services: IdpServices, shown: Shown, *, token: str = "") -> Proof | Fault:
    """Return the proof to be spent, or what the client has to do better: perhaps only to use a nonce."""
    outcome = judged_proof(
        shown.proof or "",
        ExpectedProof(
            method=shown.method,
            uri=shown.uri,
            now=services.store.clock.now(),
            token=token,
            nonces=good_nonces(services) if services.settings.dpop_nonces else None,
        ),
    )
    status = 401 if token else 400
    if isinstance(outcome, Proof):
        return outcome
    if outcome == NONCE:
        return Fault(ErrorCode.USE_DPOP_NONCE, "The DPoP proof has to bring the nonce given here.", status)
    return Fault(ErrorCode.INVALID_DPOP_PROOF, "The DPoP proof is not valid.", status, f"proof: {outcome}")


def judge_shown(services: IdpServices, shown: Shown) -> Proof | Fault | None:
    """Return the proof that came with a request, or None if none did. It asks nothing about who sent it."""
    return None if shown.proof is None else judge_proof(services, shown)


def with_possession(proven: ProvenClient, shown: Shown, proof: Proof | None) -> ProvenClient:
    """Return the client with what it proved to possess, to which its tokens are then bound.

    A certificate binds the tokens of clients that are registered so (RFC 8705 §3.4); a proof those of every
    client (RFC 9449 §5).
    """
    if proof is not None:
        return replace(proven, proof=proof, held=Confirmation(Binding.KEY, proof.jkt))
    if shown.certificate and proven.client.certificate_bound:
        return replace(proven, held=Confirmation(Binding.CERTIFICATE, shown.certificate))
    return proven


def may_use_token(
    services: IdpServices, token: str, bound_to: Confirmation | None, shown: Shown
) -> Fault | None:
    """Return why a request may not use ``token``, a live one, or None (RFC 9449 §7.1, RFC 8705 §3).

    A bound token is worth nothing without what it is bound to, and an unbound one is not announced as bound.
    The proof is spent, so that the same request sent again is refused on every node.
    """
    if shown.as_dpop != (bound_to is not None and bound_to.binding is Binding.KEY):
        return MISUSED
    if bound_to is None:
        return None
    if bound_to.binding is Binding.CERTIFICATE:
        return None if shown.certificate == bound_to.thumbprint else MISUSED
    proof = judge_proof(services, shown, token=token)
    return proof if isinstance(proof, Fault) else _spent(services, proof, bound_to)


def _spent(services: IdpServices, proof: Proof, bound_to: Confirmation) -> Fault | None:
    if proof.jkt != bound_to.thumbprint:
        return MISUSED
    with services.store.write() as unit:
        first = spend_proof(unit.connection, proof)
    return None if first else REPLAYED
