"""What a plain authorization request costs, whatever else the endpoint can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.oidc import returned
from tests.support.statements import recorded

if TYPE_CHECKING:
    from tests.support.oidc import Op


def test_a_plain_request_pays_for_no_feature_it_does_not_use(op_on_both: Op) -> None:
    """W5: session, client, grant, code, client of the session, and the audit; nothing of other tables."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account())
    op.authorize(cookie)
    with recorded(op.services.store.database) as noted:
        assert "code" in returned(op.authorize(cookie))
    said = [sql for sql, _ in noted if sql.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}]
    unused = ("consent", "pushed_request", "membership", "account_group")
    assert [sql for sql in said if any(f" {table}" in sql for table in unused)] == []
    tables = [sql for sql in said if "audit" not in sql]
    assert len(tables) == 5, "\n".join(tables)


def test_a_code_without_asked_claims_reads_no_profile(op: Op) -> None:
    """W1, trap T8: the account's profile is read for the ID token only where claims were asked of it."""
    op.client()
    cookie = op.session(op.account())
    code = op.code(cookie, scope="openid profile")
    with recorded(op.services.store.database) as noted:
        assert op.redeem(code).status == 200
    assert [sql for sql, _ in noted if "given_name" in sql] == []
