"""Outcomes of served predictions: taken once, joined by id, refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitoring.outcomes import read_outcomes
from signoff.commands.feedback import feedback
from signoff.core.errors import DataError, NotFoundError, UsageError
from signoff.core.monitoring import WindowRequest
from signoff.core.stage import StageContext
from tasks.monitor import monitor
from tests.monitored import make_rows, make_workspace, serve


@pytest.fixture
def served(tmp_path: Path) -> tuple[StageContext, pd.DataFrame]:
    context = make_workspace(tmp_path / "w")
    rows = make_rows("binary", 500, 9, begin="2024-03-01", moved=1.0, days=20)
    serve(context, rows)
    return context, rows


def told(folder: Path, rows: pd.DataFrame, name: str = "outcomes.csv") -> Path:
    path = folder / name
    rows.to_csv(path, index=False) if name.endswith("csv") else rows.to_parquet(path, index=False)
    return path


def test_outcomes_join_the_log_and_break_the_check(served: tuple[StageContext, pd.DataFrame], tmp_path: Path) -> None:
    context, rows = served
    taken = feedback(context.paths.root, told(tmp_path, rows[["row", "came"]]))
    assert {key: taken[key] for key in ("rows", "new", "same", "changed", "empty", "unknown")} == {
        "rows": 500,
        "new": 500,
        "same": 0,
        "changed": 0,
        "empty": 0,
        "unknown": 0,
    }
    report = monitor(context, window=WindowRequest(as_of=datetime(2024, 3, 25, tzinfo=UTC), html=False))
    assert report.performance.rows == 500
    assert report.alert is not None
    accuracy = next(value.value for value in report.values if value.name == "performance.accuracy")
    assert 0.5 < accuracy < 0.9


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_same_again_changes_nothing_and_a_new_word_wins(
    served: tuple[StageContext, pd.DataFrame], tmp_path: Path, ending: str
) -> None:
    context, rows = served
    first = rows.rename(columns={"row": "id", "came": "outcome"})[["id", "outcome"]]
    feedback(context.paths.root, told(tmp_path, first, f"a.{ending}"))
    files = sorted(context.paths.outcomes.iterdir())
    again = feedback(context.paths.root, told(tmp_path, first, f"b.{ending}"))
    assert (again["new"], again["same"], again["changed"]) == (0, 500, 0)
    assert sorted(context.paths.outcomes.iterdir()) == files
    changed = first.copy()
    changed.loc[0, "outcome"] = not changed.loc[0, "outcome"]
    answer = feedback(context.paths.root, told(tmp_path, changed, f"c.{ending}"))
    assert (answer["changed"], answer["changed_ids"]) == (1, ["r9-0"])
    assert read_outcomes(context.paths.outcomes)["r9-0"] == str(bool(changed.loc[0, "outcome"]))


def test_unknown_ids_and_empty_outcomes_are_counted(served: tuple[StageContext, pd.DataFrame], tmp_path: Path) -> None:
    context, rows = served
    some = rows[["row", "came"]].head(10).astype("object")
    some.loc[0, "row"] = "nobody"
    some.loc[1, "came"] = None
    answer = feedback(context.paths.root, told(tmp_path, some))
    assert (answer["new"], answer["unknown"], answer["unknown_ids"], answer["empty"]) == (8, 1, ["nobody"], 1)
    assert "nobody" not in read_outcomes(context.paths.outcomes)


def test_several_id_columns_are_joined(tmp_path: Path) -> None:
    context = make_workspace(tmp_path / "w")
    rows = make_rows("binary", 40, 9, begin="2024-03-01").assign(part=np.arange(40) % 3)
    path = context.paths.root / "signoff.yaml"
    path.write_text(path.read_text().replace("- row", "- row\n  - part"))
    serve(context, rows.assign(row=rows["row"] + ":" + rows["part"].astype(str)))
    answer = feedback(context.paths.root, told(tmp_path, rows[["row", "part", "came"]]))
    assert answer["new"] == 40
    with pytest.raises(DataError, match=r"allowed: a column id or row and part"):
        feedback(context.paths.root, told(tmp_path, rows[["part", "came"]]))


def test_numbers_that_came_true(tmp_path: Path) -> None:
    context = make_workspace(tmp_path / "w", "regression")
    rows = make_rows("regression", 250, 9, begin="2024-03-01", days=20)
    serve(context, rows)
    feedback(context.paths.root, told(tmp_path, rows[["row", "came"]]))
    report = monitor(context, window=WindowRequest(as_of=datetime(2024, 3, 25, tzinfo=UTC), html=False))
    rmse = next(value.value for value in report.values if value.name == "performance.rmse")
    assert rmse == pytest.approx(1.0, abs=0.2)
    wrong = rows[["row", "came"]].astype({"came": "object"})
    wrong.loc[3, "came"] = "much"
    with pytest.raises(DataError, match=r"an outcome is no number; where: .*row 4, column came; got: much"):
        feedback(context.paths.root, told(tmp_path, wrong))


def test_what_cannot_be_used_is_refused(served: tuple[StageContext, pd.DataFrame], tmp_path: Path) -> None:
    context, rows = served
    root = context.paths.root
    good = rows[["row", "came"]].head(20)
    with pytest.raises(UsageError, match="there is no such file"):
        feedback(root, tmp_path / "nothing.csv")
    with pytest.raises(DataError, match=r"which prediction a row is about.*did you mean 'idd'.*a column id or row"):
        feedback(root, told(tmp_path, good.rename(columns={"row": "idd"})))
    with pytest.raises(DataError, match=r"what came true.*did you mean 'came_'.*a column came or outcome"):
        feedback(root, told(tmp_path, good.rename(columns={"came": "came_"})))
    with pytest.raises(
        DataError, match=r"2 outcomes have a label that the model does not know.*row 1.*got: Truee.*'True'"
    ):
        feedback(root, told(tmp_path, good.assign(came=["Truee"] * 2 + ["True"] * 18)))
    twice = pd.concat([good, good.head(1).assign(came=~good["came"].head(1))])
    with pytest.raises(DataError, match=r"1 ids stand twice with different outcomes.*got: r9-0"):
        feedback(root, told(tmp_path, twice))
    with pytest.raises(DataError, match=r"no id in this file was ever served.*got: x0"):
        feedback(root, told(tmp_path, good.assign(row=[f"x{place}" for place in range(20)])))
    with pytest.raises(DataError, match=r"a row has no id; where: .*row 3"):
        feedback(root, told(tmp_path, good.assign(row=good["row"].where(good["row"] != "r9-2"))))
    cut = told(tmp_path, good, "cut.parquet")
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(DataError, match=r"cut\.parquet is not a whole Parquet file"):
        feedback(root, cut)
    assert not context.paths.outcomes.exists(), "nothing was written for any of these"


def test_nothing_served_means_nothing_can_come_true(tmp_path: Path) -> None:
    context = make_workspace(tmp_path / "w")
    rows = make_rows("binary", 20, 9)
    with pytest.raises(NotFoundError, match="nothing has been served"):
        feedback(context.paths.root, told(tmp_path, rows[["row", "came"]]))
