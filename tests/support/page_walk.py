"""A walk through every page of the Gateway that people see, with what can be wrong on each, in French.

:mod:`tests.support.office_walk` goes through the pages of the operator's staff in the same world.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import update

from gateway_ui.web.errors import ProtocolPages
from gateway_ui.web.messages import LOGOUT_ERRORS, REQUEST_ERRORS
from idp.storage.tables import password
from idp.usecases.front_channel import LogoutFrame
from idp.usecases.register_client import ClientOrder, register_client
from kernel.audit import SYSTEM
from kernel.web.http import Request
from tests.support.forms import form_with, forms_of, submit, token_of
from tests.support.gateway import PASSWORD, Journey, PagesGateway, authorize_path, shown_secret
from tests.support.soft_passkey import SoftPasskey
from tests.support.television import a_television

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from tests.support.scim import ScimWorld
    from tests.support.spoken import Heard


EMI, CROW = "https://emi.example/", "https://crow.example/"
NEW = "Lighthouse+Gravel77"
STALE = "A" * 43
STEPS = "/second-steps"


@dataclass
class World:
    """A Gateway with all that its pages can show, and what they said."""

    gateway: PagesGateway
    scim: ScimWorld
    robin: Journey
    app: str
    clock: FrozenClock
    heard: Heard

    def visitor(self) -> Journey:
        """Return a browser that asks for French."""
        return in_french(Journey(self.gateway))

    def minute(self) -> None:
        """Let the codes that were shown pass."""
        self.clock.advance(dt.timedelta(minutes=1))

    def sign_in(self, secret: str, user_name: str = "fieldn") -> Journey:
        """Return a new browser of who holds the app with ``secret``."""
        self.minute()
        someone = self.visitor()
        someone.open("/")
        someone.give_password(user_name)
        someone.give_code(secret)
        return someone

    def send(self, method: str, path: str, body: object = None, **options: str) -> str:
        """Send a provisioning request of its own second; return the id of what it made."""
        self.clock.advance(dt.timedelta(seconds=1))
        answer = self.scim.request(
            method, path, body, client_id=options.get("client_id", "registration-worker")
        )
        return str(answer["id"]) if answer.status == 201 else ""


def in_french(journey: Journey) -> Journey:
    """Let a browser ask for French."""
    journey.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr-CA"
    return journey


def press(someone: Journey, under: str) -> None:
    """Send the form of the page that goes below ``under``, as it stands."""
    someone.send(action=next(form.action for form in forms_of(someone.text) if form.action.startswith(under)))


def signed_out(world: World) -> None:
    """What a stranger sees, and the errors that every page can have."""
    stranger = world.visitor()
    stranger.open("/sign-in")
    stranger.send(username="", password="")
    stranger.send(username="nobody", password="wrong")
    stranger.send(credential="{}")
    for path in (
        "help",
        "legal",
        "supported-browsers",
        "privacy",
        "accessibility",
        "signed-out",
        "sign-out",
        "nowhere",
    ):
        stranger.open(f"/{path}")
    for path in (
        f"/activate/{STALE}",
        f"/sign-in?flow={STALE}",
        "/oauth2/authorize",
        "/oauth2/logout?id_token_hint=x",
    ):
        stranger.open(path)
    stranger.client.post("/sign-in", data={})
    stranger.client.post("/sign-in", json={})
    stranger.client.post("/help", data={"csrf_token": token_of(stranger.open("/sign-in").text)})
    stranger.client.post("/sign-in", data={"csrf_token": "x" * 300_000})


def protocol_pages(world: World) -> None:
    """What endpoints show: every refusal, the question before signing out, and what follows it."""
    pages = ProtocolPages(world.gateway.app, world.gateway.public_url)
    asked = Request("GET", "/oauth2/authorize", "", {"accept-language": "fr"})
    answers = [pages.error_page(asked, 400, code) for code in ("", *REQUEST_ERRORS, *LOGOUT_ERRORS)]
    answers.append(pages.logout_page(asked, action="/oauth2/logout", client_name="EMI"))
    frames = [LogoutFrame("crow", "Crow", f"{CROW}out")]
    answers.append(pages.signed_out_page(asked, frames=frames, onward=EMI, client_name="EMI"))
    answers.append(pages.no_access_page(asked, "EMI"))
    world.heard.pages += [
        (f"protocol page {number}", each.body.decode()) for number, each in enumerate(answers)
    ]


def activation(world: World) -> str:
    """From the link to the applications, with everything that can be wrong on the way; return the app's secret."""
    nora = world.visitor()
    account = world.gateway.provision()
    world.gateway.application("emi", "EMI", EMI, account, description="EMI")
    nora.open(world.gateway.activation_path())
    for wrong in ("", "short", "nora <field>\t", "x" * 300, "Password1!", "Fieldn+12345"):
        nora.send(password=wrong, repeat="another")
    nora.start_activation()
    press(nora, "/enrol/question")
    for answer in ("", "a", "x" * 300, "aaaaaaaaaa", "fieldn"):
        nora.set_question(answer)
    nora.set_question()
    press(nora, "/enrol?")
    nora.send(method="passkey")
    press(nora, "/enrol/passkey")
    assert nora.page is not None
    nora.open(f"/enrol?{nora.page.request.query_string.decode()}")
    nora.send(method="app")
    secret = shown_secret(nora.text)
    for wrong in ("", "12", "000000"):
        nora.send(code=wrong)
    nora.give_code(secret)
    nora.finish()
    assert nora.path == "/"
    nora.open("/nowhere")
    nora.open("/sign-out")
    return secret


