"""A column of numbers with stray text: told with column, share, examples and the setting that mends it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from signoff.core.data import Snapshot
from signoff.core.stage import StageContext, open_context
from signoff.core.tables import read_table
from tasks.ingest import ingest


def workspace(root: Path, delays: list[str], **data: object) -> StageContext:
    root.mkdir(parents=True, exist_ok=True)
    (root / "sources").mkdir()
    lines = ["key,delay,code,answer", *(f"{at},{text},{at:03d},{at % 2}" for at, text in enumerate(delays))]
    (root / "sources" / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {
        "project": "small", "question": "q?", "task": "binary", "target": "answer", "positive": 1,
        "data": {"sources": {"rows": {"file": "rows.csv"}}, "id_columns": ["key"], **data},
    }  # fmt: skip
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return open_context(root)


def snapshot(context: StageContext) -> Snapshot:
    return Snapshot.model_validate_json(context.paths.snapshot.read_text())


NUMBERS = [f"{at}.5" for at in range(96)]


def test_stray_text_is_told_and_kept(tmp_path: Path) -> None:
    context = workspace(tmp_path / "w", [*NUMBERS, "n/a", "unknown", "n/a", "n/a"])
    report = ingest(context)
    (mixed,) = snapshot(context).mixed
    assert (mixed.column, mixed.rows, mixed.share, mixed.examples) == ("delay", 4, 0.04, ("n/a", "unknown"))
    assert "WARNING: delay holds numbers but for 4 cells (4.00%)" in report.summary
    assert 'set data.missing: ["n/a", "unknown"]' in report.summary
    assert report.facts["mixed_columns"] == 1
    assert read_table(context.paths.raw)["delay"].iloc[96] == "n/a"


def test_the_setting_that_is_told_mends_it(tmp_path: Path) -> None:
    context = workspace(tmp_path / "w", [*NUMBERS, "n/a", "unknown", "n/a", "n/a"], missing=["n/a", "unknown"])
    assert "WARNING" not in ingest(context).summary
    column = read_table(context.paths.raw)["delay"]
    assert pd.api.types.is_float_dtype(column)
    assert int(column.isna().sum()) == 4


@pytest.mark.parametrize(
    "delays",
    [
        [f"{at}A" if at % 2 else str(at) for at in range(100)],
        [f"{at:03d}" for at in range(100)],
        [*NUMBERS[:76], *(f"x{at}" for at in range(24))],
        ["red", "blue"] * 50,
        NUMBERS,
    ],
    ids=["codes", "leading-zeros", "many-strays", "words", "numbers"],
)
def test_names_are_no_numbers_gone_wrong(tmp_path: Path, delays: list[str]) -> None:
    context = workspace(tmp_path / "w", delays)
    ingest(context)
    assert snapshot(context).mixed == ()
