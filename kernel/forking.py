"""What a process that was forked off begins anew: locks and connections are its parent's."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """Has something that does not cross a fork."""

    def renew(self) -> None:
        """Begin anew in the child, where no other thread runs yet."""
        ...


_renewed: WeakSet[Renewed] = WeakSet()


def renew_in_children(thing: Renewed) -> None:
    """Have ``thing`` begin anew in every process that is forked off, as long as anybody knows it."""
    _renewed.add(thing)


def _renew_all() -> None:
    for thing in list(_renewed):
        thing.renew()


os.register_at_fork(after_in_child=_renew_all)
