"""Refreshing tokens with rotation (RFC 6749 §6, RFC 9700 §4.14).

Each refresh token works once. Its second use takes the whole family away, except within a short grace
and while its heir is unused: then whoever raced gets the very same answer, or the same heir beside a token
of the scope that was asked for and the key that was proved, and no honest client is thrown out. The refresh
token of a client whose profile forbids rotation works as long as it lives (FAPI 2.0 §5.3.2.1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from idp.domain.client import AuthenticatedClient, ProvenClient, Replayed
from idp.domain.grant import (
    GrantState,
    StoredRefreshToken,
    grant_fault,
    is_live,
    is_repeat,
    refresh_token_end,
)
from idp.domain.oauth import ErrorCode, Fault, GrantType, invalid_grant, unauthorized_grant
from idp.domain.scope import narrowed, split_scope
from idp.domain.token_form import REFRESH, with_check
from idp.domain.tokens import Authentication
from idp.storage.access_tokens import is_unrevoked
from idp.storage.clients import admit
from idp.storage.grants import grant_state, revoke_grant
from idp.storage.refresh_tokens import (
    NewRefreshToken,
    find_refresh_token,
    insert_refresh_token,
    prolong_refresh_token,
    sealed_answer_to,
    spend_refresh_token,
)
from idp.usecases.minting import (
    Issue,
    TokenAnswer,
    access_now,
    check_client_is_current,
    issue_for_account,
    record_issue,
)
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_grant, refuse_replay
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit


class _UnspentError(Exception):
    """Undoes the spending: the request was malformed, and the token is still good."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.code)


def refresh_tokens(
    services: IdpServices,
    proven: ProvenClient,
    *,
    refresh_token: str,
    scope: str = "",
    resource: tuple[str, ...] = (),
) -> TokenAnswer | Fault:
    """Spend a refresh token by one conditional statement, and issue its heir only if that succeeded (RT-*).

    Where nothing is rotated, the token is prolonged by such a statement, and no other is issued.

    Raises:
        StaleClientError: if the client changed a moment ago; nothing was spent.
    """
    if not proven.client.may_use(GrantType.REFRESH_TOKEN):
        return unauthorized_grant()
    asked = split_scope(scope) if scope else None
    if scope and asked is None:
        return Fault(ErrorCode.INVALID_SCOPE, "The scope is malformed.")
    try:
        return _refresh(services, proven, refresh_token, asked, resource)
    except _UnspentError as undone:
        return undone.fault


