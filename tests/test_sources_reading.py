"""Rows at a clock: what each kind of source gives, what the clock cuts; the same inputs give the same bytes."""

from __future__ import annotations

import gzip
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from signoff.core.digest import sha256_file
from signoff.core.errors import SettingsError, WorkspaceError
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.sources import make_snapshot, read_rows
from signoff.sources.pseudonyms import pseudonym_key, pseudonymise

JUNE = datetime(2024, 6, 1)


def project(task: str = "binary", target: str = "late", **data: Any) -> Project:
    given = {"folder": "sources", "sources": {"orders": {"file": "orders.csv"}}, **data}
    return Project.model_validate(
        {
            "project": "shop",
            "question": "?",
            "task": task,
            "target": target,
            "data": given,
            "split": {"kind": "stratified"},
        }
    )


def orders(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "order_id": np.arange(rows),
            "asked": pd.date_range("2024-01-01", periods=rows, freq="D"),
            "known": pd.date_range("2024-01-03", periods=rows, freq="D"),
            "price": rng.normal(50, 9, rows).round(2),
            "city": rng.choice(["Zürich", "Genève", "Basel"], rows),
            "late": rng.random(rows) < 0.3,
            "amount": rng.normal(size=rows),
        }
    )


def put(root: Path, frame: pd.DataFrame, name: str = "orders.csv", **how: Any) -> Path:
    path = root / "sources" / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, **how)
    return path


@pytest.mark.parametrize(
    ("name", "how", "settings"),
    [
        ("orders.csv", {}, {}),
        ("orders.csv", {"sep": ";"}, {}),
        ("orders.csv", {"sep": "~"}, {"delimiter": "~"}),
        ("orders.tsv", {"sep": "\t"}, {}),
        ("orders.csv.gz", {}, {}),
        ("orders.csv", {"encoding": "cp1252"}, {"encoding": "cp1252"}),
        ("orders.csv", {"encoding": "utf-16"}, {"encoding": "utf-16"}),
        ("orders.csv", {"encoding": "utf-8-sig"}, {}),
        ("orders.csv", {"lineterminator": "\r\n"}, {}),
        ("orders.csv.gz", {"encoding": "utf-16"}, {"encoding": "utf-16"}),
        ("orders.parquet", {}, {}),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, how: Any, settings: Any) -> None:
    put(tmp_path, orders(), name, **how)
    rows = read_rows(project(sources={"orders": {"file": name, **settings}}), tmp_path, None)
    expected = orders().astype({"asked": "datetime64[us]", "known": "datetime64[us]"})
    pd.testing.assert_frame_equal(rows.frame, expected)
    assert rows.sources[0].rows == 120
    assert rows.sources[0].columns == 7
    assert rows.left_out == ()


def test_types_of_a_csv_follow_the_stated_rule(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "orders.csv").write_text(
        "whole,gaps,number,long,code,flag,flag_gaps,moment,zoned,day,mixed,quoted,empty,late\n"
        '1,1,1.5,12345678901234567890,007,true,true,2024-01-01 10:00,2024-01-01T10:00:00+02:00,2024-01-01,1,"a\nb",,0\n'
        '-2,NA,2e3,1,008,FALSE,,2024-01-02 11:00:30,2024-01-01T10:00:00Z,2024-01-02,x,"say ""hi""",,1\n'
    )
    frame = read_rows(project(), tmp_path, None).frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "whole": "int64",
        "gaps": "float64",
        "number": "float64",
        "long": "str",
        "code": "str",
        "flag": "bool",
        "flag_gaps": "float64",
        "moment": "datetime64[us]",
        "zoned": "datetime64[us]",
        "day": "datetime64[us]",
        "mixed": "str",
        "quoted": "str",
        "empty": "str",
        "late": "int64",
    }
    assert frame["code"].tolist() == ["007", "008"]
    assert frame["zoned"].tolist() == [pd.Timestamp("2024-01-01 08:00"), pd.Timestamp("2024-01-01 10:00")]
    assert frame["quoted"].tolist() == ["a\nb", 'say "hi"']
    assert frame["empty"].isna().all()


