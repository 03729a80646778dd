"""E-mail as the recipient gets it, through a real SMTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.courier.outbox import Envelope
from kernel.courier.smtp import SmtpCarrier, SmtpSettings
from tests.support.clock import NOON

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
