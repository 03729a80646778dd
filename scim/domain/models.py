"""The resources we serve, as scim2-models classes; schemas are published from these very classes (A5).

``User`` is the core user without ``password``: a password is never provisioned here, so the attribute is
not part of the schema, cannot be written, read, filtered or sorted by (C12, E10, SF-04).
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Union

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import core_schema
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Extension,
    External,
    Mutability,
    Reference,
    Required,
    Resource,
    Returned,
    ScimPolicy,
    Uniqueness,
)
from scim2_models.attributes import ExtensibleStringEnum
from scim2_models.resources.resource import AnyExtension
from scim2_models.resources.user import Address, GroupMembership, Im, Name, PhoneNumber
from scim2_models.resources.user import Entitlement as EntitlementOfLibrary
from scim2_models.resources.user import Photo as PhotoOfLibrary
from scim2_models.resources.user import Role as RoleOfLibrary
from scim2_models.resources.user import X509Certificate as CertificateOfLibrary

from scim.domain.enterprise import EnterpriseUser

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
USER_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:User"
GROUP_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:Group"


class Link(Reference[External]):
    """A reference to something outside.

    Any text is one for the model, since what was stored must be readable for ever; whether a request has to
    state a URI, its client's profile says (:mod:`scim.domain.links`).
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source_type: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Take any text."""
        return core_schema.no_info_after_validator_function(
            source_type,
            core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


class Photo(PhotoOfLibrary):
    """A photo of the user."""

    value: Link | None = None
    """URL of a photo of the User."""


class Purpose(ExtensibleStringEnum):
    """What an entry is for, where the standard names nothing of its own; other words are kept as well."""

    work = "work"
    home = "home"
    other = "other"


class Entitlement(EntitlementOfLibrary):
    """An entitlement of the user."""

    type: Purpose | None = None
    """What the entitlement is for."""


class Role(RoleOfLibrary):
    """A role of the user."""

    type: Purpose | None = None
    """What the role is for."""


class X509Certificate(CertificateOfLibrary):
    """A certificate of the user."""

    type: Purpose | None = None
    """What the certificate is for."""


class Email(ComplexAttribute):
    """An e-mail address. It is kept as it was given; :mod:`scim.domain.mapping` looks at its form."""

    class Type(ExtensibleStringEnum):
        """What the address is for."""

        work = "work"
        home = "home"
        other = "other"

    value: str | None = None
    """The e-mail address."""

    display: str | None = None
    """A name to show for the address."""

    type: Type | None = None
    """What the address is for, such as "work" or "home"."""

    primary: bool | None = None
    """Whether messages go to this address."""


class CoreUserWithoutPassword(Resource[AnyExtension]):
    """The core user of RFC 7643 §4.1, without its password."""

    __schema__ = URN(USER_SCHEMA)

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """Name the account signs in with. Unique in the whole Gateway, whatever its case or Unicode form."""

    name: Name | None = None
    """The components of the user's name."""

    Name: ClassVar[type[ComplexAttribute]] = Name

    display_name: str | None = None
    """The name of the user, suitable for display to people."""

    nick_name: str | None = None
    """The casual way to address the user."""

    profile_url: Link | None = None
    """A URL of a page about the user."""

    title: str | None = None
    """The user's title, such as "Vice President"."""

    user_type: str | None = None
    """What kind of account it is: Personal, Machine or Workspace; other values are kept and mean Personal."""

    preferred_language: str | None = None
    """The language messages to the user are written in, such as "en-CA"."""

    locale: str | None = None
    """The user's default location for formats of dates, currency and numbers."""

    timezone: str | None = None
    """The user's time zone, such as "America/Toronto"."""

    active: bool | None = None
    """Whether the account may be used. Setting it to false ends all sessions and tokens at once."""

    emails: list[Email] | None = None
    """E-mail addresses; messages go to the primary one."""

    Emails: ClassVar[type[ComplexAttribute]] = Email

    phone_numbers: list[PhoneNumber] | None = None
    """Phone numbers."""

    PhoneNumbers: ClassVar[type[ComplexAttribute]] = PhoneNumber

    ims: list[Im] | None = None
    """Instant messaging addresses."""

    Ims: ClassVar[type[ComplexAttribute]] = Im

    photos: list[Photo] | None = None
    """URLs of photos."""

    Photos: ClassVar[type[ComplexAttribute]] = Photo

    addresses: list[Address] | None = None
    """Physical mailing addresses."""

    Addresses: ClassVar[type[ComplexAttribute]] = Address

    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None
    """The groups the user is a member of; changed through the groups only."""

    Groups: ClassVar[type[ComplexAttribute]] = GroupMembership

    entitlements: list[Entitlement] | None = None
    """Entitlements of the user."""

    Entitlements: ClassVar[type[ComplexAttribute]] = Entitlement

    roles: list[Role] | None = None
    """Roles of the user. They open nothing by themselves: access comes from groups."""

    Roles: ClassVar[type[ComplexAttribute]] = Role

    x509_certificates: list[X509Certificate] | None = None
    """Certificates issued to the user."""

    X509Certificates: ClassVar[type[ComplexAttribute]] = X509Certificate