def test_wide_tables_and_late_surprises(tmp_path: Path) -> None:
    """A value that fits no number in the last row makes its column text, and only its column."""
    wide = pd.DataFrame({f"a column with quite a long name {index}": range(300) for index in range(1_500)})
    wide["late"] = [index % 2 for index in range(300)]
    wide["value"] = wide["column_name"] = "text"
    wide["surprise"] = ["1"] * 299 + ["one"]
    put(tmp_path, wide)
    frame = read_rows(project(), tmp_path, None).frame
    assert frame.shape == (300, 1_504)
    assert frame.select_dtypes("str").columns.tolist() == ["value", "column_name", "surprise"]


def test_a_header_over_two_lines(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "orders.csv").write_text('"the\nprice","late"\n1.5,0\n2.5,1\n')
    assert read_rows(project(), tmp_path, None).frame["the\nprice"].tolist() == [1.5, 2.5]


def test_plain_types_of_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["a", None, "b"]),
            "nullable": pd.array([1, None, 3], dtype="Int16"),
            "zoned": pd.date_range("2024-01-01", periods=3, tz="America/New_York"),
            "late": [True, None, False],
        }
    )
    put(tmp_path, frame, "orders.parquet")
    rows = read_rows(project(sources={"orders": {"file": "orders.parquet"}}), tmp_path, None)
    kinds = ["str", "float64", "datetime64[us]", "bool"]
    assert [str(kind) for kind in rows.frame.dtypes] == kinds
    assert rows.frame["zoned"].iloc[0] == pd.Timestamp("2024-01-01 05:00")
    assert [(cut.reason, cut.rows) for cut in rows.left_out] == [("the target late is missing", 1)]


def test_the_clock_cuts_and_counts_each_row_once(tmp_path: Path) -> None:
    frame = orders().astype({"late": "object"})
    frame.loc[frame.index[10:15], "late"] = None
    frame.loc[frame.index[0], "late"] = None  # too old as well: counted as that
    frame.loc[frame.index[20], "known"] = pd.NaT
    put(tmp_path, frame)
    settings = project(time_column="asked", known_column="known", history_days=30)
    rows = read_rows(settings, tmp_path, datetime(2024, 2, 1))
    assert rows.frame["asked"].min() == pd.Timestamp("2024-01-02")
    assert rows.frame["known"].max() == pd.Timestamp("2024-02-01")
    assert {cut.reason: cut.rows for cut in rows.left_out} == {
        "asked lies after the clock": 88,
        "the outcome was not known at the clock (known)": 2,
        "older than 30 days of history": 1,
        "the target late is missing": 5,
        "known is missing": 1,
    }
    assert len(rows.frame) + sum(cut.rows for cut in rows.left_out) == 120


def test_without_a_clock_history_counts_from_the_newest_row(tmp_path: Path) -> None:
    put(tmp_path, orders())
    frame = read_rows(project(time_column="asked", history_days=10), tmp_path, None).frame
    assert frame["asked"].min() == orders()["asked"].max() - pd.Timedelta(days=10)


def test_a_zone_of_the_clock_is_turned_into_utc(tmp_path: Path) -> None:
    put(tmp_path, orders())
    clock = datetime.fromisoformat("2024-01-05T01:00:00+02:00")
    assert read_rows(project(time_column="asked"), tmp_path, clock).frame["asked"].max() == pd.Timestamp("2024-01-04")


def test_windows_between_two_clocks_do_not_overlap(tmp_path: Path) -> None:
    put(tmp_path, orders())
    settings = project(time_column="asked", history_days=5)
    first = read_rows(settings, tmp_path, datetime(2024, 2, 1), start=datetime(2024, 1, 1)).frame
    second = read_rows(settings, tmp_path, datetime(2024, 3, 1), start=datetime(2024, 2, 1)).frame
    assert len(first) == 31
    assert len(second) == 29
    assert not set(first["order_id"]) & set(second["order_id"])
    assert read_rows(settings, tmp_path, datetime(2030, 3, 1), start=datetime(2030, 1, 1)).frame.empty


