"""scim2-server's contract of storages, kept by our service through its own requests, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scim2_server.testing import ScimStorageContract
from scim2_server.utils import load_default_provider

from tests.support.scim import a_scim_world
from tests.support.scim_storage import ServiceStorage

if TYPE_CHECKING:
    from kernel.database import Database


class TestServiceAsStorage(ScimStorageContract):
    """44 promises, those on filters and sorting asked of many."""

    @pytest.fixture
    def storage(self, gateway_database: Database) -> ServiceStorage:
        """Give a service without resources."""
        return ServiceStorage(a_scim_world(gateway_database), load_default_provider())
