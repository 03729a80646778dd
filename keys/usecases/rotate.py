"""Rotating our keys: by age, by command, and at once when a key is compromised."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import ClassVar

import structlog

from kernel.audit import SYSTEM, Actor
from kernel.errors import SwitchyardError
from kernel.store import Store, Unit
from keys.domain.key import KeyState, OwnKey
from keys.domain.rotation import Activate, Publish, Retire, RotationPolicy, Step, due_steps, hastened
from keys.settings import KeySettings
from keys.storage import signing_keys
from keys.storage.material import Pair, make_pair

_log = structlog.get_logger(__name__)
_CHECK_EVERY_SECONDS = 30.0


class LostRotationError(SwitchyardError):
    """The key set changed under a rotation; nothing of it is kept, and the next round looks again."""

    code: ClassVar[str] = "lost_rotation"
    public: ClassVar[str] = "The keys were changed by somebody else at the same moment. Try again."
    status: ClassVar[int] = 409


def rotate(store: Store, settings: KeySettings, *, actor: Actor = SYSTEM) -> tuple[Step, ...]:
    """Do what is due by age: publish next keys, activate those whose hour has come, retire former ones.

    Many nodes may do so at once: each step is one guarded statement and the unique indexes on state let
    one of them through. Returns the steps that this call did.
    """
    with store.read() as connection:
        keys = signing_keys.all_keys(connection)
    steps = [
        step
        for algorithm in settings.kept
        for step in due_steps(keys, algorithm, policy=_policy(settings), now=store.clock.now())
    ]
    if not steps:
        return ()
    # Key pairs are made before the transaction: an RSA key takes a noticeable part of a second.
    pairs: dict[str, Pair] = {
        step.algorithm: make_pair(step.algorithm, store.sealer) for step in steps if isinstance(step, Publish)
    }
    with store.write() as unit:
        return tuple(step for step in steps if _do(unit, step, pairs, actor))


def rotate_by_command(
    store: Store, settings: KeySettings, *, actor: Actor, algorithms: Collection[str] | None = None
) -> tuple[OwnKey, ...]:
    """Replace every active key, or those of ``algorithms``, as soon as its successor can be known.

    Makes a next key where there is none, and moves a waiting one to the earliest moment allowed.
    :func:`rotate` activates it then. Returns the keys that will be active next.
    """
    meant = [name for name in settings.kept if algorithms is None or name in algorithms]
    pairs: dict[str, Pair] = {name: make_pair(name, store.sealer) for name in meant}
    with store.write() as unit:
        for key in signing_keys.all_keys(unit.connection):
            if key.state is KeyState.NEXT and key.algorithm in meant:
                earliest = hastened(key, policy=_policy(settings))
                if signing_keys.hasten(unit.connection, key.kid, activate_at=earliest):
                    unit.audit.record("keys:key:hastened", actor=actor, target=key.kid)
        waiting = {
            key.algorithm for key in signing_keys.all_keys(unit.connection) if key.state is KeyState.NEXT
        }
        for name in meant:
            if name not in waiting:
                _do(unit, Publish(name, unit.now + settings.publish_ahead), pairs, actor)
        return tuple(key for key in signing_keys.all_keys(unit.connection) if key.state is KeyState.NEXT)


def revoke_key(store: Store, kid: str, *, actor: Actor, reason: str) -> bool:
    """Take a compromised key out of use at once, with everything it signed (DJ-05, KM-08).

    A new key takes its place from now on: relying parties meet an unknown key and fetch the key set again,
    which here is the lesser evil. What others encrypt with it is opened no more. A key that was replaced and
    left the key set can be revoked, too: what it signed names nobody then. False if it was revoked already,
    or there is none.
    """
    with store.read() as connection:
        found = next((key for key in signing_keys.all_keys(connection) if key.kid == kid), None)
    if found is None:
        return False
    pair = make_pair(found.algorithm, store.sealer)
    with store.write() as unit:
        before = signing_keys.retire(unit.connection, kid, now=unit.now, reason="revoked")
        if before is None and not signing_keys.revoke_replaced(unit.connection, kid):
            return False
        unit.audit.record("keys:key:revoked", actor=actor, target=kid, reason=reason)
        if before is KeyState.ACTIVE and signing_keys.publish(
            unit.connection, pair, found.algorithm, state=KeyState.ACTIVE, now=unit.now, activate_at=unit.now
        ):
            unit.audit.record("keys:key:activated", actor=actor, target=pair.kid, details={"replaces": kid})
        return True


def list_keys(store: Store) -> list[OwnKey]:
    """Return every key there ever was, oldest first, without private parts."""
    with store.read() as connection:
        return signing_keys.all_keys(connection)


def keep_rotating(store: Store, settings: KeySettings, stop: threading.Event) -> None:
    """Do what is due until ``stop`` is set. Any number of nodes may run this."""
    while not stop.is_set():
        try:
            rotate(store, settings)
        except Exception as error:  # noqa: BLE001 - rotation outlives a database that is away
            _log.warning("keys.rotation_failed", error=type(error).__name__)
        stop.wait(_CHECK_EVERY_SECONDS)


def _policy(settings: KeySettings) -> RotationPolicy:
    return RotationPolicy(settings.rotate_after, settings.publish_ahead, settings.retain)


def _do(unit: Unit, step: Step, pairs: dict[str, Pair], actor: Actor) -> bool:
    if isinstance(step, Publish):
        return _publish(unit, step, pairs[step.algorithm], actor)
    if isinstance(step, Retire):
        return _retire(unit, step, actor)
    return _activate(unit, step, actor)


def _publish(unit: Unit, step: Publish, pair: Pair, actor: Actor) -> bool:
    done = signing_keys.publish(
        unit.connection,
        pair,
        step.algorithm,
        state=KeyState.NEXT,
        now=unit.now,
        activate_at=step.activate_at,
    )
    if done:
        unit.audit.record("keys:key:published", actor=actor, target=pair.kid)
    return done


def _retire(unit: Unit, step: Retire, actor: Actor) -> bool:
    done = signing_keys.retire(unit.connection, step.kid, now=unit.now, reason="rotated") is not None
    if done:
        unit.audit.record("keys:key:retired", actor=actor, target=step.kid)
    return done


def _activate(unit: Unit, step: Activate, actor: Actor) -> bool:
    # The former key steps down first: whoever loses this row does nothing, and the index forbids two active.
    if step.replaces and not signing_keys.stop_signing(
        unit.connection, step.replaces, retire_at=step.retain_until
    ):
        return False
    if not signing_keys.start_signing(unit.connection, step.kid, now=unit.now):
        raise LostRotationError(kid=step.kid)
    unit.audit.record(
        "keys:key:activated",
        actor=actor,
        target=step.kid,
        details={"replaces": step.replaces or ""},
    )
    return True
