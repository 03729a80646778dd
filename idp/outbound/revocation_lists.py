"""The file of revocation lists that the authorities of client certificates publish, as it stands now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from cryptography import x509

from idp.domain.certificate_chain import Authorities, Revocations, sorted_lists

_LOOK_SECONDS = 10.0
_BEGIN = b"-----BEGIN X509 CRL-----"
_log = structlog.get_logger(__name__)


class RevocationLists:
    """Lists of a file that is written anew from time to time; it is looked at every ten seconds at most.

    A file that cannot be read leaves the lists as they were; each is good until its next one is due, and then
    nobody is believed whose authority has no newer one.
    """

    def __init__(
        self, file: Path, authorities: Authorities, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file.

        Raises:
            OSError: if it cannot be opened.
            ValueError: if it is no file of lists of these authorities.
        """
        self._file = file
        self._authorities = authorities
        self._now = now
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._looked_at = now()
        self._lists = self._read()

    def current(self) -> Revocations:
        """Return the lists; one thread looks at the file while the others go on."""
        if self._now() - self._looked_at >= _LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._lists

    def _look(self) -> None:
        self._looked_at = self._now()
        try:
            stamp = self._stamped()
            if stamp != self._stamp:
                self._lists, self._stamp = self._read(), stamp
        except (OSError, ValueError) as error:
            _log.warning("revocation_lists.not_read", file=str(self._file), error=type(error).__name__)

    def _stamped(self) -> tuple[int, int, int]:
        found = self._file.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> Revocations:
        content = self._file.read_bytes()
        parts = content.split(_BEGIN)[1:]
        lists = [x509.load_pem_x509_crl(_BEGIN + part) for part in parts]
        return sorted_lists(lists or [x509.load_der_x509_crl(content)], self._authorities)
