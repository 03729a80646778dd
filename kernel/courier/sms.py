"""Text messages through an HTTP webhook: the seam where any provider is plugged in."""

from __future__ import annotations

import httpx

from kernel.clock import Clock
from kernel.courier.carriers import PermanentFailure, TransientFailure
from kernel.courier.outbox import Envelope
from kernel.retry_after import wait_asked_for


class WebhookCarrier:
    """POSTs ``{"id", "to", "text"}`` as JSON to a provider's address, with a bearer token if given.

    ``id`` stays the same over retries, so that the provider can drop a repetition.
    """

    def __init__(self, url: str, clock: Clock, *, token: str = "", timeout: float = 10.0) -> None:
        self._url = url
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout

    def deliver(self, envelope: Envelope) -> None:
        """Hand one text message over; 429 and 5xx are tried again, other refusals are permanent."""
        body = {"id": envelope.id, "to": envelope.payload["to"], "text": envelope.payload["text"]}
        try:
            answer = httpx.post(
                self._url, json=body, headers=self._headers, timeout=self._timeout, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise TransientFailure(f"provider unreachable ({type(error).__name__})") from None
        if answer.status_code == 429 or answer.status_code >= 500:
            wait = wait_asked_for(answer.headers.get("Retry-After", ""), now=self._clock.now())
            raise TransientFailure(f"provider answered {answer.status_code}", wait)
        if answer.status_code >= 300:
            raise PermanentFailure(f"provider answered {answer.status_code}")