def second_steps(world: World, secret: str) -> None:
    """The pages of what proves somebody beside the password."""
    nora = world.sign_in(secret)
    nora.open(STEPS)
    found = re.search(rf"{STEPS}/\w+", nora.text)
    assert found is not None
    one = found[0]
    nora.open(f"{one}/remove")
    nora.open(f"{one}/name")
    nora.send(label="x" * 61)
    nora.send(label="Tablette")
    world.minute()
    nora.open(f"{STEPS}/add")
    nora.send(password=PASSWORD)
    nora.give_code(secret)
    nora.send(method="passkey")
    create_passkey(nora)
    nora.finish()
    nora.open(f"{one}/remove")
    other = next(each for each in re.findall(rf"({STEPS}/\w+)/remove", nora.open(STEPS).text) if each != one)
    nora.open(f"{other}/remove")
    nora.send(elsewhere="yes")
    assert nora.path == STEPS


def create_passkey(someone: Journey) -> SoftPasskey:
    """Create a passkey on the page that one stands on."""
    assert someone.page is not None
    form = form_with(someone.text, "credential")
    options = form.action.replace("/passkey?", "/passkey/options?")
    told = someone.client.post(options, data={"csrf_token": token_of(someone.text)})
    passkey = SoftPasskey(origin=someone.gateway.public_url)
    someone.send(credential=passkey.create(told.text))
    return passkey


def member(world: World, secret: str) -> None:
    """What somebody sees who is signed in: consents, devices, the own password, and what is not hers."""
    nora = world.sign_in(secret)
    for someone, decision in ((nora, "allow"), (nora, "deny")):
        told = a_television(world.gateway, f"tv-{decision}", name="Télé").asks()
        someone.open("/device")
        someone.send(user_code="")
        someone.send(user_code="BBBB-BBBB")
        someone.send(user_code=told["user_code"])
        assert someone.page is not None
        someone.page = submit(someone.client, someone.page, {"decision": decision})
    order = ClientOrder(
        id="crow",
        name="Crow",
        first_party=False,
        metadata={
            "redirect_uris": [f"{CROW}callback"],
            "scope": "openid profile email address phone access offline_access",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "policy_uri": f"{CROW}policy",
            "tos_uri": f"{CROW}terms",
        },
    )
    register_client(world.gateway.services, order, actor=SYSTEM)
    scope = "openid profile email address phone access offline_access"
    question = nora.open(authorize_path("crow", CROW, scope=scope, prompt="consent"))
    submit(nora.client, question, {"decision": "allow"})
    submit(nora.client, question, {"decision": "allow"}, follow=True)
    nora.open("/consent?request=x")
    nora.open("/allowed-applications")
    world.gateway.application("closed", "Closed", "https://closed.example/")
    nora.open(authorize_path("closed", "https://closed.example/"))
    for path in (
        "/operator/provisioning",
        "/operator/clients",
        "/oauth2/logout?client_id=emi",
        "/allowed-applications",
    ):
        nora.open(path)
    nora.open("/")


def sign_in_again(world: World, secret: str) -> None:
    """The steps of a sign-in for an application, each with its errors, and the way back to what is over."""
    app = authorize_path("emi", EMI, prompt="login")
    nora = world.visitor()
    asked = nora.open(app)
    flow = asked.request.query_string.decode()
    given_up = submit(nora.client, asked, {}, action=f"/sign-in/cancel?{flow}")
    nora.client.get(given_up.location)
    nora.open(f"/sign-in?{flow}")
    flow = nora.open(app).request.query_string.decode()
    nora.give_password()
    for wrong in ("", "12", "000000"):
        nora.send(code=wrong)
    world.minute()
    must_change(world, True)
    nora.give_code(secret)
    nora.send(password="short", repeat="other")
    assert nora.page is not None
    submit(nora.client, nora.page, {"password": NEW, "repeat": NEW})
    must_change(world, False)
    nora.open(f"/sign-in?{flow}")
    nora.open(app)
    world.clock.advance(dt.timedelta(hours=2))
    nora.give_password(password=NEW)
    nora.open("/change-password")
    for current, new in (("", "short"), ("Wrong+Password1", PASSWORD), (NEW, NEW), (NEW, "Harbour+Pebble31")):
        nora.open("/change-password")
        nora.send(current=current, password=new, repeat=new)
    for _try in range(world.gateway.services.settings.lock_after + 1):
        nora.open("/change-password")
        nora.send(current="Wrong+Password1", password=NEW, repeat=NEW)
    assert nora.messages == ["1003"]


def must_change(world: World, due: bool) -> None:  # noqa: FBT001 - what the column says
    """Let every password be one that has to be changed, or none."""
    with world.gateway.services.store.write() as unit:
        unit.connection.execute(update(password).values(must_change=due))


def by_passkey_alone(world: World) -> None:
    """Somebody who left the set-up: a code by e-mail, a passkey instead of an app, and the second step by it."""
    mail = "yan@acme.example"
    world.gateway.provision("younga", given_name="Yan", family_name="Young", email=mail)
    world.visitor().open(world.gateway.activation_path(mail))
    leaves = world.visitor()
    leaves.start_activation(mail)
    world.gateway.deliver()
    yan = world.visitor()
    yan.open("/")
    yan.give_password("younga")
    for _twice in range(2):
        press(yan, "/sign-in/mailbox/send")
    yan.send(code="000000")
    yan.send(code=world.gateway.mailbox_code(mail))
    yan.set_question()
    yan.send(method="passkey")
    create_passkey(yan)
    yan.finish()
    again = world.visitor()
    again.open("/")
    again.give_password("younga")
    again.send(credential="{}")
