"""Proposals of signoff.yaml: they load, they fit the table, and ingest runs on them, for all three tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from signoff.commands.init_project import propose, propose_project
from signoff.core.errors import DataError, UsageError
from signoff.core.paths import Paths
from signoff.core.settings import Project, Task
from signoff.core.settings_file import load_project
from signoff.sources import make_snapshot


def shop(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "order": [f"o-{index:05d}" for index in range(rows)],
            "number": np.arange(1_000, 1_000 + rows),
            "sold": pd.date_range("2024-03-01", periods=rows, freq="7h"),
            "price": rng.normal(40, 8, rows).round(2),
            "pieces": rng.permutation(rows) * 3,
            "city": rng.choice(["Zürich", "Genève"], rows),
            "returned": rng.choice(["no", "yes"], rows, p=[0.2, 0.8]),
            "paid": rng.random(rows) < 0.4,
            "flag": rng.choice([0, 1], rows, p=[0.7, 0.3]),
            "stars": rng.integers(1, 6, rows),
            "gaps": rng.choice([0.0, 1.0, np.nan], rows),
            "note": [f"a note about order {index}" for index in range(rows)],
        }
    )


def proposed(root: Path, target: str, frame: pd.DataFrame, name: str = "orders.csv", **how: Any) -> tuple[Project, str]:
    """The project after one proposal, with the files that `signoff init` puts beside it."""
    file = root / "sources" / name
    file.parent.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False, **how)
    text = propose_project(file, target, "shop")
    (root / "signoff.yaml").write_text(text)
    project = load_project(root)
    (root / "rows.sql").write_text(f"SELECT * FROM {next(iter(project.data.sources))}")
    return project, text


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders.csv.gz"])
@pytest.mark.parametrize(
    ("target", "task", "positive"),
    [
        ("returned", Task.BINARY, "yes"),
        ("paid", Task.BINARY, True),
        ("flag", Task.BINARY, 1),
        ("gaps", Task.BINARY, None),
        ("stars", Task.MULTICLASS, None),
        ("price", Task.REGRESSION, None),
        ("pieces", Task.REGRESSION, None),
    ],
)
def test_a_proposal_loads_and_ingests(tmp_path: Path, name: str, target: str, task: Task, positive: Any) -> None:
    project, text = proposed(tmp_path, target, shop(), name)
    assert project.task is task
    if positive is not None:
        assert project.positive == positive
        assert type(project.positive) is type(positive)
    assert project.data.time_column == "sold"
    assert project.split.kind == "time"
    assert project.data.id_columns == ("order", "number")
    assert [check.metric for check in project.gates.release.checks] == ["baseline.delta"]
    assert project.gates.release.mode == "manual"
    assert project.gates.data.mode == "guarded"
    snapshot = make_snapshot(project, Paths(tmp_path), None)
    missing = int(shop()[target].isna().sum())
    assert snapshot.rows == 200 - missing
    assert (f"missing in {missing} rows" in text) == bool(missing)


def test_without_dates_the_split_is_stratified(tmp_path: Path) -> None:
    project, _ = proposed(tmp_path, "flag", shop().drop(columns=["sold", "order", "number"]))
    assert project.split.kind == "stratified"
    assert project.data.time_column is None
    assert project.data.id_columns == ()


def test_dates_with_gaps_or_in_the_future_are_not_the_clock(tmp_path: Path) -> None:
    frame = shop()
    frame["gone"] = frame["sold"].where(frame.index > 5)
    frame["due"] = frame["sold"] + pd.Timedelta(days=40_000)
    frame["text"] = frame["sold"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    project, _ = proposed(tmp_path, "flag", frame.drop(columns="sold"), "orders.parquet")
    assert project.data.time_column == "text"
    assert make_snapshot(project, Paths(tmp_path), None).columns["text"] == "datetime64[us]"


def test_other_columns_of_moments_are_named(tmp_path: Path) -> None:
    frame = shop()
    _, alone = proposed(tmp_path, "flag", frame)
    assert "other moments" not in alone
    frame["sent"] = frame["sold"].dt.floor("D")
    project, text = proposed(tmp_path, "flag", frame)
    assert project.data.time_column == "sold"
    assert "time_column: sold  # when the question is asked of a row: check this, other moments are sent" in text


@pytest.mark.parametrize(
    "name", ["order.csv", "1st quarter.csv", "Ümläute (2).csv", "...csv", "a.b.c.csv", "group.csv"]
)
def test_any_file_name_gives_a_table_that_sql_takes(tmp_path: Path, name: str) -> None:
    project, _ = proposed(tmp_path, "flag", shop(), name)
    assert make_snapshot(project, Paths(tmp_path), None).rows == 200


def test_names_that_yaml_would_misread(tmp_path: Path) -> None:
    frame = shop().rename(columns={"flag": "yes: #1", "order": "no", "number": "0x1F", "sold": "null"})
    project, _ = proposed(tmp_path, "yes: #1", frame)
    assert project.target == "yes: #1"
    assert project.data.id_columns == ("no", "0x1F")
    assert project.data.time_column == "null"
    assert make_snapshot(project, Paths(tmp_path), None).rows == 200


@pytest.mark.parametrize(("encoding", "found"), [("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8", "utf-8")])
def test_the_encoding_is_found(tmp_path: Path, encoding: str, found: str) -> None:
    project, text = proposed(tmp_path, "flag", shop(), encoding=encoding)
    source = project.data.sources["orders"]
    assert source.encoding == found  # type: ignore[union-attr]
    assert ("not UTF-8" in text) == (found != "utf-8")
    make_snapshot(project, Paths(tmp_path), None)
    assert set(pd.read_parquet(Paths(tmp_path).raw)["city"]) == {"Zürich", "Genève"}


def test_a_target_that_is_not_a_column(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no column 'retuned'; .*did you mean 'returned'.*signoff init"):
        proposed(tmp_path, "retuned", shop())


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([None] * 200, "has nothing to learn; .*no value at all"),
        (["x"] * 200, "has nothing to learn; .*x in all 200 rows"),
        (pd.date_range("2024-01-01", periods=200), "is a moment"),
        ([f"text {i}" for i in range(200)], "is text with 200 distinct values"),
        ([f"text {i % 150}" for i in range(200)], "is text with 150 distinct values"),
    ],
)
def test_targets_with_nothing_to_learn(tmp_path: Path, values: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        proposed(tmp_path, "aim", shop().assign(aim=values))


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.touch()
    with pytest.raises(DataError, match="is empty"):
        propose_project(path, "late", "shop")


def test_mixed_encodings_are_for_a_person(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes("city,late\nZürich,1\n".encode() + "Genève,0\n".encode("cp1252"))
    with pytest.raises(DataError, match="mixes encodings"):
        propose_project(path, "late", "shop")


def test_words_among_numbers_are_proposed_as_missing_and_told(tmp_path: Path) -> None:
    frame = shop()
    frame["price"] = frame["price"].astype("str")
    frame.loc[:9, "price"] = "n/a"
    frame.loc[10:12, "price"] = "unknown"
    frame["city"] = frame["city"].where(frame.index % 9 != 0, "unknown")
    frame["weight"] = [f"{index}.5" for index in range(199)] + ["12kg"]
    frame["signed"] = pd.Series(pd.date_range("2024-03-01", periods=200, freq="7h")).dt.strftime("%d.%m.%Y %H:%M")
    project, text = proposed(tmp_path, "returned", frame)
    assert project.data.missing == ("n/a", "unknown")
    assert "# not known, found among the numbers of 'price': check this" in text
    assert "  # 'weight' holds numbers but for '12kg': if they mean 'not known', name them in data.missing" in text
    assert "  # 'signed' reads like a date (01.03.2024 00:00) and is text here" in text
    told = propose(tmp_path / "sources" / "orders.csv", "returned", "shop").remarks
    assert (
        told[0] == "'price' holds numbers and 'n/a', 'unknown': data.missing in signoff.yaml takes these as not known"
    )
    assert [remark.split()[0] for remark in told] == ["'price'", "'weight'", "'signed'"]


def test_a_target_of_numbers_with_a_marker_is_a_quantity(tmp_path: Path) -> None:
    frame = shop()
    frame["price"] = frame["price"].astype("str").where(frame.index > 5, "-")
    project, text = proposed(tmp_path, "price", frame)
    assert (project.task, project.data.missing) == (Task.REGRESSION, ("-",))
    assert "missing in 6 rows, which are left out" in text


def test_nothing_is_said_of_a_table_without_strays(tmp_path: Path) -> None:
    project, _ = proposed(tmp_path, "returned", shop())
    assert project.data.missing == ()
    assert propose(tmp_path / "sources" / "orders.csv", "returned", "shop").remarks == ()
