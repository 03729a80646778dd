"""A process lets go of the pages of files that only its start needed, and of nothing that was changed."""

from __future__ import annotations

import subprocess
import sys

_MAPS = """
import ctypes, hashlib, mmap, sqlite3, ssl, tempfile
from pathlib import Path
from kernel import mapped as mapping
from kernel.mapped import let_go_of_files

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
SIZE = 64 * mmap.PAGESIZE

def mapped(changed):
    file = tempfile.TemporaryFile()
    file.write(b"f" * SIZE)
    file.flush()
    write = mmap.PROT_WRITE if changed else 0
    first = libc.mmap(None, SIZE, mmap.PROT_READ | write, mmap.MAP_PRIVATE, file.fileno(), 0)
    if changed:
        ctypes.memset(first, ord("c"), 1)
        libc.mprotect(ctypes.c_void_p(first), ctypes.c_size_t(SIZE), mmap.PROT_READ)
    assert ctypes.string_at(first, SIZE)[1:] == b"f" * (SIZE - 1)
    return first

kept, changed = mapped(changed=False), mapped(changed=True)
"""
_PAGES = (
    _MAPS
    + """
def resident(first):
    place = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line.split()[0].endswith(":"):
            place = line.split("-")[0]
        elif line.startswith("Rss:") and int(place, 16) == first:
            return int(line.split()[1]) * 1024

assert (resident(kept), resident(changed)) == (SIZE, SIZE)
let_go_of_files()
assert (resident(kept), resident(changed)) == (0, SIZE)
assert ctypes.string_at(kept, SIZE) == b"f" * SIZE
assert ctypes.string_at(changed, SIZE) == b"c" + b"f" * (SIZE - 1)
ssl.create_default_context()
print(hashlib.sha256(b"").hexdigest()[:8], sqlite3.connect(":memory:").execute("SELECT 1").fetchone())
"""
)
_SWAPPED = (
    _MAPS
    + """
place = ""
told = []
for line in Path("/proc/self/smaps").read_text().splitlines():
    name = line.split()[0]
    if not name.endswith(":"):
        place = name.split("-")[0]
    elif int(place, 16) == changed and name in {"Anonymous:", "Swap:"}:
        line = f"{name} {0 if name == 'Anonymous:' else 4} kB"
    told.append(line)
with tempfile.NamedTemporaryFile("w") as file:
    print(*told, sep="\\n", file=file, flush=True)
    mapping._MAPPINGS = Path(file.name)
    let_go_of_files()
assert ctypes.string_at(changed, SIZE) == b"c" + b"f" * (SIZE - 1)
"""
)


def test_pages_of_files_go_and_come_back_and_what_was_changed_stays() -> None:
    """Libraries run on after it; a page that the loader wrote to would be lost for good."""
    done = subprocess.run([sys.executable, "-c", _PAGES], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(maxsplit=1) == ["e3b0c442", "(1,)\n"]


def test_what_was_changed_and_is_swapped_out_stays() -> None:
    """A page that is swapped out is no anonymous one of proc(5): it is told of apart, and is as changed."""
    done = subprocess.run([sys.executable, "-c", _SWAPPED], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
