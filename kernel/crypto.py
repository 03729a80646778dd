"""Cryptographic primitives: digests, sealing at rest, derived keys and slow hashes for passwords.

Tokens, codes and links are high-entropy and kept as SHA-256 digests. What must be read again (signing
keys, TOTP seeds, outgoing credentials) is sealed with AES-256-GCM under a key-encryption key, bound to
its table, column and row. What people choose (passwords, security answers) is hashed with argon2id.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import argon2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.errors import SealError, SettingsError
from kernel.private_files import create_private, read_private, replace_private
from kernel.processors import usable_processors
from kernel.randomness import Randomness
from kernel.turns import Turns

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"


def digest(secret: str | bytes) -> bytes:
    """Return the SHA-256 digest under which a high-entropy secret is stored and found."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).digest()


def same(left: bytes, right: bytes) -> bool:
    """Tell whether two secrets are equal, in constant time."""
    return hmac.compare_digest(left, right)


class KeyRing:
    """The key-encryption keys by number; the highest number seals, every one opens.

    A ring that was read from a file reads it again for a number that it does not know: processes that
    started later seal with keys that were added since. What seals stays as it was at the start.
    """

    def __init__(self, keys: Mapping[int, bytes], *, path: Path | None = None) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise SettingsError(
                f"a key-encryption key has {KEY_BYTES} bytes; make one with `switchyard keys new-kek`"
            )
        if any(not 0 < number < 256 for number in keys):
            raise SettingsError("key-encryption keys are numbered from 1 to 255")
        self._keys = dict(keys)
        self._path = path
        self._looked_at = 0
        self.newest = max(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({sorted(self._keys)})"

    def get(self, number: int) -> bytes:
        """Return key ``number``.

        Raises:
            SealError: if the ring does not hold it.
        """
        found = self._keys.get(number) or self._added(number)
        if found is None:
            raise SealError(key_number=number)
        return found

    def _added(self, number: int) -> bytes | None:
        """Return a key that was added to the file since it was last read, or None."""
        with contextlib.suppress(OSError, SettingsError):
            if self._path is not None and self._looked_at != (changed := self._path.stat().st_mtime_ns):
                self._keys = _read(self._path) | self._keys
                self._looked_at = changed
        return self._keys.get(number)

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """Read a ring from a file of lines ``<number>:<base64 of 32 bytes>``.

        Raises:
            SettingsError: if the file is missing, readable by others, or not of that form.
        """
        return cls(_read(path), path=path)

    @classmethod
    def create_file(cls, path: Path, randomness: Randomness) -> KeyRing:
        """Write a new ring with one key to ``path`` (mode 0600) unless the file is there, and read it.

        Of several processes that do so at once one wins, and the others read the whole of what it wrote.
        """
        if not path.exists():
            create_private(path, _line(1, randomness) + "\n")
        return cls.from_file(path)

    @classmethod
    def add_to_file(cls, path: Path, randomness: Randomness) -> KeyRing:
        """Add one more key to ``path``, which seals from then on, and read it; the older ones still open."""
        number = cls.from_file(path).newest + 1
        replace_private(path, f"{path.read_text().rstrip()}\n{_line(number, randomness)}\n")
        return cls.from_file(path)


def _read(path: Path) -> dict[int, bytes]:
    return dict(_lines(read_private(path, "key file", made_by=f"switchyard keys new-kek {path}"), path))


def _line(number: int, randomness: Randomness) -> str:
    return f"{number}:" + base64.b64encode(randomness.token_bytes(KEY_BYTES)).decode()


def _lines(text: str, path: Path) -> Iterator[tuple[int, bytes]]:
    for line in text.split():
        number, _, key = line.partition(":")
        try:
            yield int(number), base64.b64decode(key, validate=True)
        except (ValueError, binascii.Error):
            raise SettingsError(f"the key file {path} holds a line that is not <number>:<base64>") from None


class Sealer:
    """Seals and opens bytes at rest, and derives keys for one purpose each."""

    def __init__(self, keys: KeyRing, randomness: Randomness) -> None:
        self._keys = keys
        self._randomness = randomness
        self._derived: dict[str, bytes] = {}
        self._begun: dict[str, hmac.HMAC] = {}
        self._ciphers: dict[int, AESGCM] = {}

    @property
    def newest(self) -> int:
        """The number of the key that seals."""
        return self._keys.newest

    def seal(self, plain: bytes, *, table: str, column: str, row: str) -> bytes:
        """Return ``plain`` sealed for exactly this table, column and row."""
        number = self._keys.newest
        nonce = self._randomness.token_bytes(_NONCE_BYTES)
        head = _FORMAT + bytes([number])
        return head + nonce + self._cipher(number).encrypt(nonce, plain, _bound(head, table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """Return what :meth:`seal` was given for the same table, column and row.

        Raises:
            SealError: for another place, another key, or changed bytes.
        """
        head, nonce, body = sealed[:2], sealed[2 : 2 + _NONCE_BYTES], sealed[2 + _NONCE_BYTES :]
        if len(head) != 2 or head[:1] != _FORMAT:
            raise SealError(table=table, column=column, row=row)
        try:
            return self._cipher(head[1]).decrypt(nonce, body, _bound(head, table, column, row))
        except (InvalidTag, ValueError):
            raise SealError(table=table, column=column, row=row) from None

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key for ``purpose``: HKDF-SHA256 over key number 1, never shown itself."""
        found = self._derived.get(purpose)
        if found is None:
            kdf = HKDF(
                algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=b"switchyard/" + purpose.encode()
            )
            found = self._derived.setdefault(purpose, kdf.derive(self._keys.get(1)))
        return found

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of ``message`` under the key of ``purpose``."""
        begun = self._begun.get(purpose)
        if begun is None:
            begun = self._begun.setdefault(purpose, hmac.new(self.derive(purpose), digestmod="sha256"))
        mac = begun.copy()
        mac.update(message)
        return mac.digest()

    def _cipher(self, number: int) -> AESGCM:
        found = self._ciphers.get(number)
        if found is None:
            found = self._ciphers.setdefault(number, AESGCM(self._keys.get(number)))
        return found


def _bound(head: bytes, table: str, column: str, row: str) -> bytes:
    return head + f"{table}\x00{column}\x00{row}".encode()


class PasswordHasher:
    """argon2id with a bound on how many hashes run at once, so that memory cannot be used up.

    The defaults are OWASP's floor: 19 MiB, two passes, one lane (G-51, LG-10). A secret longer than
    1,024 bytes never reaches the hash. As many run at once as there are processors, unless ``parallel`` says
    otherwise: more would only push each other's memory out of the cache. The others stand in line.
    ``used`` is called after each hash, for who looks after the memory it has left behind, and ``waited`` is
    told how many seconds each stood in line.
    """

    longest = 1024

    def __init__(
        self,
        *,
        memory_kib: int = 19_456,
        passes: int = 2,
        lanes: int = 1,
        parallel: int | None = None,
        wait: float = 2.0,
        used: Callable[[], None] = lambda: None,
        waited: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._argon = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, salt_len=16
        )
        self.turns = Turns(parallel or usable_processors(), patience=wait, waited=waited)
        self._used = used
        self._nobody = self._argon.hash("nobody has this password")
        self._shape = _shape(self._nobody)

    def hash(self, secret: str) -> str:
        """Return the PHC string of ``secret``.

        Raises:
            BusyError: when its turn does not come within the wait.
        """
        with self.turns.turn():
            try:
                return self._argon.hash(secret)
            finally:
                self._used()

    def verify(self, stored: str | None, secret: str) -> bool:
        """Tell whether ``secret`` matches; with ``None`` burn the same time and answer no (EN-01).

        Raises:
            BusyError: when its turn does not come within the wait.
        """
        usable = len(secret.encode()) <= self.longest
        with self.turns.turn():
            try:
                matches = self._argon.verify(stored or self._nobody, secret if usable else "")
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
            finally:
                self._used()
        return bool(matches) and stored is not None and usable

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether ``stored`` was made with other costs than those in force."""
        # To take a hash apart costs more than to see that it is made like one of now.
        return _shape(stored) != self._shape and self._argon.check_needs_rehash(stored)


def _shape(stored: str) -> tuple[str, int, int]:
    """Return what hashes of the same costs have in common: what stands before the salt, and the lengths."""
    before, _, rest = stored.rpartition("$")
    costs, _, salt = before.rpartition("$")
    return costs, len(salt), len(rest)
