"""What the service says of itself (RFC 7644 §4): made from the models and limits it works by (A5, A8)."""

from __future__ import annotations

from typing import Any

from scim2_models import External, Reference, ResourceType, ServiceProviderConfig
from scim2_models.resources.service_provider_config import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Pagination,
    Patch,
)
from scim2_models.resources.service_provider_config import Sort as SortOption

from idp.domain.security_events import Payload, provisioning_uris
from scim.domain.bulk import LARGEST_PAYLOAD, MOST_OPERATIONS
from scim.domain.enterprise import EnterpriseUser
from scim.domain.models import CoreGroup, Group, StandardUser, SwitchyardGroup, SwitchyardUser, User
from scim.domain.profile import Profile

_META_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def service_provider_config(
    base: str, *, default_page: int, largest_page: int, cursor_seconds: int
) -> dict[str, Any]:
    """Return the configuration document."""
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=LARGEST_PAYLOAD),
        filter=Filter(supported=True, max_results=largest_page),
        change_password=ChangePassword(supported=False),
        sort=SortOption(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod("index"),
            default_page_size=default_page,
            max_page_size=largest_page,
            cursor_timeout=cursor_seconds,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="OAuth 2.0 bearer token",
                description=(
                    "An access token of this Gateway, had by the client_credentials grant with the scopes "
                    "scim.read and scim.write, or those for one type of resource, for the resource "
                    f"{base}; or a static token that an operator of the Gateway made."
                ),
                spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6750"),
                primary=True,
            )
        ],
    )
    return _with_meta(config.model_dump(), "ServiceProviderConfig", f"{base}/ServiceProviderConfig")


def config_of_profile(config: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """Return the configuration document as it reads to a client of ``profile``.

    ``interopProfileConformant`` (draft-zollner-scim-interop-profile §4) is there where it is true, and only
    there: the other profiles take what a conformant service provider must refuse.
    """
    return config | {"interopProfileConformant": True} if profile is Profile.STRICT else config


def config_with_events(config: dict[str, Any], payload: Payload) -> dict[str, Any]:
    """Return the configuration document for a client whose stream tells it of what it provisions.

    ``securityEvents`` (RFC 9967 §4) is there if events are switched on for the client, and names them.
    """
    uris = provisioning_uris(payload)
    if not uris:
        return config
    return config | {"securityEvents": {"asyncRequest": "request", "eventUris": list(uris)}}


def resource_types(base: str, *, extension: bool) -> dict[str, dict[str, Any]]:
    """Return the resource types by id; those of a client that may not state our ``extension`` lack it."""
    described = {}
    models = (User, Group) if extension else (StandardUser, CoreGroup)
    for model, description in zip(models, ("Accounts", "Groups of accounts"), strict=True):
        found = ResourceType.from_resource(model).model_dump() | {"description": description}
        described[found["id"]] = _with_meta(found, "ResourceType", f"{base}/ResourceTypes/{found['id']}")
    return described


def schemas(base: str, *, extension: bool) -> dict[str, dict[str, Any]]:
    """Return the schemas by URN; those of our own only for a client that may state our ``extension``."""
    named = {"User": User, "Group": Group, "Enterprise User": EnterpriseUser}
    if extension:
        named |= {"Switchyard User": SwitchyardUser, "Switchyard Group": SwitchyardGroup}
    described = {}
    for name, model in named.items():
        found = model.to_schema().model_dump() | {"name": name}
        found["schemas"] = [_META_SCHEMA]
        described[found["id"]] = _with_meta(found, "Schema", f"{base}/Schemas/{found['id']}")
    return described


def _with_meta(document: dict[str, Any], kind: str, location: str) -> dict[str, Any]:
    return document | {"meta": {"resourceType": kind, "location": location}}
