"""What is wrong with a laboratory's file, in plain words: the path of the key, and what belongs there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from kernel.errors import SpokenError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Fault:
    """One key that is wrong, such as ``accounts[0].password``, and what is wrong with it."""

    key: str
    message: str


class LabFileError(SpokenError):
    """The file cannot be used; the message names every key that is wrong."""

    code: ClassVar[str] = "lab_file"
    public: ClassVar[str] = "The file cannot be used."

    def __init__(self, name: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [f"  {fault.key}: {fault.message}" for fault in self.faults]
        super().__init__("\n".join([f"{name} cannot be used:", *lines]), name=name)


def path_of(location: Sequence[str | int]) -> str:
    """Return a place in the file as people write it: ``accounts[0].claims.address``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).lstrip(".") or "the file"


_OURS = {"sub": "cannot be chosen: the Gateway gives each account its own"}
_WORDS = {
    "missing": "is missing",
    "string_type": "has to be a text",
    "bool_type": "has to be true or false",
    "int_type": "has to be a whole number",
    "tuple_type": "has to be a list",
    "list_type": "has to be a list",
    "dict_type": "has to be an object",
    "model_type": "has to be an object",
    "model_attributes_type": "has to be an object",
    "string_too_short": "is empty",
}


def fault_of(error: ErrorDetails, model: type[BaseModel]) -> Fault:
    """Return what one of pydantic's errors about ``model`` says, in words."""
    context: dict[str, Any] = error.get("ctx", {})
    kind = error["type"]
    location = error["loc"]
    key = path_of(location)
    if kind == "extra_forbidden":
        return Fault(key, no_such_key(str(location[-1]), _keys_beside(model, location)))
    if kind in ("literal_error", "enum"):
        return Fault(key, f"has to be {context['expected']}")
    if kind == "value_error":
        return Fault(key, str(context["error"]))
    if kind == "json_invalid":
        return Fault("the file", f"is not JSON: {context['error']}")
    if kind == "string_too_long":
        return Fault(key, f"has {context['max_length']} characters at most")
    return Fault(key, _WORDS.get(kind, error["msg"][:1].lower() + error["msg"][1:]))


def no_such_key(name: str, known: Collection[str]) -> str:
    """Say that a key is unknown, and which one was perhaps meant."""
    if name in _OURS:
        return _OURS[name]
    near = difflib.get_close_matches(name, sorted(known), 1, cutoff=0.7)
    return "there is no such key" + (f"; is it {near[0]}?" if near else "")


def _keys_beside(model: type[BaseModel], location: Sequence[str | int]) -> Collection[str]:
    """Return the keys that are known where ``location`` stands."""
    found: type[BaseModel] | None = model
    for part in location[:-1]:
        if isinstance(part, int) or found is None:
            continue
        option = found.model_fields.get(part)
        found = _model_in(option.annotation) if option else None
    return [option.alias or name for name, option in found.model_fields.items()] if found else ()


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model that an annotation names, alone or within a list or a choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, getattr(annotation, "__args__", ()))), None)
