"""The evaluate stage on real models: which files it writes, for each task, and what it does with bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from signoff.core.errors import DataError, IntegrityError, WorkspaceError
from signoff.core.evidence import EvidenceSet
from signoff.core.metrics import DEFAULTS
from signoff.core.settings import Task
from signoff.core.tables import read_table, write_table
from tasks.evaluate import evaluate
from tests.evaluation_workspace import rows, timed, workspace

KINDS = {
    "binary": {"holdout", "calibration", "threshold", "confusion", "roc", "precision_recall"},
    "multiclass": {"holdout", "calibration", "confusion", "roc"},
    "regression": {"holdout", "calibration", "errors", "errors_distribution"},
}
ALWAYS = {"champion", "baseline", "importance", "slices", "data", "validation", "search", "operations",
          "overfit", "leak_check", "lineage"}  # fmt: skip
TIMED = {"operations.latency_p50", "operations.latency_p95", "operations.batch_speed", "search.seconds"}


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize("task", list(Task))
def test_every_task_gives_all_files_and_its_own_records(tmp_path: Path, task: Task, clock: bool) -> None:
    context = workspace(tmp_path, task, **(timed() if clock else {}))
    report = evaluate(context)
    paths = context.paths
    evidence = EvidenceSet.model_validate_json(paths.evidence.read_text())
    kinds = {record.kind for record in evidence.records}
    assert kinds - {"leak_suspicion"} == KINDS[task] | ALWAYS
    headline = evidence.values()[f"holdout.{DEFAULTS[task]}"]
    assert headline.low is not None
    assert headline.high is not None
    assert headline.low < headline.value < headline.high
    assert "champion.delta" in evidence.values()
    assert report.facts[f"holdout.{DEFAULTS[task]}"] == headline.value
    assert "1 of 1 release checks hold" in report.summary
    with (paths.plots / "roc.csv").open() as file:
        points = list(csv.DictReader(file))
    assert list(points[0]) == ["false_positive_rate", "true_positive_rate", "threshold"]
    assert (float(points[-1]["false_positive_rate"]), float(points[-1]["true_positive_rate"])) == (1, 1)
    with (paths.plots / "calibration.csv").open() as file:
        bins = list(csv.DictReader(file))
    assert sum(int(one["rows"]) for one in bins) == len(read_table(paths.holdout))
    assert paths.dossier.stat().st_size < 6_000_000
    assert paths.model_card.read_text().startswith(f"# Model card: small-{task}")


def test_all_but_time_and_dossier_is_the_same_again(tmp_path: Path) -> None:
    context = workspace(tmp_path, "binary")
    paths = context.paths
    evaluate(context)
    repeatable = (paths.metrics, paths.plots / "roc.csv", paths.plots / "calibration.csv", paths.model_card)
    before, first = [path.read_bytes() for path in repeatable], json.loads(paths.evidence.read_text())
    evaluate(context)
    assert [path.read_bytes() for path in repeatable] == before
    second = json.loads(paths.evidence.read_text())
    untimed = [[one for one in found["records"] if one["kind"] != "operations"] for found in (first, second)]
    assert untimed[0] == untimed[1]


def test_metrics_are_flat_numbers_without_timings(tmp_path: Path) -> None:
    context = workspace(tmp_path, "regression")
    evaluate(context)
    metrics = json.loads(context.paths.metrics.read_text())
    evidence = EvidenceSet.model_validate_json(context.paths.evidence.read_text())
    wanted = {name: value.value for name, value in evidence.values().items() if name not in TIMED}
    assert metrics == pytest.approx(wanted, rel=1e-9)
    assert evidence.values().keys() >= TIMED


def test_a_label_that_training_never_saw_is_left_out_and_said(tmp_path: Path) -> None:
    context = workspace(tmp_path, "multiclass")
    holdout = read_table(context.paths.holdout)
    holdout["answer"] = holdout["answer"].astype("int64")
    holdout.loc[holdout.index[:4], "answer"] = 9
    write_table(context.paths.holdout, holdout)
    evaluate(context)
    evidence = EvidenceSet.model_validate_json(context.paths.evidence.read_text())
    assert evidence.values()["data.holdout_rows"].value == len(holdout) - 4
    assert "holdout rows with a label that training never saw" in context.paths.evidence.read_text()


def test_a_holdout_of_one_class_is_judged_as_far_as_it_goes(tmp_path: Path) -> None:
    context = workspace(tmp_path, "binary")
    holdout = read_table(context.paths.holdout)
    write_table(context.paths.holdout, holdout[holdout["answer"] == "no"])
    evaluate(context)
    evidence = EvidenceSet.model_validate_json(context.paths.evidence.read_text())
    assert "holdout.roc_auc" not in evidence.values()
    assert "holdout.brier" in evidence.values()
    assert "ROC AUC is not defined: only one class occurs" in evidence.records[0].business


def test_few_rows_are_enough_to_say_something(tmp_path: Path) -> None:
    context = workspace(tmp_path, "regression", rows("regression", 200))
    write_table(context.paths.holdout, read_table(context.paths.holdout).head(3))
    evaluate(context)
    assert "holdout.rmse" in EvidenceSet.model_validate_json(context.paths.evidence.read_text()).values()


class TestBadInput:
    def test_an_empty_holdout(self, tmp_path: Path) -> None:
        context = workspace(tmp_path, "binary")
        write_table(context.paths.holdout, read_table(context.paths.holdout).head(0))
        with pytest.raises(DataError, match="the holdout has no rows to judge"):
            evaluate(context)
        assert not context.paths.evidence.exists()

    def test_a_holdout_without_the_target(self, tmp_path: Path) -> None:
        context = workspace(tmp_path, "regression")
        write_table(context.paths.holdout, read_table(context.paths.holdout).drop(columns="answer"))
        with pytest.raises(DataError, match="the target 'answer' is not in the table"):
            evaluate(context)

    def test_a_changed_model_is_not_loaded(self, tmp_path: Path) -> None:
        context = workspace(tmp_path, "binary")
        model = context.paths.model / "model.bin"
        model.write_bytes(model.read_bytes()[:-1] + b"x")
        with pytest.raises(IntegrityError, match=r"not the one that was signed.*next: signoff verify"):
            evaluate(context)

    @pytest.mark.parametrize("report", ["leaderboard", "validation", "snapshot", "profile"])
    def test_a_damaged_report_is_named(self, tmp_path: Path, report: str) -> None:
        context = workspace(tmp_path, "regression")
        path = getattr(context.paths, report)
        path.write_text("{}")
        with pytest.raises(WorkspaceError, match=rf"{report}.json is damaged.*next: signoff run"):
            evaluate(context)
        path.unlink()
        with pytest.raises(WorkspaceError, match=rf"{report}.json is missing.*next: signoff run"):
            evaluate(context)
        assert not context.paths.dossier.exists()
