"""initial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kernel import database as types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chain", sa.String(length=26), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_chain")),
        sa.UniqueConstraint("chain", name=op.f("uq_audit_chain_chain")),
        comment="One row a writer process: the register that shows if a whole chain is gone.",
    )
    op.create_table(
        "audit_event",
        sa.Column("chain", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("tag", sa.String(length=80), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("details", types.JsonText(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_event_seq_positive")),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_audit_event")),
        comment="Append-only, hash-chained per writer process; one row per deed, in the deed's transaction.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_target", ["target", "at"], unique=False)

    op.create_table(
        "courier_message",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column(
            "recipient", sa.LargeBinary(), nullable=False, comment="keyed digest: to find a person's messages"
        ),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True, comment="sealed; wiped once sent or abandoned"),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("next_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", types.UtcDateTime(length=27), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'sent', 'abandoned')", name=op.f("ck_courier_message_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courier_message")),
        comment="Messages to the outside, written in the deed's transaction and sent after it.",
    )
    with op.batch_alter_table("courier_message", schema=None) as batch_op:
        batch_op.create_index("ix_courier_message_due", ["state", "next_at"], unique=False)
        batch_op.create_index(
            "uq_courier_message_dedupe_key",
            ["dedupe_key"],
            unique=True,
            sqlite_where=sa.text("dedupe_key IS NOT NULL"),
            postgresql_where=sa.text("dedupe_key IS NOT NULL"),
        )

    op.create_table(
        "rate_limit",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("name", "key", name=op.f("pk_rate_limit")),
        comment="Counters of every limit, shared by all nodes; keys are digests.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("rate_limit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rate_limit_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "access_role_kind",
        sa.Column("access_role_key", sa.String(length=64), nullable=False),
        sa.Column("account_kind", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("access_role_key", "account_kind", name=op.f("pk_access_role_kind")),
        comment="Which kinds of account may hold an access role: the other end of the grants' foreign key.",
    )
    op.create_table(
        "catalogue_version",
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", types.JsonText(), nullable=False),
        sa.Column("loaded_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("loaded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version_no", name=op.f("pk_catalogue_version")),
        comment="Each catalogue that was ever in force, whole; the highest version is.",
    )
    op.create_table(
        "gateway_link",
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("local_kind", sa.String(length=16), nullable=False),
        sa.Column("local_id", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("version_sent", sa.Integer(), nullable=False),
        sa.Column("linked_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("target", "local_kind", "local_id", name=op.f("pk_gateway_link")),
        sa.UniqueConstraint(
            "target", "local_kind", "remote_id", name=op.f("uq_gateway_link_target_local_kind_remote_id")
        ),
        comment="Which resource of the Gateway is ours; a person's subject is the remote id of the account.",
    )
    op.create_table(
        "logout_notice",
        sa.Column("jti_digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "sid_digest",
            sa.LargeBinary(),
            nullable=True,
            comment="which session of the Gateway it names, if it does",
        ),
        sa.Column("subject_digest", sa.LargeBinary(), nullable=True, comment="whom it names, if it does"),
        sa.Column("issued_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("jti_digest", name=op.f("pk_logout_notice")),
        comment="Logout tokens that were taken: each works once, and for sign-ins that were on their way.",
    )
    with op.batch_alter_table("logout_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_logout_notice_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "organization",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column(
            "short_name", sa.String(length=40), nullable=False, comment="upper case, so unique without case"
        ),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("owns_facilities", sa.Boolean(), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint("kind IN ('participant', 'operator')", name=op.f("ck_organization_kind_known")),
        sa.CheckConstraint(
            "status IN ('applied', 'registered', 'suspended', 'closed')",
            name=op.f("ck_organization_status_known"),
        ),
        sa.CheckConstraint(
            "length(short_name) > 0 AND length(legal_name) > 0", name=op.f("ck_organization_named")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("number", name=op.f("uq_organization_number")),
        sa.UniqueConstraint("short_name", name=op.f("uq_organization_short_name")),
    )
    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.create_index(
            "uq_organization_operator",
            ["kind"],
            unique=True,
            sqlite_where=sa.text("kind = 'operator'"),
            postgresql_where=sa.text("kind = 'operator'"),
        )

    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("lane_rank", sa.Integer(), nullable=False),
        sa.Column("aggregate_kind", sa.String(length=16), nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("desired_version", sa.Integer(), nullable=False),
        sa.Column("acked_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("lease_no", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", types.UtcDateTime(length=27), nullable=True),
        sa.Column("depends_on", sa.Text(), nullable=True),
        sa.Column("first_failed_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("last_error_class", sa.String(length=32), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.String(length=26), nullable=True),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint(
            "lane IN ('deny', 'create', 'grant', 'update')", name=op.f("ck_outbox_lane_known")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'blocked', 'leased', 'done', 'retry', 'conflict', 'case', 'dead', 'abandoned')",
            name=op.f("ck_outbox_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "target",
            "aggregate_kind",
            "aggregate_id",
            name=op.f("uq_outbox_target_aggregate_kind_aggregate_id"),
        ),
        comment="Aggregate A must reach version V. No personal data: requests are built when they are sent.",
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_depends_on", ["depends_on"], unique=False)
        batch_op.create_index(
            "ix_outbox_open",
            ["target", "lane_rank", "next_at", "id"],
            unique=False,
            sqlite_where=sa.text("state NOT IN ('done', 'case', 'dead', 'abandoned')"),
            postgresql_where=sa.text("state NOT IN ('done', 'case', 'dead', 'abandoned')"),
        )

    op.create_table(
        "person",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("person_no", sa.Integer(), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint("state IN ('active', 'merged')", name=op.f("ck_person_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("person_no", name=op.f("uq_person_person_no")),
    )
    op.create_table(
        "sequence",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("last_value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequence")),
        comment="Human numbers: Person ID, Organization ID, request number, machine accounts. Only ever grows.",
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("state_digest", sa.LargeBinary(), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("used_at", types.UtcDateTime(length=27), nullable=True),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk_sign_in_attempt")),
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "target_health",
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("probe_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_target_health")),
        comment="The circuit breaker of each target, shared by all workers.",
    )
    op.create_table(
        "user_name_registry",
        sa.Column("name_ci", sa.String(length=64), nullable=False, comment="the name without case"),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("issued_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("name_ci", name=op.f("pk_user_name_registry")),
        comment="Every user name ever issued. Never deleted from: the insert is the reservation.",
    )
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("scope_org_id", sa.String(length=26), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="the fence: sent as sourceVersion, only grows"
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.CheckConstraint(
            "kind IN ('personal', 'machine', 'workspace')", name=op.f("ck_account_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'provisioned', 'suspended', 'deactivated')",
            name=op.f("ck_account_status_known"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_person_id")),
        sa.ForeignKeyConstraint(["scope_org_id"], ["organization.id"], name=op.f("fk_account_scope_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("id", "kind", name=op.f("uq_account_id_kind")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("ix_account_person_id", ["person_id"], unique=False)
        batch_op.create_index(
            "uq_account_one_personal",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'personal' AND scope_org_id IS NULL AND status <> 'deactivated'"),
            postgresql_where=sa.text(
                "kind = 'personal' AND scope_org_id IS NULL AND status <> 'deactivated'"
            ),
        )

    op.create_table(
        "contact_assignment",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("role_key", sa.String(length=64), nullable=False),
        sa.Column("holder_kind", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.String(length=26), nullable=False),
        sa.Column("exclusion_slot", sa.Text(), nullable=True),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("add_reason", sa.Text(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("add_request_id", sa.String(length=26), nullable=True),
        sa.Column("end_request_id", sa.String(length=26), nullable=True),
        sa.CheckConstraint(
            "holder_kind IN ('person', 'section')", name=op.f("ck_contact_assignment_holder_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_contact_assignment_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_assignment")),
    )
    with op.batch_alter_table("contact_assignment", schema=None) as batch_op:
        batch_op.create_index("ix_contact_assignment_holder_id", ["holder_id"], unique=False)
        batch_op.create_index(
            "uq_contact_assignment_exclusion",
            ["organization_id", "holder_id", "exclusion_slot"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND exclusion_slot IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND exclusion_slot IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_contact_assignment_open",
            ["organization_id", "role_key", "holder_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "contact_counter",
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("role_key", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("min_required", sa.Integer(), nullable=False, comment="0 while the group is vacant"),
        sa.Column("max_permitted", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "max_permitted IS NULL OR n <= max_permitted", name=op.f("ck_contact_counter_maximum")
        ),
        sa.CheckConstraint("n >= min_required", name=op.f("ck_contact_counter_minimum")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_contact_counter_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "role_key", name=op.f("pk_contact_counter")),
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("outbox_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False, comment="0: no answer came"),
        sa.Column("scim_type", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_delivery_attempt_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
        comment="Each request that was sent; no personal data, no body.",
    )
    with op.batch_alter_table("delivery_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_attempt_outbox_id", ["outbox_id", "at"], unique=False)

    op.create_table(
        "draft",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=True),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="sealed: it holds what was typed about a person"
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_draft_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        comment="Forms on their way through a wizard; their id is the idempotency key of the confirm.",
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index("ix_draft_account", ["account_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_draft_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "gateway_group",
        sa.Column("id", sa.String(length=96), nullable=False, comment="<organization number>:<access role>"),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("access_role_key", sa.String(length=64), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="the fence: grows with every change of members too",
        ),
        sa.Column(
            "shape_version", sa.Integer(), nullable=False, comment="grows when its own attributes change"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_gateway_group_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_group")),
        sa.UniqueConstraint(
            "organization_id",
            "access_role_key",
            name=op.f("uq_gateway_group_organization_id_access_role_key"),
        ),
        comment="One group per access role and organization, made when its first member comes.",
    )
    op.create_table(
        "organization_version",
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("short_name", sa.String(length=40), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_organization_version_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "version_no", name=op.f("pk_organization_version")),
    )
    with op.batch_alter_table("organization_version", schema=None) as batch_op:
        batch_op.create_index(
            "uq_organization_version_open",
            ["organization_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "participation",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("type_key", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("request_id", sa.String(length=26), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'tasks_open', 'submitted', 'approved', 'rejected', 'withdrawn')",
            name=op.f("ck_participation_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_participation_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation")),
    )
    with op.batch_alter_table("participation", schema=None) as batch_op:
        batch_op.create_index(
            "uq_participation_open",
            ["organization_id", "type_key"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "person_organization",
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_person_organization_organization_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_organization_person_id")),
        sa.PrimaryKeyConstraint("organization_id", "person_id", name=op.f("pk_person_organization")),
        comment="Whose people a person has been registered or granted as: decides who finds whom in a search.",
    )
    with op.batch_alter_table("person_organization", schema=None) as batch_op:
        batch_op.create_index("ix_person_organization_person_id", ["person_id"], unique=False)

    op.create_table(
        "person_version",
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("middle_name", sa.Text(), nullable=False),
        sa.Column("preferred_name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("main_phone", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("main_email", sa.Text(), nullable=False),
        sa.Column("address_1", sa.Text(), nullable=False),
        sa.Column("address_2", sa.Text(), nullable=False),
        sa.Column("address_3", sa.Text(), nullable=False),
        sa.Column("address_4", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("first_key", sa.Text(), nullable=False, comment="folded, for searching"),
        sa.Column("last_key", sa.Text(), nullable=False, comment="folded, for searching"),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=True),
        sa.CheckConstraint(
            "length(first_name) > 0 AND length(last_name) > 0 AND length(main_phone) > 0 AND length(main_email) > 0 AND length(address_1) > 0 AND length(city) > 0",
            name=op.f("ck_person_version_mandatory"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_version_person_id")),
        sa.PrimaryKeyConstraint("person_id", "version_no", name=op.f("pk_person_version")),
    )
    with op.batch_alter_table("person_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_person_version_last_key",
            ["last_key"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "ix_person_version_main_email",
            ["main_email"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "uq_person_version_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "task",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("role_key", sa.String(length=64), nullable=False),
        sa.Column("candidates", sa.String(length=64), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.CheckConstraint("kind IN ('vacancy')", name=op.f("ck_task_kind_known")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_task_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(
            "ix_task_organization",
            ["organization_id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "uq_task_open",
            ["kind", "organization_id", "role_key"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "access_grant",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("account_kind", sa.String(length=16), nullable=False),
        sa.Column("access_role_key", sa.String(length=64), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("grant_request_id", sa.String(length=26), nullable=True),
        sa.Column("revoke_request_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["access_role_key", "account_kind"],
            ["access_role_kind.access_role_key", "access_role_kind.account_kind"],
            name=op.f("fk_access_grant_access_role_key_account_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "account_kind"],
            ["account.id", "account.kind"],
            name=op.f("fk_access_grant_account_id_account_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_access_grant_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
    )
    with op.batch_alter_table("access_grant", schema=None) as batch_op:
        batch_op.create_index("ix_access_grant_account_id", ["account_id"], unique=False)
        batch_op.create_index(
            "uq_access_grant_open",
            ["organization_id", "account_id", "access_role_key"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "membership_desired",
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("access_role_key", sa.String(length=64), nullable=False),
        sa.Column("sources", sa.Integer(), nullable=False),
        sa.Column("exclusion_slot", sa.Text(), nullable=True),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint("sources > 0", name=op.f("ck_membership_desired_has_source")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_membership_desired_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_membership_desired_organization_id")
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "account_id", "access_role_key", name=op.f("pk_membership_desired")
        ),
        comment="A row exists exactly while a grant or a contact role gives the access.",
    )
    with op.batch_alter_table("membership_desired", schema=None) as batch_op:
        batch_op.create_index("ix_membership_desired_account_id", ["account_id"], unique=False)
        batch_op.create_index(
            "uq_membership_desired_exclusion",
            ["organization_id", "account_id", "exclusion_slot"],
            unique=True,
            sqlite_where=sa.text("exclusion_slot IS NOT NULL"),
            postgresql_where=sa.text("exclusion_slot IS NOT NULL"),
        )

    op.create_table(
        "request",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("organization_id", sa.String(length=26), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=True),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("plan", types.JsonText(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("made_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("provisioned_at", types.UtcDateTime(length=27), nullable=True),
        sa.CheckConstraint("state IN ('applied', 'provisioned')", name=op.f("ck_request_state_known")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_request_account_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_request_organization_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_request_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint(
            "actor_kind",
            "actor_id",
            "idempotency_key",
            name=op.f("uq_request_actor_kind_actor_id_idempotency_key"),
        ),
        sa.UniqueConstraint("number", name=op.f("uq_request_number")),
    )
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.create_index("ix_request_organization_id", ["organization_id", "number"], unique=False)
        batch_op.create_index("ix_request_state", ["state"], unique=False)

    op.create_table(
        "signed_in_session",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("gateway_sid", sa.Text(), nullable=False),
        sa.Column("id_token", sa.LargeBinary(), nullable=False, comment="sealed; the hint of the sign-out"),
        sa.Column("acr", sa.Text(), nullable=False),
        sa.Column("auth_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signed_in_session_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signed_in_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_signed_in_session_token_digest")),
    )
    with op.batch_alter_table("signed_in_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signed_in_session_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_signed_in_session_gateway_sid", ["gateway_sid"], unique=False)
        batch_op.create_index("ix_signed_in_session_subject", ["subject"], unique=False)

    op.create_table(
        "request_item",
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column(
            "aggregate_kind",
            sa.String(length=16),
            nullable=False,
            comment="empty for what does not go to the Gateway",
        ),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provisioned_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("superseded", sa.Boolean(), nullable=False, comment="a later change overtook it"),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_request_item_request_id")),
        sa.PrimaryKeyConstraint("request_id", "position", name=op.f("pk_request_item")),
    )
    with op.batch_alter_table("request_item", schema=None) as batch_op:
        batch_op.create_index("ix_request_item_aggregate", ["aggregate_kind", "aggregate_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("request_item", schema=None) as batch_op:
        batch_op.drop_index("ix_request_item_aggregate")

    op.drop_table("request_item")
    with op.batch_alter_table("signed_in_session", schema=None) as batch_op:
        batch_op.drop_index("ix_signed_in_session_subject")
        batch_op.drop_index("ix_signed_in_session_gateway_sid")
        batch_op.drop_index(batch_op.f("ix_signed_in_session_expires_at"))

    op.drop_table("signed_in_session")
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.drop_index("ix_request_state")
        batch_op.drop_index("ix_request_organization_id")

    op.drop_table("request")
    with op.batch_alter_table("membership_desired", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_membership_desired_exclusion",
            sqlite_where=sa.text("exclusion_slot IS NOT NULL"),
            postgresql_where=sa.text("exclusion_slot IS NOT NULL"),
        )
        batch_op.drop_index("ix_membership_desired_account_id")

    op.drop_table("membership_desired")
    with op.batch_alter_table("access_grant", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_access_grant_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_access_grant_account_id")

    op.drop_table("access_grant")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_task_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_task_organization",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("task")
    with op.batch_alter_table("person_version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_person_version_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_person_version_main_email",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_person_version_last_key",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("person_version")
    with op.batch_alter_table("person_organization", schema=None) as batch_op:
        batch_op.drop_index("ix_person_organization_person_id")

    op.drop_table("person_organization")
    with op.batch_alter_table("participation", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_participation_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("participation")
    with op.batch_alter_table("organization_version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_organization_version_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("organization_version")
    op.drop_table("gateway_group")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_draft_expires_at"))
        batch_op.drop_index("ix_draft_account")

    op.drop_table("draft")
    with op.batch_alter_table("delivery_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_delivery_attempt_outbox_id")

    op.drop_table("delivery_attempt")
    op.drop_table("contact_counter")
    with op.batch_alter_table("contact_assignment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_contact_assignment_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "uq_contact_assignment_exclusion",
            sqlite_where=sa.text("ended_at IS NULL AND exclusion_slot IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND exclusion_slot IS NOT NULL"),
        )
        batch_op.drop_index("ix_contact_assignment_holder_id")

    op.drop_table("contact_assignment")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_account_one_personal",
            sqlite_where=sa.text("kind = 'personal' AND scope_org_id IS NULL AND status <> 'deactivated'"),
            postgresql_where=sa.text(
                "kind = 'personal' AND scope_org_id IS NULL AND status <> 'deactivated'"
            ),
        )
        batch_op.drop_index("ix_account_person_id")

    op.drop_table("account")
    op.drop_table("user_name_registry")
    op.drop_table("target_health")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_expires_at"))

    op.drop_table("sign_in_attempt")
    op.drop_table("sequence")
    op.drop_table("person")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_open",
            sqlite_where=sa.text("state NOT IN ('done', 'case', 'dead', 'abandoned')"),
            postgresql_where=sa.text("state NOT IN ('done', 'case', 'dead', 'abandoned')"),
        )
        batch_op.drop_index("ix_outbox_depends_on")

    op.drop_table("outbox")
    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_organization_operator",
            sqlite_where=sa.text("kind = 'operator'"),
            postgresql_where=sa.text("kind = 'operator'"),
        )

    op.drop_table("organization")
    with op.batch_alter_table("logout_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_logout_notice_expires_at"))

    op.drop_table("logout_notice")
    op.drop_table("gateway_link")
    op.drop_table("catalogue_version")
    op.drop_table("access_role_kind")
    with op.batch_alter_table("rate_limit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rate_limit_expires_at"))

    op.drop_table("rate_limit")
    with op.batch_alter_table("courier_message", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_courier_message_dedupe_key",
            sqlite_where=sa.text("dedupe_key IS NOT NULL"),
            postgresql_where=sa.text("dedupe_key IS NOT NULL"),
        )
        batch_op.drop_index("ix_courier_message_due")

    op.drop_table("courier_message")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_target")

    op.drop_table("audit_event")
    op.drop_table("audit_chain")
