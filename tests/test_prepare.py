"""The prepare stage on real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from models.features import ensure_plan
from signoff.core.digest import sha256_file
from signoff.core.errors import DataError, SettingsError
from signoff.core.files import read_json
from signoff.core.stage import StageContext, open_context
from signoff.core.tables import read_table, write_table
from tasks.prepare import prepare


def make_context(root: Path, frame: pd.DataFrame | None = None, **data: object) -> StageContext:
    settings = {
        "project": "demo",
        "question": "Will it rain?",
        "task": "binary",
        "target": "rain",
        "positive": True,
        "data": {"sources": {"days": {"file": "days.csv"}}, "id_columns": ["day"], **data},
    }
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings))
    write_table(root / "data" / "raw.parquet", make_days() if frame is None else frame)
    return open_context(root)


def make_days(rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    cloud = draw.random(rows)
    return pd.DataFrame(
        {
            "day": np.arange(rows),
            "cloud": cloud,
            "town": draw.choice(["Bern", "Genève", "Zürich"], rows),
            "nothing": pd.Series([None] * rows, dtype="str"),
            "rain": cloud + draw.normal(0, 0.3, rows) > 0.5,
        }
    )


def test_the_stage_writes_parts_profile_and_plan(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    report = prepare(context)
    train, holdout = read_table(context.paths.train), read_table(context.paths.holdout)
    assert (len(train), len(holdout)) == (report.facts["train_rows"], report.facts["holdout_rows"])
    assert len(train) + len(holdout) == 400
    profile = read_json(context.paths.profile)
    assert profile["train_rows"] == len(train)
    assert report.facts["features"] == 2
    assert not list(tmp_path.rglob("*.part"))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        context = make_context(tmp_path / name)
        prepare(context)
        paths = context.paths
        digests.append([sha256_file(path) for path in (paths.train, paths.holdout, paths.profile, paths.features)])
    assert digests[0] == digests[1]


def test_a_new_column_gets_a_line_and_the_rest_stays(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    assert ensure_plan(context)
    assert not ensure_plan(context), "nothing new, nothing written"
    edited = context.paths.features.read_text().replace("action: category", "action: drop") + "  # checked by Ann\n"
    context.paths.features.write_text(edited)
    write_table(context.paths.raw, make_days().assign(wind=np.linspace(0, 9, 400)))
    assert ensure_plan(context)
    assert context.paths.features.read_text().startswith(edited.rstrip())
    assert yaml.safe_load(context.paths.features.read_text())["steps"][-1]["column"] == "wind"


def test_a_lost_column_is_named(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    ensure_plan(context)
    write_table(context.paths.raw, make_days().drop(columns="cloud"))
    with pytest.raises(SettingsError, match="line for cloud, and the data has no such column"):
        prepare(context)
    assert not context.paths.train.exists()


def test_infinities_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    frame = make_days()
    frame.loc[11, "cloud"] = np.inf
    context = make_context(tmp_path, frame)
    with pytest.raises(DataError, match=r"1 values of cloud are infinite; where: column cloud, row 12"):
        prepare(context)
    assert not context.paths.train.exists()


def test_a_snapshot_cut_in_half_is_one_clear_error(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    whole = context.paths.raw.read_bytes()
    context.paths.raw.write_bytes(whole[: len(whole) // 2])
    for function in (prepare, ensure_plan):
        with pytest.raises(DataError, match=r"raw\.parquet is not a whole Parquet file"):
            function(context)


def test_a_table_without_any_feature_says_why(tmp_path: Path) -> None:
    context = make_context(tmp_path, make_days()[["day", "nothing", "rain"]])
    with pytest.raises(DataError, match=r"no column of the data can be a feature; got: day: identifies.*nothing: miss"):
        prepare(context)
