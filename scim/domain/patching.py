"""A PATCH through scim2-models: validated once, applied to as many versions of a resource as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import Context, InvalidFilterException, PatchOp, ScimPolicy
from scim2_models.path import Path

from scim.domain.models import TOLERANT
from scim.domain.patch_effort import Effort, comparisons, reading
from scim.domain.patch_operations import PATCH_SCHEMA, SEVERAL_SELECTED
from scim.domain.profile import Tolerance

_DESCRIBING = TOLERANT.model_copy(update={"unmatched_path_filter": ScimPolicy.UnmatchedPathFilter.create})


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
        stated = self._stated = list(operations)
        effort.spend(reading(stated))
        if tolerance.several_entries_selected:
            self._steps = [(self._read(stated), "")] if stated else []
        else:
            # A step for each operation: what it selects is counted as the one before left the resource.
            self._steps = [(self._read([each]), _selection(each)) for each in stated]

    def apply(self, resource: Any) -> bool:  # noqa: ANN401 - a model that is built at run time
        """Change ``resource`` and tell whether anything is different; half done if an error is raised.

        Raises:
            SCIMException: if an operation cannot be done to this resource, or takes too long to be done.
        """
        cost = comparisons(resource, self._stated)
        self._effort.spend(max(cost - self._spent, 0))
        self._spent = max(cost, self._spent)
        changed = False
        for step, selection in self._steps:
            if selection:
                self._refuse_several(resource, selection)
            changed |= step.patch(resource, scim_policy=self._policy)
        return changed

    def _read(self, operations: list[Mapping[str, Any]]) -> PatchOp[Any]:
        read: PatchOp[Any] = PatchOp[self._model].model_validate(  # type: ignore[name-defined] # see model
            {"schemas": [PATCH_SCHEMA], "Operations": operations},
            scim_ctx=Context.RESOURCE_PATCH_REQUEST,
            scim_policy=self._policy,
        )
        return read

    def _refuse_several(self, resource: Any, selection: str) -> None:  # noqa: ANN401 - see model
        with self._policy:
            met = Path[self._model](selection).get(resource)  # type: ignore[name-defined] # see model
        if isinstance(met, list) and len(met) > 1:
            raise InvalidFilterException(detail=SEVERAL_SELECTED)


def _selection(operation: Mapping[str, Any]) -> str:
    """Return the path of the entries an operation selects, or nothing."""
    before, bracket, _ = str(operation.get("path") or "").rpartition("]")
    return before + bracket
