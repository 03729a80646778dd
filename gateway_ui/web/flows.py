"""Where a login flow leads: every answer of a step goes through here, so that no step knows the next.

The token of the flow travels in the address (``?flow=``); it opens nothing without this browser's own
secret. Several tabs hold several flows. Going back shows where the flow stands now, never an error.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import flask
from werkzeug.wrappers import Response

from gateway_ui.web.client_names import name_here
from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.messages import TOO_MANY, Message, complain, complain_count
from gateway_ui.web.page_client import about_client
from idp.domain.lockout import TRIES_PER_FLOW
from idp.domain.login_flow import Demands, Step
from idp.usecases.answer_authorization import ToClient
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import AlreadyDone, Done, FlowLost, FlowPage, SlowDown
from idp.usecases.list_apps import opened_at
from idp.usecases.look_at_client import look_at_client
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.start_login import start_login
from idp.web.oidc.answers import to_client
from kernel.local_paths import local_path
from kernel.web.cookies import browser_token, browser_was_sent, set_cookie
from kernel.web.finished import finished
from kernel.web.forms import FormErrors, single

STEP_PAGES: Mapping[Step, str] = {
    Step.IDENTIFY: "/sign-in",
    Step.SECOND_FACTOR: "/sign-in/second-step",
    Step.CHANGE_PASSWORD: "/sign-in/new-password",
    Step.PROVE_MAILBOX: "/sign-in/mailbox",
    Step.SET_QUESTION: "/enrol/question",
    Step.ENROL_FACTOR: "/enrol",
    Step.REVIEW: "/enrol/finish",
    Step.DONE: "/sign-in",
}

_ENDED = "ended"


def flow_token() -> str:
    """Return the flow named in the address, or an empty text."""
    return single(flask.request.args, "flow", longest=200)


def address(path: str, flow: str) -> str:
    """Return ``path`` for ``flow``."""
    return f"{path}?flow={flow}"


def go(path: str) -> Response:
    """Send the browser on to a page of ours; what was posted is not posted again."""
    return flask.redirect(local_path(path), 303)


def start(
    path: str = "/", *, login_hint: str = "", demands: Demands | None = None, says_ended: bool = False
) -> Response:
    """Start a sign-in that ends at ``path`` and go to its first page, which may say that a session ended."""
    flow = start_login(
        pages().services,
        browser=browser_token(),
        request={"kind": "page", "path": local_path(path)},
        demands=demands,
        session=live_session(),
        login_hint=login_hint,
    )
    return go(address("/sign-in", flow) + (f"&{_ENDED}=yes" if says_ended else ""))


def sign_in_first(path: str) -> Response:
    """Ask who it is before a page that is for the signed in only, and go on there.

    Who sent a form is told that the session had ended and nothing was changed: after "Change password" a
    sign-in page without a word reads as if it was.
    """
    return start(path, says_ended=flask.request.method == "POST")


def session_had_ended() -> bool:
    """Tell whether the sign-in page has to say that a session ended before a form came."""
    return single(flask.request.args, _ENDED, longest=5) == "yes"


def settled(outcome: object, flow: str) -> Response | None:
    """Return the way on for an outcome that any step may have, or None for a refusal of the step's own."""
    if isinstance(outcome, FlowPage):
        return go(address(STEP_PAGES[outcome.step], flow))
    if isinstance(outcome, Done):
        response = _to_client(outcome.answer) if outcome.answer else go(outcome.next_url)
        set_cookie(response, "session", outcome.session_token)
        return response
    if isinstance(outcome, AlreadyDone):
        return _led_back_page(outcome) if outcome.led_back else go(outcome.next_url)
    if isinstance(outcome, FlowLost):
        name = name_here(outcome.client_id, outcome.client_name)
        return lost_page(flow, name, tries=TRIES_PER_FLOW if outcome.is_spent else 0)
    return None


def _to_client(answer: ToClient) -> Response:
    """Return what the authorization endpoint would say to the client; the page kit adds its headers."""
    return finished(to_client(answer.redirect_uri, answer.mode, answer.parameters))


def standing(flow: str, *steps: Step) -> FlowPage | Response:
    """Return the flow if it stands at one of ``steps``, else the way to where it stands (AZ-21)."""
    outcome: object = look_at_flow(pages().services, flow=flow, browser=browser_token())
    if isinstance(outcome, FlowPage) and outcome.step in steps:
        about_client(look_at_client(pages().services, outcome.client_id))
        flask.g.cancel_action = address("/sign-in/cancel", flow) if outcome.client_id else ""
        return outcome
    if isinstance(outcome, FlowPage) and outcome.step is Step.DONE:
        outcome = finish_login(pages().services, flow=flow, browser=browser_token())
    way = settled(outcome, flow)
    if way is None:
        flask.abort(404)
    return way


def lost_page(flow: str, client_name: str = "", *, tries: int = 0) -> Response:
    """Say that the sign-in has expired, and offer to start again towards the same place.

    ``tries`` is how many wrong codes ended it, if they did. To a browser that brought no cookie of ours
    another start is no help: what to allow is said first.
    """
    minutes = int(pages().services.settings.flow_life.total_seconds() // 60)
    return render(
        "expired.html",
        status=410,
        action=address("/sign-in/again", flow),
        minutes=minutes,
        tries=tries,
        client_name=client_name,
        knows_browser=browser_was_sent(),
    )


def _led_back_page(outcome: AlreadyDone) -> Response:
    """Say to who went back to a sign-in that is over how she gets to the application again."""
    client = look_at_client(pages().services, outcome.client_id)
    return render(
        "led_back.html",
        status=410,
        application=name_here(outcome.client_id, outcome.client_name),
        given_up=outcome.given_up,
        onward=opened_at(pages().services, client) if client else "",
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """How a page that was refused answers: its status and headers."""

    status: int = 422
    headers: Mapping[str, str] = field(default_factory=dict)


def wait_seconds(wait: dt.timedelta) -> int:
    """Return a span in whole seconds, at least one, as people and Retry-After say it."""
    return max(1, math.ceil(wait.total_seconds()))


def refused(errors: FormErrors, outcome: object, message: Message, field: str = "") -> Answer:
    """Say how long to wait, or else ``message``, and return how to answer."""
    if isinstance(outcome, SlowDown):
        return slow_down(errors, outcome, field)
    complain(errors, field, message)
    return Answer()


def slow_down(errors: FormErrors, outcome: SlowDown, field: str = "") -> Answer:
    """Say how long to wait, and return how to answer."""
    seconds = wait_seconds(outcome.retry_after)
    complain_count(errors, field, TOO_MANY, seconds)
    return Answer(429, {"Retry-After": str(seconds)})
