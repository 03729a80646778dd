"""Files that hold secrets: their owner alone may read them, and nobody ever meets half of one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kernel.errors import SettingsError


def is_open_to_others(path: Path) -> bool:
    """Tell whether anybody but the owner may do anything with a file, where a system knows owners."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def read_secret(path: Path, what: str, *, made_by: str = "") -> str:
    """Return the text of a file that somebody else may look after.

    ``what`` is what a sentence calls it, ``made_by`` the command that makes one.

    Raises:
        SettingsError: if it cannot be read, or is no text.
    """
    try:
        return path.read_text()
    except OSError as error:
        reason = error.strerror
        if made_by and isinstance(error, FileNotFoundError):
            reason = f"it is not there, `{made_by}` makes it"
        raise SettingsError(f"cannot read the {what} {path}: {reason}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"the {what} {path} is no text") from None


def read_private(path: Path, what: str, *, made_by: str = "") -> str:
    """Return the text of a file that its owner alone may read.

    Raises:
        SettingsError: if it cannot be read, is no text, or is open to others.
    """
    text = read_secret(path, what, made_by=made_by)
    if is_open_to_others(path):
        raise SettingsError(f"the {what} {path} is readable by others: run `chmod 600 {path}`")
    return text


def create_private(path: Path, text: str) -> None:
    """Write a new file (mode 600), or leave the one that is there.

    Of several processes that do so at once one wins, and the others find the whole of what it wrote.
    """
    with _beside(path, text) as new, contextlib.suppress(FileExistsError):
        os.link(new, path)


def replace_private(path: Path, text: str) -> None:
    """Put ``text`` in the place of what a file holds: all of it, or on a full disk none. Its owner stays."""
    place = path.resolve()
    known = place.stat()
    with _beside(place, text) as new:
        if os.name == "posix":
            os.chown(new, known.st_uid, known.st_gid)
        Path(new).replace(place)


@contextlib.contextmanager
def _beside(path: Path, text: str) -> Iterator[str]:
    """Give a file that holds all of ``text``, in the folder of ``path``; what is left of it goes."""
    try:
        handle, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
            yield new
        finally:
            Path(new).unlink(missing_ok=True)
    except OSError as error:
        error.filename = str(path)  # whoever reads of it knows this name, and no other
        raise
