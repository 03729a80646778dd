"""How the applications call the provider: with time limits, a size limit and no redirects.

Connections are not kept: a login makes three calls, and a kept connection that a restarted provider has
forgotten would fail the one call that cannot be repeated (the code is spent).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from relying_parties.settings import ApplicationsSettings

LARGEST_ANSWER = 262_144
"""No document of the provider is larger than this many bytes."""


class ProviderUnreachableError(Exception):
    """The provider did not answer, or answered that it cannot now; a later try may succeed."""


class ProviderFaultError(Exception):
    """The provider answered what the standards do not allow, or refused this client; somebody has to look."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered: the status and the JSON object of the body, if there was one."""

    status: int
    document: Mapping[str, object] | None


class Caller:
    """Calls the provider."""

    def __init__(self, settings: ApplicationsSettings) -> None:
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds),
            follow_redirects=False,
            trust_env=False,
            verify=_trust(settings),
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"Accept": "application/json", "User-Agent": "relying-parties"},
        )

    def get(self, url: str, *, bearer: str = "") -> Answer:
        """Fetch one document.

        Raises :class:`ProviderUnreachableError` when there is no answer in time or one of 429 and 5xx.
        """
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self._send(self._client.build_request("GET", url, headers=headers))

    def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str]) -> Answer:
        """Send one form. Never repeated: what a form spends is spent.

        Raises :class:`ProviderUnreachableError` when there is no answer in time or one of 429 and 5xx.
        """
        return self._send(self._client.build_request("POST", url, data=dict(form), headers=dict(headers)))

    def _send(self, request: httpx.Request) -> Answer:
        try:
            response = self._client.send(request, stream=True)
            try:
                body = _read(response)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnreachableError(f"{request.url.host}: {type(error).__name__}") from error
        if response.status_code == 429 or response.status_code >= 500:
            raise ProviderUnreachableError(f"{request.url.host}: status {response.status_code}")
        return Answer(response.status_code, _json_object(response, body))


def _trust(settings: ApplicationsSettings) -> bool | str:
    return settings.ca_file or True


def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(16_384):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ProviderFaultError(f"an answer larger than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _json_object(response: httpx.Response, body: bytes) -> Mapping[str, object] | None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
