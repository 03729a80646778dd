"""The routing table of the SCIM face. Every address under /scim answers in SCIM, known or not (N5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from kernel.long_questions import LongQuestions
from kernel.web.http import Request, Response, Route
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.usecases.announce import Announcer
from scim.web.bulk import BulkJobs
from scim.web.deferred import PATH as ASYNC_PATH
from scim.web.deferred import DeferredRequests
from scim.web.discovery import Discovery
from scim.web.endpoint import BASE_PATH, METHODS, NOT_FOUND, Method, ScimEndpoint, host_refusal, refusal
from scim.web.everything import Everything
from scim.web.groups import Groups
from scim.web.me import Me, OpenEndpoint, OwnEndpoint
from scim.web.users import Users


def scim_routes(services: IdpServices, settings: ScimSettings | None = None) -> tuple[Route, ...]:
    """Return the routes of the SCIM service of ``services``, all of them hot.

    Its address, and the audience that tokens must be made for, is the issuer with ``/scim/v2``.
    """
    face = _Face(services, settings or ScimSettings())
    return (
        *_routes(face.addresses(), face.endpoint),
        *_routes(face.open(), face.open_endpoint),
        *_routes(face.own(), face.own_endpoint),
        *_nowhere(),
    )


def deferred_requests(services: IdpServices, settings: ScimSettings | None = None) -> DeferredRequests:
    """Return what does the requests that are done later; a worker of any process may."""
    return _Face(services, settings or ScimSettings()).deferred


class _Face:
    """The parts of the SCIM face, over one set of services."""

    def __init__(self, services: IdpServices, settings: ScimSettings) -> None:
        self._services = services
        self._settings = settings
        self._base = services.issuer + BASE_PATH
        self._renderer = Renderer(self._base)
        self._questions = LongQuestions(
            settings.long_searches, brief=settings.long_search, span=settings.search_time
        )
        self._rate = ProvisioningRate(services, settings.requests_per_second)
        self._announce = Announcer(self._renderer)
        self._jobs = BulkJobs(services, self._base, self._resources, self._rate)
        self.deferred = DeferredRequests(services, self._base, self._resources, self._jobs, self._announce)

    def endpoint(self, methods: Mapping[str, Method]) -> ScimEndpoint:
        """Return what answers at an address with these methods."""
        return self._endpoint(ScimEndpoint, methods)

    def own_endpoint(self, methods: Mapping[str, Method]) -> ScimEndpoint:
        """Return what answers persons at an address with these methods."""
        return self._endpoint(OwnEndpoint, methods)

    def open_endpoint(self, methods: Mapping[str, Method]) -> ScimEndpoint:
        """Return what answers everybody at an address with these methods."""
        return self._endpoint(OpenEndpoint, methods)

    def _endpoint(self, kind: type[ScimEndpoint], methods: Mapping[str, Method]) -> ScimEndpoint:
        return kind(
            self._services,
            self._base,
            methods,
            self._rate,
            announce=self._announce,
            defer=self.deferred.accept,
        )

    def addresses(self) -> dict[str, Mapping[str, Method]]:
        """Return the methods of what clients ask for, by address below the base."""
        users = Users(self._services, self._settings, self._renderer, self._questions)
        groups = Groups(self._services, self._settings, self._renderer, self._questions)
        everything = Everything(self._services, self._settings, users, groups)
        return {
            "": everything.root(),
            "/.search": everything.searching(),
            **self._resources(self._services),
            "/Users/.search": users.searching(),
            "/Groups/.search": groups.searching(),
            "/Bulk": self._jobs.jobs(),
            ASYNC_PATH: self.deferred.statuses(),
        }

    def open(self) -> dict[str, Mapping[str, Method]]:
        """Return the methods of the addresses that tell what there is."""
        discovery = Discovery(self._settings, self._base)
        return {
            "/ServiceProviderConfig": discovery.config(),
            "/ResourceTypes": discovery.types(),
            "/ResourceTypes/{id}": discovery.type(),
            "/Schemas": discovery.schemas(),
            "/Schemas/{id}": discovery.schema(),
        }

    def own(self) -> dict[str, Mapping[str, Method]]:
        """Return the methods of the addresses that are persons' own."""
        users = Users(self._services, self._settings, self._renderer, self._questions)
        return {"/Me": Me(users, self._renderer).methods()}

    def _resources(self, services: IdpServices) -> dict[str, Mapping[str, Method]]:
        users = Users(services, self._settings, self._renderer, self._questions)
        groups = Groups(services, self._settings, self._renderer, self._questions)
        return {
            "/Users": users.collection(),
            "/Users/{id}": users.one(),
            "/Groups": groups.collection(),
            "/Groups/{id}": groups.one(),
        }


def _routes(
    addresses: Mapping[str, Mapping[str, Method]], endpoint_of: Callable[[Mapping[str, Method]], ScimEndpoint]
) -> Iterator[Route]:
    for path, methods in addresses.items():
        endpoint = endpoint_of(methods)
        name = "scim" + path.replace("/", ".").replace("{", "").replace("}", "").replace("..", ".")
        for written in (path, f"{path}/"):  # a slash at the end changes nothing (B4)
            yield Route(METHODS, BASE_PATH + written, endpoint, name, hot=True)


def _nowhere() -> Iterator[Route]:
    nowhere = _Nowhere()
    for path in ("/scim", "/scim/", "/scim/{rest*}"):
        yield Route(METHODS, path, nowhere, "scim.nowhere", hot=True)


_VERSION = re.compile(r"/scim/v[0-9]+(?:/.*)?", re.DOTALL)


class _Nowhere:
    """Every other address under /scim, those of other versions of the protocol among them."""

    checks_size = True
    misdirected = staticmethod(host_refusal)

    def __call__(self, request: Request) -> Response:
        """Answer in SCIM's words that there is nothing, or not in this version (RFC 7644 §3.13)."""
        other = _VERSION.fullmatch(request.path) and not request.path.startswith(f"{BASE_PATH}/")
        if other:
            return refusal(400, f"The version of the protocol here is that of {BASE_PATH}.", "invalidVers")
        return refusal(404, NOT_FOUND)
