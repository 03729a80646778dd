"""The processor's own limits: what the product signs, verifies and hashes with, each alone and in a loop.

Each is the very call that the product makes: the signers and checkers of its key ring over keys that it drew,
a client's assertion as it is read, the hasher with the costs of the settings, in a process of its own on the
server's processor. ``python -m bench.limits`` is that process, and tells the lines as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import KeySet

from bench.load import Result
from bench.measuring import Line
from bench.server import pin
from bench.workloads import assertion
from bench.world import World
from idp.domain.client_signature import signed_by
from kernel.crypto import KeyRing, PasswordHasher, Sealer
from kernel.heap import share_one_heap
from kernel.randomness import SystemRandomness
from keys.domain.signature import EDDSA, ES256, PS256, RS256, checker, signer
from keys.storage.material import RSA_BITS, make_pair, open_private
from switchyard import wiring
from switchyard.settings import read_settings

_MESSAGE = bytes(600)
"""As long as the signed part of an access token."""
_LONGEST = 0.5
"""Seconds of a round: these calls are all alike."""


_RSA = f", {RSA_BITS} bits"
_SIGNED_WITH = ((ES256, ""), (EDDSA, ""), (RS256, _RSA), (PS256, _RSA))


@dataclass(frozen=True, slots=True)
class Limit:
    """One call, which is made again and again."""

    name: str
    what: str
    call: Callable[[], object]


def limits() -> list[Limit]:
    """Return what is measured, ready to be called."""
    share_one_heap()  # as a worker does
    hasher = wiring.password_hasher(kernel := read_settings(None, {}).gateway.kernel)
    costs = f"m={kernel.password_memory_kib} t={kernel.password_passes} p=1"
    return [*_signatures(), _assertion(), _hash(hasher, costs)]


def _signatures() -> list[Limit]:
    sealer = Sealer(KeyRing({1: bytes(32)}), SystemRandomness())
    found: list[Limit] = []
    for algorithm, key in _SIGNED_WITH:
        pair = make_pair(algorithm, sealer)
        sign = signer(algorithm, open_private(pair.sealed_private, pair.kid, sealer))
        found.append(Limit(f"F-{algorithm}", f"{algorithm} signature{key}", partial(sign, _MESSAGE)))
        if algorithm == ES256:
            check = partial(checker(algorithm, pair.public_jwk), sign(_MESSAGE), _MESSAGE)
            assert check()
            found.append(Limit("F-ES256v", "ES256 signature verified", check))
    return found


def _assertion() -> Limit:
    world = World("https://gateway.example", Path(), ec.generate_private_key(ec.SECP256R1()))
    keys = KeySet.import_key_set({"keys": [world.public_jwk]})
    read = partial(signed_by, assertion(world), keys, algorithms=(ES256,))
    assert read() is not None
    return Limit("F-jwt", "assertion of private_key_jwt verified", read)


def _hash(hasher: PasswordHasher, costs: str) -> Limit:
    verify = partial(hasher.verify, hasher.hash("correct"), "correct")
    assert verify()
    return Limit("F-argon2id", f"argon2id verification, {costs}", verify)


def look(options: argparse.Namespace) -> list[Line]:
    """Measure the limits on the server's processor, and return a line for each."""
    command = [sys.executable, "-m", "bench.limits", "--seconds", str(min(options.seconds, _LONGEST))]
    done = subprocess.run(
        [*command, "--rounds", str(options.rounds)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        preexec_fn=pin,
    )
    return [Line(**values) for values in json.loads(done.stdout)]


def measure_limit(limit: Limit, *, rounds: int, seconds: float) -> Line:
    """Make one call for so many rounds of so many seconds."""
    times: list[float] = []
    rates, spent = [], 0.0
    for _ in range(rounds):
        before, processor = len(times), time.process_time()
        begin = now = time.perf_counter()
        while now < begin + seconds:
            limit.call()
            after = time.perf_counter()
            times.append(after - now)
            now = after
        rates.append((len(times) - before) / (now - begin))
        spent += time.process_time() - processor
    whole = Result(len(times), 1, times)
    return Line(
        limit.name,
        limit.what,
        rates=rates,
        p50=whole.quantile(0.5),
        p99=whole.quantile(0.99),
        cpu=spent / len(times) * 1e6,
        memory=psutil.Process().memory_info().rss / 1_000_000,
    )


def main() -> None:
    """Measure every limit here and now, and print the lines."""
    parser = argparse.ArgumentParser(prog="bench.limits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    lines = [measure_limit(each, rounds=options.rounds, seconds=options.seconds) for each in limits()]
    kept: list[dict[str, Any]] = [asdict(line) for line in lines]
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
