"""Spending what proved a client whose request was refused: a proof that was looked at never works again."""

from __future__ import annotations

from idp.domain.client import ProvenClient
from idp.storage.clients import admit
from idp.usecases.services import IdpServices


def spend_proofs(services: IdpServices, proven: ProvenClient) -> None:
    """Spend the assertion and the proof of possession of ``proven``, unless the deed did (RFC 7523 §3).

    A deed that issues something spends them in its own transaction. A request that is refused before a deed
    began has been heard all the same: whoever saw it on its way cannot repair it and send it again.
    """
    if proven.assertion is None and proven.proof is None:
        return
    with services.store.write() as unit:
        admit(unit.connection, proven)
