"""Codes of six digits: read as people type them, refused with the reason."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from gateway_ui.web.flows import Answer, settled, slow_down, standing
from gateway_ui.web.messages import (
    BAD_CODE,
    BAD_CODE_LEFT,
    CODE_MISSING,
    CODE_SHAPE,
    complain,
    complain_count,
)
from idp.domain.login_flow import Step
from idp.usecases.flow_outcomes import SlowDown, WrongCode
from kernel.web.forms import FormErrors, single

_DIGITS = 6


def read_code(errors: FormErrors) -> str:
    """Return the six digits that were typed, without the spaces and hyphens people put between them."""
    typed = single(flask.request.form, "code", longest=100)
    code = "".join(character for character in typed if not character.isspace() and character != "-")
    if not code:
        complain(errors, "code", CODE_MISSING)
    elif len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        complain(errors, "code", CODE_SHAPE)
    return code


def way_on(outcome: object, flow: str, *steps: Step) -> Response | None:
    """Return the way on after a code, or None for a refusal that the page of one of ``steps`` shows.

    A wrong code that was the last of its flow leads to the page that says so: another one would be looked at
    by nobody. Where it locked the account, the flow stands, and the page tells how long to wait.
    """
    way = settled(outcome, flow)
    if way is None and isinstance(outcome, WrongCode) and outcome.tries_left == 0:
        page = standing(flow, *steps)
        return page if isinstance(page, Response) else None
    return way


def code_refused(errors: FormErrors, outcome: object) -> Answer:
    """Say why a code was refused, and return how to answer."""
    if isinstance(outcome, SlowDown):
        return slow_down(errors, outcome, "code")
    if isinstance(outcome, WrongCode) and outcome.tries_left > 0:
        complain_count(errors, "code", BAD_CODE_LEFT, outcome.tries_left)
    else:
        complain(errors, "code", BAD_CODE)
    return Answer()
