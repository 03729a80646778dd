"""The rule of rotation: what is due for the keys of one algorithm.

A key is published before it signs, for longer than anybody may cache the key set, and stays published
after it signed, for longer than anything it signed lives (DJ-03, KM-07).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from keys.domain.key import KeyState, OwnKey


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How old an active key may become, how long the next one is shown before, and a former one after."""

    rotate_after: dt.timedelta
    publish_ahead: dt.timedelta
    retain: dt.timedelta


@dataclass(frozen=True, slots=True)
class Publish:
    """Make a key for ``algorithm`` and publish it; it signs from ``activate_at`` on."""

    algorithm: str
    activate_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Activate:
    """Let the next key sign; the active one, if there is one, is retained until ``retain_until``."""

    kid: str
    replaces: str | None
    retain_until: dt.datetime


@dataclass(frozen=True, slots=True)
class Retire:
    """Take a former key out of the key set."""

    kid: str


Step = Publish | Activate | Retire


def first_moment(
    algorithm: str, *, anything_published: bool, now: dt.datetime, ahead: dt.timedelta
) -> Publish:
    """Return how the first key of ``algorithm`` is published.

    At the very first start nobody has cached a key set, so the key may sign at once. Where a key set was
    already shown, an added algorithm waits like any other new key.
    """
    return Publish(algorithm, now + ahead if anything_published else now)


def due_steps(
    keys: Iterable[OwnKey], algorithm: str, *, policy: RotationPolicy, now: dt.datetime
) -> tuple[Step, ...]:
    """Return what is due for ``algorithm`` at ``now`` (aware), in the order in which to do it."""
    ours = [key for key in keys if key.algorithm == algorithm]
    active = _one(ours, KeyState.ACTIVE)
    upcoming = _one(ours, KeyState.NEXT)
    steps: list[Step] = [
        Retire(key.kid)
        for key in ours
        if key.state is KeyState.RETAINED and key.retire_at is not None and key.retire_at <= now
    ]
    if upcoming is not None and may_activate(upcoming, policy=policy, now=now):
        steps.append(Activate(upcoming.kid, active.kid if active else None, now + policy.retain))
    elif upcoming is None and active is not None:
        replace_at = (active.activated_at or active.published_at) + policy.rotate_after
        if replace_at - policy.publish_ahead <= now:
            steps.append(Publish(algorithm, max(replace_at, now + policy.publish_ahead)))
    return tuple(steps)


def may_activate(key: OwnKey, *, policy: RotationPolicy, now: dt.datetime) -> bool:
    """Tell whether a next key may sign: its hour has come and it was published long enough before."""
    return key.activate_at <= now and key.published_at + policy.publish_ahead <= now


def hastened(key: OwnKey, *, policy: RotationPolicy) -> dt.datetime:
    """Return the earliest moment at which a next key may sign, for a rotation by command."""
    return min(key.activate_at, key.published_at + policy.publish_ahead)


def _one(keys: Iterable[OwnKey], state: KeyState) -> OwnKey | None:
    return next((key for key in keys if key.state is state), None)
