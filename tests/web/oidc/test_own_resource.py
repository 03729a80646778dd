"""A person lets an application read and change her own SCIM resource, and nobody else's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kernel.web.dispatch import Dispatch
from scim.domain.models import USER_SCHEMA
from scim.web.routes import scim_routes
from tests.support.oidc import ISSUER

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

RESOURCE = f"{ISSUER}/scim/v2"
ASKED = "openid scim.users.read scim.users.write scim.groups.write scim.write"


def test_a_person_who_signed_in_reaches_her_own_resource_and_no_other(op_on_both: Op) -> None:
    """M1, O4, RFC 7644 §3.11, RFC 8707 §2: scopes for users are hers to give, those of machines are not."""
    op = op_on_both
    op.dispatch = Dispatch((*op.routes, *scim_routes(op.services)))
    op.client(scope=ASKED, resources=[RESOURCE])
    account_id = op.account()
    op.set_account(account_id, document=json.dumps({"schemas": [USER_SCHEMA], "userName": "fieldn"}))
    cookie = op.session(account_id)

    def ask(path: str, token: str) -> Response:
        return op.call("GET", f"/scim/v2{path}", headers={"authorization": f"Bearer {token}"})

    tokens = op.tokens(cookie, scope=ASKED, resource=RESOURCE)
    assert tokens["scope"] == "openid scim.users.read scim.users.write"
    me = ask("/Me", tokens["access_token"])
    assert (me.status, me.json()["id"]) == (200, account_id)
    assert me.header("location") == f"{RESOURCE}/Users/{account_id}"
    for path in ("/Users", "/Groups", f"/Users/{account_id}"):
        assert ask(path, tokens["access_token"]).status == 401
    elsewhere = op.tokens(cookie, scope=ASKED)["access_token"]
    assert ask("/Me", elsewhere).status == 401
    unscoped = op.tokens(cookie, scope="openid", resource=RESOURCE)["access_token"]
    assert ask("/Me", unscoped).status == 403
