"""How strong the keys of others have to be."""

from __future__ import annotations

WEAKEST_RSA_BITS = 2_048
"""The weakest RSA key that is taken from a client or an authenticator (NIST SP 800-131A)."""
