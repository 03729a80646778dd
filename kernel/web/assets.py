"""Static files: read once at start, named by their content, kept by browsers for a year."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import flask
from werkzeug.wrappers import Response

from kernel.web.headers import STATIC_LIFE

OWN = Path(__file__).parent / "static"
_SERVED = frozenset({".css", ".js", ".svg", ".png", ".ico", ".woff2", ".txt"})
_TEXT = frozenset({".css", ".js", ".svg", ".txt"})


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file as it is served."""

    address: str
    media_type: str
    body: bytes
    packed: bytes | None


class Assets:
    """The static files of a system; a later folder wins over an earlier one."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._by_name: dict[str, Asset] = {}
        for folder in (OWN, *folders):
            for path in sorted(folder.iterdir()):
                if path.is_file() and path.suffix in _SERVED:
                    self._by_name[path.name] = _read(path)
        self._by_address = {asset.address: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """Return the address of the file ``name``.

        Raises:
            KeyError: if there is no such file.
        """
        return self._by_name[name].address

    def serve(self, name: str) -> Response:
        """Answer with a static file; only names of the present content are known."""
        asset = self._by_address.get(f"/static/{name}")
        if asset is None:
            flask.abort(404)
        response = Response(asset.body, content_type=asset.media_type)
        if asset.packed is not None:
            response.vary.add("Accept-Encoding")
            if flask.request.accept_encodings["gzip"] > 0:
                response.set_data(asset.packed)
                response.headers["Content-Encoding"] = "gzip"
        response.headers["Cache-Control"] = STATIC_LIFE
        return response


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    mark = hashlib.sha256(body).hexdigest()[:12]
    guessed = mimetypes.guess_type(path.name)[0] or "text/plain"
    media_type = "text/javascript" if path.suffix == ".js" else guessed
    is_text = path.suffix in _TEXT
    return Asset(
        f"/static/{path.stem}.{mark}{path.suffix}",
        f"{media_type}; charset=utf-8" if is_text else media_type,
        body,
        gzip.compress(body, 9, mtime=0) if is_text else None,
    )
