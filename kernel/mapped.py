"""What a process maps from files, its libraries before all: what only the start needed is let go of.

Loading runs through much of the libraries once, and the system maps sixteen pages around each that is
touched; a third of them no request ever needs. The system holds these pages once for all processes, may take
them from any process at any time, and brings one back as soon as it is touched.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from contextlib import suppress
from pathlib import Path

_MAPPINGS = Path("/proc/self/smaps")
_CHANGED = ("Anonymous:", "Swap:")
"""Where changed pages are: in memory, or swapped out, as those of a parent that idled for days often are."""


def let_go_of_files() -> None:
    """Let go, on Linux, of the pages of files that can only be read or run, and are as they are in the file.

    Where a page of a mapping was changed, as the loader does when it links a library, all of it stays. No
    library may be loaded meanwhile, whose pages could change between the look and the deed.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # no /proc, or a C library without it
            advise = ctypes.CDLL(None).madvise
            for first, end in _unchanged(_MAPPINGS.read_text(errors="replace").splitlines()):
                advise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), mmap.MADV_DONTNEED)


def _unchanged(lines: list[str]) -> list[tuple[int, int]]:
    """Return where private mappings of files begin and end that nobody writes or wrote to (proc(5))."""
    found = []
    place = ""
    for line in lines:
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            access, *_, path = rest.split(None, 4)
            place = name if access in {"r-xp", "r--p"} and path.startswith("/") else ""
        elif name in _CHANGED and rest.split()[0] != "0":
            place = ""
        elif place and name == "VmFlags:":  # the last line of each
            first, _, end = place.partition("-")
            found.append((int(first, 16), int(end, 16)))
    return found
