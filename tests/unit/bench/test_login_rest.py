"""What a login takes beside its hash is what the hash did not take, of the clock and of the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import argon2
import pytest

from bench import hash_times
from bench.hash_times import HashTimes, told
from bench.login_rest import Logins, lines_of
from bench.measuring import Line

if TYPE_CHECKING:
    from pathlib import Path


def test_the_hash_of_each_login_is_taken_off_what_its_client_waited_for() -> None:
    logins = Logins()
    logins.add(0.030, HashTimes(1, 0.020, 0.025))
    logins.add(0.050, HashTimes(1, 0.020, 0.046))
    logins.add_round(0.052, HashTimes(2, 0.040, 0.071))
    alone = Logins()
    alone.add(0.004, HashTimes(1, 0.0, 0.0))
    alone.add_round(0.003, HashTimes(1, 0.0, 0.0))
    own, rest, hashes = lines_of(alone, logins, Line("W8/own", "own"))
    assert (own.name, round(own.p99, 6), round(own.cpu, 6)) == ("W8/own", 4.0, 3000.0)
    assert (rest.name, round(rest.p99, 6), round(rest.cpu, 6)) == ("W8/rest", 5.0, 6000.0)
    assert (hashes.name, round(hashes.p99, 6), round(hashes.cpu, 6)) == ("W8/hash", 46.0, 20000.0)
    assert logins.faults == []


@pytest.mark.parametrize("ended", [0, 2])
def test_a_login_without_exactly_one_verification_is_a_fault(ended: int) -> None:
    """A server that tells nothing would look as if all of the login were beside the hash."""
    logins = Logins()
    logins.add(0.030, HashTimes(ended, 0.0, 0.0))
    assert logins.faults == [f"{ended} verifications in one login"]


def test_a_server_adds_up_what_its_verifications_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that fail took their time as well."""
    file = tmp_path / "times"
    hash_times.make(file)
    library: Any = argon2.PasswordHasher
    monkeypatch.setattr(library, "verify", library.verify)
    monkeypatch.setenv(hash_times.FILE, str(file))
    hash_times.tell_if_asked()
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    stored = hasher.hash("right")
    assert hasher.verify(stored, "right")
    first = told(file)
    assert first.ended == 1
    assert first.processor > 0
    assert first.clock > 0
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        hasher.verify(stored, "wrong")
    assert told(file).since(first).ended == 1
    hash_times.leave_out(file, left_out=True)
    assert hasher.verify(stored, "wrong"), "no hash is computed, so none can tell"
    assert told(file).since(first).ended == 2
    hash_times.leave_out(file, left_out=False)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        hasher.verify(stored, "wrong")


def test_a_server_that_is_not_asked_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hash_times.FILE, raising=False)
    library: Any = argon2.PasswordHasher
    before = library.verify
    hash_times.tell_if_asked()
    assert library.verify is before
