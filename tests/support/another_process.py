"""A provider in a process of its own over a database that others use too: what only a second node can show.

The child reads requests as lines of JSON, sends each of them several times at once, and tells the answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel.database import Database

_THREADS = 6


@dataclass(frozen=True)
class Sent:
    """A request to the endpoints, as it stands."""

    path: str
    body: str = ""
    query: str = ""
    headers: Mapping[str, str] | None = None

    @property
    def line(self) -> str:
        """The request as a line."""
        said = {
            "path": self.path,
            "body": self.body,
            "query": self.query,
            "headers": dict(self.headers or {}),
        }
        return json.dumps(said) + "\n"


@dataclass(frozen=True)
class Told:
    """What was answered, as far as a race is about it."""

    status: int
    location: str
    error: str


class Processes:
    """Children that wait for the same request."""

    def __init__(self, children: list[subprocess.Popen[str]]) -> None:
        self._children = children

    def send(self, request: Sent) -> list[Told]:
        """Send ``request`` from every process at the same moment, many times each; return every answer."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write(request.line)
        for child in self._children:
            assert child.stdin is not None
            child.stdin.flush()
        return [answer for child in self._children for answer in _answers(child)]


def _answers(child: subprocess.Popen[str]) -> list[Told]:
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, "the process ended"
    return [Told(*each) for each in json.loads(line)]


@contextmanager
def processes_over(database: Database, count: int = 2) -> Iterator[Processes]:
    """Start ``count`` processes over ``database`` and give them when they are ready; end them afterwards."""
    address = database.engine.url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        children = []
        for _ in range(count):
            child = subprocess.Popen(
                [sys.executable, "-m", __name__, address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(child)  # closes its standard input, which ends it, and waits
            children.append(child)
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        yield Processes(children)


def main(address: str) -> None:
    """Serve lines of standard input until there are no more."""
    from kernel.database import Database
    from tests.support.oidc import an_op

    database = Database(address)
    op = an_op(database, limits=False)
    print("ready", flush=True)  # noqa: T201 - the parent reads it
    with ThreadPoolExecutor(_THREADS) as pool:
        for line in sys.stdin:
            said = json.loads(line)
            barrier = threading.Barrier(_THREADS)

            def deed(
                _number: int, said: dict[str, Any] = said, barrier: threading.Barrier = barrier
            ) -> tuple[int, str, str]:
                barrier.wait()
                answer = op.call(
                    "POST" if said["body"] else "GET",
                    said["path"],
                    query=said["query"],
                    body=said["body"].encode(),
                    headers=said["headers"],
                )
                error = "" if answer.status < 400 or answer.body.startswith(b"<") else answer.json()["error"]
                return answer.status, answer.header("location"), error

            print(json.dumps(list(pool.map(deed, range(_THREADS)))), flush=True)  # noqa: T201
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
