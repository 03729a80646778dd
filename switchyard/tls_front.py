"""Ends TLS in front of one of our servers on the same machine, with the versions and ciphers one is told.

Owns the use of certificates and both sides of each connection. It looks at no byte that passes, but for a
client that proves a certificate: then it tells the server behind in a header, and serves one request a
connection. The server behind knows its public address by its own settings. It runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from kernel.errors import SpokenError

RECOMMENDED_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
"""The cipher suites of RFC 9325 §4.2 for TLS 1.2, in OpenSSL's names; TLS 1.3 has good ones only."""

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CHUNK = 64 * 1024
_END = b"\r\n\r\n"
_HANDSHAKE_SECONDS = 10.0
_CLOSING_SECONDS = 5.0


class TlsError(SpokenError):
    """The certificate, its key or the ciphers cannot be used; the message says which and why."""

    code: ClassVar[str] = "tls"
    public: ClassVar[str] = "TLS cannot be offered."


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """A certificate chain and its key in PEM, the lowest version, and the ciphers of TLS 1.2."""

    certificate: Path
    key: Path
    lowest: str = "1.2"
    ciphers: str = RECOMMENDED_CIPHERS
    client_authorities: Path | None = None
    """Who issues the certificates that clients may prove, or those certificates themselves."""

    def context(self) -> ssl.SSLContext:
        """Return what a listener needs.

        Raises:
            TlsError: naming the file that cannot be used, or the list of ciphers.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[self.lowest]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        if self.client_authorities is not None:
            _ask_clients(context, self.client_authorities)
        try:
            context.set_ciphers(self.ciphers)
        except ssl.SSLError:
            raise TlsError(f"no cipher of OpenSSL is named in {self.ciphers!r}") from None
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except _EncryptedError:
            raise TlsError(f"the key {self.key} is protected by a password") from None
        except ssl.SSLError as error:
            reason = error.reason.replace("_", " ").lower() if error.reason else "they are not PEM"
            raise TlsError(f"{self.certificate} and {self.key} cannot be used: {reason}") from None
        except OSError as error:
            raise TlsError(f"{self.certificate} and {self.key} cannot be read: {error.strerror}") from None
        return context


def _ask_clients(context: ssl.SSLContext, authorities: Path) -> None:
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate may stand for itself
    try:
        context.load_verify_locations(authorities)
    except OSError:  # an SSLError is one
        raise TlsError(f"{authorities} cannot be used: it is not a file of certificates") from None


class _EncryptedError(Exception):
    """A password is asked for, and nobody is there to type it."""


def _no_password() -> str:
    raise _EncryptedError


class TlsFront:
    """Listens with TLS on one port of 127.0.0.1 and passes what comes to another. A context manager.

    ``certificate_header`` tells the server behind what a client proved. Its name has to be a secret between
    the two: what clients send is passed on as it is.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        port: int,
        to: int,
        host: str = "127.0.0.1",
        certificate_header: str = "",
    ) -> None:
        self._context = context
        self._host = host
        self._port = port
        self._to = to
        self._header = certificate_header
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="tls-front", daemon=True)

    def __enter__(self) -> Self:
        """Listen from now on.

        Raises:
            OSError: if the port is not free.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except BaseException:
            self._end()
            raise
        return self

    def stop_listening(self) -> None:
        """Take no more connections; those that are open go on."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result()

    def __exit__(self, *_reason: object) -> None:
        """Listen no more, and cut what is still open."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve,
            self._host,
            self._port,
            ssl=self._context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_CLOSING_SECONDS,
        )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # A handshake that fails is the client's affair, and no line of ours.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.run_forever()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _close(self) -> None:
        await self._stop_listening()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # a handshake may just have ended
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind_reader, behind_writer = await asyncio.open_connection(self._host, self._to)
        except OSError:
            writer.close()
            return
        try:
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            if certificate and self._header:
                behind_writer.write(with_certificate(await reader.readuntil(_END), self._header, certificate))
            await asyncio.gather(_pass_on(reader, behind_writer), _pass_on(behind_reader, writer))
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            behind_writer.close()
            writer.close()


def with_certificate(head: bytes, header: str, certificate: bytes) -> bytes:
    """Return the head of a request that tells a certificate (RFC 9440 §2.1) and ends the connection."""
    lines = head.removesuffix(_END).split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    told = f"{header}: :{base64.b64encode(certificate).decode()}:".encode("ascii")
    return b"\r\n".join([*kept, told, b"Connection: close"]) + _END


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends; TLS knows no half-closed connection, so then both are closed."""
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()
