"""Fixtures that several files of tests share, and the order in which the files are played."""

import pytest

from tests.conftest_postgres import database, postgres_address, postgres_server
from tests.oidc_provider import provider

__all__ = ["database", "postgres_address", "postgres_server", "provider", "pytest_collection_modifyitems"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with long tests first: only short ones are left for the end, when a worker would wait for the other."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)
