"""The local mailbox: where e-mails and text messages of a machine without a post office arrive.

Owns a real SMTP server, the webhook of a text-message provider, and pages that show what came, newest first.
It keeps messages in memory, as many as `KEPT`, and is meant for demonstrations and tests: anybody who reaches
its page reads every message. What is delivered twice under one name (`Message-ID`, or the `id` of a text
message) is shown once, which is what a careful recipient does with an at-least-once sender.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from flask import Flask, Response, abort, jsonify, render_template, request
from markupsafe import Markup, escape
from werkzeug.serving import WSGIRequestHandler, make_server

from kernel.courier.carriers import PermanentFailure
from kernel.courier.smtp import reachable

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session
    from werkzeug.serving import BaseWSGIServer

    from kernel.clock import Clock

KEPT = 2000
_MOST_BYTES = 1_000_000
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HTML_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class Message:
    """One message that arrived. `number` grows by one per message; `at` is ISO 8601 in UTC."""

    number: int
    channel: str
    name: str
    sender: str
    to: str
    subject: str
    text: str
    html: str
    at: str

    @property
    def links(self) -> list[str]:
        """The links of the text, in their order."""
        return _LINK.findall(self.text)


class Inbox:
    """Keeps messages for many threads and wakes those who wait for one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._messages: list[Message] = []
        self._changed = threading.Condition()

    def put(
        self, *, channel: str, name: str, sender: str, to: str, subject: str, text: str, html: str
    ) -> None:
        """Keep a message unless one of the same channel, name and recipient is here already."""
        with self._changed:
            if name and any((m.channel, m.name, m.to) == (channel, name, to) for m in self._messages):
                return
            at = self._clock.now().isoformat(timespec="seconds")
            number = next(self._numbers)
            self._messages.append(Message(number, channel, name, sender, to, subject, text, html, at))
            del self._messages[:-KEPT]
            self._changed.notify_all()

    def find(self, *, to: str = "", after: int = 0) -> list[Message]:
        """Return the messages to `to` (all if empty) with a number above `after`, newest first.

        An address is found as it was given and as relays are told it.
        """
        wanted = _forms(to.strip())
        with self._changed:
            return [
                m
                for m in reversed(self._messages)
                if m.number > after and (not wanted or m.to.casefold() in wanted)
            ]

    def wait(self, *, to: str = "", after: int = 0, seconds: float = 0.0) -> list[Message]:
        """Return what `find` returns, waiting up to `seconds` for the first such message."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self.find(to=to, after=after)), timeout=seconds)
            return self.find(to=to, after=after)

    def get(self, number: int) -> Message | None:
        """Return the message of that number, if it is still kept."""
        with self._changed:
            return next((m for m in self._messages if m.number == number), None)


def _forms(address: str) -> set[str]:
    """Return what an address may be called by, without case; nothing for none."""
    forms = {address} - {""}
    with suppress(PermanentFailure):
        forms.add(reachable(address))
    return {form.casefold() for form in forms}


class _Receiver:
    """What aiosmtpd calls for each e-mail."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002 - the name aiosmtpd asks for
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        parsed: EmailMessage = message_from_bytes(raw, policy=policy.default)
        for recipient in envelope.rcpt_tos:
            self._inbox.put(
                channel="email",
                name=str(parsed["message-id"] or ""),
                sender=str(parsed["from"] or envelope.mail_from or ""),
                to=recipient,
                subject=str(parsed["subject"] or ""),
                text=_part(parsed, "plain"),
                html=_part(parsed, "html"),
            )
        return "250 OK"


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body is not None else ""


def linked(text: str) -> Markup:
    """Return `text` as HTML with its web links made clickable and everything else escaped."""
    parts: list[str] = []
    done = 0
    for found in _LINK.finditer(text):
        address = found.group()
        parts.append(str(escape(text[done : found.start()])))
        if urlsplit(address).scheme in {"http", "https"}:
            parts.append(str(Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(address)))
        done = found.end()
    parts.append(str(escape(text[done:])))
    return Markup("".join(parts))  # noqa: S704 - every part was escaped above


def make_app(inbox: Inbox) -> Flask:
    """Return the pages, the JSON view and the text-message webhook over `inbox`."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64_000
    app.add_template_filter(linked)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def index() -> str:
        to = request.args.get("to", "")
        return render_template("mailbox/index.html", messages=inbox.find(to=to), to=to)

    @app.get("/messages/<int:number>")
    def show(number: int) -> str:
        message = inbox.get(number) or abort(404)
        return render_template("mailbox/message.html", message=message)

    @app.get("/messages/<int:number>/html")
    def html(number: int) -> Response:
        message = inbox.get(number) or abort(404)
        return Response(message.html, mimetype="text/html", headers={"Content-Security-Policy": _HTML_POLICY})

    @app.get("/messages.json")
    def listing() -> Response:
        """List messages, newest first; `wait` seconds hold the answer until one is there."""
        after = request.args.get("after", 0, type=int)
        seconds = min(request.args.get("wait", 0.0, type=float), 30.0)
        found = inbox.wait(to=request.args.get("to", ""), after=after, seconds=seconds)
        return jsonify(messages=[_document(message) for message in found])

    @app.post("/sms")
    def text_message() -> tuple[Response, int]:
        body = request.get_json()
        if not isinstance(body, dict) or not all(isinstance(body.get(key), str) for key in ("to", "text")):
            return jsonify(error="to and text are needed"), 400
        name = str(body.get("id") or "")
        inbox.put(channel="text", name=name, sender="", to=body["to"], subject="", text=body["text"], html="")
        return jsonify(accepted=True), 202

    @app.get("/healthz")
    @app.get("/readyz")
    def ready() -> Response:
        return jsonify(status="ok")

    return app


def _document(message: Message) -> dict[str, object]:
    return {**asdict(message), "links": message.links}


class _SmtpServer(Controller):
    """An SMTP server that may take any free port (port 0)."""

    def _trigger_server(self) -> None:
        if isinstance(self.server, asyncio.Server):
            self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd leaves it bare


class _QuietHandler(WSGIRequestHandler):
    """Serves without a line per request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: what arrived is on the page."""


class Mailbox:
    """The running mailbox: SMTP and pages in threads of this process. A context manager."""

    def __init__(self, clock: Clock, *, host: str = "127.0.0.1", port: int = 0, smtp_port: int = 0) -> None:
        self.inbox = Inbox(clock)
        self.host = host
        self._smtp_port = smtp_port
        self._web: BaseWSGIServer = make_server(
            host, port, make_app(self.inbox), threaded=True, request_handler=_QuietHandler
        )
        self._controller = _SmtpServer(
            _Receiver(self.inbox), hostname=host, port=smtp_port, data_size_limit=_MOST_BYTES
        )
        self._thread = threading.Thread(
            target=self._web.serve_forever, args=(0.05,), name="mailbox", daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{self.host}:{self._web.server_port}"

    @property
    def sms_url(self) -> str:
        """The address of the text-message webhook."""
        return f"{self.url}/sms"

    @property
    def smtp_port(self) -> int:
        """The port of the SMTP server."""
        return int(self._controller.port)

    def __enter__(self) -> Self:
        """Open both doors."""
        self._controller.start()
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        """Close both doors."""
        self._controller.stop()
        self._web.shutdown()
        self._thread.join()
        self._web.server_close()
