"""The routing table of the SCIM face. Every address under /scim answers in SCIM, known or not (N5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from kernel.web.http import Request, Response, Route
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.web.bulk import BulkJobs
from scim.web.discovery import Discovery
from scim.web.endpoint import METHODS, Method, ScimEndpoint, refusal
from scim.web.everything import Everything
from scim.web.groups import Groups
from scim.web.users import Users

BASE_PATH = "/scim/v2"


def scim_routes(services: IdpServices, settings: ScimSettings | None = None) -> tuple[Route, ...]:
    """Return the routes of the SCIM service of ``services``, all of them hot.

    Its address, and the audience that tokens must be made for, is the issuer with ``/scim/v2``.
    """
    settings = settings or ScimSettings()
    base = services.issuer + BASE_PATH
    renderer = Renderer(base)
    users, groups = Users(services, settings, renderer), Groups(services, settings, renderer)
    everything = Everything(settings, users, groups)
    discovery = Discovery(settings, base)

    def resources(services: IdpServices) -> dict[str, Mapping[str, Method]]:
        users, groups = Users(services, settings, renderer), Groups(services, settings, renderer)
        return {
            "/Users": users.collection(),
            "/Users/{id}": users.one(),
            "/Groups": groups.collection(),
            "/Groups/{id}": groups.one(),
        }

    rate = ProvisioningRate(services, settings.requests_per_second)
    addresses: dict[str, Mapping[str, Method]] = {
        "": everything.root(),
        "/.search": everything.searching(),
        **resources(services),
        "/Users/.search": users.searching(),
        "/Groups/.search": groups.searching(),
        "/Bulk": BulkJobs(services, base, resources, rate).jobs(),
        "/ServiceProviderConfig": discovery.config(),
        "/ResourceTypes": discovery.types(),
        "/ResourceTypes/{id}": discovery.type(),
        "/Schemas": discovery.schemas(),
        "/Schemas/{id}": discovery.schema(),
    }
    return tuple(_routes(addresses, lambda methods: ScimEndpoint(services, base, methods, rate)))


def _routes(
    addresses: Mapping[str, Mapping[str, Method]], endpoint_of: Callable[[Mapping[str, Method]], ScimEndpoint]
) -> Iterator[Route]:
    for path, methods in addresses.items():
        endpoint = endpoint_of(methods)
        name = "scim" + path.replace("/", ".").replace("{", "").replace("}", "").replace("..", ".")
        for written in (path, f"{path}/"):  # a slash at the end changes nothing (B4)
            yield Route(METHODS, BASE_PATH + written, endpoint, name, hot=True)
    nowhere = _Nowhere()
    for path in ("/scim", "/scim/{rest*}"):
        yield Route(METHODS, path, nowhere, "scim.nowhere", hot=True)


class _Nowhere:
    """Every other address under /scim."""

    checks_size = True

    def __call__(self, _request: Request) -> Response:
        """Answer that there is nothing, in SCIM's words."""
        return refusal(404, "There is no such resource.")
