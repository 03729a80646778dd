"""One application in the web: its cookies, who is signed in, and what a page may ask of her.

The protocol is :mod:`relying_parties.oidc`'s matter, what is kept between requests
:mod:`relying_parties.sessions`'.
"""

import functools
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import Response, g, jsonify, redirect, request

from relying_parties.oidc import Ask, OpenIDClient, Reason, Refused, SignedIn
from relying_parties.pages import error_page, language
from relying_parties.ports import Chance, Clock
from relying_parties.sessions import LOGIN_LIFE, Session, Sessions, digest
from relying_parties.settings import ApplicationSettings
from relying_parties.step_up import Demand, challenge_header
from relying_parties.store import Store

LOG = logging.getLogger("relying_parties")
TABS = 12
"""So many sign-ins may be in progress in one browser; beyond, the oldest is forgotten."""

NOT_SENT = (
    "Nothing was sent",
    "Your session ended before the form arrived, or the form came from another page.",
    "Open the page again and send the form once more.",
)
REFUSALS: dict[Reason, tuple[int, tuple[str, str, str]]] = {
    Reason.NOT_ASKED: (
        400,
        (
            "This sign-in cannot be finished",
            "The sign-in was finished already, is too old, or was begun in another browser.",
            "Open {name} again from here.",
        ),
    ),
    Reason.WRONG_PROVIDER: (
        400,
        (
            "Another service answered",
            "The answer did not come from the sign-in service of {name}, so you were not signed in.",
            "Open {name} again from here. If this page comes back, tell Customer Relations.",
        ),
    ),
    Reason.DENIED: (
        403,
        (
            "You were not signed in",
            "The sign-in service says that your account may not open {name}, or the sign-in was cancelled.",
            "To get access, ask the Rights Administrator of your organization for an access role in {name}.",
        ),
    ),
    Reason.LOGIN_NEEDED: (
        403,
        (
            "You need to sign in",
            "The sign-in service needs to ask you something before you can go on.",
            "Sign in again and answer what it asks.",
        ),
    ),
    Reason.PROVIDER_BUSY: (
        503,
        (
            "The sign-in service is busy",
            "It cannot sign anybody in at the moment.",
            "Try again in a minute. If it lasts, call Customer Relations.",
        ),
    ),
    Reason.PROVIDER_REFUSED: (
        502,
        (
            "The sign-in service refused {name}",
            "Something is set up wrongly between {name} and the sign-in service. It is not your fault.",
            "Tell Customer Relations what you wanted to open, and the reference below.",
        ),
    ),
    Reason.CODE_REFUSED: (
        400,
        (
            "The sign-in took too long",
            "The proof of your sign-in was used already or is too old.",
            "Open {name} again from here.",
        ),
    ),
    Reason.TOKEN_REFUSED: (
        400,
        (
            "The proof of your sign-in does not hold",
            "What the sign-in service sent could not be accepted, so you were not signed in.",
            "Open {name} again from here. If this page comes back, tell Customer Relations.",
        ),
    ),
    Reason.FACTOR_NEEDED: (
        403,
        (
            "A second factor is needed",
            "This page opens only after a recent sign-in with an authenticator app or a passkey.",
            "Sign in again with your second factor, or add one in the security settings of your account.",
        ),
    ),
    Reason.ENDED: (
        403,
        (
            "Your session was ended",
            "You were signed out while you were signing in, perhaps because your access changed.",
            "Sign in again. If that does not work, ask the Rights Administrator of your organization.",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every application of the process is made with."""

    store: Store
    sessions: Sessions
    clock: Clock
    chance: Chance


class Application:
    """One application in the web."""

    def __init__(self, settings: ApplicationSettings, client: OpenIDClient, workshop: Workshop) -> None:
        self.settings = settings
        self.client = client
        self.workshop = workshop

    @property
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return self.workshop.clock.now()

    def signed_in(self, view: Callable[..., Response]) -> Callable[..., Response]:
        """Let a page open only for who is signed in; others are sent to sign in and come back to it.

        The view gets the session first. A form from nobody, or without the session's own token, changes
        nothing.
        """

        @functools.wraps(view)
        def guarded(**values: object) -> Response:
            session = self.session()
            if request.method == "POST" and (session is None or not self.is_own_form(session)):
                return error_page(403, texts=NOT_SENT)
            if session is None:
                return self.begin(Ask(target=self.this_page(), language=language()))
            return view(session, **values)

        return guarded

    def session(self) -> Session | None:
        """Return the living session of the browser's cookie; pages find it in their frame too."""
        cookie = request.cookies.get(self._cookie("session"), "")
        if not cookie:
            return None
        found = self.workshop.sessions.find(self.settings.client_id, cookie, idle=self._idle, now=self.now)
        g.session = found
        return found

    def begin(self, ask: Ask) -> Response:
        """Send the browser to the provider.

        Each sign-in has a cookie of its own, so that several tabs finish each on their own. The cookie
        binds the state to this browser: whoever else learns the state cannot use it (RP-06). Raises
        :class:`ProviderUnreachableError`.
        """
        wanted = self.client.authorization_request(ask)
        binding = self.workshop.chance.token()
        now = self.now
        self.workshop.sessions.open_login(
            self.settings.client_id, wanted.state, binding, wanted.login, now=now
        )
        response = _see_other(wanted.url)
        self._set(
            response, _login_cookie(wanted.state), f"{int(now.timestamp() * 1000)}.{binding}", LOGIN_LIFE
        )
        for name in self._surplus_logins():
            self._clear(response, name)
        return response

    def finish(self, answer: dict[str, str]) -> Response:
        """Judge what the browser brought back, and start the session under a new cookie, or say why not."""
        state = answer.get("state", "")
        name = _login_cookie(state)
        binding = request.cookies.get(self._cookie(name), "").partition(".")[2]
        login = None
        if state and binding:
            login = self.workshop.sessions.take_login(self.settings.client_id, state, binding, now=self.now)
        if login is None:
            return self.refusal(Refused(Reason.NOT_ASKED))
        outcome = self.client.sign_in(login, answer)
        response = (
            self.refusal(outcome) if isinstance(outcome, Refused) else self._start(outcome, login.target)
        )
        self._clear(response, name)
        return response

    def refusal(self, refused: Refused) -> Response:
        """Render the page of a refusal, and log its reason."""
        LOG.warning(
            "%s: sign-in refused: %s (%r) [%s]",
            self.settings.client_id,
            refused.reason,
            refused.detail,
            g.get("reference", ""),
        )
        self.session()
        status, texts = REFUSALS[refused.reason]
        return error_page(status, texts=texts)

    def is_strong(self, session: Session) -> bool:
        """Tell whether the sign-in had a second factor, not too long ago (RP-11)."""
        return self._demand.is_met(session.identity, now=self.now)

    def step_up(self, target: str) -> Response:
        """Send the browser to sign in with a second factor and come back to ``target`` (RFC 9470 §4).

        A script that asks for JSON cannot be sent: it gets the challenge, and sees to it itself (§3).
        """
        if request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json":
            said = self._demand.challenge()
            response = jsonify(error=said["error"], error_description=said["error_description"])
            response.status_code = 401
            response.headers["WWW-Authenticate"] = challenge_header(said)
            return response
        return self.begin(
            Ask(target=target, language=language(), acr=self._demand.acr, max_age=self._demand.max_age)
        )

    @property
    def _demand(self) -> Demand:
        return Demand(acr=self.settings.second_factor_acr, max_age=self.settings.step_up_age)

    def is_own_form(self, session: Session) -> bool:
        """Tell whether the form came from a page of this very session."""
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if origin not in (None, self.settings.origin) or site != "same-origin":
            return False
        return hmac.compare_digest(request.form.get("form_token", "").encode(), session.form_token.encode())

    def sign_out(self, session: Session) -> Response | None:
        """End the session here and send the browser to end it at the provider; None if that has no end page.

        Raises :class:`ProviderUnreachableError` after the session here has ended.
        """
        self.end_session()
        wanted = self.client.logout_request(session.id_token, language())
        if wanted is None:
            return None
        url, state = wanted
        response = _see_other(url)
        self._clear(response, "session")
        self._set(response, "logout", state, LOGIN_LIFE)
        return response

    def end_session(self) -> None:
        """End the session of the browser's cookie, if there is one."""
        cookie = request.cookies.get(self._cookie("session"), "")
        self.workshop.sessions.end(self.settings.client_id, cookie)
        g.session = None

    def came_back_from_logout(self, state: str) -> bool:
        """Tell whether the provider sent the browser back from the logout that it was sent to (§3)."""
        expected = request.cookies.get(self._cookie("logout"), "")
        return bool(expected) and hmac.compare_digest(expected.encode(), state.encode())

    def forget_cookies(self, response: Response) -> Response:
        """Take session and logout cookies from the browser."""
        self._clear(response, "session")
        self._clear(response, "logout")
        return response

    def see(self, path: str) -> Response:
        """Send the browser to a page of this application (303)."""
        return _see_other(self.settings.origin + path)

    def this_page(self) -> str:
        """Return the path of the page asked for, without a language wish."""
        query = "&".join(
            part for part in request.query_string.decode("ascii", "replace").split("&") if part[:5] != "lang="
        )
        path = urlsplit(request.url).path
        return f"{path}?{query}" if query else path

    def path_of(self, target_link_uri: str) -> str | None:
        """Return the path of a link if it leads into this application, else None: no open redirector.

        OpenID Connect Core §4.
        """
        parts = urlsplit(target_link_uri)
        steps = parts.path.split("/")
        clean = target_link_uri.isascii() and target_link_uri.isprintable() and "\\" not in target_link_uri
        inside = f"{parts.scheme}://{parts.netloc}" == self.settings.origin
        if not clean or not inside or not parts.path.startswith(self.settings.path):
            return None
        if "." in steps or ".." in steps or "%2e" in parts.path.lower() or " " in target_link_uri:
            return None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def _idle(self) -> timedelta:
        return timedelta(minutes=self.settings.idle_minutes)

    def _start(self, signed_in: SignedIn, target: str) -> Response:
        """Start a new session; the one before ends (no fixation). It never outlives the provider's."""
        now = self.now
        ends_at = now + timedelta(minutes=self.settings.session_minutes)
        identity = signed_in.identity
        session = Session(
            identity=identity,
            profile=signed_in.profile,
            id_token=signed_in.id_token,
            form_token=self.workshop.chance.token(),
            started_at=now,
            expires_at=min(ends_at, identity.session_ends_at or ends_at),
        )
        cookie = self.workshop.chance.token()
        self.end_session()
        if not self.workshop.sessions.start(
            self.settings.client_id, cookie, session, idle=self._idle, now=now
        ):
            return self.refusal(Refused(Reason.ENDED))
        LOG.info("%s: session started for %s", self.settings.client_id, identity.subject)
        response = self.see(target)
        self._set(response, "session", cookie, None)
        return response

    def _cookie(self, name: str) -> str:
        prefix = "__Host-" if self.settings.secure else ""
        return f"{prefix}{self.settings.cookie_stem}_{name}"

    def _set(self, response: Response, name: str, value: str, life: timedelta | None) -> None:
        response.set_cookie(
            self._cookie(name),
            value,
            max_age=None if life is None else int(life.total_seconds()),
            path="/",
            secure=self.settings.secure,
            httponly=True,
            samesite="Lax",
        )

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self._cookie(name), path="/", secure=self.settings.secure, httponly=True, samesite="Lax"
        )

    def _surplus_logins(self) -> list[str]:
        """Return the oldest sign-ins of this browser beyond the number of tabs that we care for."""
        stem = self._cookie("login_")
        begun = [(value, name) for name, value in request.cookies.items() if name.startswith(stem)]
        own = self._cookie("")
        return [name.removeprefix(own) for _, name in sorted(begun)[: max(0, len(begun) - TABS + 1)]]


def _login_cookie(state: str) -> str:
    return "login_" + digest(state).hex()[:16]


def _see_other(url: str) -> Response:
    response = redirect(url, code=303)
    return response if isinstance(response, Response) else Response(status=500)
