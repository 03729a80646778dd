"""The local mailbox: what Switchyard sends arrives there by real SMTP and real HTTP."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel.clock import SystemClock
from switchyard.mailbox import Mailbox, linked

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox(SystemClock()) as running:
        yield running


def _send(mailbox: Mailbox, *, name: str = "<1@switchyard>", to: str = "jones@acme.example") -> None:
    message = EmailMessage()
    message["From"] = "Switchyard <noreply@switchyard.example>"
    message["To"] = to
    message["Subject"] = "Activate your account"
    message["Message-ID"] = name
    message.set_content("Open http://127.0.0.1:8000/activate/abc.\n")
    message.add_alternative('<p onclick="x()">Open <script>alert(1)</script></p>', subtype="html")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as relay:
        relay.send_message(message)


def _listing(mailbox: Mailbox, **query: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = httpx.get(f"{mailbox.url}/messages.json", params=query).json()[
        "messages"
    ]
    return found


def test_an_email_sent_by_smtp_is_listed_with_its_links(mailbox: Mailbox) -> None:
    _send(mailbox)
    [message] = _listing(mailbox, to="Jones@acme.example")
    assert message["subject"] == "Activate your account"
    assert message["links"] == ["http://127.0.0.1:8000/activate/abc"]


def test_a_message_delivered_twice_under_one_name_is_shown_once(mailbox: Mailbox) -> None:
    _send(mailbox)
    _send(mailbox)
    for _ in range(2):
        httpx.post(mailbox.sms_url, json={"id": "a", "to": "+14165550123", "text": "Code 123456"})
    assert [message["channel"] for message in _listing(mailbox)] == ["text", "email"]


def test_newest_messages_come_first_and_after_skips_the_known(mailbox: Mailbox) -> None:
    _send(mailbox, name="<1@switchyard>")
    _send(mailbox, name="<2@switchyard>")
    numbers = [message["number"] for message in _listing(mailbox)]
    assert numbers == [2, 1]
    assert [message["number"] for message in _listing(mailbox, after="1")] == [2]


def test_waiting_ends_when_a_message_comes_or_time_is_up(mailbox: Mailbox) -> None:
    assert _listing(mailbox, wait="0.05") == []
    _send(mailbox)
    assert len(_listing(mailbox, wait="20")) == 1


def test_the_page_shows_messages_as_text_and_html_only_in_a_sandbox(mailbox: Mailbox) -> None:
    _send(mailbox)
    page = httpx.get(mailbox.url)
    assert 'href="http://127.0.0.1:8000/activate/abc"' in page.text
    assert "<script" not in page.text
    shown = httpx.get(f"{mailbox.url}/messages/1")
    assert "sandbox" in shown.text
    assert "<script" not in shown.text
    framed = httpx.get(f"{mailbox.url}/messages/1/html")
    assert framed.headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize("body", [{}, {"to": "x"}, [], {"to": 1, "text": "x"}])
def test_a_text_message_without_recipient_or_text_is_refused(mailbox: Mailbox, body: object) -> None:
    assert httpx.post(mailbox.sms_url, json=body).status_code == 400


def test_an_unknown_message_is_not_found(mailbox: Mailbox) -> None:
    assert httpx.get(f"{mailbox.url}/messages/7").status_code == 404


def test_only_web_links_become_clickable() -> None:
    shown = str(linked("<b> javascript:alert(1) http://a.example/x?y=1&z=2, end"))
    assert shown == (
        "&lt;b&gt; javascript:alert(1) "
        '<a href="http://a.example/x?y=1&amp;z=2" rel="noreferrer">http://a.example/x?y=1&amp;z=2</a>, end'
    )
