"""Answering a client in the unit of work that ends its sign-in, where nothing else is to be asked.

What needs a page, or the client's own server, waits for :mod:`idp.usecases.resume_authorization`, which is
told by the flow that nobody has taken it up. Parts of deeds, never a deed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from idp.domain.authorization_request import Asked
from idp.domain.authorize_checks import first_broken
from idp.domain.interaction import is_met, may_continue
from idp.domain.session import LiveSession
from idp.usecases.answer_authorization import ToClient
from idp.usecases.authorize import give
from idp.usecases.carry_answer import signed
from idp.usecases.judge_authorization import KIND, account_named, asked_again, obstacle, wanted
from idp.usecases.services import IdpServices
from kernel.store import Unit


def ready(
    services: IdpServices, unit: Unit, request: Mapping[str, Any], *, session: LiveSession
) -> Asked | None:
    """Return the request of a flow that is to end in ``session``, if it can be answered with that at once.

    It passes every check that it would pass if it was taken up later (AZ-21), and nothing is written. None
    for whatever else waits, and where the answer is a page, a refusal, or has to be encrypted.
    """
    if request.get("kind") != KIND:
        return None
    asked = asked_again(unit, request)
    if first_broken(asked) is not None:
        return None
    client = asked.known_client
    if client.id_token_encryption is not None or client.response_encryption is not None:
        return None
    asks = wanted(asked, account_named(services, asked, str(request.get("subject", "")), session))
    if not may_continue(asks, session) or not is_met(asks, session.acr):
        return None
    return asked if obstacle(unit, asked, session) is None else None


def answered(services: IdpServices, unit: Unit, asked: Asked, session: LiveSession) -> ToClient:
    """Answer a request that is :func:`ready`, for the session which its flow just opened; ready to travel.

    Raises:
        StaleClientError: if its client was switched off a moment ago; the unit of work must be undone.
    """
    answer = give(services, unit, asked, session)
    return (
        dataclasses.replace(answer, parameters=signed(services, answer, answer.parameters), signed=False)
        if answer.signed
        else answer
    )
