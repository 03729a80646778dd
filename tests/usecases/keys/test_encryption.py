"""Keys that others encrypt with: one in the key set, and those that still open what they were used for."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwe
from joserfc.jwk import KeySet
from sqlalchemy import select

from kernel.audit import Actor
from kernel.base64url import base64url
from kernel.clock import FrozenClock
from kernel.errors import SealError
from kernel.tables import audit_event
from keys.domain.key import KeyState
from keys.settings import KeySettings
from keys.storage.material import open_private
from keys.storage.tables import signing_key
from keys.usecases.rotate import list_keys, revoke_key, rotate, rotate_by_command
from keys.usecases.signing import SigningKeys
from tests.support.clock import NOON, a_store

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.store import Store

OPERATOR = Actor("operator", "olga")
BOTH = KeySettings(algorithms=("ES256",), encryption_algorithms=("ECDH-ES",))
BARE = KeySettings(algorithms=("ES256",))
SOME_MINUTES = dt.timedelta(minutes=10)


def offered(keys: SigningKeys) -> list[dict[str, Any]]:
    return [key for key in json.loads(keys.jwks().body)["keys"] if key["use"] == "enc"]


def sealed(key: dict[str, Any]) -> str:
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": key["kid"]}
    document: Any = {"keys": [key]}
    own = KeySet.import_key_set(document).keys[0]
    return jwe.encrypt_compact(header, "a.b.c", own, algorithms=["ECDH-ES", "A128GCM"])


def a_ring(store: Store, settings: KeySettings = BOTH) -> SigningKeys:
    keys = SigningKeys(store, settings)
    keys.ensure()
    return keys


def test_the_first_key_for_encryption_stands_beside_those_that_sign(gateway_database: Database) -> None:
    """RFC 7517 §4.2, §4.4: use enc; one that serves several algorithms names none; the private part is sealed."""
    store = a_store(gateway_database, clock=FrozenClock(NOON))
    keys = a_ring(store)
    (key,) = offered(keys)
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use"}
    assert keys.opened(sealed(key)) == "a.b.c"
    assert keys.sign({"sub": "x"}, typ="JWT")
    with store.read() as connection:
        rows = {row.kid: row for row in connection.execute(select(signing_key))}
    assert b"PRIVATE" not in rows[key["kid"]].sealed_private
    other = next(kid for kid in rows if kid != key["kid"])
    with pytest.raises(SealError):
        open_private(rows[key["kid"]].sealed_private, other, store.sealer)


def test_a_key_that_signs_opens_nothing(gateway_database: Database) -> None:
    """RFC 8725 §3.5: a key has one use, and one for encryption signs nothing either."""
    keys = a_ring(a_store(gateway_database, clock=FrozenClock(NOON)))
    (signing,) = (key for key in json.loads(keys.jwks().body)["keys"] if key["use"] == "sig")
    members = {name: signing[name] for name in ("kty", "crv", "x", "y", "kid")}
    assert keys.opened(sealed(members)) is None
    assert len(keys.sign({"sub": "x"}, typ="JWT").split(".")) == 3
    assert {row.algorithm for row in list_keys(a_store(gateway_database, clock=FrozenClock(NOON)))} == {
        "ES256",
        "ECDH-ES",
    }


def test_every_node_knows_a_key_before_anybody_sees_it(gateway_database: Database) -> None:
    """DJ-03 the other way round: nobody encrypts with a key that some node cannot open yet."""
    clock = FrozenClock(NOON)
    store = a_store(gateway_database, clock=clock)
    keys = a_ring(store)
    (before,) = offered(keys)
    rotate_by_command(store, BOTH, actor=OPERATOR)
    clock.advance(SOME_MINUTES)
    assert [key["kid"] for key in offered(keys)] == [before["kid"]]
    clock.advance(BOTH.publish_ahead)
    rotate(store, BOTH)
    clock.advance(BOTH.refresh)
    (after,) = offered(keys)
    assert after["kid"] != before["kid"]
    assert keys.opened(sealed(before)) == keys.opened(sealed(after)) == "a.b.c"
    assert a_ring(store).opened(sealed(before)) == "a.b.c", "a process that starts now opens it too"


def test_a_replaced_key_opens_for_a_while_and_is_destroyed_then(gateway_database: Database) -> None:
    """KM-07: as long as anybody may remember our key set, and no longer; its private part is gone then."""
    clock = FrozenClock(NOON)
    store = a_store(gateway_database, clock=clock)
    keys = a_ring(store)
    (before,) = offered(keys)
    token = sealed(before)
    rotate_by_command(store, BOTH, actor=OPERATOR)
    clock.advance(BOTH.publish_ahead)
    rotate(store, BOTH)
    clock.advance(BOTH.retain - SOME_MINUTES)
    assert keys.opened(token) == "a.b.c"
    clock.advance(SOME_MINUTES)
    rotate(store, BOTH)
    clock.advance(BOTH.refresh)
    assert keys.opened(token) is None
    with store.read() as connection:
        row = connection.execute(select(signing_key).where(signing_key.c.kid == before["kid"])).one()
        tags = set(connection.execute(select(audit_event.c.tag)).scalars())
    assert (row.state, row.sealed_private) == (KeyState.RETIRED, None)
    header = json.dumps({"alg": "ECDH-ES", "typ": "JWT", "kid": before["kid"]}).encode()
    named = ".".join(map(base64url, (header, b'{"sub": "x"}', b"x")))
    assert keys.verify_hint(named, typ="JWT") is None, "it never signed, so it names nobody"
    assert {"keys:key:published", "keys:key:activated", "keys:key:retired"} <= tags


def test_a_revoked_key_opens_nothing_from_then_on(gateway_database: Database) -> None:
    """KM-08: another one is in the key set at once."""
    clock = FrozenClock(NOON)
    store = a_store(gateway_database, clock=clock)
    keys = a_ring(store)
    (before,) = offered(keys)
    assert revoke_key(store, before["kid"], actor=OPERATOR, reason="lost")
    clock.advance(BOTH.refresh)
    (after,) = offered(keys)
    assert (keys.opened(sealed(before)), keys.opened(sealed(after))) == (None, "a.b.c")


def test_a_key_for_encryption_that_is_added_later_waits_as_any_other(gateway_database: Database) -> None:
    """DJ-03: where nodes run already, each has to know it before it is shown."""
    clock = FrozenClock(NOON)
    store = a_store(gateway_database, clock=clock)
    a_ring(store, BARE)
    keys = a_ring(store)
    assert offered(keys) == []
    clock.advance(BOTH.publish_ahead)
    rotate(store, BOTH)
    clock.advance(BOTH.refresh)
    assert len(offered(keys)) == 1
    assert BARE.kept == ("ES256",)


def test_once_it_is_switched_off_nothing_is_opened_nor_offered(gateway_database: Database) -> None:
    """RFC 9101 §10.2: keys that were there before serve nobody, and are there again when it is switched on."""
    store = a_store(gateway_database, clock=FrozenClock(NOON))
    (before,) = offered(a_ring(store))
    off = a_ring(store, BARE)
    assert offered(off) == []
    assert off.opened(sealed(before)) is None
    assert off.sign({"sub": "x"}, typ="JWT")
    assert [key["kid"] for key in offered(a_ring(store))] == [before["kid"]]