# The class carries the resource's name, which discovery and references go by.
CoreUserWithoutPassword.__name__ = "User"


class Member(ComplexAttribute):
    """A member of a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    """Id of the account or the group."""

    ref: Annotated[
        Reference[Union["User", "Group"]] | None,  # noqa: UP007, UP037 - names, not classes
        Mutability.immutable,
    ] = Field(None, serialization_alias="$ref", validation_alias="$ref")
    """URI of the account or the group."""

    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User", "Group"])
    """What the member is; the Gateway knows it by the id."""

    display: Annotated[str | None, Mutability.read_only, Returned.request] = None
    """Name of the account or the group; shown when it is asked for by name."""


class CoreGroup(Resource[AnyExtension]):
    """The core group of RFC 7643 §4.2; its members are accounts and groups."""

    __schema__ = URN(GROUP_SCHEMA)

    display_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """A name for the group. Unique among the groups of one source, whatever its case."""

    members: list[Member] | None = None
    """The members of the group."""

    Members: ClassVar[type[ComplexAttribute]] = Member


CoreGroup.__name__ = "Group"


class OrganizationLink(ComplexAttribute):
    """An organization the account belongs to."""

    id: Annotated[str | None, CaseExact.true] = None
    """Number of the organization."""

    short_name: str | None = None
    """Short name of the organization."""


class ActivationWish(ComplexAttribute):
    """How a new account is activated."""

    send: bool | None = None
    """False keeps the Gateway from sending an activation message."""

    valid_days: int | None = None
    """Days the activation link works; never more than the Gateway lets any, which is the usual."""


class Deactivation(ComplexAttribute):
    """When and why the account was switched off."""

    at: dt.datetime | None = None
    """When the account was switched off."""

    reason: str | None = None
    """Why the account was switched off."""


class AccountKindName(ExtensibleStringEnum):
    """The kinds of account."""

    personal = "personal"
    machine = "machine"
    workspace = "workspace"


class SwitchyardUser(Extension):
    """What the registry knows of an account beyond the standard."""

    __schema__ = URN(USER_EXTENSION)

    person_id: Annotated[str | None, CaseExact.true] = None
    """Number of the person the account belongs to."""

    account_kind: Annotated[AccountKindName | None, Mutability.immutable, CaseExact.true] = None
    """personal, machine or workspace; cannot change once it is stated."""

    custodian_person_id: Annotated[str | None, CaseExact.true] = None
    """Number of the person who answers for a machine account."""

    allowed_addresses: Annotated[list[str] | None, CaseExact.true] = None
    """Networks in CIDR notation that a machine account may sign in from."""

    organizations: list[OrganizationLink] | None = None
    """Organizations the account belongs to."""

    Organizations: ClassVar[type[ComplexAttribute]] = OrganizationLink

    activation: ActivationWish | None = None
    """How a new account is activated."""

    Activation: ClassVar[type[ComplexAttribute]] = ActivationWish

    deactivation: Deactivation | None = None
    """When and why the account was switched off."""

    DeactivationAttribute: ClassVar[type[ComplexAttribute]] = Deactivation

    source_version: int | None = None
    """Version of the record at its source. A write that carries a lower one than stored is refused."""

    tenant: Annotated[str | None, CaseExact.true] = None
    """The operator the record belongs to."""


class SwitchyardGroup(Extension):
    """For which organization and access role a group stands."""

    __schema__ = URN(GROUP_EXTENSION)

    organization_id: Annotated[str | None, CaseExact.true] = None
    """Number of the organization."""

    organization_short_name: str | None = None
    """Short name of the organization."""

    access_role_key: Annotated[str | None, CaseExact.true] = None
    """Key of the access role."""

    access_role_name: str | None = None
    """Name of the access role."""

    application_key: Annotated[str | None, CaseExact.true] = None
    """Key of the application that the access role opens."""

    account_kinds: Annotated[list[str] | None, CaseExact.true] = None
    """Kinds of account the access role is meant for."""

    source_version: int | None = None
    """Version of the record at its source. A write that carries a lower one than stored is refused."""


User: Any = CoreUserWithoutPassword[EnterpriseUser | SwitchyardUser]
Group: Any = CoreGroup[SwitchyardGroup]
StandardUser: Any = CoreUserWithoutPassword[EnterpriseUser]
MODELS = {USER_SCHEMA: User, GROUP_SCHEMA: Group}
EXTENSIONS = (EnterpriseUser, SwitchyardUser, SwitchyardGroup)


class Kind(StrEnum):
    """The two types of resource."""

    USER = "User"
    GROUP = "Group"


TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
)
"""How requests are read: undefined attributes of a resource are ignored (C11)."""
