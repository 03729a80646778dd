"""Community probes against a running service, by real HTTP: what they blame, and how much they looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from scim_sanity.probe.runner import run_probe_api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KNOWN_DEVIATIONS = {
    "PATCH /Groups/{id} add member": (
        "The probe adds a member that it calls fake-member-id and expects 200. A member that is no resource is "
        "refused here with 400 invalidValue (RFC 7643 §4.2: members are resources), but for a client that is "
        "registered to have such members left out."
    ),
}
"""What scim-sanity expects and the service refuses by default, with the reason."""

LEAVES_OUT = {"leave_out_unknown_members": True}
"""What a laboratory states of a client with which nothing of it is refused."""

SKIPPED = frozenset({"Agent CRUD Lifecycle", "AgenticApplication CRUD Lifecycle", "Agent Rapid Lifecycle"})
"""What scim-sanity skips: resource types of a draft that are not served."""


@dataclass(frozen=True)
class Probed:
    """What a probe found: counts by outcome, and what it blamed, with its words."""

    passed: int
    skipped: frozenset[str]
    blamed: dict[str, str] = field(default_factory=dict)


def relay(address: str) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return a WSGI application that hands every request on to the server at ``address``, over HTTP."""
    through = httpx.Client(base_url=address, timeout=60)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            name[5:].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name != "HTTP_HOST"
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        query = environ.get("QUERY_STRING", "")
        answer = through.request(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"] + (f"?{query}" if query else ""),
            headers=headers,
            content=environ["wsgi.input"].read(length),
        )
        kept = [(n, v) for n, v in answer.headers.items() if n not in {"transfer-encoding", "connection"}]
        start(f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}", kept)
        return [answer.content]

    application.close = through.close  # type: ignore[attr-defined]
    return application


def scim2_tester(application: Any, base: str, token: str) -> Probed:
    """Have scim2-tester look at all that the client of ``token`` discovers."""
    client = WSGISCIMClient(application, base_url=base, headers={"Authorization": f"Bearer {token}"})
    client.discover()
    results = check_server(client)
    blamed = {each.title: str(each.reason) for each in results if each.status is not Status.SUCCESS}
    return Probed(sum(each.status is Status.SUCCESS for each in results), frozenset(), blamed)


def scim_sanity(base: str, token: str, *, strict: bool) -> Probed:
    """Have scim-sanity walk its seven phases; a warning is blame, too."""
    results = run_probe_api(base, token=token, strict=strict)["results"]
    counted = Counter(each["status"] for each in results)
    return Probed(
        counted["pass"],
        frozenset(each["name"] for each in results if each["status"] == "skip"),
        {each["name"]: each["message"] for each in results if each["status"] not in {"pass", "skip"}},
    )
