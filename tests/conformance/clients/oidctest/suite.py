"""The OpenID Foundation's earlier suite for providers, oidctest 0.8.2, without its web pages.

Run by the Python of an environment in which the suite is alone (``requirements/clients``). What it does and what it
finds is the suite's own: its front door (``oidctest.optt``), tester, operations, functions and checks, its relying
party, its verdict. Here are the list of tests, which the packages do not bring, and in place of CherryPy lines of JSON:
one in, the task; then a test at a time, and wherever the suite would send its user a line out that says where to, and
one in that says where that ended.

What is changed, because the suite was written for Python 3.5 and Linux distributions of 2017: names that left
``collections`` are there again, the standard library stands in for its backports in ``future``, which no longer load,
and for ``cgi`` an empty module, where Python has none. The relying party waits a minute instead of five seconds for an
answer, and writes down what the token endpoint said, which the suite's hint for sign-ins is taken from. Nothing that
judges is changed.
"""

from __future__ import annotations

import collections
import collections.abc
import copy
import importlib
import importlib.util
import json
import logging
import sys
import types
import warnings
from itertools import count
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

# --- a house that a suite of 2019 can live in -------------------------------------------------------------------

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
for _name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSequence", "Sequence", "Set"):
    setattr(collections, _name, getattr(collections.abc, _name))
for _name in (
    "http",
    "http.client",
    "http.cookiejar",
    "http.cookies",
    "urllib",
    "urllib.error",
    "urllib.parse",
    "urllib.request",
):
    sys.modules[f"future.backports.{_name}"] = importlib.import_module(_name)
if importlib.util.find_spec("cgi") is None:
    sys.modules["cgi"] = types.ModuleType("cgi")


class _RedirectError(Exception):
    """Where the suite's pages send the browser."""

    def __init__(self, url: str, status: int = 303) -> None:
        super().__init__(url)
        self.url = url


class _PageError(Exception):
    """What the suite's pages say went wrong."""

    def __init__(self, status: int = 500, message: str = "") -> None:
        super().__init__(f"{status} {message}")


_cherrypy = types.ModuleType("cherrypy")
_cherrypy.expose = lambda handler: handler
_cherrypy.HTTPRedirect, _cherrypy.HTTPError, _cherrypy.CherryPyException = (
    _RedirectError,
    _PageError,
    _PageError,
)
_cherrypy.request = types.SimpleNamespace(method="GET", params={})
_cherrypy.response = types.SimpleNamespace(headers={})
sys.modules["cherrypy"] = _cherrypy

from oic.oic.message import factory as message_factory  # noqa: E402 - the house comes first
from oic.utils.keyio import build_keyjar, dump_jwks  # noqa: E402
from oidctest.op import check, func, oper, profiles  # noqa: E402
from oidctest.op.client import Client  # noqa: E402
from oidctest.optt import Main  # noqa: E402
from oidctest.prof_util import ProfileHandler  # noqa: E402
from oidctest.session import SessionHandler  # noqa: E402
from oidctest.tool import WebTester  # noqa: E402
from otest.aus.client import Factory  # noqa: E402
from otest.aus.handling_ph import WebIh  # noqa: E402
from otest.check import STATUSCODE, WARNING  # noqa: E402
from otest.events import EV_CONDITION, EV_EXCEPTION, EV_FAULT, EV_RESPONSE  # noqa: E402
from otest.flow import FlowState  # noqa: E402
from otest.summation import result_code, trace_output  # noqa: E402

SAID, sys.stdout = sys.stdout, sys.stderr  # what the suite prints is no line of JSON
PATIENCE = 60
KEYS = [
    {"type": "RSA", "use": ["enc", "sig"]},
    {"type": "EC", "crv": "P-256", "use": ["sig"]},
    {"type": "EC", "crv": "P-256", "use": ["enc"]},
]
SERIAL = count(1)
NOTE = "note:"
PAGES = {
    "note.html": NOTE + "{note}",
    "opresult_repost.html": "a script posts the fragment",
    "sorry.html": "{error}",
}
WITH_CODE = ["C", "CI", "CT", "CIT"]
WITH_TOKEN = [*WITH_CODE, "IT"]
USUAL = {
    "Webfinger": {"set_webfinger_resource": None},
    "Discovery": {"set_discovery_issuer": None},
    "AsyncAuthn": {"set_response_where": None},
    "AccessToken": {"conditional_execution": {"return_type": WITH_CODE}},
    "RefreshToken": {"conditional_execution": {"return_type": WITH_CODE}},
    "UserInfo": {
        "conditional_execution": {"return_type": WITH_TOKEN},
        "set_op_args": {"method": "GET", "authn_method": "bearer_header"},
    },
}
"""What an operation is told where a test does not say otherwise."""


class Flows(FlowState):
    """The tests of our list, in the form that the suite reads from its files."""

    def __init__(self, tests: dict) -> None:
        super().__init__("", ProfileHandler, {"": oper.factory}, func.factory, [])
        self.tests = tests

    def __getitem__(self, test_id: str) -> dict:
        test = self.tests[test_id]
        asserts = test.get("asserts", {})
        return {
            "desc": test_id,
            "group": test.get("of", ""),
            "note": test.get("note", ""),
            "usage": {},
            "sequence": _sequence(test),
            "assert": copy.deepcopy(asserts) if isinstance(asserts, dict) else dict.fromkeys(asserts),
        }


def _sequence(test: dict) -> list:
    steps = [
        each if isinstance(each, dict) else {each: {}}
        for each in test.get("steps", ["Registration", "AsyncAuthn"])
    ]
    first = next(
        (place for place, each in enumerate(steps) if not each.keys() & {"Note", "VerifyConfiguration"}),
        len(steps),
    )
    if not any("Discovery" in each for each in steps[: first + 2]):
        steps[first:first] = [{"Webfinger": {}}, {"Discovery": {}}]
    return [
        {name: USUAL.get(name, {}) | copy.deepcopy(told)} for each in steps for name, told in each.items()
    ]


