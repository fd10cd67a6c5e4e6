"""SQL databases as sources, on a real SQLite file; the clock is bound, passwords are never shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from signoff.core.errors import DataError, SettingsError
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.sources import make_snapshot, read_rows

JANUARY = datetime(2024, 1, 20)


def project(database: str, query: str = "SELECT * FROM orders", **data: Any) -> Project:
    sources = {"orders": {"database": database, "query": query}}
    given = {"sources": sources, "time_column": "asked", **data}
    return Project.model_validate(
        {"project": "shop", "question": "?", "task": "regression", "target": "price", "data": given}
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (order_id INTEGER, asked TEXT, price REAL, note TEXT)")
        rows = [(i, f"2024-01-{i + 1:02d} 08:00:00", i * 1.5, None) for i in range(30)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    return tmp_path


def test_text_moments_are_parsed_and_cut(shop: Path) -> None:
    snapshot = make_snapshot(project("sqlite:///shop.db", id_columns=["order_id"]), Paths(shop), JANUARY)
    assert snapshot.rows == 19
    assert snapshot.columns["asked"] == "datetime64[us]"
    assert snapshot.columns["note"] == "str"
    assert snapshot.sources[0].sha256 is None
    assert [(cut.reason, cut.rows) for cut in snapshot.left_out] == [("asked lies after the clock", 11)]


def test_the_clock_is_bound_where_it_is_named(shop: Path) -> None:
    query = "SELECT *, :as_of AS clock FROM orders WHERE asked <= :as_of AND asked >= :since"
    rows = read_rows(project("sqlite:///shop.db", query, history_days=10), shop, JANUARY)
    assert rows.sources[0].rows == 10
    assert rows.frame["clock"].str.startswith("2024-01-20").all()


def test_the_address_may_come_from_the_environment(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{shop / 'shop.db'}")
    assert len(read_rows(project("env:SHOP_DB"), shop, None).frame) == 30
    monkeypatch.delenv("SHOP_DB")
    with pytest.raises(SettingsError, match=r"variable that is not set; .*SHOP_DB is empty; next: export SHOP_DB="):
        read_rows(project("env:SHOP_DB"), shop, None)


def test_a_database_and_a_file_are_joined(shop: Path) -> None:
    (shop / "sources").mkdir()
    pd.DataFrame({"order_id": range(30), "weight": range(30)}).to_csv(shop / "sources" / "weights.csv", index=False)
    (shop / "rows.sql").write_text("SELECT * FROM orders JOIN weights USING (order_id)")
    settings = project("sqlite:///shop.db").model_dump()
    settings["data"]["sources"]["weights"] = {"file": "weights.csv"}
    settings["data"]["sql"] = "rows.sql"
    frame = read_rows(Project.model_validate(settings), shop, None).frame
    assert frame["weight"].tolist() == list(range(30))


def test_a_missing_file_makes_no_empty_database(shop: Path) -> None:
    with pytest.raises(DataError, match=r"database file .* is missing; where: .*shopp.db"):
        read_rows(project("sqlite:///shopp.db"), shop, None)
    assert not (shop / "shopp.db").exists()


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM ordrs", r"refused the query .*ordrs.*got: no such table: ordrs"),
        ("SELECT prise FROM orders", "got: no such column: prise"),
        ("DELETE FROM orders", "query must be one SELECT; .*got: DELETE"),
        ("SELECT * FROM orders WHERE asked < :today", "parameter that nobody sets; .*got: :today; allowed: :as_of"),
    ],
)
def test_queries_that_fail(shop: Path, query: str, match: str) -> None:
    with pytest.raises((DataError, SettingsError), match=match):
        read_rows(project("sqlite:///shop.db", query), shop, None)


def test_a_query_cannot_change_the_database(shop: Path) -> None:
    with closing(sqlite3.connect(shop / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE log (x)")
    with pytest.raises(DataError, match="readonly database"):
        read_rows(project("sqlite:///shop.db", "WITH x AS (SELECT 1) INSERT INTO log SELECT * FROM x"), shop, None)
    with closing(sqlite3.connect(shop / "shop.db")) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_a_file_that_is_no_database(shop: Path) -> None:
    (shop / "shop.db").write_text("this is no database " * 100)
    with pytest.raises(DataError, match="got: file is not a database"):
        read_rows(project("sqlite:///shop.db"), shop, None)


@pytest.mark.parametrize(
    "address", ["nonsense", "postgresql+psycopg2://ada:hunter2@127.0.0.1:1/x", "oracle9://ada:hunter2@h/x"]
)
def test_addresses_that_do_not_work_hide_the_password(shop: Path, address: str) -> None:
    with pytest.raises((DataError, SettingsError), match="database") as raised:
        read_rows(project(address), shop, None)
    assert "hunter2" not in raised.value.sentence()


@pytest.fixture
def shop_server(postgres_address: str) -> str:
    """A real table, with the types that a business keeps in PostgreSQL."""
    import psycopg

    with psycopg.connect(postgres_address, autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        connection.execute(
            "CREATE TABLE orders AS SELECT g AS order_id, '2024-03-31 00:00+01'::timestamptz + g * interval '1 hour'"
            " AS asked, CASE WHEN g % 5 > 0 THEN g * 1.25 END::numeric(12, 2) AS weight, (g % 2 = 0) AS gift,"
            " CASE WHEN g % 2 = 0 THEN 'ok' ELSE 'sad' END::mood AS mood, 'tä%' AS note, g * 1.5 AS price"
            " FROM generate_series(0, 47) AS g"
        )
    return postgres_address


def test_a_table_of_postgresql_is_read_at_the_clock(shop_server: str, tmp_path: Path) -> None:
    """In March a day of Berlin has 23 hours; moments are UTC whatever the server's zone is."""
    address = f"{shop_server}?options=-ctimezone%3DEurope/Berlin"
    query = "SELECT * FROM orders WHERE asked <= :as_of AND note LIKE 't%' AND '12:30'::time < '12:31'"
    rows = read_rows(project(address, query, id_columns=["order_id"]), tmp_path, datetime(2024, 3, 31, 2))
    frame = rows.frame
    assert [str(moment) for moment in frame["asked"]] == [
        "2024-03-30 23:00:00",
        "2024-03-31 00:00:00",
        "2024-03-31 01:00:00",
        "2024-03-31 02:00:00",
    ]
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "order_id": "int64",
        "asked": "datetime64[us]",
        "weight": "float64",
        "gift": "bool",
        "mood": "str",
        "note": "str",
        "price": "float64",
    }


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT * FROM orders; DROP TABLE orders",
        "SELECT *, setval('keys', 99) FROM orders",
    ],
)
def test_a_query_changes_nothing_in_postgresql(shop_server: str, tmp_path: Path, query: str) -> None:
    import psycopg

    with psycopg.connect(shop_server, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE keys")
        with pytest.raises(DataError, match="read-only"):
            read_rows(project(shop_server, query), tmp_path, None)
        assert connection.execute("SELECT count(*), max(last_value) FROM orders, keys").fetchone() == (48, 1)


def test_no_password_is_shown_from_wherever_the_driver_takes_it(
    shop_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = shop_server.replace("signoff@", "")
    for address in (
        f"{bare}-not-there?user=signoff&password=Geheim1",
        f"{bare}?user=signoff&nonsense=Geheim1",
        shop_server.replace("signoff@", "signoff:Geheim1@") + "-not-there",
    ):
        monkeypatch.setenv("SHOP", address)
        with pytest.raises(DataError, match="does not answer") as caught:
            read_rows(project("env:SHOP"), tmp_path, None)
        assert "Geheim1" not in caught.value.sentence()


def test_two_columns_of_one_name_are_refused(shop: Path) -> None:
    query = "SELECT *, price AS Note FROM orders"
    with pytest.raises(DataError, match=r"two columns of the answer.*note, Note.*rename one"):
        read_rows(project("sqlite:///shop.db", query), shop, None)
