"""Operators who give one client new secrets at the same moment."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from idp.storage.client_secrets import secret_ages
from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret
from idp.usecases.secret_renewal import StillRotating
from kernel.audit import SYSTEM
from tests.support.oidc import an_op

if TYPE_CHECKING:
    from kernel.database import Database

pytestmark = pytest.mark.race
THREADS = 8


@pytest.mark.parametrize("overlap", [dt.timedelta(days=1), dt.timedelta(0)], ids=["overlap", "leaked"])
def test_of_rotations_at_once_no_third_secret_is_left(
    gateway_database: Database, overlap: dt.timedelta
) -> None:
    """CA-11: two secrets work at a time, and after a leak only the last one that was made."""
    op = an_op(gateway_database, limits=False)
    client_id = op.client()
    barrier = threading.Barrier(THREADS)

    def rotate(_number: int) -> object:
        barrier.wait()
        return rotate_client_secret(op.services, client_id, actor=SYSTEM, overlap=overlap)

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(rotate, range(THREADS)))
    with op.services.store.read() as connection:
        ages = secret_ages(connection, client_id, now=op.clock.now())
    endless = [age for age in ages if age.expires_at is None]
    assert len(endless) == 1, "one secret is the present one"
    assert len(ages) == (2 if overlap else 1)
    rotated = [each for each in outcomes if isinstance(each, SecretRotated)]
    assert len(rotated) == (1 if overlap else THREADS)
    assert all(isinstance(each, SecretRotated | StillRotating) for each in outcomes)
