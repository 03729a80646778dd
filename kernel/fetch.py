"""Reaches addresses that others chose, for small documents and messages, without becoming their tool (SSRF).

Only https. The name is resolved once, every address it has must be one of the open internet, and the
connection goes to the very addresses that were looked at. No redirect is followed, no proxy and no credential
is used, and size and time have an end. Single hosts on loopback can be let through, for laboratories, and
what an operator chose may be anywhere: time has an end there, too.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from kernel.errors import SettingsError

_LONGEST_URL = 2_048
_CHUNK = 16_384
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Ask = Callable[[http.client.HTTPConnection, str], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The body of an answer 200."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to something that was sent, whatever its status."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class NotFetched:
    """Why nothing was fetched: a word for the log, never for whoever named the address."""

    reason: str


@dataclass(frozen=True, slots=True)
class FetchRules:
    """``loopback`` holds each ``host:port`` that may be this machine; ``authority`` is a CA to trust too.

    ``anywhere`` lets every address through, of this machine and over plain http, too.
    """

    authority: Path | None = None
    loopback: Collection[str] = ()
    most_bytes: int = 131_072
    seconds: float = 4.0
    anywhere: bool = False


class Fetcher:
    """Fetches by the rules it was made with; any number of threads may use it."""

    def __init__(self, rules: FetchRules | None = None) -> None:
        self._rules = rules or FetchRules()
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, *, accept: str = "application/json") -> Fetched | NotFetched:
        """Return what stands at ``url``, or why it was not fetched. It blocks for ``seconds`` at most.

        Raises:
            SettingsError: if the extra authority of the rules cannot be read.
        """
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        answer = self._guarded(url, lambda connection, path: connection.request("GET", path, headers=headers))
        if isinstance(answer, NotFetched):
            return answer
        return Fetched(answer.body) if answer.status == http.client.OK else _unwanted(answer)

    def anywhere(self, *, seconds: float) -> Fetcher:
        """Return what goes wherever an operator chose, for ``seconds`` at most."""
        return Fetcher(replace(self._rules, anywhere=True, seconds=seconds))

    def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str], reads: bool = True
    ) -> Answered | NotFetched:
        """Send ``body`` to ``url`` by the same rules; return what was answered, or why nothing was.

        Unless it ``reads``, what stands in the answer is of no matter, however long it is.

        Raises:
            SettingsError: if the extra authority of the rules cannot be read.
        """
        sent = {**headers, "Accept-Encoding": "identity"}
        return self._guarded(
            url,
            lambda connection, path: connection.request("POST", path, body=body, headers=sent),
            reads=reads,
        )

    def _guarded(self, url: str, ask: _Ask, *, reads: bool = True) -> Answered | NotFetched:
        target = _target(url, plain=self._rules.anywhere)
        if target is None:
            return NotFetched("address")
        deadline = time.monotonic() + self._rules.seconds
        try:
            addresses = _resolved(target.host, target.port, deadline)
            refusal = self._refusal(target, addresses)
            if refusal:
                return NotFetched(refusal)
            return self._exchange(target, addresses, ask, deadline, reads=reads)
        except ssl.SSLError:
            return NotFetched("tls")
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return NotFetched("time" if isinstance(error, TimeoutError) else "connection")

    def _refusal(self, target: _Target, addresses: list[str]) -> str:
        if not addresses:
            return "name"
        if self._rules.anywhere:
            return ""
        found = [ipaddress.ip_address(each) for each in addresses]
        if f"{target.host}:{target.port}" in self._rules.loopback:
            return "" if all(each.is_loopback for each in found) else "not loopback"
        return "" if all(is_open(each) for each in found) else "not a public address"

    def _exchange(
        self, target: _Target, addresses: list[str], ask: _Ask, deadline: float, *, reads: bool
    ) -> Answered | NotFetched:
        connection = (
            _Pinned(target, addresses, self._trust(), deadline)
            if target.secure
            else _Plain(target, addresses, deadline)
        )
        try:
            ask(connection, target.path)
            answer = connection.getresponse()
            body = b""
            while reads and (chunk := answer.read(_CHUNK)):
                body += chunk
                if len(body) > self._rules.most_bytes:
                    return NotFetched("size")
            return Answered(answer.status, body, answer.headers.get("Retry-After", ""))
        finally:
            connection.close()

    def trusted(self) -> ssl.SSLContext:
        """Return a new context with the authorities of the machine, and the one of the rules.

        Raises:
            SettingsError: if that one cannot be read.
        """
        context = ssl.create_default_context()
        try:
            if self._rules.authority is not None:
                context.load_verify_locations(self._rules.authority)
        except (OSError, ssl.SSLError):
            raise SettingsError(f"the authority {self._rules.authority} cannot be read") from None
        return context

    def _trust(self) -> ssl.SSLContext:
        """Return the context of every connection here; made at the first use."""
        if self._context is None:
            context = self.trusted()
            context.sslsocket_class = _PatientSocket
            self._context = context
        return self._context


def _unwanted(answer: Answered) -> NotFetched:
    return NotFetched(f"status {answer.status}")


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool


def _target(url: str, *, plain: bool = False) -> _Target | None:
    """Take an address apart; None if it is not plain https to a host, or http where that will do."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    secure = parts.scheme == "https"
    if not secure and not (plain and parts.scheme == "http"):
        return None
    if not host or "@" in parts.netloc or "#" in url or port == 0:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(host.lower(), port or (443 if secure else 80), path, secure)


