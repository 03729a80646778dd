"""The key-encryption key is replaced while everything goes on, and nothing is left under the former one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from idp.domain.security_events import Payload, Stream, StreamStatus
from idp.storage.event_streams import find_stream, insert_stream
from idp.storage.tables import METADATA as GATEWAY
from idp.storage.tables import event_stream
from idp.usecases.security_events import open_authorization, seal_authorization
from kernel.crypto import KeyRing, Sealer
from kernel.errors import SealError
from kernel.resealing import reseal, sealed_by
from kernel.store import Store
from kernel.tables import METADATA as KERNEL
from keys.settings import KeySettings
from keys.storage.tables import METADATA as KEYS
from keys.usecases.signing import SigningKeys
from registration.storage.tables import METADATA as REGISTRATION
from switchyard.cli import main
from switchyard.sealed_places import PLACES, SHORT_LIVED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gatehouse import Gatehouse

HEADER = "Bearer the-receiver-knows-it"
OURS = PLACES["gateway"]


class Killed(BaseException):
    """Stands for the end of the process, in the middle of the round."""


def a_process(store: Store, file: Path) -> Store:
    """Return the store of one more process on the same database, which read the keys just now."""
    sealer = Sealer(KeyRing.from_file(file), store.randomness)
    return Store(store.database, store.clock, store.randomness, sealer)


def with_ring(gatehouse: Gatehouse, file: Path) -> Store:
    """Let the sign-in seal with the keys of ``file``, and everything that is sealed be there."""
    store = gatehouse.services.store
    KeyRing.create_file(file, store.randomness)
    KeyRing.add_to_file(file, store.randomness)
    store.sealer = Sealer(KeyRing.from_file(file), store.randomness)
    gatehouse.services.signing.ensure()
    with store.write() as unit:
        unit.courier.post(channel="backchannel-logout", payload={"client_id": "emi"})
        stream = Stream(
            unit.randomness.ulid(unit.now),
            "emi",
            "",
            Payload.NONE,
            (),
            "ES256",
            "https://r.example/",
            StreamStatus.ENABLED,
            "",
        )
        sealed = seal_authorization(unit.sealer, "emi", HEADER)
        insert_stream(unit.connection, stream, sealed_authorization=sealed, now=unit.now)
    return store


def test_the_key_is_replaced_while_people_sign_in_and_a_round_that_was_killed_goes_on(
    gatehouse: Gatehouse, tmp_path: Path
) -> None:
    """KM-03: no sign-in fails, every row is readable, the former key can be removed, and the round is resumable."""
    file = tmp_path / "kek.txt"
    old = with_ring(gatehouse, file)
    holder = gatehouse.a_holder()
    assert set(sealed_by(old, OURS)) == {2}
    KeyRing.add_to_file(file, old.randomness)
    new = a_process(old, file)
    everything = sealed_by(old, OURS).total()

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        reseal(new, OURS, rest=die)
    assert set(sealed_by(old, OURS)) == {2, 3}
    gatehouse.sign_in(holder)  # by a process that has not restarted, and seals with the former key
    found = reseal(new, OURS)
    assert (found.lost, sealed_by(old, OURS).total() >= everything) == ((), True)
    assert set(sealed_by(old, OURS)) == {3}
    gatehouse.sign_in(holder)
    old.sealer = a_process(old, file).sealer  # it restarts at last; what it sealed until then follows
    assert not reseal(new, OURS).lost
    first, _, last = file.read_text().split()
    file.write_text(f"{first}\n{last}\n")
    after = a_process(old, file)
    assert SigningKeys(after, KeySettings()).sign({}, typ="JWT")
    stored = find_stream(after.database, "emi")
    assert stored is not None
    assert open_authorization(after.sealer, stored) == HEADER
    old.sealer = after.sealer
    gatehouse.sign_in(holder)


def test_a_value_that_no_key_opens_is_named_and_stays(gatehouse: Gatehouse, tmp_path: Path) -> None:
    """KM-03, KM-02: nobody removes a key that something still needs; the others are sealed anew."""
    file = tmp_path / "kek.txt"
    store = with_ring(gatehouse, file)
    KeyRing.add_to_file(file, store.randomness)
    with store.write() as unit:
        unit.connection.execute(event_stream.update().values(sealed_authorization=b"\x01\x02" + b"x" * 40))
    new = a_process(store, file)
    found = reseal(new, OURS)
    assert found.lost == ("event_stream.sealed_authorization emi",)
    assert (found.done > 0, sealed_by(new, OURS)[2]) == (True, 1)
    with store.read() as connection:
        assert bytes(connection.scalar(select(event_stream.c.sealed_authorization)) or b"")[:2] == b"\x01\x02"


def test_a_process_that_started_before_the_key_reads_it_from_the_file(
    tmp_path: Path, gatehouse: Gatehouse
) -> None:
    """KM-03: one key after the other reaches the processes; a number that nobody has opens nothing."""
    file, place = tmp_path / "kek.txt", {"table": "t", "column": "c", "row": "1"}
    chance = gatehouse.services.store.randomness
    before = Sealer(KeyRing.create_file(file, chance), chance)
    after = Sealer(KeyRing.add_to_file(file, chance), chance)
    assert before.open(after.seal(b"x", **place), **place) == b"x"
    assert (before.newest, before.seal(b"x", **place)[1]) == (1, 1), "the others may not have the new one yet"
    with pytest.raises(SealError):
        before.open(b"\x01\x09" + b"x" * 40, **place)
    file.unlink()
    with pytest.raises(SealError):
        before.open(b"\x01\x0a" + b"x" * 40, **place)


def test_every_sealed_column_is_sealed_anew_or_is_soon_over() -> None:
    """KM-03: a column that is added and forgotten here would be lost with the former key."""
    known = {place.column for places in PLACES.values() for place in places} | set(SHORT_LIVED)
    tables = [table for each in (GATEWAY, KERNEL, KEYS, REGISTRATION) for table in each.tables.values()]
    sealed = {
        column
        for table in tables
        for column in table.columns
        if "sealed" in column.name or "sealed" in (column.comment or "")
    }
    assert sealed == known


def test_the_command_says_what_was_sealed_anew_and_what_is_left(tmp_path: Path) -> None:
    """KM-03: an operator knows from it whether the former key's line may go."""
    kek, file = tmp_path / "kek.txt", tmp_path / "switchyard.toml"
    run(0, "keys", "new-kek", str(kek))
    file.write_text(
        "".join(
            f"[{system}.kernel]\ndatabase_url = 'sqlite:///{tmp_path / system}.db'\nkey_file = '{kek}'\n"
            for system in ("gateway", "registration")
        )
    )
    options = ("--settings", str(file))
    run(0, "db", "upgrade", *options)
    run(
        0,
        "client",
        "add",
        "m2m",
        "--name",
        "Machine",
        "--machine",
        "--auth-method",
        "client_secret_basic",
        *options,
    )
    run(0, "keys", "new-kek", str(kek))
    told = run(0, "keys", "reseal", *options)
    assert "gateway: 2 sealed anew, 2 sealed by key 2" in told
    assert "registration: 0 sealed anew, 0 sealed by key 2" in told
    assert "gateway: 0 sealed anew, 2 sealed by key 2" in run(0, "keys", "reseal", *options)
    run(0, "keys", "new-kek", str(kek))
    first, _, last = kek.read_text().split()
    kek.write_text(f"{first}\n{last}\n")
    told = run(1, "keys", "reseal", "--system", "gateway", *options)
    assert "gateway: 2 still sealed by key 2" in told
    assert told.count("no key opens signing_key.sealed_private") == 2


def run(code: int, *words: str) -> str:
    """Run a command; return what it said."""
    result = CliRunner().invoke(main, [*words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output
