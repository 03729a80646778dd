"""E-mail over SMTP: multipart text and HTML, never building an address from anything but the payload."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import idna

from kernel.courier.carriers import PermanentFailure, TransientFailure
from kernel.courier.outbox import Envelope

_PLAIN = (policy.SMTP, ())
_INTERNATIONAL = (policy.SMTPUTF8, ("SMTPUTF8", "BODY=8BITMIME"))
"""How a letter is sent to an address with other letters than ASCII's before its domain (RFC 6531)."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where and as whom e-mail is sent. ``security`` is none, starttls or tls."""

    host: str
    port: int
    sender_name: str
    sender_address: str
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "none"
    timeout: float = 20.0


class SmtpCarrier:
    """Delivers e-mail to one SMTP relay."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def deliver(self, envelope: Envelope) -> None:
        """Send one e-mail; a 5xx refusal is permanent, everything else is tried again."""
        message = self.build(envelope)
        recipient = reachable(str(envelope.payload["to"]))
        form, options = _PLAIN if recipient.isascii() else _INTERNATIONAL
        try:
            with self._connect() as relay:
                relay.ehlo_or_helo_if_needed()
                if form.utf8 and not relay.has_extn("smtputf8"):
                    raise PermanentFailure("the relay takes no such recipient")
                # Not send_message: it writes ">From" where a line of the text begins with "From".
                relay.sendmail(
                    self._settings.sender_address, [recipient], message.as_bytes(policy=form), options
                )
        except smtplib.SMTPRecipientsRefused as error:
            code = max((status for status, _ in error.recipients.values()), default=0)
            raise self._failure(code) from None
        except smtplib.SMTPResponseException as error:
            raise self._failure(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise TransientFailure(f"relay unreachable ({type(error).__name__})") from None

    def build(self, envelope: Envelope) -> EmailMessage:
        """Return the message of ``envelope``, with a Message-ID that stays the same over retries."""
        settings, payload = self._settings, envelope.payload
        domain = settings.sender_address.rpartition("@")[2]
        message = EmailMessage()
        user, _, host = settings.sender_address.rpartition("@")
        message["From"] = Address(settings.sender_name, user, host)
        recipient = reachable(str(payload["to"]))
        message["To"] = recipient
        message["Subject"] = " ".join(str(payload["subject"]).split())
        message["Date"] = format_datetime(envelope.created_at)
        message["Message-ID"] = f"<{envelope.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = str(payload.get("language") or "en")
        message.set_content(str(payload["text"]))
        if payload.get("html"):
            message.add_alternative(str(payload["html"]), subtype="html")
        return message

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context()
        relay: smtplib.SMTP
        if settings.security == "tls":
            relay = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
        else:
            relay = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
        try:
            if settings.security == "starttls":
                relay.starttls(context=context)
            if settings.user:
                relay.login(settings.user, settings.password)
        except BaseException:
            relay.close()
            raise
        return relay

    @staticmethod
    def _failure(code: int) -> TransientFailure | PermanentFailure:
        if 500 <= code < 600:
            return PermanentFailure(f"relay refused with {code}")
        return TransientFailure(f"relay answered {code}")


def reachable(recipient: str) -> str:
    """Return the address with its domain as the DNS has it (RFC 5890), so that any relay takes it.

    Raises:
        PermanentFailure: if it is no address.
    """
    local, at, domain = recipient.rpartition("@")
    try:
        known = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        known = ""
    if parseaddr(recipient)[1] != recipient or not at or not known:
        raise PermanentFailure("the recipient is no e-mail address")
    return f"{local}@{known}"
