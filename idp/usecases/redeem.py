"""The first tokens of a grant that a person gave: what codes and device codes share. No deed."""

from __future__ import annotations

import datetime as dt

from idp.domain.client import AuthenticatedClient
from idp.domain.grant import CodeRequest, GrantState, refresh_token_end
from idp.domain.oauth import Fault, GrantType, invalid_grant
from idp.domain.token_form import REFRESH, with_check
from idp.domain.tokens import Authentication
from idp.storage.lockouts import locked_since
from idp.storage.refresh_tokens import NewRefreshToken, insert_refresh_token
from idp.storage.sessions import browser_of
from idp.usecases.minting import Issue, TokenAnswer, access_now, issue_for_account, record_issue
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_grant
from kernel.crypto import digest
from kernel.store import Unit


def redeem(
    services: IdpServices,
    unit: Unit,
    client: AuthenticatedClient,
    state: GrantState,
    request: CodeRequest,
    grant_type: GrantType,
) -> TokenAnswer | Fault:
    """Issue the first tokens of a grant that was redeemed just now, in the unit that redeemed it.

    A public client that proved a key is bound to it (RFC 9449 §5, RFC 8705 §4).
    """
    access = access_now(unit, client.client, state)
    if access is None:
        return refuse_grant(services, unit, client, invalid_grant(f"{grant_type}: no access"))
    refresh_token = ""
    if client.client.may_use(GrantType.REFRESH_TOKEN):
        refresh_token = with_check(REFRESH, unit.randomness.token(32))
        facts: dict[str, object] = {
            "resource": request.resource,
            "authentication": request.authentication.to_json(),
        }
        if client.client.is_public and client.held is not None:
            facts["bound_to"] = str(client.held)
        insert_refresh_token(
            unit.transaction,
            NewRefreshToken(
                digest(refresh_token),
                state.id,
                client.id,
                facts,
                refresh_token_end(state.expires_at, idle=services.settings.refresh_token_idle, now=unit.now),
            ),
            now=unit.now,
        )
    answer = issue_for_account(
        services,
        unit,
        Issue(
            client=client.client,
            state=state,
            scope=request.scope,
            resource=request.resource,
            authentication=request.authentication,
            nonce=request.nonce,
            access=access,
            confirmation=client.held,
        ),
        refresh_token=refresh_token,
    )
    record_issue(
        unit,
        client,
        grant_type=grant_type,
        scope=answer.scope,
        account_id=state.account_id,
        family=state.id,
        session_id=request.authentication.session_id,
    )
    return answer


def locked_meanwhile(unit: Unit, state: GrantState, how: Authentication, *, since: dt.datetime) -> bool:
    """Tell whether the account was locked since the person gave the grant: the grant goes with it (TK-12).

    A grant that outlives its session still came from that session's browser.
    """
    browser = state.browser or browser_of(unit.connection, how.session_id)
    return locked_since(unit.connection, state.account_id, browser, since=since, now=unit.now)
