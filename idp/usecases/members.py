"""How the members of a group change, within the unit of work of the deed that changes them.

An id of a member names an account or a group; the database tells which. Accounts are rows that are added and
removed without a look at the others. Groups in groups are changed by who holds the source's turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.group import MOST_GROUPS_WITHIN, Member, MemberChange
from idp.domain.provisioning import Circular, Protected, TooNested, UnknownMembers
from idp.storage.access import in_use_within, opened_through, parting_from, parting_from_group
from idp.storage.accounts import known_accounts, touch_versions
from idp.storage.groups import known_groups
from idp.storage.members import (
    add_members,
    keep_members,
    members_among,
    protected_members,
    remove_members,
)
from idp.storage.nesting import (
    any_protected_within,
    directly_in,
    directly_in_but,
    most_within,
    nest,
    touch_within,
    unnest,
    would_circle,
)
from kernel.store import Unit

MemberRefusal = UnknownMembers | Protected | Circular | TooNested
_NOBODY: frozenset[str] = frozenset()


class RefusedMembersError(Exception):
    """Undoes the unit: one member cannot come or go, so none does (H2)."""

    def __init__(self, refusal: MemberRefusal) -> None:
        self.refusal = refusal
        super().__init__()


class TurnNeededError(Exception):
    """Undoes the unit: groups would come or go, so the deed begins again with the source's turn."""


@dataclass(frozen=True, slots=True)
class Moves:
    """The accounts and the groups that came to a group and that went.

    ``left_out`` is how many were to come and are nobody that the source knows here.
    """

    added: frozenset[str] = _NOBODY
    removed: frozenset[str] = _NOBODY
    nested: frozenset[str] = _NOBODY
    unnested: frozenset[str] = _NOBODY
    left_out: int = 0

    @property
    def came(self) -> frozenset[str]:
        """Every member that came."""
        return self.added | self.nested

    @property
    def members(self) -> tuple[Member, ...]:
        """The members of a group that had none before, in order and without their names."""
        kinds = dict.fromkeys(self.added, "User") | dict.fromkeys(self.nested, "Group")
        return tuple(Member(each, "", kinds[each]) for each in sorted(kinds))

    @property
    def went(self) -> frozenset[str]:
        """Every member that went."""
        return self.removed | self.unnested


def move_members(
    unit: Unit,
    group_id: str,
    change: MemberChange,
    *,
    source: str,
    has_turn: bool,
    leave_out_unknown: bool = False,
) -> Moves:
    """Apply ``change`` to the group, which is held, and return who came and who went.

    A whole list is compared with the stored one where that is: only the difference leaves the database. With
    ``leave_out_unknown`` ids that name nothing of the source come to nothing, and are counted.

    Raises:
        RefusedMembersError: where a member may not come or go.
        TurnNeededError: where groups would, and the turn is not held.
    """
    wanted = change.wanted
    added = add_members(unit.connection, group_id, wanted, source=source, now=unit.now)
    rest = wanted - added
    if rest:
        rest -= members_among(unit.connection, group_id, rest)
    groups, unknown = _told_apart(unit, rest, source=source) if rest else (_NOBODY, _NOBODY)
    if unknown and not leave_out_unknown:
        raise RefusedMembersError(UnknownMembers(tuple(sorted(unknown))))
    if rest - groups - unknown:
        raise RefusedMembersError(Protected())
    nested = _nest(unit, group_id, groups, source=source, has_turn=has_turn) if groups else _NOBODY
    if change.whole is None:
        removed, leaving = _remove(unit, group_id, change.removed)
    else:
        removed, leaving = _keep(unit, group_id, change.whole)
    left_out = len(unknown)
    if not leaving:
        return Moves(added, removed, nested, left_out=left_out)
    if not has_turn:
        raise TurnNeededError
    if any_protected_within(unit.connection, leaving):
        raise RefusedMembersError(Protected())
    left = unnest(unit.connection, group_id, leaving, now=unit.now)
    return Moves(added, removed, nested, left, left_out)


def _remove(unit: Unit, group_id: str, unwanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Remove accounts; return who went, and which of the others are groups in the group."""
    removed = remove_members(unit.connection, group_id, unwanted)
    rest = unwanted - removed
    if not rest:
        return removed, _NOBODY
    if protected_members(unit.connection, group_id) & rest:
        raise RefusedMembersError(Protected())
    return removed, directly_in(unit.connection, group_id, rest)


def _keep(unit: Unit, group_id: str, kept: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    removed = keep_members(unit.connection, group_id, kept)
    if protected_members(unit.connection, group_id) - kept:
        raise RefusedMembersError(Protected())
    return removed, directly_in_but(unit.connection, group_id, kept)


def _told_apart(unit: Unit, ids: frozenset[str], *, source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of ``ids`` name groups of the source, and which name nothing of it at all."""
    groups = known_groups(unit.connection, ids, source=source)
    others = ids - groups
    return groups, others - known_accounts(unit.connection, others, source=source)


def _nest(
    unit: Unit, group_id: str, groups: frozenset[str], *, source: str, has_turn: bool
) -> frozenset[str]:
    new = groups - directly_in(unit.connection, group_id, groups)
    if not new:
        return _NOBODY
    if not has_turn:
        raise TurnNeededError
    if would_circle(unit.connection, group_id, new):
        raise RefusedMembersError(Circular())
    if any_protected_within(unit.connection, new):
        raise RefusedMembersError(Protected())
    added = nest(unit.connection, group_id, new, source=source, now=unit.now)
    if most_within(unit.connection, group_id) > MOST_GROUPS_WITHIN:
        raise RefusedMembersError(TooNested())
    return added


def touch_moved(unit: Unit, moves: Moves, *, renamed: str = "") -> None:
    """Raise the version of every account whose groups read otherwise now (L1).

    Those are the accounts that moved, the accounts in the groups that moved, and, where the group with the id
    ``renamed`` got another name, all that are in it.
    """
    groups = moves.nested | moves.unnested | ({renamed} if renamed else _NOBODY)
    accounts = moves.added | moves.removed
    if groups:
        touch_within(unit.connection, groups, accounts)
    else:
        touch_versions(unit.connection, accounts)


def parted(unit: Unit, group_id: str, moves: Moves, *, former_key: str = "") -> tuple[tuple[str, str], ...]:
    """Return which account in use may not enter which application any more, after ``moves``.

    ``former_key`` is the application that the group opened before and does not open now. To be asked after
    :func:`touch_moved`: two changes that each take one of two ways see one another there.
    """
    connection = unit.connection
    pairs = list(parting_from_group(connection, moves.removed, group_id))
    if moves.unnested:
        keys = opened_through(connection, group_id)
        pairs += parting_from(connection, in_use_within(connection, moves.unnested), keys)
    if former_key:
        left = {*moves.removed, *in_use_within(connection, [group_id, *moves.unnested])}
        pairs += parting_from(connection, left, [former_key])
    return tuple(sorted(set(pairs)))
