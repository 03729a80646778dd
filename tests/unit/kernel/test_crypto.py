"""Digests, sealing and slow hashes."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.crypto import KeyRing, PasswordHasher, Sealer, digest, same
from kernel.errors import BusyError, SealError, SettingsError
from kernel.randomness import SeededRandomness, SystemRandomness

PLACE = {"table": "factor", "column": "sealed_secret", "row": "01A"}


def a_sealer(keys: dict[int, bytes] | None = None) -> Sealer:
    return Sealer(KeyRing(keys or {1: b"k" * 32}), SystemRandomness())


def a_hasher(**options: object) -> PasswordHasher:
    return PasswordHasher(**{"memory_kib": 64, "passes": 1, **options})  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_at_its_own_place(plain: bytes) -> None:
    sealer = a_sealer()
    assert sealer.open(sealer.seal(plain, **PLACE), **PLACE) == plain


@pytest.mark.parametrize("moved", [{"table": "password"}, {"column": "label"}, {"row": "01B"}])
def test_sealed_bytes_do_not_open_at_another_place(moved: dict[str, str]) -> None:
    """A ciphertext cannot be moved to another row by whoever can write the database (KM)."""
    sealer = a_sealer()
    with pytest.raises(SealError):
        sealer.open(sealer.seal(b"seed", **PLACE), **{**PLACE, **moved})


@given(st.binary(max_size=80))
def test_garbage_never_opens_and_never_crashes(garbage: bytes) -> None:
    with pytest.raises(SealError):
        a_sealer().open(garbage, **PLACE)


def test_changed_bytes_do_not_open() -> None:
    sealer = a_sealer()
    sealed = bytearray(sealer.seal(b"seed", **PLACE))
    sealed[-1] ^= 1
    with pytest.raises(SealError):
        sealer.open(bytes(sealed), **PLACE)


def test_the_newest_key_seals_and_older_ones_still_open() -> None:
    old = a_sealer().seal(b"seed", **PLACE)
    both = a_sealer({1: b"k" * 32, 2: b"n" * 32})
    assert both.open(old, **PLACE) == b"seed"
    with pytest.raises(SealError):
        a_sealer().open(both.seal(b"seed", **PLACE), **PLACE)


def test_derived_keys_differ_by_purpose_and_stay_the_same() -> None:
    assert a_sealer().derive("csrf") == a_sealer().derive("csrf") != a_sealer().derive("pepper")


def test_a_key_ring_never_shows_its_keys() -> None:
    assert "kkk" not in repr(KeyRing({1: b"k" * 32}))


def test_a_key_file_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "kek.txt"
    first = KeyRing.create_file(path, SystemRandomness())
    again = KeyRing.create_file(path, SystemRandomness())
    assert first.get(1) == again.get(1)
    assert path.stat().st_mode & 0o077 == 0


def test_processes_that_make_a_key_file_at_once_share_one(tmp_path: Path) -> None:
    """Both halves of a system do when it starts for the first time: none reads a file that is not whole yet."""
    path = tmp_path / "kek.txt"
    others: list[KeyRing] = []

    class Meanwhile(SystemRandomness):
        def token_bytes(self, count: int) -> bytes:
            if not others:
                others.append(KeyRing.create_file(path, SystemRandomness()))
            return super().token_bytes(count)

    mine = KeyRing.create_file(path, Meanwhile())
    assert mine.get(1) == others[0].get(1) == KeyRing.from_file(path).get(1)
    assert [file.name for file in tmp_path.iterdir()] == ["kek.txt"]


@pytest.mark.parametrize("text", ["", "1:short", "x:" + "A" * 44, "300:" + "A" * 43 + "="])
def test_a_bad_key_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kek.txt"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError):
        KeyRing.from_file(path)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kek.txt"
    KeyRing.create_file(path, SystemRandomness())
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        KeyRing.from_file(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="kek.txt"):
        KeyRing.from_file(tmp_path / "kek.txt")


def test_the_default_costs_are_not_below_the_floor() -> None:
    """LG-10: argon2id, m >= 19456, t >= 2, p >= 1, 16-byte salt."""
    stored = PasswordHasher().hash("Correct-Horse-7")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(stored.split("$")[4]) == 22


def test_only_the_right_secret_matches() -> None:
    hasher = a_hasher()
    stored = hasher.hash("Correct-Horse-7")
    assert hasher.verify(stored, "Correct-Horse-7")
    assert not hasher.verify(stored, "Correct-Horse-8")


@pytest.mark.parametrize("length", [73, 128, 1024])
def test_a_long_secret_counts_to_its_last_byte(length: int) -> None:
    """LG-01: no truncation."""
    hasher = a_hasher()
    stored = hasher.hash("a" * length)
    assert hasher.verify(stored, "a" * length)
    assert not hasher.verify(stored, "a" * (length - 1) + "b")


def test_a_secret_over_the_bound_never_matches() -> None:
    hasher = a_hasher()
    assert not hasher.verify(hasher.hash("a" * 1025), "a" * 1025)


def test_nobody_has_a_password() -> None:
    """EN-01: without an account the same work is done and the answer is no."""
    assert not a_hasher().verify(None, "nobody has this password")


def test_a_stored_text_that_is_no_hash_matches_nothing() -> None:
    assert not a_hasher().verify("plain", "plain")


def test_other_costs_ask_for_a_new_hash() -> None:
    stored = a_hasher().hash("x")
    assert a_hasher(passes=2).needs_rehash(stored)
    assert not a_hasher().needs_rehash(stored)
    salt = stored.split("$")[4]
    assert a_hasher().needs_rehash(stored.replace(salt, salt[:11]))


def test_hashes_beyond_the_bound_are_refused_not_queued_for_ever() -> None:
    """Memory cannot be used up by many sign-ins at once: the surplus is told to come back."""
    hasher = a_hasher(parallel=1, wait=0.01)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with hasher.turns.turn():
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert inside.wait(10)
        with pytest.raises(BusyError):
            hasher.verify(None, "x")
    finally:
        leave.set()
        holder.join()


def test_digests_are_equal_for_equal_secrets_only() -> None:
    assert same(digest("a"), digest(b"a"))
    assert not same(digest("a"), digest("b"))


def test_seeded_chance_repeats_and_is_no_system_chance() -> None:
    assert SeededRandomness(1).token() == SeededRandomness(1).token()
    assert SystemRandomness().token() != SystemRandomness().token()


def test_no_nonce_comes_twice(tmp_path: Path) -> None:
    """KM-05: many sealers of one key, as many processes have, and one value again and again."""
    path = tmp_path / "kek.txt"
    sealers = [
        Sealer(KeyRing.create_file(path, SystemRandomness()), SystemRandomness()) for _number in range(4)
    ]
    sealed = [each.seal(b"same", table="t", column="c", row="r") for each in sealers for _ in range(5_000)]
    assert len({each[2:14] for each in sealed}) == len(sealed)
    assert len(set(sealed)) == len(sealed)
