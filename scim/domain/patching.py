"""A PATCH through scim2-models: validated once, applied to as many versions of a resource as it takes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import Context, InvalidFilterException, PatchOp, ScimPolicy
from scim2_models.path import AttributeBinding, Path

from idp.domain.user_name import fold
from scim.domain.models import TOLERANT
from scim.domain.patch_effort import Effort, comparisons, reading
from scim.domain.patch_operations import PATCH_SCHEMA, SEVERAL_SELECTED
from scim.domain.profile import Tolerance

_DESCRIBING = TOLERANT.model_copy(update={"unmatched_path_filter": ScimPolicy.UnmatchedPathFilter.create})


def _key(binding: AttributeBinding, text: str) -> str:
    return text if binding.case_exact else fold(text)


def _folds_as_it_lowers(text: str) -> bool:
    """Tell whether the library's own way to compare means the same in ``text`` as ours (E14).

    It nearly always does. Under another way than its own the library looks at every value of a resource after
    every operation, which takes longer than the PATCH itself.
    """
    if text.isascii():
        return True
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    return lowered == fold(text)


class Patch:
    """Operations on resources of one model, read for a client of one profile.

    ``effort`` counts what they cost, once, however often they are applied.

    Raises:
        SCIMException, pydantic.ValidationError: if an operation can be done to no resource.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - a model that is built at run time
        operations: Iterable[Mapping[str, Any]],
        tolerance: Tolerance,
        effort: Effort,
    ) -> None:
        self._model = model
        self._effort = effort
        self._spent = 0
        self._policy = _DESCRIBING if tolerance.described_entries else TOLERANT
        stated = self._stated = [self._without_needless_brackets(each) for each in operations]
        written = json.dumps(stated, ensure_ascii=False)
        escapes = r"\\u" in written  # a selection may write its letters so
        self._folds = escapes or not _folds_as_it_lowers(written)
        effort.spend(reading(stated))
        if tolerance.several_entries_selected:
            self._steps = [(self._read(stated), "")] if stated else []
        else:
            # A step for each operation: what it selects is counted as the one before left the resource.
            self._steps = [(self._read([each]), _selection(each)) for each in stated]

    def apply(self, resource: Any, document: str) -> bool:  # noqa: ANN401 - a model that is built at run time
        """Change ``resource`` and tell whether anything is different; half done if an error is raised.

        A path selects what a search by the same words would find. ``document`` is the resource as JSON text.

        Raises:
            SCIMException: if an operation cannot be done to this resource, or takes too long to be done.
        """
        cost = comparisons(resource, self._stated)
        self._effort.spend(max(cost - self._spent, 0))
        self._spent = max(cost, self._spent)
        policy = self._policy
        if self._folds or not _folds_as_it_lowers(document):
            policy = policy.model_copy(update={"comparison_key": _key})
        changed = False
        for step, selection in self._steps:
            if selection:
                self._refuse_several(resource, selection, policy)
            changed |= step.patch(resource, scim_policy=policy)
        return changed

    def _without_needless_brackets(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the operation with its selection as the library writes it.

        An object that is put to ``emails[(a or b) or c]`` changes nothing: the library compares the selection
        with what it writes of it, ``a or b or c``, and takes what differs for no attribute.
        """
        path = operation.get("path")
        if not isinstance(path, str) or "(" not in path:
            return operation
        selection = Path[self._model](path).value_filter  # type: ignore[name-defined] # see model
        if selection is None:
            return operation
        return {**operation, "path": f"{path.partition('[')[0]}[{selection}]{path.rpartition(']')[2]}"}

    def _read(self, operations: list[Mapping[str, Any]]) -> PatchOp[Any]:
        read: PatchOp[Any] = PatchOp[self._model].model_validate(  # type: ignore[name-defined] # see model
            {"schemas": [PATCH_SCHEMA], "Operations": operations},
            scim_ctx=Context.RESOURCE_PATCH_REQUEST,
            scim_policy=self._policy,
        )
        return read

    def _refuse_several(self, resource: Any, selection: str, policy: ScimPolicy) -> None:  # noqa: ANN401 - see model
        with policy:
            met = Path[self._model](selection).get(resource)  # type: ignore[name-defined] # see model
        if isinstance(met, list) and len(met) > 1:
            raise InvalidFilterException(detail=SEVERAL_SELECTED)


def _selection(operation: Mapping[str, Any]) -> str:
    """Return the path of the entries an operation selects, or nothing."""
    before, bracket, _ = str(operation.get("path") or "").rpartition("]")
    return before + bracket
