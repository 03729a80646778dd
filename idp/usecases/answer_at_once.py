"""Answering a client in the unit of work that ends its sign-in, where nothing else is to be asked.

What needs a page, or the client's own server, waits for :mod:`idp.usecases.resume_authorization`, which is
told by the flow that nobody has taken it up. Parts of deeds, never a deed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from idp.domain.authorization_request import AuthorizationRequest
from idp.domain.authorize_checks import first_broken
from idp.domain.interaction import is_met, may_continue
from idp.domain.session import LiveSession
from idp.usecases.answer_authorization import ToClient
from idp.usecases.authorize import answer_with_grant
from idp.usecases.carry_answer import signed
from idp.usecases.judge_authorization import KIND, account_named, obstacle, read_waiting, sign_in_wanted
from idp.usecases.services import IdpServices
from kernel.store import Unit


def answerable(
    services: IdpServices, unit: Unit, waiting: Mapping[str, Any], *, session: LiveSession
) -> AuthorizationRequest | None:
    """Return the request of a flow that is to end in ``session``, if it can be answered with that at once.

    It passes every check that it would pass if it was taken up later (AZ-21), and nothing is written. None
    for whatever else waits, and where the answer is a page, a refusal, or has to be encrypted.
    """
    if waiting.get("kind") != KIND:
        return None
    request = read_waiting(unit, waiting)
    if first_broken(request) is not None:
        return None
    client = request.known_client
    if client.id_token_encryption is not None or client.response_encryption is not None:
        return None
    wanted = sign_in_wanted(
        request, account_named(services, request, str(waiting.get("subject", "")), session)
    )
    if not may_continue(wanted, session) or not is_met(wanted, session.acr):
        return None
    return request if obstacle(unit, request, session) is None else None


def answer_at_once(
    services: IdpServices, unit: Unit, request: AuthorizationRequest, session: LiveSession
) -> ToClient:
    """Answer a request that is :func:`answerable`, for the session its flow just opened; ready to travel.

    Raises:
        StaleClientError: if its client was switched off a moment ago; the unit of work must be undone.
    """
    answer = answer_with_grant(services, unit, request, session)
    return (
        dataclasses.replace(answer, parameters=signed(services, answer, answer.parameters), signed=False)
        if answer.signed
        else answer
    )
