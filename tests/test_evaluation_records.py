"""What each record says, on data where the answer is known."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from models.evaluation.groups import groups_of
from models.evaluation.origins import stability_index
from models.evaluation.ranking import roc_points
from models.evaluation.scores import roc_auc
from models.evaluation.thresholds import costs_at
from signoff.core.evidence import Evidence, EvidenceSet
from signoff.core.numbers import closely
from signoff.core.settings import ErrorCost, Task
from signoff.core.stage import StageContext
from tasks.evaluate import evaluate
from tests.evaluation_workspace import fitted, release, rows, settings, timed, workspace


def evidence_of(context: StageContext) -> EvidenceSet:
    evaluate(context)
    return EvidenceSet.model_validate_json(context.paths.evidence.read_text())


def record(evidence: EvidenceSet, kind: str) -> Evidence:
    return next(one for one in evidence.records if one.kind == kind)


def test_costs_by_threshold_are_those_of_counting() -> None:
    random = np.random.default_rng(0)
    yes, truth = np.round(random.random(300), 2), (random.random(300) < 0.4).astype(float)
    grid, cost = np.linspace(0, 1, 21), ErrorCost(false_positive=2, false_negative=7)
    counted = [
        1000 * np.mean(np.where(yes >= at, (1 - truth) * 2, truth * 7)) for at in grid
    ]  # fmt: skip
    np.testing.assert_allclose(costs_at(yes, truth, grid, cost), counted)


def test_the_area_below_the_curve_points_is_the_auc() -> None:
    from models.evaluation.answers import from_probability

    random = np.random.default_rng(0)
    yes = random.random(150)
    truth = (random.random(150) < yes).astype(int)
    curve = roc_points(from_probability(Task.BINARY, truth, np.column_stack([1 - yes, yes]), None))
    area = float(np.sum(np.diff(curve[:, 0]) * (curve[1:, 1] + curve[:-1, 1]) / 2))
    assert area == pytest.approx(roc_auc(yes, truth == 1)(np.ones((1, 150)))[0])


@pytest.mark.parametrize("kind", ["number", "text", "missing", "boolean"])
def test_stability_index_is_zero_for_the_same_and_large_for_another(kind: str) -> None:
    random = np.random.default_rng(0)
    first, second = {
        "number": (random.normal(size=2000), random.normal(2, size=2000)),
        "text": (random.choice(list("abc"), 2000), random.choice(list("cde"), 2000)),
        "missing": (np.full(2000, np.nan), random.normal(size=2000)),
        "boolean": (random.random(2000) < 0.1, random.random(2000) < 0.7),
    }[kind]
    assert stability_index(pd.Series(first), pd.Series(first)) == pytest.approx(0, abs=1e-9)
    assert stability_index(pd.Series(first), pd.Series(second)) > 0.5


def test_groups_cover_every_row_once() -> None:
    random = np.random.default_rng(0)
    columns = {
        "many": pd.Series(random.integers(0, 500, 1000).astype(str)),
        "number": pd.Series(np.where(random.random(1000) < 0.2, np.nan, random.normal(size=1000))),
        "flag": pd.Series(random.random(1000) < 0.3),
        "constant": pd.Series(np.ones(1000)),
        "date": pd.Series(pd.date_range("2024-01-01", periods=1000, freq="D")),
        "empty": pd.Series([None] * 1000),
        "category": pd.Series(pd.Categorical(random.choice(["a", "b"], 1000))),
    }
    for name, column in columns.items():
        groups = groups_of(column)
        assert sorted(np.concatenate([group.rows for group in groups])) == list(range(1000)), name
        assert len(groups) <= 21, name
        assert len({group.name for group in groups}) == len(groups), name
    assert "missing" in [group.name for group in groups_of(columns["number"])]


def test_importance_puts_the_strong_column_first_and_noise_near_nothing(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
    table = record(evidence, "importance").table
    assert table is not None
    assert table.rows[0][0] == "strong"
    noise = evidence.values()["importance.noise"]
    assert abs(noise.value) < evidence.values()["importance.strong"].value / 10


def test_importance_lists_every_column_for_whoever_leaves_one_out(tmp_path: object) -> None:
    frame = rows("binary")
    for number in range(24):
        frame[f"more_{number}"] = np.random.default_rng(number).normal(size=len(frame))
    found = record(evidence_of(workspace(tmp_path / "w", "binary", frame)), "importance")  # type: ignore[operator]
    assert found.table is not None
    assert {f"more_{number}" for number in range(24)} < {row[0] for row in found.table.rows}


def test_a_column_that_knows_the_answer_is_suspected(tmp_path: object) -> None:
    frame = rows("binary")
    frame["after"] = (frame["answer"] == "yes") * 3.0 + np.random.default_rng(0).normal(size=len(frame))
    frame["strong"] = np.random.default_rng(1).normal(size=len(frame))
    evidence = evidence_of(workspace(tmp_path / "w", "binary", frame))  # type: ignore[operator]
    assert "after carries" in record(evidence, "leak_suspicion").business


def test_an_hour_on_which_all_else_hangs_is_no_leak(tmp_path: object) -> None:
    random = np.random.default_rng(0)
    frame = rows("regression", 1500)
    frame["hour"] = random.integers(0, 24, len(frame)).astype(float)
    works = np.where(frame["strong"] > 0, 1.9, 0.1)
    frame["answer"] = 10 * np.cos(frame["hour"] / 24 * 2 * np.pi) * works + random.normal(size=len(frame))
    context = workspace(tmp_path / "w", "regression", frame, search={"metric": "r2"})  # type: ignore[operator]
    fitted(context, "hist_boosting")
    evidence = evidence_of(context)
    values = evidence.values()
    assert values["importance.top_share"].value > 0.6
    assert values["leak.single_share"].value < 0.6
    assert "leak_suspicion" not in {one.kind for one in evidence.records}


def test_without_prices_the_threshold_says_what_it_balances(tmp_path: object) -> None:
    context = workspace(tmp_path / "w", "binary", evaluate={"slices": [], "bootstrap": 60})  # type: ignore[operator]
    found = record(evidence_of(context), "threshold")
    assert "No prices of mistakes are set" in found.business
    assert "highest F1" in found.expert


def test_a_slice_that_is_served_badly_is_named(tmp_path: object) -> None:
    frame = rows("binary", 2000)
    broken = (frame["shop"] == "south").to_numpy()
    frame.loc[broken, "answer"] = np.random.default_rng(0).choice(["yes", "no"], broken.sum())
    evidence = evidence_of(workspace(tmp_path / "w", "binary", frame))  # type: ignore[operator]
    assert "weakest where shop is south" in record(evidence, "slices").business
    south, north = (evidence.values()[f"slices.shop.{name}"] for name in ("south", "north"))
    assert south.high is not None
    assert south.high < north.value
    assert evidence.values()["slices.shop.spread"].value == pytest.approx(north.value - south.value, abs=0.1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_sensitive_column_gets_its_gap(tmp_path: object, task: str) -> None:
    frame = rows(task, 1200)
    if task == "binary":
        favoured = (frame["shop"] == "north").to_numpy()
        frame.loc[favoured, "strong"] += 1.5
        frame.loc[favoured, "answer"] = np.where(frame.loc[favoured, "strong"] > 0.5, "yes", "no")
    data = settings(task)["data"] | {"sensitive": ["shop", "absent"]}
    evidence = evidence_of(workspace(tmp_path / "w", task, frame, data=data))  # type: ignore[operator]
    gap = evidence.values()["fairness.worst_gap"]
    assert gap.low is not None
    assert gap.value >= 0
    if task == "binary":
        assert gap.value > 0.3
        assert evidence.values()["fairness.shop.selection_gap"].value > 0.3
    assert "absent is not in the holdout" in " ".join(one.business for one in evidence.records)


def test_intervals_of_a_time_split_draw_whole_days(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "regression", **timed()))  # type: ignore[operator]
    assert "resamples of whole days" in record(evidence, "holdout").expert


class TestChampion:
    def test_without_one_the_baseline_stands_in_and_the_record_says_so(self, tmp_path: object) -> None:
        evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
        found, values = record(evidence, "champion"), evidence.values()
        assert "There is no champion yet; the constant baseline stands in" in found.business
        assert values["champion.delta"].value == values["baseline.delta"].value > 0.2
        assert values["champion.delta"].unit == "over the baseline"

    def test_a_worse_one_is_beaten_by_what_their_metrics_differ(self, tmp_path: object) -> None:
        context = workspace(tmp_path / "w", "regression")  # type: ignore[operator]
        fitted(context, "baseline", folder=context.paths.champion / "model")
        evidence = evidence_of(context)
        values = evidence.values()
        assert "better than the champion (baseline)" in record(evidence, "champion").business
        delta = values["champion.rmse"].value - values["holdout.rmse"].value
        assert values["champion.delta"].value == pytest.approx(delta)
        assert values["champion.delta"].low > 0  # type: ignore[operator]

    def test_a_better_one_wins(self, tmp_path: object) -> None:
        context = workspace(tmp_path / "w", "binary")  # type: ignore[operator]
        fitted(context, "linear", folder=context.paths.champion / "model")
        fitted(context, "baseline")
        evidence = evidence_of(context)
        assert "worse than the champion (linear)" in record(evidence, "champion").business
        assert evidence.values()["champion.delta"].value < 0

    def test_the_same_bytes_are_told_as_the_same(self, tmp_path: object) -> None:
        context = workspace(tmp_path / "w", "multiclass")  # type: ignore[operator]
        fitted(context, "extra_trees", folder=context.paths.champion / "model")
        evidence = evidence_of(context)
        assert record(evidence, "champion").business == "The champion is this very model, byte for byte."
        assert evidence.values()["champion.delta"].value == 0

    def test_one_that_cannot_be_loaded_is_a_finding(self, tmp_path: object) -> None:
        context = workspace(tmp_path / "w", "binary")  # type: ignore[operator]
        folder = context.paths.champion / "model"
        fitted(context, "baseline", folder=folder)
        (folder / "model.bin").write_bytes(b"not a model")
        evidence = evidence_of(context)
        assert "The champion cannot be loaded (the model file is not the one" in record(evidence, "champion").business
        assert evidence.values()["champion.delta"].unit == "over the baseline"

    def test_one_that_needs_columns_that_are_gone_is_a_finding(self, tmp_path: object) -> None:
        frame = rows("binary")
        frame["gone"] = np.random.default_rng(0).normal(size=len(frame))
        old = workspace(tmp_path / "old", "binary", frame)  # type: ignore[operator]
        context = workspace(tmp_path / "w", "binary")  # type: ignore[operator]
        fitted(old, "linear", folder=context.paths.champion / "model")
        release(context, json.loads((context.paths.champion / "model" / "model.json").read_text())["digest"])
        business = record(evidence_of(context), "champion").business
        assert "The champion cannot answer on these rows" in business
        assert "gone" in business


def test_labels_from_data_are_no_markup_for_the_charts(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
    chart = record(evidence, "slices").chart
    assert chart is not None
    assert "&lt;b>east&lt;/b>" in chart["data"][0]["y"]
    assert "<" not in str([one.chart for one in evidence.records])


def test_classes_named_by_numbers_are_drawn_as_classes(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "multiclass"))  # type: ignore[operator]
    chart = record(evidence, "confusion").chart
    assert chart is not None
    assert sorted(chart["data"][0]["x"]) == ["1", "2", "3"]
    assert chart["layout"]["xaxis"]["type"] == chart["layout"]["yaxis"]["type"] == "category"
    np.testing.assert_allclose(np.sum(chart["data"][0]["z"], axis=1), 1, atol=1e-3)


def test_groups_of_large_numbers_bear_readable_names() -> None:
    groups = groups_of(pd.Series(np.arange(10_000.0, 400_000.0, 500.0)))
    assert [group.name for group in groups][:2] == ["10000 to 107375", "107375 to 204750"]


def test_values_told_apart_by_little_have_four_digits_and_no_exponent() -> None:
    assert [closely(value) for value in (0.92454, 46823.7, -1234.5, 66.2, 0)] == [
        "0.9245", "46,824", "-1,234", "66.2", "0",
    ]  # fmt: skip
