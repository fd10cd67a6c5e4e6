"""Fixtures that several files of tests share."""

from tests.conftest_postgres import postgres_address, postgres_server

__all__ = ["postgres_address", "postgres_server"]
