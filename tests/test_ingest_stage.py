"""The stage ingest in a workspace, and in fresh processes: the same inputs give the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from signoff.core.data import Snapshot
from signoff.core.errors import WorkspaceError
from signoff.core.files import read_json
from signoff.core.paths import Paths
from signoff.core.run import RunSettings, save_run_settings
from signoff.core.stage import open_context
from tasks.ingest import ingest

SETTINGS = """\
project: shop
question: Will the order be late?
task: {task}
target: {target}
data:
  sources:
    orders: {{file: orders.csv}}
    cities: {{file: cities.parquet}}
  sql: rows.sql
  time_column: asked
  id_columns: [order_id]
  pseudonymise: [buyer]
  drop: [secret]
  history_days: 60
split: {{kind: time}}
"""
# Means of floating-point numbers: another order of addition would give other last digits, and so other bytes.
SQL = """\
SELECT orders.*, people, avg(price) OVER (PARTITION BY city) AS city_price
FROM orders LEFT JOIN cities USING (city)
WHERE asked BETWEEN $since AND $as_of
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    rows = 3_000
    frame = pd.DataFrame(
        {
            "order_id": np.arange(rows),
            "asked": pd.date_range("2024-01-01", periods=rows, freq="h"),
            "city": rng.choice(["Zürich", "Genève", "Bern"], rows),
            "buyer": rng.integers(0, 99, rows),
            "price": rng.normal(50, 9, rows),
            "secret": "x",
            "empty": None,
            "late": pd.Series(["yes", "no", None])[rng.integers(0, 3, rows)].to_numpy(),
            "kind": rng.choice(["a", "b", "c"], rows),
        }
    )
    (tmp_path / "sources").mkdir()
    frame.to_csv(tmp_path / "sources" / "orders.csv", index=False)
    pd.DataFrame({"city": ["Zürich", "Bern"], "people": [1, 2]}).to_parquet(tmp_path / "sources" / "cities.parquet")
    (tmp_path / "rows.sql").write_text(SQL)
    (tmp_path / "signoff.yaml").write_text(SETTINGS.format(task="binary", target="late"))
    save_run_settings(tmp_path / "run.yaml", RunSettings.model_validate({"as_of": "2024-04-01"}))
    return tmp_path


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, float | None]] = []

    def step(self, message: str, done: float | None = None) -> None:
        self.heard.append((message, done))


def test_the_record_says_what_the_table_holds(workspace: Path) -> None:
    listener = Listener()
    report = ingest(open_context(workspace, listener))
    paths = Paths(workspace)
    frame = pd.read_parquet(paths.raw)
    snapshot = Snapshot.model_validate(read_json(paths.snapshot))
    assert snapshot.md5 == hashlib.md5(paths.raw.read_bytes(), usedforsecurity=False).hexdigest()
    assert snapshot.rows == len(frame) == report.facts["rows"]
    assert snapshot.columns == {name: str(kind) for name, kind in frame.dtypes.items()}
    assert snapshot.first == frame["asked"].min().tz_localize("UTC")
    assert snapshot.last == frame["asked"].max().tz_localize("UTC")
    assert frame["asked"].between("2024-02-01", "2024-04-01").all()
    assert snapshot.dropped == ("secret",)
    assert snapshot.pseudonymised == ("buyer",)
    assert "secret" not in frame.columns
    assert frame["empty"].isna().all()
    assert [cut.reason for cut in snapshot.left_out] == ["the target late is missing"]
    assert {fact.name: fact.rows for fact in snapshot.sources} == {"orders": 3_000, "cities": 2}
    assert report.summary.startswith(f"{len(frame)} rows of 10 columns, 2024-02-01 to 2024-04-01")
    shares = [done for _, done in listener.heard if done is not None]
    assert shares == sorted(shares)
    assert any("reading orders" in message for message, _ in listener.heard)


@pytest.mark.parametrize(("task", "target"), [("binary", "late"), ("multiclass", "kind"), ("regression", "price")])
def test_every_task(workspace: Path, task: str, target: str) -> None:
    (workspace / "signoff.yaml").write_text(SETTINGS.format(task=task, target=target))
    report = ingest(open_context(workspace))
    assert report.facts["rows"]
    assert pd.read_parquet(Paths(workspace).raw)[target].notna().all()


def test_two_processes_write_the_same_bytes(workspace: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from signoff.core.stage import open_context;"
        "from tasks.ingest import ingest; ingest(open_context(Path(sys.argv[1])))"
    )
    paths, seen = Paths(workspace), set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(
            [sys.executable, "-c", code, str(workspace)],
            check=True,
            env=environment,
            cwd=Path(__file__).parents[1],
            timeout=120,
        )
        seen.add((paths.raw.read_bytes(), paths.snapshot.read_bytes()))
    assert len(seen) == 1
    assert str(workspace) not in paths.snapshot.read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(workspace: Path) -> None:
    (workspace / "data").mkdir()
    (workspace / "data").chmod(0o500)
    with pytest.raises(WorkspaceError, match=r"may not be written; .*make .*data writable"):
        ingest(open_context(workspace))


def test_a_file_in_the_way_of_the_folder(workspace: Path) -> None:
    (workspace / "data").write_text("in the way")
    with pytest.raises(WorkspaceError, match="could not be written"):
        ingest(open_context(workspace))
    assert (workspace / "data").read_text() == "in the way"
