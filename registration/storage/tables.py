"""The tables of Registration. Nothing is ever deleted from the registry; every fact has its interval.

One database serves one operator and one environment. The rules that must hold under any race are CHECKs and
unique indexes here, not code: minimum holders, exclusions, one personal account per person, user names that
are never issued twice, one request per confirmed form.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from kernel.database import NAMING, JsonText, UtcDateTime
from kernel.dialect_options import PartialIndex

METADATA = MetaData(naming_convention=NAMING)

_ID = String(26)
_KEY = String(64)
_OPEN = text("ended_at IS NULL")


OUTBOX_OPEN = text("state NOT IN ('done', 'case', 'dead', 'abandoned')")
"""Rows that a worker may have to look at: few, however many aggregates were ever delivered."""


def _open_index(name: str, *columns: str, also: str = "") -> Index:
    where = text("ended_at IS NULL" + (f" AND {also}" if also else ""))
    return PartialIndex(name, *columns, unique=True, where=where)


sequence = Table(
    "sequence",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("last_value", Integer, nullable=False),
    comment="Human numbers: Person ID, Organization ID, request number, machine accounts. Only ever grows.",
)

catalogue_version = Table(
    "catalogue_version",
    METADATA,
    Column("version_no", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("document", JsonText, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("loaded_by", Text, nullable=False),
    comment="Each catalogue that was ever in force, whole; the highest version is.",
)

access_role_kind = Table(
    "access_role_kind",
    METADATA,
    Column("access_role_key", _KEY, primary_key=True),
    Column("account_kind", String(16), primary_key=True),
    comment="Which kinds of account may hold an access role: the other end of the grants' foreign key.",
)

organization = Table(
    "organization",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("short_name", String(40), nullable=False, comment="upper case, so unique without case"),
    Column("legal_name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("owns_facilities", Boolean(create_constraint=False), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("short_name"),
    CheckConstraint("status IN ('applied', 'registered', 'suspended', 'closed')", name="status_known"),
    CheckConstraint("kind IN ('participant', 'operator')", name="kind_known"),
    CheckConstraint("length(short_name) > 0 AND length(legal_name) > 0", name="named"),
)
_operator_only = text("kind = 'operator'")
PartialIndex(
    "uq_organization_operator",
    organization.c.kind,
    unique=True,
    where=_operator_only,
)

organization_version = Table(
    "organization_version",
    METADATA,
    Column("organization_id", _ID, ForeignKey("organization.id"), primary_key=True),
    Column("version_no", Integer, primary_key=True, autoincrement=False),
    Column("short_name", String(40), nullable=False),
    Column("legal_name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", _ID),
    _open_index("uq_organization_version_open", "organization_id"),
)

participation = Table(
    "participation",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("type_key", _KEY, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("request_id", _ID),
    CheckConstraint(
        "status IN ('requested', 'tasks_open', 'submitted', 'approved', 'rejected', 'withdrawn')",
        name="status_known",
    ),
    _open_index("uq_participation_open", "organization_id", "type_key"),
)

person = Table(
    "person",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("person_no", Integer, nullable=False, unique=True),
    Column("version_no", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('active', 'merged')", name="state_known"),
)

person_version = Table(
    "person_version",
    METADATA,
    Column("person_id", _ID, ForeignKey("person.id"), primary_key=True),
    Column("version_no", Integer, primary_key=True, autoincrement=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("middle_name", Text, nullable=False),
    Column("preferred_name", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("main_phone", Text, nullable=False, comment="E.164"),
    Column("extension", Text, nullable=False),
    Column("main_email", Text, nullable=False),
    Column("address_1", Text, nullable=False),
    Column("address_2", Text, nullable=False),
    Column("address_3", Text, nullable=False),
    Column("address_4", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("country", String(2), nullable=False),
    Column("language", String(2), nullable=False),
    Column("first_key", Text, nullable=False, comment="folded, for searching"),
    Column("last_key", Text, nullable=False, comment="folded, for searching"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", _ID),
    CheckConstraint(
        "length(first_name) > 0 AND length(last_name) > 0 AND length(main_phone) > 0 "
        "AND length(main_email) > 0 AND length(address_1) > 0 AND length(city) > 0",
        name="mandatory",
    ),
    _open_index("uq_person_version_open", "person_id"),
    PartialIndex("ix_person_version_last_key", "last_key", where=_OPEN),
    PartialIndex("ix_person_version_main_email", "main_email", where=_OPEN),
)

person_organization = Table(
    "person_organization",
    METADATA,
    Column("organization_id", _ID, ForeignKey("organization.id"), primary_key=True),
    Column("person_id", _ID, ForeignKey("person.id"), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("request_id", _ID),
    Index("ix_person_organization_person_id", "person_id"),
    comment="Whose people a person has been registered or granted as: decides who finds whom in a search.",
)

account = Table(
    "account",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("user_name", String(64), nullable=False),
    Column("person_id", _ID, ForeignKey("person.id"), nullable=False),
    Column("scope_org_id", _ID, ForeignKey("organization.id")),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False, comment="the fence: sent as sourceVersion, only grows"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("id", "kind"),
    CheckConstraint("kind IN ('personal', 'machine', 'workspace')", name="kind_known"),
    CheckConstraint(
        "status IN ('requested', 'provisioned', 'suspended', 'deactivated')",
        name="status_known",
    ),
    Index("ix_account_person_id", "person_id"),
)
_one_personal = text("kind = 'personal' AND scope_org_id IS NULL AND status <> 'deactivated'")
PartialIndex(
    "uq_account_one_personal",
    account.c.person_id,
    unique=True,
    where=_one_personal,
)

user_name_registry = Table(
    "user_name_registry",
    METADATA,
    Column("name_ci", String(64), primary_key=True, comment="the name without case"),
    Column("account_id", _ID, nullable=False),
    Column("step", String(32), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    comment="Every user name ever issued. Never deleted from: the insert is the reservation.",
)

contact_assignment = Table(
    "contact_assignment",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("role_key", _KEY, nullable=False),
    Column("holder_kind", String(16), nullable=False),
    Column("holder_id", _ID, nullable=False),
    Column("exclusion_slot", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("added_by", Text, nullable=False),
    Column("ended_by", Text),
    Column("add_reason", Text, nullable=False),
    Column("end_reason", Text),
    Column("add_request_id", _ID),
    Column("end_request_id", _ID),
    CheckConstraint("holder_kind IN ('person', 'section')", name="holder_kind_known"),
    _open_index("uq_contact_assignment_open", "organization_id", "role_key", "holder_id"),
    _open_index(
        "uq_contact_assignment_exclusion",
        "organization_id",
        "holder_id",
        "exclusion_slot",
        also="exclusion_slot IS NOT NULL",
    ),
    Index("ix_contact_assignment_holder_id", "holder_id"),
)

contact_counter = Table(
    "contact_counter",
    METADATA,
    Column("organization_id", _ID, ForeignKey("organization.id"), primary_key=True),
    Column("role_key", _KEY, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("min_required", Integer, nullable=False, comment="0 while the group is vacant"),
    Column("max_permitted", Integer),
    CheckConstraint("n >= min_required", name="minimum"),
    CheckConstraint("max_permitted IS NULL OR n <= max_permitted", name="maximum"),
)

access_grant = Table(
    "access_grant",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("account_id", _ID, nullable=False),
    Column("account_kind", String(16), nullable=False),
    Column("access_role_key", _KEY, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("granted_by", Text, nullable=False),
    Column("revoked_by", Text),
    Column("reason", Text, nullable=False),
    Column("revoke_reason", Text),
    Column("ticket", Text, nullable=False),
    Column("grant_request_id", _ID),
    Column("revoke_request_id", _ID),
    ForeignKeyConstraint(["account_id", "account_kind"], ["account.id", "account.kind"]),
    ForeignKeyConstraint(
        ["access_role_key", "account_kind"],
        ["access_role_kind.access_role_key", "access_role_kind.account_kind"],
    ),
    _open_index("uq_access_grant_open", "organization_id", "account_id", "access_role_key"),
    Index("ix_access_grant_account_id", "account_id"),
)

membership_desired = Table(
    "membership_desired",
    METADATA,
    Column("organization_id", _ID, ForeignKey("organization.id"), primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id"), primary_key=True),
    Column("access_role_key", _KEY, primary_key=True),
    Column("sources", Integer, nullable=False),
    Column("exclusion_slot", Text),
    Column("started_at", UtcDateTime, nullable=False),
    CheckConstraint("sources > 0", name="has_source"),
    Index("ix_membership_desired_account_id", "account_id"),
    comment="A row exists exactly while a grant or a contact role gives the access.",
)
_excluding = text("exclusion_slot IS NOT NULL")
PartialIndex(
    "uq_membership_desired_exclusion",
    membership_desired.c.organization_id,
    membership_desired.c.account_id,
    membership_desired.c.exclusion_slot,
    unique=True,
    where=_excluding,
)

gateway_group = Table(
    "gateway_group",
    METADATA,
    Column("id", String(96), primary_key=True, comment="<organization number>:<access role>"),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("access_role_key", _KEY, nullable=False),
    Column("version", Integer, nullable=False, comment="the fence: grows with every change of members too"),
    Column("shape_version", Integer, nullable=False, comment="grows when its own attributes change"),
    UniqueConstraint("organization_id", "access_role_key"),
    comment="One group per access role and organization, made when its first member comes.",
)

request = Table(
    "request",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("person_id", _ID, ForeignKey("person.id")),
    Column("account_id", _ID, ForeignKey("account.id")),
    Column("idempotency_key", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("plan", JsonText, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("provisioned_at", UtcDateTime),
    UniqueConstraint("actor_kind", "actor_id", "idempotency_key"),
    CheckConstraint("state IN ('applied', 'provisioned')", name="state_known"),
    Index("ix_request_organization_id", "organization_id", "number"),
    Index("ix_request_state", "state"),
)

request_item = Table(
    "request_item",
    METADATA,
    Column("request_id", _ID, ForeignKey("request.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("aggregate_kind", String(16), nullable=False, comment="empty for what does not go to the Gateway"),
    Column("aggregate_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("provisioned_at", UtcDateTime),
    Column(
        "superseded", Boolean(create_constraint=False), nullable=False, comment="a later change overtook it"
    ),
    Index("ix_request_item_aggregate", "aggregate_kind", "aggregate_id"),
)

task = Table(
    "task",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("organization_id", _ID, ForeignKey("organization.id"), nullable=False),
    Column("role_key", _KEY, nullable=False),
    Column("candidates", _KEY, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    CheckConstraint("kind IN ('vacancy')", name="kind_known"),
    _open_index("uq_task_open", "kind", "organization_id", "role_key"),
    PartialIndex("ix_task_organization", "organization_id", where=_OPEN),
)

draft = Table(
    "draft",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("organization_id", _ID, ForeignKey("organization.id")),
    Column("body", LargeBinary, nullable=False, comment="sealed: it holds what was typed about a person"),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index("ix_draft_account", "account_id", "id"),
    comment="Forms on their way through a wizard; their id is the idempotency key of the confirm.",
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("target", String(32), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("lane_rank", Integer, nullable=False),
    Column("aggregate_kind", String(16), nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("desired_version", Integer, nullable=False),
    Column("acked_version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("lease_no", Integer, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("depends_on", Text),
    Column("first_failed_at", UtcDateTime),
    Column("last_error_class", String(32)),
    Column("last_status", Integer),
    Column("request_id", _ID),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("target", "aggregate_kind", "aggregate_id"),
    CheckConstraint(
        "state IN ('pending', 'blocked', 'leased', 'done', 'retry', 'conflict', 'case', 'dead', 'abandoned')",
        name="state_known",
    ),
    CheckConstraint("lane IN ('deny', 'create', 'grant', 'update')", name="lane_known"),
    PartialIndex(
        "ix_outbox_open",
        "target",
        "lane_rank",
        "next_at",
        "id",
        where=OUTBOX_OPEN,
    ),
    Index("ix_outbox_depends_on", "depends_on"),
    comment="Aggregate A must reach version V. No personal data: requests are built when they are sent.",
)

delivery_attempt = Table(
    "delivery_attempt",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("outbox_id", _ID, ForeignKey("outbox.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("method", String(8), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False, comment="0: no answer came"),
    Column("scim_type", String(32), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_delivery_attempt_outbox_id", "outbox_id", "at"),
    comment="Each request that was sent; no personal data, no body.",
)

gateway_link = Table(
    "gateway_link",
    METADATA,
    Column("target", String(32), primary_key=True),
    Column("local_kind", String(16), primary_key=True),
    Column("local_id", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("version_sent", Integer, nullable=False),
    Column("linked_at", UtcDateTime, nullable=False),
    UniqueConstraint("target", "local_kind", "remote_id"),
    comment="Which resource of the Gateway is ours; a person's subject is the remote id of the account.",
)

target_health = Table(
    "target_health",
    METADATA,
    Column("target", String(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("first_failed_at", UtcDateTime),
    Column("probe_at", UtcDateTime),
    Column("cause", String(32), nullable=False),
    comment="The circuit breaker of each target, shared by all workers.",
)

sign_in_attempt = Table(
    "sign_in_attempt",
    METADATA,
    Column("state_digest", LargeBinary, primary_key=True),
    Column("browser_digest", LargeBinary, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", LargeBinary, nullable=False, comment="sealed"),
    Column("return_to", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

signed_in_session = Table(
    "signed_in_session",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("gateway_sid", Text, nullable=False),
    Column("id_token", LargeBinary, nullable=False, comment="sealed; the hint of the sign-out"),
    Column("acr", Text, nullable=False),
    Column("auth_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(32)),
    Index("ix_signed_in_session_gateway_sid", "gateway_sid"),
    Index("ix_signed_in_session_subject", "subject"),
)

logout_notice = Table(
    "logout_notice",
    METADATA,
    Column("jti_digest", LargeBinary, primary_key=True),
    Column("sid_digest", LargeBinary, comment="which session of the Gateway it names, if it does"),
    Column("subject_digest", LargeBinary, comment="whom it names, if it does"),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    comment="Logout tokens that were taken: each works once, and for sign-ins that were on their way.",
)