def _refresh(
    services: IdpServices,
    proven: ProvenClient,
    refresh_token: str,
    asked: tuple[str, ...] | None,
    resource: tuple[str, ...],
) -> TokenAnswer | Fault:
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        presented = digest(refresh_token)
        spent = _taken(unit, client, presented)
        if spent is None:
            return _answer_again(services, unit, client, presented, _Wish(asked, resource))
        state = grant_state(unit.connection, spent.grant_id, now=unit.now)
        reason = grant_fault(state, now=unit.now)
        if state is None or reason:
            return refuse_grant(services, unit, client, invalid_grant(f"refresh: {reason}"))
        issue = _issue(services, unit, client, state, spent, _Wish(asked, resource))
        if isinstance(issue, Fault):
            return issue
        if client.client.rules.rotates_refresh_tokens:
            return _rotate(services, unit, client, issue, spent, presented)
        return _keep(services, unit, client, issue, presented)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a request asks of the grant: all of it unless it says less."""

    scope: tuple[str, ...] | None
    resource: tuple[str, ...]


def _issue(
    services: IdpServices,
    unit: Unit,
    client: AuthenticatedClient,
    state: GrantState,
    token: StoredRefreshToken,
    wish: _Wish,
) -> Issue | Fault:
    """Return what is to be issued for ``token``, of what its grant holds by now.

    Raises:
        _UnspentError: if the request asks for what the grant does not hold, or lacks the key.
        StaleClientError: if the client changed a moment ago.
    """
    check_client_is_current(state, client.client)
    scope = narrowed(wish.scope, granted=state.scope.split())
    if scope is None:
        raise _UnspentError(Fault(ErrorCode.INVALID_SCOPE, "The scope is more than was granted."))
    if any(each != token.request["resource"] for each in wish.resource):
        raise _UnspentError(Fault(ErrorCode.INVALID_TARGET, "The resource was not authorized."))
    if _is_anothers(token, client):
        raise _UnspentError(invalid_grant("refresh: bound to another key"))
    access = access_now(unit, client.client, state)
    if access is None:
        return refuse_grant(services, unit, client, invalid_grant("refresh: no access"))
    return Issue(
        client=client.client,
        state=state,
        scope=scope,
        resource=str(token.request["resource"]),
        authentication=Authentication.from_json(token.request["authentication"]),
        access=access,
        confirmation=client.held,
    )


def _taken(unit: Unit, client: AuthenticatedClient, presented: bytes) -> StoredRefreshToken | None:
    """Return the live token of the client, spent if its profile has it so, or None."""
    if client.client.rules.rotates_refresh_tokens:
        return spend_refresh_token(unit.connection, presented, client.id, now=unit.now)
    found = find_refresh_token(unit.connection, presented)
    return found if found is not None and is_live(found, client_id=client.id, now=unit.now) else None


def _is_anothers(token: StoredRefreshToken, client: AuthenticatedClient) -> bool:
    """Tell whether a public client's token is bound to what the request does not prove (RFC 9449 §5).

    It is not spent then: whoever found it cannot take it from the one that has the key.
    """
    bound_to = token.request.get("bound_to")
    return bound_to is not None and bound_to != str(client.held)


def _rotate(
    services: IdpServices,
    unit: Unit,
    client: AuthenticatedClient,
    issue: Issue,
    spent: StoredRefreshToken,
    parent: bytes,
) -> TokenAnswer:
    heir = with_check(REFRESH, unit.randomness.token(32))
    bound = client.client.is_public and client.held is not None
    answer = issue_for_account(services, unit, issue, refresh_token=heir)
    insert_refresh_token(
        unit.transaction,
        NewRefreshToken(
            digest(heir),
            spent.grant_id,
            client.id,
            {**spent.request, "bound_to": str(client.held)} if bound else spent.request,
            refresh_token_end(
                issue.state.expires_at, idle=services.settings.refresh_token_idle, now=unit.now
            ),
            parent,
            unit.sealer.seal(
                json.dumps({**answer.to_json(), "bound_to": _held_by(client)}).encode(),
                table="refresh_token",
                column="answer",
                row=parent.hex(),
            ),
        ),
        now=unit.now,
    )
    _record(unit, client, issue, answer)
    return answer


def _keep(
    services: IdpServices, unit: Unit, client: AuthenticatedClient, issue: Issue, presented: bytes
) -> TokenAnswer | Fault:
    """Issue new tokens beside the refresh token, which is not idle from now on."""
    end = refresh_token_end(issue.state.expires_at, idle=services.settings.refresh_token_idle, now=unit.now)
    if not prolong_refresh_token(unit.connection, presented, client.id, until=end, now=unit.now):
        return refuse_grant(services, unit, client, invalid_grant("refresh: expired"))
    answer = issue_for_account(services, unit, issue, refresh_token="")
    _record(unit, client, issue, answer)
    return answer


def _record(unit: Unit, client: AuthenticatedClient, issue: Issue, answer: TokenAnswer) -> None:
    record_issue(
        unit,
        client,
        grant_type=GrantType.REFRESH_TOKEN,
        scope=answer.scope,
        account_id=issue.state.account_id,
        family=issue.state.id,
        session_id=issue.authentication.session_id,
    )


def _answer_again(
    services: IdpServices, unit: Unit, client: AuthenticatedClient, presented: bytes, wish: _Wish
) -> TokenAnswer | Fault:
    """Answer a token that could not be spent: again within the grace, else as the theft it may be."""
    found = find_refresh_token(unit.connection, presented)
    if found is None or found.client_id != client.id:
        return refuse_grant(services, unit, client, invalid_grant("refresh: unknown or another client's"))
    if found.used_at is None:
        return refuse_grant(services, unit, client, invalid_grant("refresh: expired"))
    state = grant_state(unit.connection, found.grant_id, now=unit.now)
    reason = grant_fault(state, now=unit.now)
    if reason:
        return refuse_grant(services, unit, client, invalid_grant(f"refresh: {reason}"))
    if _is_anothers(found, client):
        return refuse_grant(services, unit, client, invalid_grant("refresh: bound to another key"))
    if is_repeat(found, grace=services.settings.refresh_grace, now=unit.now):
        sealed = sealed_answer_to(unit.connection, presented)
        if sealed is not None and state is not None:
            issue = _issue(services, unit, client, state, found, wish)
            given = _opened(unit, sealed, presented)
            return issue if isinstance(issue, Fault) else _repeated(services, unit, client, issue, given)
    revoke_grant(unit.connection, found.grant_id, reason="refresh-reused", now=unit.now)
    unit.audit.record(
        "gateway:grant:revoked",
        actor=Actor("client", client.id),
        target=found.grant_id,
        reason="refresh reused",
    )
    return refuse_grant(services, unit, client, invalid_grant("refresh: reused"))


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer that was given, and what its tokens are bound to; None where a former release kept it."""

    answer: TokenAnswer
    bound_to: str | None


def _repeated(
    services: IdpServices, unit: Unit, client: AuthenticatedClient, issue: Issue, given: _Given
) -> TokenAnswer:
    """Return the answer that was given before.

    Who asks for another scope, or proves another key (RFC 9449 §5), gets that beside the same heir: several
    parts of one application may refresh at once, each for what it needs. So does who comes after the access
    token was given back (RFC 7009): nobody is told that a dead one works.
    """
    same_scope = set(issue.scope) == set(given.answer.scope.split())
    same_key = given.bound_to in {None, _held_by(client)}
    if same_scope and same_key and is_unrevoked(unit.connection, digest(given.answer.access_token)):
        return given.answer
    answer = issue_for_account(services, unit, issue, refresh_token=given.answer.refresh_token)
    _record(unit, client, issue, answer)
    return answer


def _held_by(client: AuthenticatedClient) -> str:
    """Return what the tokens of this request are bound to, or an empty text."""
    return "" if client.held is None else str(client.held)


def _opened(unit: Unit, sealed: bytes, presented: bytes) -> _Given:
    plain = unit.sealer.open(sealed, table="refresh_token", column="answer", row=presented.hex())
    body = json.loads(plain)
    answer = TokenAnswer(
        access_token=body["access_token"],
        expires_in=body["expires_in"],
        scope=body["scope"],
        refresh_token=body["refresh_token"],
        id_token=body.get("id_token", ""),
        token_type=body["token_type"],
    )
    return _Given(answer, body.get("bound_to"))
