"""E-mail as the recipient gets it, through a real SMTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from kernel.courier.carriers import PermanentFailure
from kernel.courier.outbox import Envelope
from kernel.courier.smtp import SmtpCarrier, SmtpSettings
from tests.support.clock import NOON
from tests.support.ports import free_port

if TYPE_CHECKING:
    from switchyard.mailbox import Mailbox

_TEXT = "Account: smitji\nFrom address: 127.0.0.1\n.\n.hidden\nVérifiez adresse: café\n" + "x" * 1200 + "\n"


def test_a_text_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    """Lines that begin with "From" or a dot, long lines and accents pass unchanged."""
    carrier = SmtpCarrier(
        SmtpSettings("127.0.0.1", mailbox.smtp_port, "Exploitant énergie", "noreply@operator.example")
    )
    payload = {
        "to": "jim@acme.example",
        "subject": "Un café déjà vu",
        "text": _TEXT,
        "html": "<p>From here</p>",
    }
    carrier.deliver(Envelope("01J", "email", "test", payload, NOON, 0))
    [message] = mailbox.inbox.find()
    assert message.text.replace("\r\n", "\n") == _TEXT
    assert message.subject == "Un café déjà vu"
    assert message.sender == "Exploitant énergie <noreply@operator.example>"
    assert message.html.strip() == "<p>From here</p>"


def letter_to(address: str) -> Envelope:
    """Return a short message to an address."""
    return Envelope(
        "01J", "email", "test", {"to": address, "subject": "Bonjour", "text": "Bonjour."}, NOON, 0
    )


@pytest.mark.parametrize(
    ("address", "arrives_at"),
    [
        ("kevin.o'brien+x@acme.example", "kevin.o'brien+x@acme.example"),
        ("nora@m\u00fcnchen.example", "nora@xn--mnchen-3ya.example"),
        ("nora@stra\u00dfe.example", "nora@xn--strae-oqa.example"),
        ("jos\u00e9@acme.example", "jos\u00e9@acme.example"),
        ("jos\u00e9@m\u00fcnchen.example", "jos\u00e9@xn--mnchen-3ya.example"),
    ],
)
def test_a_letter_reaches_every_address_that_people_have(
    mailbox: Mailbox, address: str, arrives_at: str
) -> None:
    """RFC 6531, RFC 5890: letters beyond ASCII before the domain and in it."""
    carrier = SmtpCarrier(SmtpSettings("127.0.0.1", mailbox.smtp_port, "Exploitant", "noreply@x.example"))
    carrier.deliver(letter_to(address))
    [message] = mailbox.inbox.find(to=address)
    assert (message.to, message.text.strip()) == (arrives_at, "Bonjour.")
    assert mailbox.inbox.find(to=arrives_at) == [message]
    assert mailbox.inbox.find(to="somebody.else@x.example") == mailbox.inbox.find(to="nobody") == []


def test_a_relay_that_knows_ascii_alone_is_not_asked_again() -> None:
    """RFC 6531 section 3.2: what it could never take is given up at once; a domain it can take in its ASCII form."""
    relay = Controller(Sink(), hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=False)
    relay.start()
    try:
        carrier = SmtpCarrier(SmtpSettings("127.0.0.1", relay.port, "Exploitant", "noreply@x.example"))
        carrier.deliver(letter_to("nora@m\u00fcnchen.example"))
        for address in ("jos\u00e9@acme.example", "nora@-\u00fc-.example"):
            with pytest.raises(PermanentFailure):
                carrier.deliver(letter_to(address))
    finally:
        relay.stop()
