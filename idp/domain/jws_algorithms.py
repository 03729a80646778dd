"""Which signature algorithms we take in what clients send us, told to joserfc (RFC 7518 §3, RFC 8037)."""

from __future__ import annotations

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSAlgModel, JWSRegistry  # type: ignore[attr-defined]  # the base class names it, too


class TakenAlgorithms(JWSRegistry):
    """Takes what it was given and nothing else.

    joserfc warns of ``EdDSA``, for which RFC 9864 has a name of its own for each curve. FAPI 2.0 §5.4 asks
    for it by the old name, with Ed25519, and no other curve is among the keys we take.
    """

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return the algorithm of this name.

        Raises:
            UnsupportedAlgorithmError: if it is not taken here.
        """
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]
