"""Bad input: one error that says what, where, got, allowed and next; and nothing half-written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from signoff.core.errors import DataError, SettingsError, SignoffError
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.sources import make_snapshot

CSV = "row_id,asked,price,city,late\n" + "".join(
    f'{i},2024-01-{i % 28 + 1:02d},{i / 8},"city, {i % 3}",{i % 2}\n' for i in range(60)
)


def project(task: str = "binary", target: str = "late", **data: Any) -> Project:
    given = {"folder": "sources", "sources": {"orders": {"file": "orders.csv"}}, **data}
    return Project.model_validate({"project": "shop", "question": "?", "task": task, "target": target, "data": given})


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., SignoffError]:
    """What is said about some bytes; and the check that nothing was written for them."""

    def ingest(
        content: str | bytes | None, match: str, settings: Project | None = None, name: str = "orders.csv"
    ) -> Any:
        folder = tmp_path / "sources"
        folder.mkdir(exist_ok=True)
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises((DataError, SettingsError), match=match) as raised:
            make_snapshot(
                settings or project(sources={"orders": {"file": name}}), Paths(tmp_path), datetime(2024, 6, 1)
            )
        assert not (tmp_path / "data").exists()
        return raised.value

    return ingest


def parquet(frame: pd.DataFrame, folder: Path) -> bytes:
    path = folder / "made.parquet"
    frame.to_parquet(path)
    return path.read_bytes()


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"row_id": range(40), "late": [i % 2 for i in range(40)], **columns})


def test_missing_file_names_the_nearest(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "order.csv").write_text(CSV)
    assert "did you mean 'order.csv'" in refused(None, "orders.csv is missing").sentence()


def test_missing_folder(refused: Any) -> None:
    refused(None, r"the folder of .* is missing", project(folder="nowhere"))


@pytest.mark.parametrize(("content", "match"), [("", "is empty; where.*0 bytes"), ("\n\n", "orders.csv is empty")])
def test_empty_csv(refused: Any, content: str, match: str) -> None:
    refused(content, match)


def test_header_without_rows(refused: Any) -> None:
    refused("row_id,late\n", "no rows are left")


def test_parquet_cut_in_half(refused: Any, tmp_path: Path) -> None:
    whole = parquet(table(), tmp_path)
    refused(whole[: len(whole) // 2], "is not a whole Parquet file", name="orders.parquet")


def test_parquet_with_a_damaged_body(refused: Any, tmp_path: Path) -> None:
    whole = bytearray(parquet(table(noise=np.random.default_rng(0).normal(size=40)), tmp_path))
    whole[4:300] = b"\xff" * 296
    refused(bytes(whole), "source 'orders' cannot be read to its end", name="orders.parquet")


def test_csv_called_parquet(refused: Any) -> None:
    refused(CSV, "is not a whole Parquet file", name="orders.parquet")


def test_csv_cut_in_a_quoted_field(refused: Any) -> None:
    half = CSV[: CSV.index('"city, 0"', 1000) + 4]
    line = half.count("\n") + 1
    refused(half, rf"a quoted field of orders.csv does not end; where: .*orders.csv, line {line}; .*copy it again")


def test_csv_cut_in_a_row(refused: Any) -> None:
    refused(CSV[: CSV.rindex(',"city')], r"a row of orders.csv has 3 fields; .*line 61; .*5 fields")


def test_csv_with_a_field_too_many(refused: Any) -> None:
    refused(CSV + "60,2024-01-01,1,x,1,9\n", r"has 6 fields; where: .*line 62; got: 60,2024-01-01,1,x,1,9")


def test_csv_of_another_encoding_names_line_offset_and_way_out(refused: Any) -> None:
    content = CSV.encode() + '60,2024-01-01,1,"Zürich",1\n'.encode("cp1252")
    offset = content.index(b"\xfc")
    refused(content, rf"is not utf-8 text; where: .*line 62, byte offset {offset}; got: byte 0xfc; .*encoding .*cp1252")


def test_csv_of_mixed_encodings_says_so(refused: Any) -> None:
    content = '0,2024-01-01,1,"Zürich",1\n'.encode() + '60,2024-01-01,1,"Zürich",1\n'.encode("cp1252")
    refused(CSV.encode() + content, r"mixes encodings; .*line 63.*save the whole file in one encoding")


def test_wrong_bytes_past_the_first_piece(refused: Any) -> None:
    content = b"row_id,late\n" + b"1,0\n" * 300_000 + b"2,\xff\n"
    refused(content, rf"line 300002, byte offset {len(content) - 2}")


def test_utf16_that_is_not(refused: Any) -> None:
    settings = project(sources={"orders": {"file": "orders.csv", "encoding": "utf-16"}})
    refused(CSV, "is not utf-16 text", settings)


def test_unknown_encoding(refused: Any) -> None:
    settings = project(sources={"orders": {"file": "orders.csv", "encoding": "utf-9"}})
    refused(CSV, "is not an encoding; .*got: utf-9; allowed: .*cp1252", settings)


def test_gzip_cut_in_half(refused: Any) -> None:
    whole = gzip.compress(CSV.encode())
    refused(whole[: len(whole) // 2], "is not a whole gzip file", name="orders.csv.gz")
    refused(CSV, "is not a whole gzip file", name="orders.csv.gz")


def test_headers_that_cannot_be_told_apart(refused: Any) -> None:
    refused("row_id,Late,late\n1,2,3\n", "two columns of orders.csv have one name; .*column 3; got: late")
    refused("row_id,,late\n1,2,3\n", "a column of orders.csv has no name; .*column 2")


@pytest.mark.parametrize("delimiter", ["::", '"', "\n"])
def test_a_delimiter_is_one_character(refused: Any, delimiter: str) -> None:
    settings = project(sources={"orders": {"file": "orders.csv", "delimiter": delimiter}})
    refused(CSV, "delimiter must be one character", settings)


def test_lines_that_end_in_different_ways(refused: Any) -> None:
    refused("row_id,late\r\n1,0\r\n2,1\n3,1\r\n", "cannot be read as CSV; .*all lines ending alike")


def test_unknown_ending(refused: Any) -> None:
    refused(CSV, r"an ending that cannot be read; .*got: orders.xlsx; allowed: .csv", name="orders.xlsx")


def test_file_outside_the_data_folder(refused: Any) -> None:
    settings = project(sources={"orders": {"file": "../orders.csv"}})
    refused(CSV, "leaves the data folder", settings)


@pytest.mark.parametrize("name", ["my orders", "1st", "a-b", 'x"; drop table y'])
def test_source_names_must_be_identifiers(refused: Any, name: str) -> None:
    refused(CSV, "cannot be used in SQL; .*rename the source", project(sources={name: {"file": "orders.csv"}}))


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("SELECT *\nFROM ordrs", r"rows.sql:2; got: .*ordrs.*Did you mean \"orders\""),
        ("SELECT *,\n  prise\nFROM orders", r"rows.sql:2; got: .*prise.*price"),
        ("SELECT *\nFORM orders", r"the project's SQL failed; where: .*rows.sql:2; got: .*syntax error"),
        (
            "SELECT *,\n\n CAST(city AS INTEGER) AS x FROM orders",
            r"rows.sql:3; got: Could not convert string 'city, 0'",
        ),
        ("SELECT * FROM orders\nWHERE asked < $today", r"a parameter that nobody sets; where: .*:2; got: \$today"),
        ("SELECT * FROM orders; SELECT 1", "must hold one SELECT; .*got: SELECT, SELECT"),
        ("DROP TABLE orders", "must hold one SELECT; .*got: DROP"),
        ("", "must hold one SELECT; .*got: nothing"),
        ("SELECT row_id, price FROM orders", "no column 'late', which target in signoff.yaml names; .*rows.sql"),
        ("SELECT *, [1] AS list FROM orders", "column 'list' holds list"),
        ("SELECT *, price AS late FROM orders", "two columns have one name|no column 'late'"),
    ],
)
def test_sql_that_fails_names_file_and_line(refused: Any, tmp_path: Path, sql: str, match: str) -> None:
    (tmp_path / "rows.sql").write_text(sql)
    if sql.endswith("price AS late FROM orders"):
        (tmp_path / "rows.sql").write_text("SELECT row_id, late, price AS late FROM orders")
    refused(CSV, match, project(sql="rows.sql"))


def test_sql_file_that_is_not_there(refused: Any) -> None:
    refused(CSV, "the file of data.sql is missing; where: .*nowhere.sql", project(sql="nowhere.sql"))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"time_column": "askd"}, r"no column 'askd', which data.time_column .*did you mean 'asked'"),
        ({"id_columns": ["row_id", "orderid"]}, "no column 'orderid', which data.id_columns"),
        ({"drop": ["citty"]}, "no column 'citty', which data.drop .*did you mean 'city'"),
        ({"pseudonymise": ["buyer"]}, "no column 'buyer', which data.pseudonymise"),
        ({"drop": ["asked"], "time_column": "asked"}, "data.drop removes 'asked', which another setting needs"),
        ({"pseudonymise": ["asked"], "time_column": "asked"}, "would hide the moments of 'asked'"),
        ({"time_column": "price"}, "must name a column of dates or times; .*got: price holds float64"),
        ({"time_column": "city"}, r"text that is not a date or time; where: .*row 1; got: 'city, 0' \(60 rows"),
    ],
)
def test_columns_that_settings_name(refused: Any, data: dict[str, Any], match: str) -> None:
    refused(CSV, match, project(**data))


def test_a_target_that_is_not_there_names_the_nearest(refused: Any) -> None:
    refused(CSV, r"no column 'lat', .*did you mean 'late'", project(target="lat"))


def test_duplicate_identifiers_are_counted_and_shown(refused: Any) -> None:
    again = CSV + "3,2024-01-01,1,x,1\n4,2024-01-01,1,x,1\n"
    refused(
        again, r"2 rows repeat the identifier .*\(row_id\); .*got: row_id=3; row_id=4", project(id_columns=["row_id"])
    )


def test_infinities_are_refused(refused: Any, tmp_path: Path) -> None:
    refused("late,ratio\n0,1.5\n1,inf\n0,-inf\n1,2\n", "column 'ratio' holds 2 infinite values; .*row 2")
    broken = parquet(table(ratio=[np.inf] + [1.0] * 39), tmp_path)
    refused(broken, "column 'ratio' holds 1 infinite values", name="orders.parquet")


@pytest.mark.parametrize(
    ("task", "content", "match"),
    [
        ("binary", "x,late\n1,\n2,\n", "no rows are left.*2 rows: the target late is missing"),
        ("binary", "x,late\n1,1\n2,1\n", "has one class in all 2 rows"),
        ("multiclass", "x,late\n1,a\n2,a\n", "has one class in all 2 rows"),
        ("binary", "x,late\n1,a\n2,b\n3,c\n", "has 3 classes, but task is binary; .*multiclass"),
        ("regression", "x,late\n1,a\n2,b\n", "is not a number, but task is regression"),
        ("regression", "x,late\n1,2.5\n2,2.5\n", "has one value in all 2 rows"),
        ("multiclass", "x,late\n" + "".join(f"1,c{i}\n" for i in range(150)), "has 150 classes"),
    ],
)
def test_targets_with_nothing_to_learn(refused: Any, task: str, content: str, match: str) -> None:
    refused(content, match, project(task))


def test_positive_must_be_a_value_of_the_target(refused: Any) -> None:
    settings = project().model_copy(update={"positive": "yes"})
    refused("x,late\n1,yess\n2,no\n", "positive is not a value .*did you mean 'yess'", settings)


def test_a_clock_before_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "orders.csv").write_text(CSV)
    with pytest.raises(DataError, match=r"no rows are left at the clock 2020-01-01 00:00.*60 rows: asked lies after"):
        make_snapshot(project(time_column="asked"), Paths(tmp_path), datetime(2020, 1, 1))
    (tmp_path / "rows.sql").write_text("SELECT * FROM orders WHERE asked <= $as_of")
    with pytest.raises(DataError, match=r"the first row is of 2024-01-01 00:00:00"):
        make_snapshot(project(time_column="asked", sql="rows.sql"), Paths(tmp_path), datetime(2020, 1, 1))


def test_an_old_snapshot_survives_bad_input(tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "orders.csv").write_text(CSV)
    paths = Paths(tmp_path)
    make_snapshot(project(), paths, None)
    before = paths.raw.read_bytes(), paths.snapshot.read_bytes()
    (folder / "orders.csv").write_text(CSV[:700])
    with pytest.raises(DataError):
        make_snapshot(project(), paths, None)
    assert (paths.raw.read_bytes(), paths.snapshot.read_bytes()) == before
    assert sorted(path.name for path in paths.raw.parent.iterdir()) == ["raw.parquet", "snapshot.json"]


def test_a_header_whose_quote_never_ends_is_named(refused: Any) -> None:
    refused('row_id,"price\n' + "1,2\n" * 60_000, r"the header of orders\.csv.*line 1.*quotes in pairs")


@pytest.mark.parametrize("before", ["\n", "\r\n\r\n", " \n\n"])
def test_empty_lines_before_the_header_are_no_rows(tmp_path: Path, before: str) -> None:
    (tmp_path / "sources").mkdir()
    text = CSV.replace("\n", "\r\n") if "\r" in before else CSV
    (tmp_path / "sources" / "orders.csv").write_bytes((before + text).encode())
    snapshot = make_snapshot(project(), Paths(tmp_path), None)
    assert snapshot.rows == 60
    assert snapshot.columns["price"] == "float64"


@pytest.mark.parametrize("moment", ["0000-01-01", "9999-12-31T23:59:59-12:00"])
def test_a_moment_beyond_the_calendar_is_named(refused: Any, tmp_path: Path, moment: str) -> None:
    settings = project(time_column="asked")
    refused(
        CSV.replace("2024-01-09", moment, 1), r"(text that is not a date or time|beyond the calendar).*row 9", settings
    )
    frame = pd.read_csv(tmp_path / "sources" / "orders.csv").assign(
        asked=pd.Series(np.array([-62_200_000_000, *[1_700_000_000] * 59], dtype="datetime64[s]")).astype(
            "datetime64[us]"
        )
    )
    frame.to_parquet(tmp_path / "sources" / "orders.parquet")
    parquet = project(time_column="asked", sources={"orders": {"file": "orders.parquet"}})
    refused(None, "moments beyond the calendar.*row 1.*years 1 to 9999", parquet)
