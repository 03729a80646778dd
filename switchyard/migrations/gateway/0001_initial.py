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
        "signing_key",
        sa.Column("kid", sa.String(length=64), nullable=False, comment="RFC 7638 thumbprint"),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("public_jwk", types.JsonText(), nullable=False),
        sa.Column(
            "sealed_private",
            sa.LargeBinary(),
            nullable=True,
            comment="PKCS #8, sealed; destroyed when it is of no more use",
        ),
        sa.Column("published_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "activate_at",
            types.UtcDateTime(length=27),
            nullable=False,
            comment="from when on it may replace the active key",
        ),
        sa.Column("activated_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column(
            "retire_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when a retained key leaves the key set",
        ),
        sa.Column("retired_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it left: rotated, or revoked"),
        sa.CheckConstraint(
            "(state in ('next', 'active') or (state = 'retained' and algorithm in ('RSA-OAEP-256', 'ECDH-ES'))) = (sealed_private is not null)",
            name=op.f("ck_signing_key_private_while_used"),
        ),
        sa.CheckConstraint(
            "state in ('next', 'active', 'retained', 'retired')", name=op.f("ck_signing_key_state_known")
        ),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
        comment="One active and one next key per algorithm: the unique indexes let one rotation win.",
    )
    with op.batch_alter_table("signing_key", schema=None) as batch_op:
        batch_op.create_index(
            "uq_signing_key_active",
            ["algorithm"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
        batch_op.create_index(
            "uq_signing_key_next",
            ["algorithm"],
            unique=True,
            sqlite_where=sa.text("state = 'next'"),
            postgresql_where=sa.text("state = 'next'"),
        )

    op.create_table(
        "access_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("grant_id", sa.String(length=26), nullable=True, comment="empty for client_credentials"),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False, comment="space separated"),
        sa.Column(
            "confirmation",
            sa.Text(),
            nullable=True,
            comment="the key or certificate it is bound to; empty: whoever bears it",
        ),
        sa.Column("issued_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column(
            "exchanged_from",
            sa.LargeBinary(),
            nullable=True,
            comment="digest of the token it was exchanged for (RFC 8693)",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("access_token", schema=None) as batch_op:
        batch_op.create_index(
            "ix_access_token_exchanged_from",
            ["exchanged_from"],
            unique=False,
            sqlite_where=sa.text("exchanged_from IS NOT NULL"),
            postgresql_where=sa.text("exchanged_from IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_access_token_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(
            "ix_access_token_grant_id",
            ["grant_id"],
            unique=False,
            sqlite_where=sa.text("grant_id IS NOT NULL"),
            postgresql_where=sa.text("grant_id IS NOT NULL"),
        )

    op.create_table(
        "account",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the SCIM client that owns the account"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column(
            "user_name_key",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="NFKC, case folded",
        ),
        sa.Column("external_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("middle_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "email_key", sa.Text(), nullable=False, comment="case folded; several accounts may share one"
        ),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("activated_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("custodian_person_id", sa.Text(), nullable=False),
        sa.Column("organizations", types.JsonText(), nullable=False),
        sa.Column("allowed_addresses", types.JsonText(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="raised with each change of the representation"
        ),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="prepared SCIM JSON without groups and location"
        ),
        sa.Column(
            "claims",
            types.JsonText(),
            nullable=True,
            comment="claims of OpenID Connect that no attribute of SCIM can state",
        ),
        sa.Column(
            "waived",
            types.JsonText(),
            nullable=True,
            comment="what the policy asks of everybody but of this account",
        ),
        sa.Column(
            "protected_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="since when no SCIM client may touch it",
        ),
        sa.Column(
            "locked_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="since when the operator's staff keep it locked; null: they do not",
        ),
        sa.Column(
            "active_after_lock",
            sa.Boolean(),
            nullable=True,
            comment="while it is locked: what active is without the lock",
        ),
        sa.Column(
            "sign_ins_ended_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="no sign-in goes on that proved anything before; null: none",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint(
            "kind in ('personal', 'machine', 'workspace')", name=op.f("ck_account_kind_known")
        ),
        sa.CheckConstraint("user_name_key <> ''", name=op.f("ck_account_user_name_given")),
        sa.CheckConstraint("locked_at IS NULL OR NOT active", name=op.f("ck_account_locked_is_inactive")),
        sa.CheckConstraint(
            "(locked_at IS NULL) = (active_after_lock IS NULL)", name=op.f("ck_account_lock_is_whole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("source", "external_id", name="uq_account_external_id"),
        sa.UniqueConstraint("user_name_key", name=op.f("uq_account_user_name_key")),
        # Room beside each row for its next version, which then needs no new index entries. It stands here alone:
        # in the table's own definition it would have every process load the dialect, also one on SQLite.
        postgresql_with={"fillfactor": 75},
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_email_key"), ["email_key"], unique=False)
        batch_op.create_index(
            "ix_account_protected_at",
            ["protected_at"],
            unique=False,
            sqlite_where=sa.text("protected_at IS NOT NULL"),
            postgresql_where=sa.text("protected_at IS NOT NULL"),
        )
        batch_op.create_index("ix_account_source_created_at", ["source", "created_at", "id"], unique=False)
        batch_op.create_index("ix_account_source_id", ["source", "id"], unique=False)
        batch_op.create_index(
            "ix_account_source_inactive",
            ["source", "active", "id"],
            unique=False,
            sqlite_where=sa.text("active IS 0"),
            postgresql_where=sa.text("active IS false"),
        )
        batch_op.create_index("ix_account_source_updated_at", ["source", "updated_at", "id"], unique=False)
        batch_op.create_index(
            "ix_account_source_user_name_key", ["source", "user_name_key", "id"], unique=False
        )
        batch_op.create_index("ix_account_source_version", ["source", "source_version", "id"], unique=False)

    op.create_table(
        "account_group",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "display_name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("organization_short_name", sa.Text(), nullable=False),
        sa.Column("access_role_key", sa.Text(), nullable=False),
        sa.Column("access_role_name", sa.Text(), nullable=False),
        sa.Column("application_key", sa.Text(), nullable=False),
        sa.Column("account_kinds", types.JsonText(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="prepared SCIM JSON without members and location"
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_group")),
        sa.UniqueConstraint("source", "display_name_key", name="uq_account_group_display_name"),
        sa.UniqueConstraint("source", "external_id", name="uq_account_group_external_id"),
    )
    with op.batch_alter_table("account_group", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_account_group_application_key"), ["application_key"], unique=False
        )
        batch_op.create_index("ix_account_group_display_name_key", ["display_name_key"], unique=False)
        batch_op.create_index(
            "ix_account_group_source_created_at", ["source", "created_at", "id"], unique=False
        )
        batch_op.create_index("ix_account_group_source_id", ["source", "id"], unique=False)
        batch_op.create_index(
            "ix_account_group_source_updated_at", ["source", "updated_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_account_group_source_version", ["source", "source_version", "id"], unique=False
        )

    op.create_table(
        "authorization_code",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("grant_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column(
            "request",
            types.JsonText(),
            nullable=False,
            comment="scope, nonce, challenge, auth_time, acr, amr, resource",
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("used_at", types.UtcDateTime(length=27), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_authorization_code")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("authorization_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authorization_code_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "client",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("application_key", sa.Text(), nullable=False),
        sa.Column(
            "launch_url",
            sa.Text(),
            nullable=False,
            comment="where the dashboard's tile leads; empty shows no tile",
        ),
        sa.Column("profile", sa.String(length=32), nullable=False),
        sa.Column(
            "first_party",
            sa.Boolean(),
            nullable=False,
            comment="the operator's own: nobody is asked for consent",
        ),
        sa.Column("metadata", types.JsonText(), nullable=False, comment="RFC 7591 client metadata"),
        sa.Column("disabled_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "registered_by",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="the registration token it registered itself with, or open; empty: an operator made it",
        ),
        sa.Column(
            "registration_digest",
            sa.LargeBinary(),
            nullable=True,
            comment="digest of its registration access token (RFC 7592)",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    with op.batch_alter_table("client", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_client_application_key"), ["application_key"], unique=False)
        batch_op.create_index(
            "ix_client_registered",
            ["updated_at"],
            unique=False,
            sqlite_where=sa.text("registered_by != ''"),
            postgresql_where=sa.text("registered_by != ''"),
        )

    op.create_table(
        "client_assertion",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_client_assertion")),
        comment="Assertions seen: a jti works once (RFC 7523).",
    )
    with op.batch_alter_table("client_assertion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_client_assertion_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "deferred_request",
        sa.Column(
            "id", sa.String(length=26), nullable=False, comment="the txn that its events have in common"
        ),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "sealed_request",
            sa.LargeBinary(),
            nullable=True,
            comment="what was asked, sealed; wiped once it was done",
        ),
        sa.Column(
            "completions",
            types.JsonText(),
            nullable=True,
            comment="how it ended: id and claims of each event",
        ),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column(
            "lease_until",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="set when somebody began to do it",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferred_request")),
        comment="Requests of SCIM that are done later (RFC 9967), and how they ended.",
    )
    with op.batch_alter_table("deferred_request", schema=None) as batch_op:
        batch_op.create_index("ix_deferred_request_client", ["client_id", "ended_at"], unique=False)
        batch_op.create_index(
            "ix_deferred_request_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "event_stream",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False, comment="the receiver; it sees what is its own"),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("provisioning", sa.String(length=8), nullable=False, comment="how events of SCIM are told"),
        sa.Column(
            "signals", types.JsonText(), nullable=False, comment="CAEP and RISC events that were asked for"
        ),
        sa.Column(
            "algorithm", sa.String(length=16), nullable=False, comment="what its tokens are signed with"
        ),
        sa.Column(
            "endpoint_url",
            sa.Text(),
            nullable=False,
            comment="where events are pushed; empty: they are polled",
        ),
        sa.Column(
            "sealed_authorization",
            sa.LargeBinary(),
            nullable=True,
            comment="Authorization header of the push, sealed",
        ),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why the status is what it is"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="failed pushes in a row"),
        sa.Column("next_at", types.UtcDateTime(length=27), nullable=False, comment="not pushed to before"),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", types.UtcDateTime(length=27), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column(
            "reached_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when the receiver took or fetched something",
        ),
        sa.Column(
            "verified_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when the receiver last asked for a verification",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint(
            "provisioning in ('none', 'notice', 'full')", name=op.f("ck_event_stream_provisioning_known")
        ),
        sa.CheckConstraint(
            "status in ('enabled', 'paused', 'disabled')", name=op.f("ck_event_stream_status_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_stream")),
        sa.UniqueConstraint("client_id", name=op.f("uq_event_stream_client_id")),
        comment="One stream a receiver: which events it hears of, and how they reach it.",
    )
    op.create_table(
        "failure_count",
        sa.Column(
            "kind", sa.String(length=16), nullable=False, comment="password, factor, question: counted apart"
        ),
        sa.Column(
            "key", sa.LargeBinary(), nullable=False, comment="digest of account and browser, or of a name"
        ),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("locked_until", types.UtcDateTime(length=27), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_failure_count")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("failure_count", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_failure_count_last_at"), ["last_at"], unique=False)

    op.create_table(
        "login_flow",
        sa.Column("id", sa.LargeBinary(), nullable=False, comment="digest of the flow's token"),
        sa.Column(
            "browser", sa.LargeBinary(), nullable=False, comment="digest of the browser secret it is bound to"
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column(
            "session_id",
            sa.String(length=26),
            nullable=True,
            comment="the live session of a step-up; the session made at the end",
        ),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "client_name", sa.Text(), nullable=False, comment="whom the sign-in page says one continues to"
        ),
        sa.Column("login_hint", sa.Text(), nullable=False),
        sa.Column(
            "request",
            types.JsonText(),
            nullable=False,
            comment="the authorization request, or where to go at the end",
        ),
        sa.Column("demands", types.JsonText(), nullable=False, comment="acr wanted, fresh sign-in wanted"),
        sa.Column(
            "achieved", types.JsonText(), nullable=False, comment="the proofs given in this flow, in order"
        ),
        sa.Column(
            "step",
            sa.Integer(),
            nullable=False,
            comment="raised with each move: a replayed step finds another number",
        ),
        sa.Column(
            "tries",
            sa.Integer(),
            nullable=False,
            comment="wrong codes in this flow, which dies of too many (MF-04)",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("finished_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column(
            "resumed_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when the authorization request was taken up again",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_flow")),
    )
    with op.batch_alter_table("login_flow", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_flow_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "nesting_turn",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_nesting_turn")),
        comment="Who changes which groups of a source are in which holds its row: no two see half a circle each.",
    )
    op.create_table(
        "provisioning_request",
        sa.Column(
            "id", sa.String(length=26), nullable=False, comment="sorts by time; the order of every page"
        ),
        sa.Column("at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False, comment="as in the log and the audit"),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="wiped with the account"),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="user name or display name; wiped with the account"
        ),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("scim_type", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed", types.JsonText(), nullable=False, comment="names of attributes, never values"),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False, comment="how many members that nobody knows"),
        sa.Column(
            "times", sa.Integer(), nullable=False, comment="equal requests within a moment are one row"
        ),
        sa.Column("in_bulk", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "outcome in ('done', 'read', 'refused')", name=op.f("ck_provisioning_request_outcome_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioning_request")),
        comment="What was asked over SCIM and how it ended: no secrets, no values.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("provisioning_request", schema=None) as batch_op:
        batch_op.create_index("ix_provisioning_request_client", ["client_id", "id"], unique=False)
        batch_op.create_index(
            "ix_provisioning_request_refused",
            ["id"],
            unique=False,
            sqlite_where=sa.text("outcome = 'refused'"),
            postgresql_where=sa.text("outcome = 'refused'"),
        )
        batch_op.create_index(
            "ix_provisioning_request_told",
            ["id"],
            unique=False,
            sqlite_where=sa.text("outcome != 'read'"),
            postgresql_where=sa.text("outcome != 'read'"),
        )

    op.create_table(
        "provisioning_subject",
        sa.Column(
            "key", sa.String(length=48), nullable=False, comment="an id, or the keyed digest of a name"
        ),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column(
            "part",
            sa.String(length=8),
            nullable=False,
            comment="target, or a member that was added or removed",
        ),
        sa.PrimaryKeyConstraint("key", "request_id", name=op.f("pk_provisioning_subject")),
        comment="Whom a request was about: what it is found by. Swept with the requests, by time.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("provisioning_subject", schema=None) as batch_op:
        batch_op.create_index("ix_provisioning_subject_request", ["request_id"], unique=False)

    op.create_table(
        "pushed_request",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="digest of what its request_uri ends with"
        ),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "parameters", types.JsonText(), nullable=False, comment="what the client pushed, read and judged"
        ),
        sa.Column("signed", sa.Boolean(), nullable=False, comment="it came as a request object"),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "used_at", types.UtcDateTime(length=27), nullable=True, comment="when a sign-in completed it"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pushed_request")),
    )
    with op.batch_alter_table("pushed_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pushed_request_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "registration_token",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="whom it was given to, in the operator's words"),
        sa.Column(
            "profile",
            sa.String(length=32),
            nullable=False,
            comment="of its clients; empty: what the settings say",
        ),
        sa.Column(
            "application_key", sa.Text(), nullable=False, comment="of its clients; empty: open to everybody"
        ),
        sa.Column(
            "most_uses",
            sa.Integer(),
            nullable=True,
            comment="how many clients it may register; empty: any number",
        ),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "expires_at", types.UtcDateTime(length=27), nullable=True, comment="empty: until it is revoked"
        ),
        sa.Column("last_used_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(length=27), nullable=True),
        sa.CheckConstraint(
            "most_uses is null or uses <= most_uses", name=op.f("ck_registration_token_uses_bound")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_registration_token_digest")),
        comment="Initial access tokens: who holds one may register clients (RFC 7591).",
    )
    op.create_table(
        "scim_client",
        sa.Column(
            "id",
            sa.Text(),
            nullable=False,
            comment="the source of what it makes; its OAuth client's id, if any",
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile", sa.String(length=16), nullable=False, comment="how its requests are read"),
        sa.Column("scopes", sa.Text(), nullable=False, comment="what its static tokens may, space separated"),
        sa.Column(
            "require_match", sa.Boolean(), nullable=False, comment="a write without If-Match answers 428"
        ),
        sa.Column("extension", sa.Boolean(), nullable=False, comment="it may state our own extension"),
        sa.Column(
            "leave_out_unknown_members",
            sa.Boolean(),
            nullable=False,
            comment="members that nobody knows are left out, not refused",
        ),
        sa.Column("requests_per_second", sa.Integer(), nullable=True, comment="empty: what the settings say"),
        sa.Column(
            "allowed_addresses", sa.Text(), nullable=False, comment="CIDR, space separated; empty: anywhere"
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="raised by every change"),
        sa.Column("disabled_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint(
            "profile in ('rfc', 'strict', 'entra', 'okta')", name=op.f("ck_scim_client_profile_known")
        ),
        sa.CheckConstraint("requests_per_second >= 25", name=op.f("ck_scim_client_rate_floor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scim_client")),
    )
    op.create_table(
        "spent_proof",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="digest of the key's thumbprint and the jti"
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_proof")),
        comment="Proofs of possession seen: each works once (RFC 9449).",
    )
    with op.batch_alter_table("spent_proof", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spent_proof_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "webauthn_challenge",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="digest of the challenge"),
        sa.Column("flow_id", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("used_at", types.UtcDateTime(length=27), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_webauthn_challenge")),
    )
    with op.batch_alter_table("webauthn_challenge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webauthn_challenge_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "account_group_value",
        sa.Column("group_id", sa.String(length=26), nullable=False),
        sa.Column(
            "path",
            sa.String(length=160).with_variant(sa.String(length=160, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["account_group.id"],
            name=op.f("fk_account_group_value_group_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "path", "item", name=op.f("pk_account_group_value")),
        comment="Every searchable SCIM attribute of a group without a column of its own.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("account_group_value", schema=None) as batch_op:
        batch_op.create_index("ix_account_group_value_search", ["path", "value", "group_id"], unique=False)

    op.create_table(
        "account_value",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column(
            "path",
            sa.String(length=160).with_variant(sa.String(length=160, collation="C"), "postgresql"),
            nullable=False,
            comment="attribute, lower case: emails.value",
        ),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False, comment="entry of a list"),
        sa.Column(
            "value",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="in the form it is compared by",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_value_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "path", "item", name=op.f("pk_account_value")),
        comment="Every searchable SCIM attribute without a column of its own, in step with account.document.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("account_value", schema=None) as batch_op:
        batch_op.create_index("ix_account_value_search", ["path", "value", "account_id"], unique=False)

    op.create_table(
        "client_secret",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_client_secret_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "digest", name=op.f("pk_client_secret")),
    )
    op.create_table(
        "consent",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="one row a scope: agreeing twice is agreeing"),
        sa.Column("given_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_consent_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_consent_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "client_id", "scope", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index("ix_consent_client", ["client_id"], unique=False)

    op.create_table(
        "consent_request",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="digest of the token in the page's address"
        ),
        sa.Column(
            "session_id",
            sa.String(length=26),
            nullable=False,
            comment="who is asked; no other session can answer",
        ),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="what is asked for, space separated"),
        sa.Column(
            "request", types.JsonText(), nullable=False, comment="the authorization request that waits"
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("decided_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("allowed", sa.Boolean(), nullable=True),
        sa.Column(
            "resumed_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when the authorization request was taken up again",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_consent_request_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_consent_request")),
    )
    with op.batch_alter_table("consent_request", schema=None) as batch_op:
        batch_op.create_index("ix_consent_request_account", ["account_id", "expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_request_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "factor",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "confirmed_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="empty while the enrolment is not verified",
        ),
        sa.Column("last_used_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column(
            "flow_id",
            sa.LargeBinary(),
            nullable=True,
            comment="the flow that may confirm a pending enrolment",
        ),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True, comment="TOTP seed, sealed"),
        sa.Column(
            "last_step",
            sa.Integer(),
            nullable=True,
            comment="TOTP: the last time step that was accepted; it only grows",
        ),
        sa.Column("credential_id", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_count", sa.Integer(), nullable=True),
        sa.Column("aaguid", sa.String(length=36), nullable=True),
        sa.Column("transports", types.JsonText(), nullable=True),
        sa.Column("backed_up", sa.Boolean(), nullable=True),
        sa.Column("backup_eligible", sa.Boolean(), nullable=True),
        sa.CheckConstraint("kind in ('totp', 'passkey')", name=op.f("ck_factor_kind_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_factor_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factor")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_factor_credential_id")),
    )
    with op.batch_alter_table("factor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_factor_account_id"), ["account_id"], unique=False)

    op.create_table(
        "known_device",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_known_device_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_known_device")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("known_device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_known_device_last_seen_at"), ["last_seen_at"], unique=False)

    op.create_table(
        "membership",
        sa.Column("group_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("added_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_membership_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account_group.id"], name=op.f("fk_membership_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "account_id", name=op.f("pk_membership")),
        comment="One row a member: adding or removing one costs the same in a group of any size.",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index("ix_membership_account", ["account_id", "group_id"], unique=False)

    op.create_table(
        "nested_group",
        sa.Column("outer_id", sa.String(length=26), nullable=False),
        sa.Column("inner_id", sa.String(length=26), nullable=False),
        sa.Column(
            "direct", sa.Boolean(), nullable=False, comment="false: inner is in a group that is in outer"
        ),
        sa.Column("added_at", types.UtcDateTime(length=27), nullable=False),
        sa.CheckConstraint("outer_id <> inner_id", name=op.f("ck_nested_group_not_itself")),
        sa.ForeignKeyConstraint(
            ["inner_id"], ["account_group.id"], name=op.f("fk_nested_group_inner_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["outer_id"], ["account_group.id"], name=op.f("fk_nested_group_outer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("outer_id", "inner_id", name=op.f("pk_nested_group")),
        comment="Which groups are in which, directly and around: reading never has to walk.",
    )
    with op.batch_alter_table("nested_group", schema=None) as batch_op:
        batch_op.create_index("ix_nested_group_inner", ["inner_id", "outer_id"], unique=False)

    op.create_table(
        "oauth_grant",
        sa.Column(
            "id", sa.String(length=26), nullable=False, comment="one authorization: the family of its tokens"
        ),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("session_id", sa.String(length=26), nullable=True, comment="empty for offline access"),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="the sub that this client knows the account by"
        ),
        sa.Column(
            "claims",
            types.JsonText(),
            nullable=True,
            comment="single claims that were asked for and granted (OIDC Core 5.5)",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("revoked_reason", sa.String(length=32), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_oauth_grant_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_grant")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("oauth_grant", schema=None) as batch_op:
        batch_op.create_index("ix_oauth_grant_account", ["account_id", "revoked_at"], unique=False)
        batch_op.create_index(
            "ix_oauth_grant_client",
            ["client_id", "created_at"],
            unique=False,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_oauth_grant_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_oauth_grant_session", ["session_id"], unique=False)

    op.create_table(
        "one_time_secret",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("issued_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "used_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="spent, or put out of force by a newer one",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_one_time_secret_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_one_time_secret")),
    )
    with op.batch_alter_table("one_time_secret", schema=None) as batch_op:
        batch_op.create_index("ix_one_time_secret_account", ["account_id", "purpose"], unique=False)
        batch_op.create_index(batch_op.f("ix_one_time_secret_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(
            "uq_one_time_secret_live",
            ["account_id", "purpose"],
            unique=True,
            sqlite_where=sa.text("used_at IS NULL"),
            postgresql_where=sa.text("used_at IS NULL"),
        )

    op.create_table(
        "password",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="argon2id PHC string"),
        sa.Column("set_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column(
            "temporary_until",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="from when on it opens nothing; null: no temporary one",
        ),
        sa.CheckConstraint(
            "temporary_until IS NULL OR must_change", name=op.f("ck_password_temporary_is_changed")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_password_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_password")),
    )
    op.create_table(
        "password_history",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("set_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_password_history_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "set_at", name=op.f("pk_password_history")),
    )
    op.create_table(
        "question_offer",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column(
            "questions",
            types.JsonText(),
            nullable=False,
            comment="the short list drawn for this account (G-34)",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_question_offer_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_question_offer")),
    )
    op.create_table(
        "scim_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False, comment="where it is used, in the operator's words"),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "expires_at", types.UtcDateTime(length=27), nullable=True, comment="empty: until it is replaced"
        ),
        sa.Column(
            "last_used_at", types.UtcDateTime(length=27), nullable=True, comment="noted once a minute at most"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["scim_client.id"], name=op.f("fk_scim_token_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_scim_token")),
    )
    with op.batch_alter_table("scim_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_scim_token_client_id"), ["client_id"], unique=False)

    op.create_table(
        "security_event",
        sa.Column(
            "id", sa.String(length=26), nullable=False, comment="the jti of its token, over every attempt"
        ),
        sa.Column("stream_id", sa.String(length=26), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column(
            "size", sa.Integer(), server_default="0", nullable=False, comment="bytes of claims, to be summed"
        ),
        sa.Column(
            "claims",
            types.JsonText(),
            nullable=False,
            comment="sub_id, txn and events; a full event holds data",
        ),
        sa.Column("created_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["event_stream.id"], name=op.f("fk_security_event_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_event")),
        comment="Events that wait for their receiver, written with the deed; gone once taken.",
    )
    with op.batch_alter_table("security_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_security_event_last_word",
            ["stream_id"],
            unique=False,
            sqlite_where=sa.text("uri = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated'"),
            postgresql_where=sa.text(
                "uri = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated'"
            ),
        )
        batch_op.create_index("ix_security_event_stream", ["stream_id", "id", "size"], unique=False)

    op.create_table(
        "security_question",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column(
            "question",
            sa.String(length=64),
            nullable=False,
            comment="key of the question; its words are data",
        ),
        sa.Column("answer_hash", sa.Text(), nullable=False),
        sa.Column("set_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_security_question_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_security_question")),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=26), nullable=False, comment="the sid of tokens"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "browser", sa.LargeBinary(), nullable=True, comment="digest of the browser it was opened in"
        ),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("started_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("authenticated_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column("ended_reason", sa.String(length=32), nullable=False),
        sa.Column("acr", sa.Text(), nullable=False),
        sa.Column("amr", types.JsonText(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_session_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_session_digest")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index("ix_session_account", ["account_id", "ended_at"], unique=False)
        batch_op.create_index("ix_session_browser", ["browser", "ended_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_session_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "device_authorization",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="digest of the device code"),
        sa.Column("user_digest", sa.LargeBinary(), nullable=False, comment="digest of the user code"),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column(
            "request", types.JsonText(), nullable=False, comment="resource, and the sign-in that is asked for"
        ),
        sa.Column(
            "bound_to", sa.Text(), nullable=False, comment="the key or certificate that only may redeem it"
        ),
        sa.Column("asked_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column(
            "next_poll_at",
            types.UtcDateTime(length=27),
            nullable=False,
            comment="sooner than this the client polls too fast",
        ),
        sa.Column(
            "poll_interval", sa.Integer(), nullable=False, comment="seconds; a poll too soon makes it longer"
        ),
        sa.Column(
            "decided_at",
            types.UtcDateTime(length=27),
            nullable=True,
            comment="when a person allowed or denied it",
        ),
        sa.Column("grant_id", sa.String(length=26), nullable=True),
        sa.Column(
            "authentication",
            types.JsonText(),
            nullable=True,
            comment="how the person who allowed it was signed in",
        ),
        sa.Column(
            "used_at", types.UtcDateTime(length=27), nullable=True, comment="when its tokens were issued"
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["oauth_grant.id"],
            name=op.f("fk_device_authorization_grant_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_device_authorization")),
        sa.UniqueConstraint("user_digest", name=op.f("uq_device_authorization_user_digest")),
    )
    with op.batch_alter_table("device_authorization", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_authorization_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_device_authorization_grant_id"), ["grant_id"], unique=False)

    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("grant_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "request",
            types.JsonText(),
            nullable=False,
            comment="auth_time, acr, amr, nonce-less facts for the next ID token",
        ),
        sa.Column("issued_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.Column("used_at", types.UtcDateTime(length=27), nullable=True),
        sa.Column(
            "parent",
            sa.LargeBinary(),
            nullable=True,
            comment="digest of the token it replaced: no token has two heirs",
        ),
        sa.Column(
            "answer",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed answer of the rotation, for the short grace of honest races",
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grant.id"], name=op.f("fk_refresh_token_grant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_token")),
        sa.UniqueConstraint("parent", name=op.f("uq_refresh_token_parent")),
    )
    with op.batch_alter_table("refresh_token", schema=None) as batch_op:
        batch_op.create_index(
            "ix_refresh_token_answered",
            ["issued_at"],
            unique=False,
            sqlite_where=sa.text("answer IS NOT NULL"),
            postgresql_where=sa.text("answer IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_refresh_token_grant_id"), ["grant_id"], unique=False)

    op.create_table(
        "scim_token_to_show",
        sa.Column("session_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="gone once the page that shows it was opened"
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["scim_client.id"],
            name=op.f("fk_scim_token_to_show_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_scim_token_to_show_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("pk_scim_token_to_show")),
        comment="New tokens of SCIM clients on their way to the page of the operator who asked for them.",
    )
    with op.batch_alter_table("scim_token_to_show", schema=None) as batch_op:
        batch_op.create_index("ix_scim_token_to_show_client", ["client_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_scim_token_to_show_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "secret_to_show",
        sa.Column("session_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="gone once the page that shows it was opened"
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_secret_to_show_client_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_secret_to_show_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("pk_secret_to_show")),
        comment="New secrets of clients on their way to the page of the operator who asked for them.",
    )
    with op.batch_alter_table("secret_to_show", schema=None) as batch_op:
        batch_op.create_index("ix_secret_to_show_client", ["client_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_secret_to_show_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "session_client",
        sa.Column("session_id", sa.String(length=26), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("first_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_session_client_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("pk_session_client")),
        comment="Which relying parties a session signed in to: who must hear of its end.",
        sqlite_with_rowid=False,
    )

    op.create_table(
        "temporary_password_to_show",
        sa.Column("session_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="gone once the page that shows it was opened"
        ),
        sa.Column("expires_at", types.UtcDateTime(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_temporary_password_to_show_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["session.id"],
            name=op.f("fk_temporary_password_to_show_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "account_id", name=op.f("pk_temporary_password_to_show")),
        comment="Temporary passwords on their way to the page of the help desk that reads them aloud.",
    )
    with op.batch_alter_table("temporary_password_to_show", schema=None) as batch_op:
        batch_op.create_index("ix_temporary_password_to_show_account", ["account_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_temporary_password_to_show_expires_at"), ["expires_at"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("temporary_password_to_show", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_temporary_password_to_show_expires_at"))
        batch_op.drop_index("ix_temporary_password_to_show_account")

    op.drop_table("temporary_password_to_show")
    op.drop_table("session_client")
    with op.batch_alter_table("secret_to_show", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_secret_to_show_expires_at"))
        batch_op.drop_index("ix_secret_to_show_client")

    op.drop_table("secret_to_show")
    with op.batch_alter_table("scim_token_to_show", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_scim_token_to_show_expires_at"))
        batch_op.drop_index("ix_scim_token_to_show_client")

    op.drop_table("scim_token_to_show")
    with op.batch_alter_table("refresh_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refresh_token_grant_id"))
        batch_op.drop_index(
            "ix_refresh_token_answered",
            sqlite_where=sa.text("answer IS NOT NULL"),
            postgresql_where=sa.text("answer IS NOT NULL"),
        )

    op.drop_table("refresh_token")
    with op.batch_alter_table("device_authorization", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_authorization_grant_id"))
        batch_op.drop_index(batch_op.f("ix_device_authorization_expires_at"))

    op.drop_table("device_authorization")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_expires_at"))
        batch_op.drop_index("ix_session_browser")
        batch_op.drop_index("ix_session_account")

    op.drop_table("session")
    op.drop_table("security_question")
    with op.batch_alter_table("security_event", schema=None) as batch_op:
        batch_op.drop_index("ix_security_event_stream")
        batch_op.drop_index(
            "ix_security_event_last_word",
            sqlite_where=sa.text("uri = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated'"),
            postgresql_where=sa.text(
                "uri = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated'"
            ),
        )

    op.drop_table("security_event")
    with op.batch_alter_table("scim_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_scim_token_client_id"))

    op.drop_table("scim_token")
    op.drop_table("question_offer")
    op.drop_table("password_history")
    op.drop_table("password")
    with op.batch_alter_table("one_time_secret", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_one_time_secret_live",
            sqlite_where=sa.text("used_at IS NULL"),
            postgresql_where=sa.text("used_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_one_time_secret_expires_at"))
        batch_op.drop_index("ix_one_time_secret_account")

    op.drop_table("one_time_secret")
    with op.batch_alter_table("oauth_grant", schema=None) as batch_op:
        batch_op.drop_index("ix_oauth_grant_session")
        batch_op.drop_index(batch_op.f("ix_oauth_grant_expires_at"))
        batch_op.drop_index(
            "ix_oauth_grant_client",
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )
        batch_op.drop_index("ix_oauth_grant_account")

    op.drop_table("oauth_grant")
    with op.batch_alter_table("nested_group", schema=None) as batch_op:
        batch_op.drop_index("ix_nested_group_inner")

    op.drop_table("nested_group")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index("ix_membership_account")

    op.drop_table("membership")
    with op.batch_alter_table("known_device", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_known_device_last_seen_at"))

    op.drop_table("known_device")
    with op.batch_alter_table("factor", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_factor_account_id"))

    op.drop_table("factor")
    with op.batch_alter_table("consent_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_request_expires_at"))
        batch_op.drop_index("ix_consent_request_account")

    op.drop_table("consent_request")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index("ix_consent_client")

    op.drop_table("consent")
    op.drop_table("client_secret")
    with op.batch_alter_table("account_value", schema=None) as batch_op:
        batch_op.drop_index("ix_account_value_search")

    op.drop_table("account_value")
    with op.batch_alter_table("account_group_value", schema=None) as batch_op:
        batch_op.drop_index("ix_account_group_value_search")

    op.drop_table("account_group_value")
    with op.batch_alter_table("webauthn_challenge", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webauthn_challenge_expires_at"))

    op.drop_table("webauthn_challenge")
    with op.batch_alter_table("spent_proof", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_spent_proof_expires_at"))

    op.drop_table("spent_proof")
    op.drop_table("scim_client")
    op.drop_table("registration_token")
    with op.batch_alter_table("pushed_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pushed_request_expires_at"))

    op.drop_table("pushed_request")
    with op.batch_alter_table("provisioning_subject", schema=None) as batch_op:
        batch_op.drop_index("ix_provisioning_subject_request")

    op.drop_table("provisioning_subject")
    with op.batch_alter_table("provisioning_request", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_provisioning_request_told",
            sqlite_where=sa.text("outcome != 'read'"),
            postgresql_where=sa.text("outcome != 'read'"),
        )
        batch_op.drop_index(
            "ix_provisioning_request_refused",
            sqlite_where=sa.text("outcome = 'refused'"),
            postgresql_where=sa.text("outcome = 'refused'"),
        )
        batch_op.drop_index("ix_provisioning_request_client")

    op.drop_table("provisioning_request")
    op.drop_table("nesting_turn")
    with op.batch_alter_table("login_flow", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_flow_expires_at"))

    op.drop_table("login_flow")
    with op.batch_alter_table("failure_count", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_failure_count_last_at"))

    op.drop_table("failure_count")
    op.drop_table("event_stream")
    with op.batch_alter_table("deferred_request", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deferred_request_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_deferred_request_client")

    op.drop_table("deferred_request")
    with op.batch_alter_table("client_assertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_client_assertion_expires_at"))

    op.drop_table("client_assertion")
    with op.batch_alter_table("client", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_client_registered",
            sqlite_where=sa.text("registered_by != ''"),
            postgresql_where=sa.text("registered_by != ''"),
        )
        batch_op.drop_index(batch_op.f("ix_client_application_key"))

    op.drop_table("client")
    with op.batch_alter_table("authorization_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_authorization_code_expires_at"))

    op.drop_table("authorization_code")
    with op.batch_alter_table("account_group", schema=None) as batch_op:
        batch_op.drop_index("ix_account_group_source_version")
        batch_op.drop_index("ix_account_group_source_updated_at")
        batch_op.drop_index("ix_account_group_source_id")
        batch_op.drop_index("ix_account_group_source_created_at")
        batch_op.drop_index("ix_account_group_display_name_key")
        batch_op.drop_index(batch_op.f("ix_account_group_application_key"))

    op.drop_table("account_group")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index("ix_account_source_version")
        batch_op.drop_index("ix_account_source_user_name_key")
        batch_op.drop_index("ix_account_source_updated_at")
        batch_op.drop_index(
            "ix_account_source_inactive",
            sqlite_where=sa.text("active IS 0"),
            postgresql_where=sa.text("active IS false"),
        )
        batch_op.drop_index("ix_account_source_id")
        batch_op.drop_index("ix_account_source_created_at")
        batch_op.drop_index(
            "ix_account_protected_at",
            sqlite_where=sa.text("protected_at IS NOT NULL"),
            postgresql_where=sa.text("protected_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_account_email_key"))

    op.drop_table("account")
    with op.batch_alter_table("access_token", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_access_token_grant_id",
            sqlite_where=sa.text("grant_id IS NOT NULL"),
            postgresql_where=sa.text("grant_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_access_token_expires_at"))
        batch_op.drop_index(
            "ix_access_token_exchanged_from",
            sqlite_where=sa.text("exchanged_from IS NOT NULL"),
            postgresql_where=sa.text("exchanged_from IS NOT NULL"),
        )

    op.drop_table("access_token")
    with op.batch_alter_table("signing_key", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_signing_key_next",
            sqlite_where=sa.text("state = 'next'"),
            postgresql_where=sa.text("state = 'next'"),
        )
        batch_op.drop_index(
            "uq_signing_key_active",
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.drop_table("signing_key")
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
