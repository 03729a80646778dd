"""Logout notices to relying parties (OpenID Connect Back-Channel Logout 1.0), carried by the courier.

The notice waits in the outbox with ids only; the logout token is made at each attempt, so that it is fresh
when it arrives and a repeated delivery is never taken for a replayed token.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from idp.domain.client import Client
from idp.domain.tokens import LOGOUT_TOKEN_TYPE, logout_token_claims
from idp.outbound.client_keys import RemoteKeys
from kernel.courier.carriers import PermanentFailure, TransientFailure
from kernel.courier.outbox import Envelope
from kernel.errors import BusyError
from kernel.fetch import Answered, Fetcher, NotFetched
from kernel.retry_after import wait_asked_for
from kernel.store import Store
from keys.usecases.signing import SigningKeys

_HEADERS = {"Cache-Control": "no-store"}


class BackchannelCarrier:
    """Delivers the notices of channel ``backchannel-logout``, one POST each.

    ``find_client`` looks a client up by its id; ``default_algorithm`` signs for clients that state none.
    The address is the one registered at the time of delivery; redirects are not followed. What a client that
    registered itself named is reached by the rules of ``fetcher`` alone, so that nobody makes a tool of us.
    An operator may name addresses inside; the authority that ``fetcher`` trusts is trusted there, too.
    Whoever answers drop by drop is left after ``timeout`` seconds in all.
    """

    def __init__(
        self,
        store: Store,
        signing: SigningKeys,
        issuer: str,
        find_client: Callable[[str], Client | None],
        *,
        fetcher: Fetcher | None = None,
        default_algorithm: str = "ES256",
        timeout: float = 10.0,
    ) -> None:
        self._store = store
        self._signing = signing
        self._issuer = issuer
        self._find_client = find_client
        self._fetcher = fetcher or Fetcher()
        self._anywhere = self._fetcher.anywhere(seconds=timeout)
        self._keys = RemoteKeys()
        self._default = default_algorithm

    def deliver(self, envelope: Envelope) -> None:
        """Tell one client that a session ended for it.

        Raises:
            TransientFailure: if the client cannot be reached or is in trouble (LO-07).
            PermanentFailure: if it is gone, has no address, or refuses the notice.
        """
        client = self._client(str(envelope.payload["client_id"]))
        token = self.logout_token(
            client, subject=str(envelope.payload["sub"]), session_id=str(envelope.payload["sid"])
        )
        answer = self._told(client, token)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise PermanentFailure("the relying party refused the logout token")
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
            wait = wait_asked_for(answer.retry_after, now=self._store.clock.now())
            raise TransientFailure(f"relying party answered {answer.status}", wait)

    def _told(self, client: Client, token: str) -> Answered:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **_HEADERS}
        body = urlencode({"logout_token": token}).encode()
        fetcher = self._fetcher if client.registered_by else self._anywhere
        answer = fetcher.post(client.backchannel_logout_uri, body, headers=headers, reads=False)
        if isinstance(answer, NotFetched):
            raise TransientFailure(f"relying party unreachable ({answer.reason})")
        return answer

    def logout_token(self, client: Client, *, subject: str, session_id: str) -> str:
        """Return a fresh logout token for ``client``, signed and encrypted as its ID tokens are (§2.4).

        Raises:
            TransientFailure: if no key that the client publishes fits the encryption it is registered for.
        """
        claims = logout_token_claims(
            issuer=self._issuer,
            client_id=client.id,
            subject=subject,
            session_id=session_id,
            token_id=self._store.randomness.token(16),
            now=self._store.clock.now(),
        )
        algorithm = client.id_token_algorithm or client.rules.default_algorithm or self._default
        token = self._signing.sign(claims, algorithm=algorithm, typ=LOGOUT_TOKEN_TYPE)
        if client.id_token_encryption is None:
            return token
        try:
            recipient = self._keys.recipient(self._fetcher, client, client.id_token_encryption)
        except BusyError:
            recipient = None
        if recipient is None:
            raise TransientFailure("no key of the relying party fits its encryption")
        return recipient.sealed(token)

    def _client(self, client_id: str) -> Client:
        found = self._find_client(client_id)
        if found is None or not found.backchannel_logout_uri:
            raise PermanentFailure("the client has no logout address any more")
        return found
