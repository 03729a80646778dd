"""Templates that are compiled once, however many threads ask for one at the same time.

A template's first readers come together, after a start or a new release. Each would compile it for itself, of
which all but one are thrown away: megabytes, from which the heap of a worker never shrinks back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from typing import Any

import jinja2


class CompiledOnce(jinja2.BaseLoader):
    """Loads templates with another loader, one at a time, and remembers them."""

    def __init__(self, loader: jinja2.BaseLoader) -> None:
        self._loader = loader
        self._lock = threading.Lock()
        self._loaded: dict[str, jinja2.Template] = {}

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return what the other loader reads."""
        return self._loader.get_source(environment, template)

    def list_templates(self) -> list[str]:
        """Return what the other loader knows."""
        return self._loader.list_templates()

    def load(
        self,
        environment: jinja2.Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - the library's own name
    ) -> jinja2.Template:
        """Return the template ``name``; who asks while it is compiled waits for that.

        Raises:
            jinja2.TemplateNotFound: as the other loader does.
        """
        with self._lock:
            found = self._loaded.get(name)
            if found is None or (environment.auto_reload and not found.is_up_to_date):
                found = self._loaded[name] = self._loader.load(environment, name, globals)
            return found
