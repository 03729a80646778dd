"""What the pages of an application said while a test walked through them, and which templates they came from."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import request, request_finished, template_rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask, Response
    from jinja2 import Template


@dataclass
class Heard:
    """Every page that was served, by its address and status, in order."""

    pages: list[tuple[str, str]] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)


@contextmanager
def listening(app: Flask) -> Iterator[Heard]:
    """Keep the pages that ``app`` serves to anybody for as long as the block runs."""
    heard = Heard()

    def served(_app: Flask, response: Response, **_more: Any) -> None:
        if response.mimetype == "text/html" and not response.location:
            heard.pages.append(
                (f"{request.full_path} {response.status_code}", response.get_data(as_text=True))
            )

    def rendered(_app: Flask, template: Template, **_more: Any) -> None:
        heard.templates.add(str(template.name))

    with request_finished.connected_to(served, app), template_rendered.connected_to(rendered, app):
        yield heard
