"""Templates are compiled once in a process, whoever asks for them and when."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import jinja2
import pytest

from kernel.web.compiled_once import CompiledOnce

_THREADS = 8


def test_threads_that_ask_for_a_template_at_once_share_one() -> None:
    """Each would compile it for itself otherwise, as Jinja looks for it before it compiles."""
    read: list[str] = []
    together = threading.Barrier(_THREADS)

    def source(name: str) -> str:
        read.append(name)
        return "{{ 6 * 7 }}"

    environment = jinja2.Environment(
        loader=CompiledOnce(jinja2.FunctionLoader(source)), autoescape=True, auto_reload=False
    )

    def ask(_: int) -> jinja2.Template:
        together.wait()
        return environment.get_template("page.html")

    with ThreadPoolExecutor(_THREADS) as threads:
        found = list(threads.map(ask, range(_THREADS)))
    assert read == ["page.html"]
    assert len(set(map(id, found))) == 1
    assert found[0].render() == "42"


@pytest.mark.parametrize(("auto_reload", "shown"), [(True, "new"), (False, "old")])
def test_a_template_that_was_changed_is_read_again_where_that_is_wished(
    *, auto_reload: bool, shown: str
) -> None:
    """As with the loader that it asks: Flask wishes it while one develops."""
    current = ["old"]

    def source(_: str) -> tuple[str, str | None, object]:
        text = current[0]
        return text, None, lambda: current[0] == text

    environment = jinja2.Environment(
        loader=CompiledOnce(jinja2.FunctionLoader(source)),  # type: ignore[arg-type]  # "up to date" as well
        autoescape=True,
        auto_reload=auto_reload,
    )
    assert environment.get_template("page.html").render() == "old"
    current[0] = "new"
    assert environment.get_template("page.html").render() == shown


def test_a_template_that_is_nowhere_is_not_found_each_time() -> None:
    """And the next who asks for another one does not wait for it."""
    environment = jinja2.Environment(
        loader=CompiledOnce(jinja2.DictLoader({"page.html": "page"})), autoescape=True
    )
    for _ in range(2):
        with pytest.raises(jinja2.TemplateNotFound):
            environment.get_template("other.html")
    assert environment.get_template("page.html").render() == "page"
    assert environment.list_templates() == ["page.html"]
