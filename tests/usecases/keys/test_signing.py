"""Signing keys on a real database: first start, key set, rotation, revocation, sealing at rest."""

from __future__ import annotations

import datetime as dt
import json
import threading
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from kernel.audit import Actor
from kernel.base64url import base64url
from kernel.clock import FrozenClock
from kernel.crypto import KeyRing, Sealer
from kernel.database import Database
from kernel.errors import SealError
from kernel.randomness import SystemRandomness
from kernel.store import Store
from kernel.tables import audit_event
from keys.domain.key import KeyState
from keys.settings import KeySettings
from keys.storage.tables import signing_key
from keys.usecases.rotate import list_keys, revoke_key, rotate, rotate_by_command
from keys.usecases.signing import NoSigningKeyError, SigningKeys

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OPERATOR = Actor("operator", "olga")
ES256_ONLY = KeySettings(algorithms=("ES256",))
EVERY = ("ES256", "PS256", "EdDSA", "RS256")


def a_store(database: Database, clock: FrozenClock, node: str = "n1") -> Store:
    randomness = SystemRandomness()
    return Store(database, clock, randomness, Sealer(KeyRing({1: b"k" * 32}), randomness), node=node)


def kid_of(token: str) -> str:
    header = token.split(".", maxsplit=1)[0]
    return str(json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


def kids_of(keys: SigningKeys) -> set[str]:
    return {key["kid"] for key in json.loads(keys.jwks().body)["keys"]}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


def test_without_keys_nothing_is_signed(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """KM-07: no key, no signature; the caller is told, and nothing is made up."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), ES256_ONLY)
    with pytest.raises(NoSigningKeyError):
        keys.sign({"sub": "x"}, typ="JWT")


def test_our_own_keys_are_strong(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """IPSIE SL1, FAPI 2.0 §5.4.2: RSA from 2048 bits, curves from 224, those for encryption too; none of it private."""
    settings = KeySettings(algorithms=EVERY, encryption_algorithms=("RSA-OAEP-256", "ECDH-ES"))
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), settings)
    keys.ensure()
    clock.advance(settings.publish_ahead)
    rotate(keys._store, settings)
    keys.refresh()
    shown = json.loads(keys.jwks().body)["keys"]
    kinds = sorted((key["use"], key["kty"]) for key in shown)
    assert kinds == [
        ("enc", "EC"),
        ("enc", "RSA"),
        ("sig", "EC"),
        ("sig", "OKP"),
        ("sig", "RSA"),
        ("sig", "RSA"),
    ]
    for key in shown:
        modulus = urlsafe_b64decode(key.get("n", "") + "==")
        assert key.get("crv") in {"P-256", "Ed25519"} or len(modulus) * 8 >= 3_072
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()


@pytest.mark.filterwarnings("ignore:EdDSA:joserfc.errors.SecurityWarning")  # RFC 9864 names the curve instead
def test_the_first_keys_sign_at_once_and_others_verify_them_from_the_key_set(
    gateway_database: Database, clock: FrozenClock
) -> None:
    """All algorithms are ready after the first start, and another library verifies them with our JWKS alone."""
    keys = SigningKeys(a_store(gateway_database, clock), KeySettings(algorithms=EVERY))
    keys.ensure()
    keys.ensure()
    shown = json.loads(keys.jwks().body)["keys"]
    known = KeySet.import_key_set({"keys": shown})
    assert {key["alg"] for key in shown} == set(EVERY)
    for key in shown:
        token = keys.sign({"sub": "x", "n": 1}, algorithm=key["alg"], typ="JWT")
        assert kid_of(token) == key["kid"]
        assert jwt.decode(token, known, algorithms=[key["alg"]]).claims == {"sub": "x", "n": 1}
        assert keys.verify(token, typ="JWT") == {"sub": "x", "n": 1}
        head, _, signature = token.rpartition(".")
        flipped = ("B" if signature[5] == "A" else "A").join((signature[:5], signature[6:]))
        assert keys.verify(f"{head}.{flipped}", typ="JWT") is None


def test_a_key_signs_by_its_own_algorithm_alone(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """RFC 8725 §3.5: RS256 and PS256 have a key each, and the header of one proves nothing by the other."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), KeySettings(algorithms=("PS256", "RS256")))
    keys.ensure()
    salted = keys.sign({"sub": "x"}, algorithm="PS256", typ="JWT")
    plain = keys.sign({"sub": "x"}, algorithm="RS256", typ="JWT")
    assert kid_of(salted) != kid_of(plain)
    assert keys.verify(salted.split(".")[0] + "." + plain.partition(".")[2], typ="JWT") is None


def test_the_key_set_holds_nothing_private_and_each_kid_once(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """Conformance: private or symmetric keys in JWKS, or a kid that stands twice, fail a provider."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), KeySettings())
    keys.ensure()
    shown = json.loads(keys.jwks().body)["keys"]
    assert len({key["kid"] for key in shown}) == len(shown) == 2
    for key in shown:
        assert set(key) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}


def test_a_token_of_one_kind_never_passes_as_another(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """KM-09, RFC 8725 §3.11 and §3.12: an access token is no ID token and no logout token."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), ES256_ONLY)
    keys.ensure()
    token = keys.sign({"sub": "x"}, typ="at+jwt")
    assert keys.is_ours(token, typ="at+jwt")
    assert not keys.is_ours(token, typ="JWT")
    assert keys.verify(token, typ="JWT") is None
    assert keys.verify(token, typ="logout+jwt") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.split(".")[0] + ".e30." + token.split(".")[2],
        lambda token: "eyJhbGciOiJub25lIn0." + token.split(".")[1] + ".",
        lambda token: token.replace(".", "..", 1),
        lambda _token: "",
        lambda _token: "a.b.c",
        lambda _token: "é.é.é",
        lambda token: token.split(".")[0] + "." + "A" * 20_000 + "." + token.split(".")[2],
    ],
)
def test_a_spoilt_token_verifies_as_nothing(
    sqlite_gateway_database: Database, clock: FrozenClock, spoil: object
) -> None:
    """LO-03, RFC 8725 §3.1: changed bytes, alg none, other shapes: never an exception, never claims."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), ES256_ONLY)
    keys.ensure()
    assert callable(spoil)
    assert keys.verify(spoil(keys.sign({"sub": "x"}, typ="JWT")), typ="JWT") is None


def test_a_token_longer_than_any_of_ours_is_not_looked_at(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """No stranger has us decode and check as much as fits into a request."""
    keys = SigningKeys(a_store(sqlite_gateway_database, clock), ES256_ONLY)
    keys.ensure()
    fits, long = (keys.sign({"sub": "x" * size}, typ="JWT") for size in (12_000, 13_000))
    assert len(fits) <= 16_384 < len(long)
    for verify in (keys.verify, keys.verify_hint):
        assert verify(fits, typ="JWT") is not None
        assert verify(long, typ="JWT") is None


def test_a_rotation_shows_the_next_key_long_before_it_signs(
    gateway_database: Database, clock: FrozenClock
) -> None:
    """DJ-03: another node shows every kid at least one cache time before any node signs with it."""
    settings = ES256_ONLY
    one = SigningKeys(a_store(gateway_database, clock), settings)
    two = SigningKeys(a_store(gateway_database, clock, "n2"), settings)
    one.ensure()
    store = a_store(gateway_database, clock)
    (following,) = rotate_by_command(store, settings, actor=OPERATOR)
    seen_since: dict[str, dt.datetime] = dict.fromkeys(kids_of(two), NOON - settings.publish_ahead)
    for _ in range(int(settings.publish_ahead / dt.timedelta(minutes=1)) + 5):
        clock.advance(dt.timedelta(minutes=1))
        rotate(store, settings)
        for kid in kids_of(two):
            seen_since.setdefault(kid, clock.now())
        kid = kid_of(one.sign({}, typ="JWT"))
        assert clock.now() - seen_since[kid] >= settings.jwks_max_age
    assert kid_of(one.sign({}, typ="JWT")) == following.kid
    assert len(kids_of(two)) == 2


def test_a_rotation_of_some_algorithms_leaves_the_keys_of_others_alone(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """What waits for another algorithm is neither hastened nor replaced."""
    store = a_store(sqlite_gateway_database, clock)
    settings = KeySettings()
    SigningKeys(store, settings).ensure()
    (slow,) = rotate_by_command(store, settings, actor=OPERATOR, algorithms={"RS256"})
    coming = rotate_by_command(store, settings, actor=OPERATOR, algorithms={"ES256"})
    assert {key.algorithm: key.kid == slow.kid for key in coming} == {"RS256": True, "ES256": False}
    clock.advance(settings.publish_ahead)
    rotate(store, settings)
    assert len(list_keys(store)) == 4


def test_what_a_former_key_signed_verifies_until_it_is_retired(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """The old key stays in JWKS after a rotation, and leaves it after the retention."""
    store = a_store(sqlite_gateway_database, clock)
    keys = SigningKeys(store, ES256_ONLY)
    keys.ensure()
    token = keys.sign({"sub": "x"}, typ="JWT")
    rotate_by_command(store, ES256_ONLY, actor=OPERATOR)
    clock.advance(ES256_ONLY.publish_ahead)
    rotate(store, ES256_ONLY)
    clock.advance(ES256_ONLY.retain - dt.timedelta(seconds=1))
    assert keys.verify(token, typ="JWT") == {"sub": "x"}
    clock.advance(dt.timedelta(seconds=1))
    rotate(store, ES256_ONLY)
    clock.advance(ES256_ONLY.refresh)
    assert keys.verify(token, typ="JWT") is None
    assert kid_of(token) not in kids_of(keys)


def test_the_private_part_exists_only_while_the_key_may_sign(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """A key that stopped signing has no private part left, sealed or not."""
    store = a_store(sqlite_gateway_database, clock)
    SigningKeys(store, ES256_ONLY).ensure()
    rotate_by_command(store, ES256_ONLY, actor=OPERATOR)
    clock.advance(ES256_ONLY.publish_ahead)
    rotate(store, ES256_ONLY)
    with store.read() as connection:
        rows = connection.execute(select(signing_key.c.state, signing_key.c.sealed_private)).all()
    assert {row.state: row.sealed_private is not None for row in rows} == {"active": True, "retained": False}


def test_a_key_grows_old_and_is_replaced_without_anybody_asking(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """Rotation by age: published ahead, active at the age limit."""
    store = a_store(sqlite_gateway_database, clock)
    keys = SigningKeys(store, ES256_ONLY)
    keys.ensure()
    first = kid_of(keys.sign({}, typ="JWT"))
    clock.advance(ES256_ONLY.rotate_after - ES256_ONLY.publish_ahead)
    rotate(store, ES256_ONLY)
    assert kid_of(keys.sign({}, typ="JWT")) == first
    clock.advance(ES256_ONLY.publish_ahead)
    rotate(store, ES256_ONLY)
    clock.advance(ES256_ONLY.refresh)
    assert kid_of(keys.sign({}, typ="JWT")) != first


def test_a_revoked_key_is_out_at_once_and_another_signs(
    gateway_database: Database, clock: FrozenClock
) -> None:
    """DJ-05, KM-08: a compromised key leaves the key set, and what it signed counts no more."""
    store = a_store(gateway_database, clock)
    keys = SigningKeys(store, ES256_ONLY)
    keys.ensure()
    token = keys.sign({"sub": "x"}, typ="at+jwt")
    assert revoke_key(store, kid_of(token), actor=OPERATOR, reason="drill")
    assert not revoke_key(store, kid_of(token), actor=OPERATOR, reason="again")
    clock.advance(ES256_ONLY.refresh)
    assert kid_of(token) not in kids_of(keys)
    assert not keys.is_ours(token, typ="at+jwt")
    assert keys.verify(token, typ="at+jwt") is None
    assert kid_of(keys.sign({}, typ="at+jwt")) != kid_of(token)
    with store.read() as connection:
        row = connection.execute(select(signing_key).where(signing_key.c.kid == kid_of(token))).one()
        tags = connection.execute(select(audit_event.c.tag)).scalars().all()
    assert (row.state, row.sealed_private) == ("retired", None)
    assert "keys:key:revoked" in tags


def test_what_a_replaced_key_signed_names_somebody_and_opens_nothing(
    gateway_database: Database, clock: FrozenClock
) -> None:
    """LO-03: only as a hint, of its kind, unchanged, and only until the key is revoked, which can be then."""
    store = a_store(gateway_database, clock)
    keys = SigningKeys(store, ES256_ONLY)
    keys.ensure()
    token, other = keys.sign({"sub": "x"}, typ="JWT"), keys.sign({"sub": "x"}, typ="at+jwt")
    assert keys.verify_hint(token, typ="JWT") == {"sub": "x"}
    rotate_by_command(store, ES256_ONLY, actor=OPERATOR)
    for span in (ES256_ONLY.publish_ahead, ES256_ONLY.retain):
        clock.advance(span)
        rotate(store, ES256_ONLY)
    clock.advance(ES256_ONLY.refresh)
    assert kid_of(token) not in kids_of(keys)
    assert keys.verify(token, typ="JWT") is None
    assert keys.verify_hint(token, typ="JWT") == {"sub": "x"}
    head, payload, signature = token.split(".")
    deep = base64url(b"[" * 12_000)
    strange = base64url(b'{"kid": "\\u0000"}')
    for wrong in (
        other,
        f"{head}.{base64url(b'{}')}.{signature}",
        f"{other.split('.')[0]}.{payload}.{signature}",
        f"{deep}.{payload}.{signature}",
        f"{strange}.{payload}.{signature}",
        f"{head}.{payload}",
        "\ud800.\u00e9.x",
        "",
    ):
        assert keys.verify_hint(wrong, typ="JWT") is None
    assert revoke_key(store, kid_of(token), actor=OPERATOR, reason="drill")
    assert not revoke_key(store, kid_of(token), actor=OPERATOR, reason="again")
    assert keys.verify_hint(token, typ="JWT") is None


def test_an_algorithm_added_later_waits_until_others_can_know_its_key(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """KM-07: only the very first key set may sign at once."""
    store = a_store(sqlite_gateway_database, clock)
    SigningKeys(store, ES256_ONLY).ensure()
    keys = SigningKeys(store, KeySettings())
    keys.ensure()
    with pytest.raises(NoSigningKeyError):
        keys.sign({}, algorithm="RS256", typ="JWT")
    clock.advance(KeySettings().publish_ahead)
    rotate(store, KeySettings())
    assert keys.sign({}, algorithm="RS256", typ="JWT")


def test_a_sealed_key_moved_to_another_row_does_not_open(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """KM-02: the sealed private part is bound to its row; swapped between two keys it fails closed."""
    store = a_store(sqlite_gateway_database, clock)
    SigningKeys(store, ES256_ONLY).ensure()
    rotate_by_command(store, ES256_ONLY, actor=OPERATOR)
    with store.write() as unit:
        (a, sealed_a), (b, sealed_b) = unit.connection.execute(
            select(signing_key.c.kid, signing_key.c.sealed_private)
        ).all()
        for kid, sealed in ((a, sealed_b), (b, sealed_a)):
            unit.connection.execute(
                update(signing_key).where(signing_key.c.kid == kid).values(sealed_private=sealed)
            )
    with pytest.raises(SealError):
        SigningKeys(store, ES256_ONLY).refresh()


def test_a_failing_database_does_not_stop_verification(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """The ring in memory outlives a refresh that fails; the next one tries again."""
    store = a_store(sqlite_gateway_database, clock)
    keys = SigningKeys(store, ES256_ONLY)
    keys.ensure()
    token = keys.sign({"sub": "x"}, typ="JWT")
    with sqlite_gateway_database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE signing_key RENAME TO away")
    clock.advance(ES256_ONLY.refresh)
    assert keys.verify(token, typ="JWT") == {"sub": "x"}
    with sqlite_gateway_database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO signing_key")
    assert keys.verify(token, typ="JWT") == {"sub": "x"}


def test_of_sixteen_nodes_that_start_at_once_one_makes_the_first_key(
    gateway_database: Database, clock: FrozenClock
) -> None:
    """DJ-03: one active key per algorithm, whoever comes first."""
    barrier = threading.Barrier(16)

    def start(number: int) -> None:
        keys = SigningKeys(a_store(gateway_database, clock, f"n{number}"), ES256_ONLY)
        barrier.wait()
        keys.ensure()
        assert keys.sign({}, typ="JWT")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(start, range(16)))
    states = [key.state for key in list_keys(a_store(gateway_database, clock))]
    assert states == [KeyState.ACTIVE]


def test_of_sixteen_rotations_at_once_one_wins(gateway_database: Database, clock: FrozenClock) -> None:
    """DJ-03: the partial unique index and the guarded statements let one rotation through."""
    store = a_store(gateway_database, clock)
    SigningKeys(store, ES256_ONLY).ensure()
    rotate_by_command(store, ES256_ONLY, actor=OPERATOR)
    clock.advance(ES256_ONLY.publish_ahead)
    barrier = threading.Barrier(16)

    def turn(number: int) -> int:
        node = a_store(gateway_database, clock, f"n{number}")
        barrier.wait()
        return len(rotate(node, ES256_ONLY))

    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(turn, range(16)))
    assert sorted(done) == [0] * 15 + [1]
    assert sorted(key.state for key in list_keys(store)) == ["active", "retained"]
