"""The Gateway's token endpoint (RFC 6749 §3.2), as both of our clients ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from registration.domain.sign_in import ProviderUnreachableError
from registration.outbound.discovery import Discovery
from registration.outbound.http import Outbound, TargetRefusedError


def ask_for_tokens(
    outbound: Outbound, discovery: Discovery, form: Mapping[str, str]
) -> tuple[int, Mapping[str, Any] | None]:
    """Return the status and the JSON object of the answer to ``form``; None if it is no object.

    Raises:
        ProviderUnreachableError: if nothing that can be read is answered, or that it is in trouble.
    """
    try:
        response = outbound.send("POST", discovery.endpoint("token_endpoint"), form=form)
        answer = response.json()
    except (httpx.HTTPError, TargetRefusedError, ValueError) as error:
        raise ProviderUnreachableError(reason=type(error).__name__) from None
    if response.status_code >= 500 or response.status_code == 429:
        raise ProviderUnreachableError(status=response.status_code)
    return response.status_code, answer if isinstance(answer, dict) else None