class RelyingParty(Client):
    """The suite's relying party, with patience, which writes down what it was told."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.request_args["timeout"] = PATIENCE

    def store_response(self, _response: object, text: str) -> None:
        """Keep what an endpoint said as it was said."""
        self.events.store(EV_RESPONSE, text)


class Pages(WebIh):
    """The suite's pages: what they say, without how they look."""

    def flow_list(self) -> str:
        """Return the list of tests, which is shown where the suite cannot go on."""
        return "the list of tests"


class Suite:
    """The suite for one provider and one response type."""

    def __init__(self, task: dict, keys: dict, answer: str, client: dict | None) -> None:
        self.base = task["base_url"]
        self.client = {
            **keys,
            "base_url": self.base,
            **({"registration_response": client} if client else {"registration_info": _metadata(self.base)}),
        }
        profile = f"{answer}.F.T.{'F' if client else 'T'}.s.+.T"
        flows = Flows(task["tests"])
        self.env = {
            "flow_state": flows,
            "conf": None,
            "base_url": self.base,
            "client_info": self.client,
            "profiles": profiles,
            "operation": oper,
            "cache": {},
            "tool_conf": {"profile": profile, "issuer": task["issuer"], "login_hint": task["login_hint"]},
            "profile_handler": ProfileHandler,
            "msg_factory": message_factory,
            "profile_map": profiles.PROFILEMAP,
            "client_factory": Factory(RelyingParty),
        }
        self.session = SessionHandler(task["issuer"], answer, flows=flows, **self.env)
        pages = Pages(session=self.session, pre_html=PAGES, **self.env)
        self.tester = WebTester(pages, self.session, flows=flows, check_factory=check.factory, **self.env)
        self.door = Main(self.tester, flows, self.env, lambda name: name)

    def run(self, test_id: str) -> dict:
        """Run a test, and return what the suite finds."""
        self._publish_keys()
        how, what = self._open("run", test=test_id)
        while how != "done":
            if how == "go":
                back = ask(go=what)
                if "page" in back:
                    break
                how, what = self._return(urlsplit(back["url"]), back["posted"])
            elif how == "note":
                ask(note=what)
                how, what = self._open("next", path=test_id, index=self.session["index"])
            else:
                break
        return self._found()

    def _publish_keys(self) -> None:
        """Put the relying party's keys at an address that no test had before."""
        name = f"jwks/{next(SERIAL)}.json"
        dump_jwks(self.client["keyjar"][""], name)
        self.client["jwks_uri"] = self.base + name

    def _return(self, came: SplitResult, posted: dict) -> tuple[str, str]:
        """Come back from the provider: with a form, or with an address, whose fragment a script of the suite posts."""
        if posted:
            return self._open("authz_post", **posted)
        how, what = self._open("authz_cb", **dict(parse_qsl(came.query, keep_blank_values=True)))
        return (
            self._open("authz_post", fragment=came.fragment)
            if what == PAGES["opresult_repost.html"]
            else (how, what)
        )

    def _open(self, page: str, **params: object) -> tuple[str, str]:
        """Open a page of the suite, and return what it does: go, note, done or anything else."""
        _cherrypy.request.method = "POST" if page == "authz_post" else "GET"
        _cherrypy.request.params = params
        try:
            shown = getattr(self.door, page)(**params)
        except _RedirectError as redirect:
            done = redirect.url.startswith(f"{self.base}display#")
            return ("done", "") if done else ("go", redirect.url)
        except _PageError as error:
            return "error", str(error)
        text = shown.decode() if isinstance(shown, bytes) else str(shown)
        return "note" if text.startswith(NOTE) else "page", text.removeprefix(NOTE)

    def _found(self) -> dict:
        """Return the suite's verdict, and what it is made of."""
        events = self.tester.conv.events
        verdict = result_code(events)
        return {
            "verdict": verdict,
            "found": [
                {"check": each.test_id, "status": STATUSCODE[each.status], "message": str(each.message)}
                for each in events.get_data(EV_CONDITION)
                if each.status >= WARNING
            ],
            "errors": [str(each) for kind in (EV_FAULT, EV_EXCEPTION) for each in events.get_data(kind)],
            "trace": "" if verdict == "PASSED" else "\n".join(trace_output(events)),
        }


def _metadata(base: str) -> dict:
    return {
        "client_name": "The earlier suite",
        "application_type": "web",
        "redirect_uris": [f"{base}authz_cb"],
        "contacts": ["somebody@rp.example"],
        "post_logout_redirect_uris": [f"{base}logout"],
    }


def ask(**words: object) -> dict:
    """Say a line of JSON, and return the one that answers it; nothing once nobody listens any more."""
    SAID.write(json.dumps(words) + "\n")
    SAID.flush()
    return json.loads(sys.stdin.readline() or "{}")


def main() -> None:
    """Take the task, and then test after test until nobody asks for one."""
    task = json.loads(sys.stdin.readline())
    for each in ("jwks", "keys", "export", "requests"):
        Path(each).mkdir(exist_ok=True)
    _, keyjar, kids = build_keyjar(KEYS)
    keys = {"keyjar": keyjar, "kid": kids}
    suites: dict = {}
    words: dict = {"ready": True}
    while wanted := ask(**words):
        client = task["tests"][wanted["test"]].get("client", "")
        key = (wanted["answer"], client)
        if key not in suites:
            suites[key] = Suite(task, keys, wanted["answer"], task["clients"].get(client))
        words = suites[key].run(wanted["test"])


if __name__ == "__main__":
    main()