def is_open(address: _Address) -> bool:
    """Tell whether an address is one of the open internet, also where one address wraps another (OB-13)."""
    if isinstance(address, ipaddress.IPv6Address):
        inner: _Address | None = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None or address in _NAT64 or address.is_site_local:
            return False
        if inner is not None:
            return is_open(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _resolved(host: str, port: int, deadline: float) -> list[str]:
    """Return the addresses of a name; a resolver that does not answer in time is left behind."""
    found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            found.put([str(row[4][0]).partition("%")[0] for row in rows])
        except (OSError, UnicodeError) as error:
            found.put(error if isinstance(error, OSError) else OSError())

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        outcome = found.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(outcome, OSError):
        return []
    return outcome


def _wait_until(deadline: float, connection: socket.socket) -> None:
    """Give the next read no more than what is left of the whole time.

    Raises:
        TimeoutError: if it is over.
    """
    if deadline:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)


class _PatientSocket(ssl.SSLSocket):
    """A socket of which no read outlasts the whole time."""

    deadline: float = 0.0

    def recv_into(self, *given: object, **named: object) -> int:
        """Read as ever, or give up at the deadline."""
        _wait_until(self.deadline, self)
        return super().recv_into(*given, **named)  # type: ignore[arg-type]


class _PatientPlainSocket(socket.socket):
    """The same without TLS."""

    deadline: float = 0.0

    def recv_into(self, *given: object, **named: object) -> int:
        """Read as ever, or give up at the deadline."""
        _wait_until(self.deadline, self)
        return super().recv_into(*given, **named)  # type: ignore[arg-type]


class _Pinned(http.client.HTTPSConnection):
    """A connection to addresses that were looked at, in turn; the certificate is judged by the name."""

    def __init__(
        self, target: _Target, addresses: list[str], context: ssl.SSLContext, deadline: float
    ) -> None:
        super().__init__(target.host, target.port, context=context)
        self._pinned = addresses
        self._tls = context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first pinned address that answers, and have the host's name proved.

        Raises:
            OSError: if none can be reached or proves anything in time.
        """
        plain = _reached(self._pinned, self.port, self._deadline)
        try:
            secured = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        if isinstance(secured, _PatientSocket):
            secured.deadline = self._deadline
        self.sock = secured


class _Plain(http.client.HTTPConnection):
    """The same over plain http."""

    def __init__(self, target: _Target, addresses: list[str], deadline: float) -> None:
        super().__init__(target.host, target.port)
        self._pinned = addresses
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first pinned address that answers."""
        found = _reached(self._pinned, self.port, self._deadline)
        patience = found.gettimeout()
        patient = _PatientPlainSocket(found.family, found.type, found.proto, fileno=found.detach())
        patient.settimeout(patience)
        patient.deadline = self._deadline
        self.sock = patient


def _reached(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Return a connection to the first of these addresses that answers.

    Raises:
        OSError: if none does in time.
    """
    failed: OSError = OSError()
    for address in addresses:
        try:
            left = max(0.001, deadline - time.monotonic())
            return socket.create_connection((address, port), left)
        except OSError as error:
            failed = error
    raise failed
