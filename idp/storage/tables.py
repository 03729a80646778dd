"""Every table of the identity provider.

Identifiers are ULIDs; times are aware UTC; what is secret is a digest, a hash or sealed bytes. What may
happen once is guarded by a ``..._at`` column that one conditional statement fills.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from idp.domain.signals import STREAM_UPDATED
from kernel.database import NAMING, JsonText, UtcDateTime
from kernel.dialect_options import ClusteredTable, PartialIndex

METADATA = MetaData(naming_convention=NAMING)

_ID = String(26)
# Text that is compared and ordered by code point on both dialects, whatever the server's locale.
_KEY = Text().with_variant(Text(collation="C"), "postgresql")
_PATH = String(160).with_variant(String(160, collation="C"), "postgresql")

# --- accounts and groups -------------------------------------------------------------------------

account = Table(
    "account",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("source", Text, nullable=False, comment="the SCIM client that owns the account"),
    Column("kind", String(16), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", _KEY, nullable=False, unique=True, comment="NFKC, case folded"),
    Column("external_id", _KEY),
    Column("display_name", Text, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("middle_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column(
        "email_key", Text, nullable=False, index=True, comment="case folded; several accounts may share one"
    ),
    Column("phone", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("person_id", Text, nullable=False),
    Column("custodian_person_id", Text, nullable=False),
    Column("organizations", JsonText, nullable=False),
    Column("allowed_addresses", JsonText, nullable=False),
    Column("source_version", BigInteger, nullable=False),
    Column("version", Integer, nullable=False, comment="raised with each change of the representation"),
    Column("document", Text, nullable=False, comment="prepared SCIM JSON without groups and location"),
    Column("claims", JsonText, comment="claims of OpenID Connect that no attribute of SCIM can state"),
    Column("waived", JsonText, comment="what the policy asks of everybody but of this account"),
    Column("protected_at", UtcDateTime, comment="since when no SCIM client may touch it"),
    Column(
        "locked_at", UtcDateTime, comment="since when the operator's staff keep it locked; null: they do not"
    ),
    Column("active_after_lock", Boolean, comment="while it is locked: what active is without the lock"),
    Column(
        "sign_ins_ended_at", UtcDateTime, comment="no sign-in goes on that proved anything before; null: none"
    ),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("source", "external_id", name="uq_account_external_id"),
    Index("ix_account_source_id", "source", "id"),
    Index("ix_account_source_user_name_key", "source", "user_name_key", "id"),
    Index("ix_account_source_created_at", "source", "created_at", "id"),
    Index("ix_account_source_updated_at", "source", "updated_at", "id"),
    Index("ix_account_source_version", "source", "source_version", "id"),
    PartialIndex(
        "ix_account_source_inactive",
        "source",
        "active",  # always the same, and what makes SQLite prefer it to the index of all
        "id",
        sqlite_where=text("active IS 0"),
        where=text("active IS false"),
    ),
    PartialIndex(
        "ix_account_protected_at",
        "protected_at",
        where=text("protected_at IS NOT NULL"),
    ),
    CheckConstraint("kind in ('personal', 'machine', 'workspace')", name="kind_known"),
    CheckConstraint("user_name_key <> ''", name="user_name_given"),
    CheckConstraint("locked_at IS NULL OR NOT active", name="locked_is_inactive"),
    CheckConstraint("(locked_at IS NULL) = (active_after_lock IS NULL)", name="lock_is_whole"),
)

group = Table(
    "account_group",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", _KEY),
    Column("display_name", Text, nullable=False),
    Column("display_name_key", _KEY, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("organization_short_name", Text, nullable=False),
    Column("access_role_key", Text, nullable=False),
    Column("access_role_name", Text, nullable=False),
    Column("application_key", Text, nullable=False, index=True),
    Column("account_kinds", JsonText, nullable=False),
    Column("source_version", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False, comment="prepared SCIM JSON without members and location"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("source", "external_id", name="uq_account_group_external_id"),
    UniqueConstraint("source", "display_name_key", name="uq_account_group_display_name"),
    Index("ix_account_group_source_id", "source", "id"),
    Index("ix_account_group_source_created_at", "source", "created_at", "id"),
    Index("ix_account_group_source_updated_at", "source", "updated_at", "id"),
    Index("ix_account_group_source_version", "source", "source_version", "id"),
    Index("ix_account_group_display_name_key", "display_name_key"),
)

membership = ClusteredTable(
    "membership",
    METADATA,
    Column("group_id", _ID, ForeignKey("account_group.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("added_at", UtcDateTime, nullable=False),
    Index("ix_membership_account", "account_id", "group_id"),
    comment="One row a member: adding or removing one costs the same in a group of any size.",
)

nested_group = Table(
    "nested_group",
    METADATA,
    Column("outer_id", _ID, ForeignKey("account_group.id", ondelete="CASCADE"), primary_key=True),
    Column("inner_id", _ID, ForeignKey("account_group.id", ondelete="CASCADE"), primary_key=True),
    Column("direct", Boolean, nullable=False, comment="false: inner is in a group that is in outer"),
    Column("added_at", UtcDateTime, nullable=False),
    Index("ix_nested_group_inner", "inner_id", "outer_id"),
    CheckConstraint("outer_id <> inner_id", name="not_itself"),
    comment="Which groups are in which, directly and around: reading never has to walk.",
)

nesting_turn = Table(
    "nesting_turn",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    comment="Who changes which groups of a source are in which holds its row: no two see half a circle each.",
)

account_value = ClusteredTable(
    "account_value",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("path", _PATH, primary_key=True, comment="attribute, lower case: emails.value"),
    Column("item", Integer, primary_key=True, autoincrement=False, comment="entry of a list"),
    Column("value", _KEY, nullable=False, comment="in the form it is compared by"),
    Index("ix_account_value_search", "path", "value", "account_id"),
    comment="Every searchable SCIM attribute without a column of its own, in step with account.document.",
)

group_value = ClusteredTable(
    "account_group_value",
    METADATA,
    Column("group_id", _ID, ForeignKey("account_group.id", ondelete="CASCADE"), primary_key=True),
    Column("path", _PATH, primary_key=True),
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("value", _KEY, nullable=False),
    Index("ix_account_group_value_search", "path", "value", "group_id"),
    comment="Every searchable SCIM attribute of a group without a column of its own.",
)

# --- the record of provisioning requests ---------------------------------------------------------

provisioning_request = ClusteredTable(
    "provisioning_request",
    METADATA,
    Column("id", _ID, primary_key=True, comment="sorts by time; the order of every page"),
    Column("at", UtcDateTime, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("request_id", Text, nullable=False, comment="as in the log and the audit"),
    Column("operation", String(16), nullable=False),
    Column("resource", String(32), nullable=False),
    Column("target_id", Text, nullable=False),
    Column("external_id", Text, nullable=False, comment="wiped with the account"),
    Column("name", Text, nullable=False, comment="user name or display name; wiped with the account"),
    Column("outcome", String(8), nullable=False),
    Column("status", Integer, nullable=False),
    Column("scim_type", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed", JsonText, nullable=False, comment="names of attributes, never values"),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("left_out", Integer, nullable=False, comment="how many members that nobody knows"),
    Column("times", Integer, nullable=False, comment="equal requests within a moment are one row"),
    Column("in_bulk", Boolean, nullable=False),
    Index("ix_provisioning_request_client", "client_id", "id"),
    CheckConstraint("outcome in ('done', 'read', 'refused')", name="outcome_known"),
    comment="What was asked over SCIM and how it ended: no secrets, no values.",
)
for _name, _which in (
    ("told", provisioning_request.c.outcome != literal_column("'read'")),
    ("refused", provisioning_request.c.outcome == literal_column("'refused'")),
):
    PartialIndex(
        f"ix_provisioning_request_{_name}",
        provisioning_request.c.id,
        where=_which,
    )

provisioning_subject = ClusteredTable(
    "provisioning_subject",
    METADATA,
    Column("key", String(48), primary_key=True, comment="an id, or the keyed digest of a name"),
    Column("request_id", _ID, primary_key=True),
    Column("part", String(8), nullable=False, comment="target, or a member that was added or removed"),
    Index("ix_provisioning_subject_request", "request_id"),
    comment="Whom a request was about: what it is found by. Swept with the requests, by time.",
)

scim_client = Table(
    "scim_client",
    METADATA,
    Column(
        "id", Text, primary_key=True, comment="the source of what it makes; its OAuth client's id, if any"
    ),
    Column("name", Text, nullable=False),
    Column("profile", String(16), nullable=False, comment="how its requests are read"),
    Column("scopes", Text, nullable=False, comment="what its static tokens may, space separated"),
    Column("require_match", Boolean, nullable=False, comment="a write without If-Match answers 428"),
    Column("extension", Boolean, nullable=False, comment="it may state our own extension"),
    Column(
        "leave_out_unknown_members",
        Boolean,
        nullable=False,
        comment="members that nobody knows are left out, not refused",
    ),
    Column("requests_per_second", Integer, comment="empty: what the settings say"),
    Column("allowed_addresses", Text, nullable=False, comment="CIDR, space separated; empty: anywhere"),
    Column("version", Integer, nullable=False, comment="raised by every change"),
    Column("disabled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("profile in ('rfc', 'strict', 'entra', 'okta')", name="profile_known"),
    CheckConstraint("requests_per_second >= 25", name="rate_floor"),
)

scim_token = Table(
    "scim_token",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("scim_client.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", Text, nullable=False, comment="where it is used, in the operator's words"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, comment="empty: until it is replaced"),
    Column("last_used_at", UtcDateTime, comment="noted once a minute at most"),
)

# --- security events ------------------------------------------------------------------------------

event_stream = Table(
    "event_stream",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("client_id", Text, nullable=False, unique=True, comment="the receiver; it sees what is its own"),
    Column("description", Text, nullable=False),
    Column("provisioning", String(8), nullable=False, comment="how events of SCIM are told"),
    Column("signals", JsonText, nullable=False, comment="CAEP and RISC events that were asked for"),
    Column("algorithm", String(16), nullable=False, comment="what its tokens are signed with"),
    Column("endpoint_url", Text, nullable=False, comment="where events are pushed; empty: they are polled"),
    Column("sealed_authorization", LargeBinary, comment="Authorization header of the push, sealed"),
    Column("status", String(8), nullable=False),
    Column("reason", Text, nullable=False, comment="why the status is what it is"),
    Column("attempts", Integer, nullable=False, comment="failed pushes in a row"),
    Column("next_at", UtcDateTime, nullable=False, comment="not pushed to before"),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("last_error", Text, nullable=False),
    Column("reached_at", UtcDateTime, comment="when the receiver took or fetched something"),
    Column("verified_at", UtcDateTime, comment="when the receiver last asked for a verification"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("provisioning in ('none', 'notice', 'full')", name="provisioning_known"),
    CheckConstraint("status in ('enabled', 'paused', 'disabled')", name="status_known"),
    comment="One stream a receiver: which events it hears of, and how they reach it.",
)

security_event = Table(
    "security_event",
    METADATA,
    Column("id", _ID, primary_key=True, comment="the jti of its token, over every attempt"),
    Column("stream_id", _ID, ForeignKey("event_stream.id", ondelete="CASCADE"), nullable=False),
    Column("uri", Text, nullable=False),
    Column("size", Integer, nullable=False, server_default="0", comment="bytes of claims, to be summed"),
    Column("claims", JsonText, nullable=False, comment="sub_id, txn and events; a full event holds data"),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_security_event_stream", "stream_id", "id", "size"),
    comment="Events that wait for their receiver, written with the deed; gone once taken.",
)
IS_LAST_WORD = security_event.c.uri == literal_column(f"'{STREAM_UPDATED}'")
"""Which events reach a receiver though its stream is stopped. Written out, or SQLite passes by the index."""
PartialIndex("ix_security_event_last_word", security_event.c.stream_id, where=IS_LAST_WORD)

deferred_request = Table(
    "deferred_request",
    METADATA,
    Column("id", _ID, primary_key=True, comment="the txn that its events have in common"),
    Column("client_id", Text, nullable=False),
    Column("sealed_request", LargeBinary, comment="what was asked, sealed; wiped once it was done"),
    Column("completions", JsonText, comment="how it ended: id and claims of each event"),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime, comment="set when somebody began to do it"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_deferred_request_client", "client_id", "ended_at"),
    comment="Requests of SCIM that are done later (RFC 9967), and how they ended.",
)
PartialIndex(
    "ix_deferred_request_open",
    deferred_request.c.id,
    where=deferred_request.c.ended_at.is_(None),
)

# --- credentials and factors ---------------------------------------------------------------------

password = Table(
    "password",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False, comment="argon2id PHC string"),
    Column("set_at", UtcDateTime, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column(
        "temporary_until",
        UtcDateTime,
        comment="from when on it opens nothing; null: no temporary one",
    ),
    CheckConstraint("temporary_until IS NULL OR must_change", name="temporary_is_changed"),
)

password_history = Table(
    "password_history",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("set_at", UtcDateTime, primary_key=True),
    Column("hash", Text, nullable=False),
)

security_question = Table(
    "security_question",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("question", String(64), nullable=False, comment="key of the question; its words are data"),
    Column("answer_hash", Text, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

question_offer = Table(
    "question_offer",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("questions", JsonText, nullable=False, comment="the short list drawn for this account (G-34)"),
)

factor = Table(
    "factor",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime, comment="empty while the enrolment is not verified"),
    Column("last_used_at", UtcDateTime),
    Column("flow_id", LargeBinary, comment="the flow that may confirm a pending enrolment"),
    Column("sealed_secret", LargeBinary, comment="TOTP seed, sealed"),
    Column("last_step", Integer, comment="TOTP: the last time step that was accepted; it only grows"),
    Column("credential_id", LargeBinary, unique=True),
    Column("public_key", LargeBinary),
    Column("sign_count", Integer),
    Column("aaguid", String(36)),
    Column("transports", JsonText),
    Column("backed_up", Boolean),
    Column("backup_eligible", Boolean),
    CheckConstraint("kind in ('totp', 'passkey')", name="kind_known"),
)

webauthn_challenge = Table(
    "webauthn_challenge",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="digest of the challenge"),
    Column("flow_id", LargeBinary, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("challenge", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

failure_count = ClusteredTable(
    "failure_count",
    METADATA,
    Column("kind", String(16), primary_key=True, comment="password, factor, question: counted apart"),
    Column("key", LargeBinary, primary_key=True, comment="digest of account and browser, or of a name"),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
    Column("locked_until", UtcDateTime),
)

known_device = ClusteredTable(
    "known_device",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False, index=True),
    Column("user_agent", Text, nullable=False),
)

one_time_secret = Table(
    "one_time_secret",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, comment="spent, or put out of force by a newer one"),
    Index("ix_one_time_secret_account", "account_id", "purpose"),
)
PartialIndex(
    "uq_one_time_secret_live",
    one_time_secret.c.account_id,
    one_time_secret.c.purpose,
    unique=True,
    where=one_time_secret.c.used_at.is_(None),
)

# --- flows and sessions --------------------------------------------------------------------------

login_flow = Table(
    "login_flow",
    METADATA,
    Column("id", LargeBinary, primary_key=True, comment="digest of the flow's token"),
    Column("browser", LargeBinary, nullable=False, comment="digest of the browser secret it is bound to"),
    Column("kind", String(16), nullable=False),
    Column("account_id", _ID),
    Column("session_id", _ID, comment="the live session of a step-up; the session made at the end"),
    Column("client_id", Text, nullable=False),
    Column("client_name", Text, nullable=False, comment="whom the sign-in page says one continues to"),
    Column("login_hint", Text, nullable=False),
    Column(
        "request", JsonText, nullable=False, comment="the authorization request, or where to go at the end"
    ),
    Column("demands", JsonText, nullable=False, comment="acr wanted, fresh sign-in wanted"),
    Column("achieved", JsonText, nullable=False, comment="the proofs given in this flow, in order"),
    Column(
        "step", Integer, nullable=False, comment="raised with each move: a replayed step finds another number"
    ),
    Column(
        "tries", Integer, nullable=False, comment="wrong codes in this flow, which dies of too many (MF-04)"
    ),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("finished_at", UtcDateTime),
    Column("resumed_at", UtcDateTime, comment="when the authorization request was taken up again"),
)

session = ClusteredTable(
    "session",
    METADATA,
    Column("id", _ID, primary_key=True, comment="the sid of tokens"),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("browser", LargeBinary, comment="digest of the browser it was opened in"),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("authenticated_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("ended_at", UtcDateTime),
    Column("ended_reason", String(32), nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", JsonText, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index("ix_session_account", "account_id", "ended_at"),
    Index("ix_session_browser", "browser", "ended_at"),
)

session_client = ClusteredTable(
    "session_client",
    METADATA,
    Column("session_id", _ID, ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("first_at", UtcDateTime, nullable=False),
    comment="Which relying parties a session signed in to: who must hear of its end.",
)

# --- OAuth 2.0 and OpenID Connect ----------------------------------------------------------------

client = Table(
    "client",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("application_key", Text, nullable=False, index=True),
    Column(
        "launch_url", Text, nullable=False, comment="where the dashboard's tile leads; empty shows no tile"
    ),
    Column("profile", String(32), nullable=False),
    Column("first_party", Boolean, nullable=False, comment="the operator's own: nobody is asked for consent"),
    Column("metadata", JsonText, nullable=False, comment="RFC 7591 client metadata"),
    Column("disabled_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column(
        "registered_by",
        Text,
        nullable=False,
        server_default="",
        comment="the registration token it registered itself with, or open; empty: an operator made it",
    ),
    Column("registration_digest", LargeBinary, comment="digest of its registration access token (RFC 7592)"),
)
# Those that registered themselves, the longest unchanged first: who among them was never used is forgotten.
PartialIndex(
    "ix_client_registered",
    client.c.updated_at,
    where=client.c.registered_by != "",
)

registration_token = Table(
    "registration_token",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False, comment="whom it was given to, in the operator's words"),
    Column("profile", String(32), nullable=False, comment="of its clients; empty: what the settings say"),
    Column("application_key", Text, nullable=False, comment="of its clients; empty: open to everybody"),
    Column("most_uses", Integer, comment="how many clients it may register; empty: any number"),
    Column("uses", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, comment="empty: until it is revoked"),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    CheckConstraint("most_uses is null or uses <= most_uses", name="uses_bound"),
    comment="Initial access tokens: who holds one may register clients (RFC 7591).",
)

client_secret = Table(
    "client_secret",
    METADATA,
    Column("client_id", Text, ForeignKey("client.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
)


def _to_show(name: str, owner: Column[str], *, comment: str) -> Table:
    """Return a table of new secrets that wait, sealed, for the one page that shows each (CA-09)."""
    return Table(
        name,
        METADATA,
        Column("session_id", _ID, ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
        owner,
        Column("sealed", LargeBinary, nullable=False, comment="gone once the page that shows it was opened"),
        Column("expires_at", UtcDateTime, nullable=False, index=True),
        Index(f"ix_{name}_{owner.name.removesuffix('_id')}", owner.name),
        comment=comment,
    )


secret_to_show = _to_show(
    "secret_to_show",
    Column("client_id", Text, ForeignKey("client.id", ondelete="CASCADE"), primary_key=True),
    comment="New secrets of clients on their way to the page of the operator who asked for them.",
)

scim_token_to_show = _to_show(
    "scim_token_to_show",
    Column("client_id", Text, ForeignKey("scim_client.id", ondelete="CASCADE"), primary_key=True),
    comment="New tokens of SCIM clients on their way to the page of the operator who asked for them.",
)

temporary_password_to_show = _to_show(
    "temporary_password_to_show",
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    comment="Temporary passwords on their way to the page of the help desk that reads them aloud.",
)

client_assertion = Table(
    "client_assertion",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("jti", LargeBinary, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    comment="Assertions seen: a jti works once (RFC 7523).",
)

spent_proof = Table(
    "spent_proof",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="digest of the key's thumbprint and the jti"),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    comment="Proofs of possession seen: each works once (RFC 9449).",
)

grant = ClusteredTable(
    "oauth_grant",
    METADATA,
    Column("id", _ID, primary_key=True, comment="one authorization: the family of its tokens"),
    Column("client_id", Text, nullable=False),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("session_id", _ID, comment="empty for offline access"),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="the sub that this client knows the account by"),
    Column("claims", JsonText, comment="single claims that were asked for and granted (OIDC Core 5.5)"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_reason", String(32), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index("ix_oauth_grant_account", "account_id", "revoked_at"),
    Index("ix_oauth_grant_session", "session_id"),
)
PartialIndex(
    "ix_oauth_grant_client",
    grant.c.client_id,
    grant.c.created_at,
    where=grant.c.revoked_at.is_(None),
)

authorization_code = ClusteredTable(
    "authorization_code",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    # No foreign key: it would cost each sign-in a look and an index; a code is gone long before its grant.
    Column("grant_id", _ID, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column(
        "request", JsonText, nullable=False, comment="scope, nonce, challenge, auth_time, acr, amr, resource"
    ),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

consent = Table(
    "consent",
    METADATA,
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", Text, ForeignKey("client.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", Text, primary_key=True, comment="one row a scope: agreeing twice is agreeing"),
    Column("given_at", UtcDateTime, nullable=False),
    Index("ix_consent_client", "client_id"),
)

consent_request = Table(
    "consent_request",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="digest of the token in the page's address"),
    Column("session_id", _ID, nullable=False, comment="who is asked; no other session can answer"),
    Column("account_id", _ID, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("scope", Text, nullable=False, comment="what is asked for, space separated"),
    Column("request", JsonText, nullable=False, comment="the authorization request that waits"),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("decided_at", UtcDateTime),
    Column("allowed", Boolean),
    Column("resumed_at", UtcDateTime, comment="when the authorization request was taken up again"),
    Index("ix_consent_request_account", "account_id", "expires_at"),
)

pushed_request = Table(
    "pushed_request",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="digest of what its request_uri ends with"),
    Column("client_id", Text, nullable=False),
    Column("parameters", JsonText, nullable=False, comment="what the client pushed, read and judged"),
    Column("signed", Boolean, nullable=False, comment="it came as a request object"),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, comment="when a sign-in completed it"),
)

device_authorization = Table(
    "device_authorization",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="digest of the device code"),
    Column("user_digest", LargeBinary, nullable=False, unique=True, comment="digest of the user code"),
    Column("client_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("request", JsonText, nullable=False, comment="resource, and the sign-in that is asked for"),
    Column("bound_to", Text, nullable=False, comment="the key or certificate that only may redeem it"),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("next_poll_at", UtcDateTime, nullable=False, comment="sooner than this the client polls too fast"),
    Column("poll_interval", Integer, nullable=False, comment="seconds; a poll too soon makes it longer"),
    Column("decided_at", UtcDateTime, comment="when a person allowed or denied it"),
    Column("grant_id", _ID, ForeignKey("oauth_grant.id", ondelete="SET NULL"), index=True),
    Column("authentication", JsonText, comment="how the person who allowed it was signed in"),
    Column("used_at", UtcDateTime, comment="when its tokens were issued"),
)

refresh_token = Table(
    "refresh_token",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("grant_id", _ID, ForeignKey("oauth_grant.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("client_id", Text, nullable=False),
    Column(
        "request",
        JsonText,
        nullable=False,
        comment="auth_time, acr, amr, nonce-less facts for the next ID token",
    ),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column(
        "parent", LargeBinary, unique=True, comment="digest of the token it replaced: no token has two heirs"
    ),
    Column(
        "answer", LargeBinary, comment="sealed answer of the rotation, for the short grace of honest races"
    ),
)
# The few answers that are to be wiped after their grace; tokens themselves go with their grant.
PartialIndex(
    "ix_refresh_token_answered",
    refresh_token.c.issued_at,
    where=refresh_token.c.answer.is_not(None),
)

access_token = ClusteredTable(
    "access_token",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("grant_id", _ID, comment="empty for client_credentials"),
    Column("client_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("audience", Text, nullable=False, comment="space separated"),
    Column("confirmation", Text, comment="the key or certificate it is bound to; empty: whoever bears it"),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
    Column("exchanged_from", LargeBinary, comment="digest of the token it was exchanged for (RFC 8693)"),
)
# Most tokens were exchanged for none, and pay for no place in this index.
PartialIndex(
    "ix_access_token_exchanged_from",
    access_token.c.exchanged_from,
    where=access_token.c.exchanged_from.is_not(None),
)
# Machines' tokens belong to no grant, so they need no place in its index.
PartialIndex(
    "ix_access_token_grant_id",
    access_token.c.grant_id,
    where=access_token.c.grant_id.is_not(None),
)
