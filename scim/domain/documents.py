"""JSON from strangers: read strictly, with a bound on depth, and never an error of ours (B7, SL-05)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidSyntaxException

DEEPEST = 32
LARGEST_INTEGER = 2**53
"""What every reader of JSON keeps exact (RFC 8259 §6)."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read_object(body: bytes, *, deepest: int = DEEPEST) -> dict[str, Any]:
    """Return the JSON object that ``body`` is, ``deepest`` levels deep at most.

    Raises:
        InvalidSyntaxException: for anything else: no UTF-8, a byte order mark, a name twice (in any case:
            names of attributes have none, RFC 7643 §2.1), NaN, endless numbers, deep nesting, zero characters
            and lone surrogates, another type at the top.
    """
    if not body.strip():
        raise InvalidSyntaxException(detail="The request has no body.")
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        # Also UnicodeDecodeError, and numbers longer than Python reads.
        raise InvalidSyntaxException(detail="The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidSyntaxException(detail="The request body must be a JSON object.")
    _look_inside(value, deepest, escapes=b"\\u" in body)
    return value


def require_schema(body: dict[str, Any], schema: str) -> None:
    """Refuse a resource that does not say what it is (C3); an extension it uses is listed for it.

    Raises:
        InvalidSyntaxException: if ``schemas`` does not name ``schema``.
    """
    require_listed(member_of(body, "schemas"), schema)


def require_listed(schemas: object, schema: str) -> None:
    """Refuse a message by its ``schemas``, the value of that member: it is another message, or none.

    Raises:
        InvalidSyntaxException: if ``schemas`` does not name ``schema``.
    """
    if not isinstance(schemas, list) or schema.lower() not in [str(each).lower() for each in schemas]:
        raise InvalidSyntaxException(detail=f"'schemas' must name {schema}.")


def member_of(body: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    """Return the member called ``name`` (in small letters), however the client spells it, or None."""
    return next((value for called, value in body.items() if called.lower() == name), None)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.lower() for name, _ in pairs}) != len(pairs):
        raise InvalidSyntaxException(detail="The request body has a name twice in one object.")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _look_inside(value: object, deepest: int, *, escapes: bool) -> None:
    """Walk the value without recursion; only escapes can bring characters that UTF-8 and JSON forbid raw."""
    level: list[object] = [value]
    for _ in range(deepest):
        following: list[object] = []
        for each in level:
            if isinstance(each, dict):
                following += each.values()
                if escapes:
                    following += each.keys()
            elif isinstance(each, list):
                following += each
            elif escapes and isinstance(each, str) and is_unstorable(each):
                raise InvalidSyntaxException(detail="A text holds a character that no text can hold.")
        if not following:
            return
        level = following
    raise InvalidSyntaxException(detail=f"The request body nests deeper than {deepest} levels.")


def is_unstorable(text: str) -> bool:
    """Tell whether ``text`` holds what no database and no UTF-8 text can: a zero character, a lone surrogate.

    JSON brings them by an escape, and a filter inside a path by an escape of its own.
    """
    return _UNSTORABLE.search(text) is not None


def write(value: object) -> str:
    """Return compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