def test_sql_joins_sources_at_the_clock(tmp_path: Path) -> None:
    put(tmp_path, orders())
    put(tmp_path, pd.DataFrame({"city": ["Basel"], "people": [178_120]}), "cities.parquet")
    (tmp_path / "rows.sql").write_text(
        "-- text may hold $signs and :as_of\n"
        "SELECT orders.*, people, $as_of AS clock, $since AS since, '$since' AS word\n"
        "FROM orders LEFT JOIN cities USING (city)\nWHERE asked <= $as_of AND asked >= $since;\n"
    )
    sources = {"orders": {"file": "orders.csv"}, "cities": {"file": "cities.parquet"}}
    settings = project(sources=sources, sql="rows.sql", time_column="asked", history_days=20, id_columns=["order_id"])
    rows = read_rows(settings, tmp_path, datetime(2024, 2, 1))
    assert rows.frame["clock"].unique().tolist() == [pd.Timestamp("2024-02-01")]
    assert rows.frame["since"].unique().tolist() == [pd.Timestamp("2024-01-12")]
    assert rows.frame["word"].unique().tolist() == ["$since"]
    assert len(rows.frame) == 21
    assert rows.frame.loc[rows.frame["city"] == "Basel", "people"].eq(178_120).all()
    assert [fact.rows for fact in rows.sources] == [120, 1]


def test_order_of_the_source_does_not_matter(tmp_path: Path) -> None:
    settings = project(time_column="asked", id_columns=["order_id"])
    digests = []
    for seed in (1, 2):
        put(tmp_path, orders().sample(frac=1, random_state=seed))
        make_snapshot(settings, Paths(tmp_path), JUNE)
        digests.append(sha256_file(Paths(tmp_path).raw))
    assert digests[0] == digests[1]


def test_pseudonyms_hide_and_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_PSEUDONYM_KEY", raising=False)
    frame = orders().assign(buyer=[f"buyer {index % 7}" for index in range(120)], number=[np.nan, *range(119)])
    put(tmp_path, frame)
    settings = project(pseudonymise=["buyer", "number"], drop=["city"])
    first = read_rows(settings, tmp_path, None).frame
    assert first["buyer"].nunique() == 7
    assert first["buyer"].str.fullmatch("[0-9a-f]{32}").all()
    assert first["number"].isna().sum() == 1
    assert "city" not in first.columns
    key = tmp_path / ".signoff" / "keys" / "pseudonym.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    pd.testing.assert_frame_equal(first, read_rows(settings, tmp_path, None).frame)
    monkeypatch.setenv("SIGNOFF_PSEUDONYM_KEY", "another key of the deployment")
    other = read_rows(settings, tmp_path, None).frame
    assert not set(first["buyer"]) & set(other["buyer"])


def test_a_whole_number_has_one_pseudonym_with_and_without_gaps() -> None:
    whole, gaps = pd.Series([12, 13]), pd.Series([12.0, np.nan])
    assert pseudonymise(whole, b"key")[0] == pseudonymise(gaps, b"key")[0]


def test_a_pseudonym_key_that_others_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_PSEUDONYM_KEY", raising=False)
    pseudonym_key(tmp_path)
    path = tmp_path / ".signoff" / "keys" / "pseudonym.key"
    path.chmod(0o644)
    with pytest.raises(WorkspaceError, match=r"others may read .* chmod 600"):
        pseudonym_key(tmp_path)
    path.chmod(0o600)
    path.write_text("abc")
    with pytest.raises(WorkspaceError, match="cut off"):
        pseudonym_key(tmp_path)
    monkeypatch.setenv("SIGNOFF_PSEUDONYM_KEY", "short")
    with pytest.raises(SettingsError, match=r"too short .* at least 16"):
        pseudonym_key(tmp_path)


def test_a_packed_file_reads_like_the_plain_one(tmp_path: Path) -> None:
    path = put(tmp_path, orders())
    packed = path.with_name("packed.csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    one = read_rows(project(), tmp_path, None).frame
    pd.testing.assert_frame_equal(
        one, read_rows(project(sources={"orders": {"file": packed.name}}), tmp_path, None).frame
    )
