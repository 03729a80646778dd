"""Users and groups as the Gateway's SCIM face has them: the core schemas with Switchyard's extensions."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from scim2_models import (
    URN,
    ComplexAttribute,
    Email,
    Extension,
    Group,
    Name,
    PatchOp,
    PhoneNumber,
    User,
)

from registration.domain.provisioning import DesiredGroup, DesiredUser

USER_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:User"
GROUP_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:Group"
_USER_TYPES = {"personal": "Personal", "machine": "Machine", "workspace": "Workspace"}


class Organization(ComplexAttribute):
    """An organization the account has access for."""

    id: str | None = None
    short_name: str | None = None


class Activation(ComplexAttribute):
    """How a new account is activated."""

    send: bool | None = None
    valid_days: int | None = None


class SwitchyardUser(Extension):
    """What the registry says of an account beyond the standard."""

    __schema__ = URN(USER_EXTENSION)

    person_id: str | None = None
    account_kind: str | None = None
    organizations: list[Organization] | None = None
    Organizations: ClassVar[type[ComplexAttribute]] = Organization
    activation: Activation | None = None
    ActivationAttribute: ClassVar[type[ComplexAttribute]] = Activation
    source_version: int | None = None
    tenant: str | None = None


class SwitchyardGroup(Extension):
    """For which organization and access role a group stands."""

    __schema__ = URN(GROUP_EXTENSION)

    organization_id: str | None = None
    organization_short_name: str | None = None
    access_role_key: str | None = None
    access_role_name: str | None = None
    application_key: str | None = None
    account_kinds: list[str] | None = None
    source_version: int | None = None


GatewayUser: Any = User[SwitchyardUser]
GatewayGroup: Any = cast("Any", Group)[SwitchyardGroup]


def user_resource(user: DesiredUser, *, extended: bool = True) -> Any:  # noqa: ANN401 - scim2-models composes the class at run time
    """Return the user as it shall be; without our extension for a server that does not have it."""
    resource = GatewayUser(
        external_id=user.external_id,
        user_name=user.user_name,
        name=_name(user),
        display_name=user.display_name,
        user_type=_USER_TYPES[user.kind],
        preferred_language=user.language,
        active=user.active,
        emails=[Email(value=user.email, type=Email.Type.work, primary=True)],
        phone_numbers=[PhoneNumber(value=user.phone_uri, type=PhoneNumber.Type.work, primary=True)],
    )
    if not extended:
        return resource
    resource[SwitchyardUser] = SwitchyardUser(
        person_id=str(user.person_no),
        account_kind=user.kind,
        organizations=_organizations(user),
        activation=Activation(send=True, valid_days=user.activation_days),
        source_version=user.version,
        tenant=user.tenant,
    )
    return resource


def user_patch(user: DesiredUser) -> PatchOp[Any]:
    """Return the PATCH that brings a user to what is desired; its user name never changes (R-043)."""
    operations = [
        _replace(f"{USER_EXTENSION}:sourceVersion", user.version),
        _replace("active", user.active),
        _replace("name", _name(user).model_dump(exclude_none=True)),
        _replace("displayName", user.display_name),
        _replace("preferredLanguage", user.language),
        _replace("emails", [{"value": user.email, "type": "work", "primary": True}]),
        _replace("phoneNumbers", [{"value": user.phone_uri, "type": "work", "primary": True}]),
        _replace(
            f"{USER_EXTENSION}:organizations",
            [{"id": str(number), "shortName": short_name} for number, short_name in user.organizations],
        ),
    ]
    return _patch(GatewayUser, operations)


def group_resource(group: DesiredGroup, *, extended: bool = True) -> Any:  # noqa: ANN401 - scim2-models composes the class at run time
    """Return the group as it shall be: a shell, its members come one by one."""
    resource = GatewayGroup(external_id=group.external_id, display_name=group.display_name)
    if not extended:
        return resource
    resource[SwitchyardGroup] = SwitchyardGroup(
        organization_id=str(group.organization_number),
        organization_short_name=group.organization_short_name,
        access_role_key=group.access_role,
        access_role_name=group.access_role_name,
        application_key=group.application,
        account_kinds=list(group.account_kinds),
        source_version=group.version,
    )
    return resource


def group_patch(group: DesiredGroup) -> PatchOp[Any]:
    """Return the PATCH that brings a group's own attributes to what is desired."""
    operations = [
        _replace(f"{GROUP_EXTENSION}:sourceVersion", group.version),
        _replace("displayName", group.display_name),
        _replace(f"{GROUP_EXTENSION}:organizationShortName", group.organization_short_name),
        _replace(f"{GROUP_EXTENSION}:accessRoleName", group.access_role_name),
        _replace(f"{GROUP_EXTENSION}:applicationKey", group.application),
        _replace(f"{GROUP_EXTENSION}:accountKinds", list(group.account_kinds)),
    ]
    return _patch(GatewayGroup, operations)


def member_patch(user_remote_id: str, *, joins: bool, version: int | None) -> PatchOp[Any]:
    """Return the PATCH that moves one member.

    It is fenced by the group's version, both or neither take effect; without one for a server that has no
    fence.
    """
    fence = [] if version is None else [_replace(f"{GROUP_EXTENSION}:sourceVersion", version)]
    if joins:
        move: dict[str, Any] = {"op": "add", "path": "members", "value": [{"value": user_remote_id}]}
    else:
        quoted = user_remote_id.replace("\\", "\\\\").replace('"', '\\"')
        move = {"op": "remove", "path": f'members[value eq "{quoted}"]'}
    return _patch(GatewayGroup, [*fence, move])


def _replace(path: str, value: object) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def _patch(model: Any, operations: list[dict[str, Any]]) -> PatchOp[Any]:  # noqa: ANN401 - a composed class
    schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    patch: PatchOp[Any] = PatchOp[model].model_validate({"schemas": [schema], "Operations": operations})
    return patch


def _name(user: DesiredUser) -> Name:
    parts = (user.given_name, user.middle_name, user.family_name)
    return Name(
        formatted=" ".join(part for part in parts if part),
        given_name=user.given_name,
        family_name=user.family_name,
        middle_name=user.middle_name or None,
    )


def _organizations(user: DesiredUser) -> list[Organization] | None:
    return [Organization(id=str(number), short_name=name) for number, name in user.organizations] or None
