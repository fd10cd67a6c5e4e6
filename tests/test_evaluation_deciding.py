"""The records that a decision needs, on data where the answer is known; with and without a champion, for each task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.evaluation.distances import level_of, moved
from models.evaluation.leaks import skill_of
from models.evaluation.past import compared
from models.evaluation.searching import search, why_chosen
from models.evaluation.thresholds import costs_at
from signoff.core.evidence import Evidence, EvidenceSet
from signoff.core.search import Contender, Leaderboard, Trial
from signoff.core.settings import ErrorCost, Task
from signoff.core.stage import StageContext
from signoff.core.tables import read_table, write_table
from tasks.evaluate import evaluate
from tests.evaluation_workspace import fitted, rows, settings, workspace


def evidence_of(context: StageContext) -> EvidenceSet:
    evaluate(context)
    return EvidenceSet.model_validate_json(context.paths.evidence.read_text())


def kinds(evidence: EvidenceSet) -> set[str]:
    return {one.kind for one in evidence.records}


def record(evidence: EvidenceSet, kind: str) -> Evidence:
    return next(one for one in evidence.records if one.kind == kind)


def with_champion(root: object, task: str, family: str = "linear", **changes: object) -> StageContext:
    """A champion of a family, its reference beside it as a release keeps it, and a challenger of another family."""
    from tasks.monitor import keep_reference

    context = workspace(root / "w", task, **changes)  # type: ignore[operator,arg-type]
    fitted(context, family, folder=context.paths.champion / "model")
    fitted(context, family)
    digest = read_digest(context)
    keep_reference(context.paths, digest)
    fitted(context, "hist_boosting")
    return context


def read_digest(context: StageContext) -> str:
    from signoff.core.files import read_json

    return str(read_json(context.paths.model / "model.json")["digest"])


@pytest.mark.slow
class TestWithAChampion:
    @pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
    def test_both_stand_in_the_same_charts(self, tmp_path: object, task: str) -> None:
        evidence = evidence_of(with_champion(tmp_path, task))
        assert kinds(evidence) >= {
            "champion_disagreement",
            "champion_data",
            "champion_drivers",
            "overfit",
            "leak_check",
        }
        charts = {
            "binary": ("roc", "precision_recall", "calibration", "threshold", "confusion"),
            "multiclass": ("roc", "calibration"),
            "regression": ("calibration", "errors_distribution"),
        }
        for kind in charts[task]:
            chart = record(evidence, kind).chart
            assert chart is not None
            assert "champion" in [trace.get("name") for trace in chart["data"]], kind
        table = record(evidence, "champion").table
        assert table is not None
        assert table.rows[0][1] == evidence.values()[f"holdout.{_metric(task)}"].value
        assert table.rows[0][3] == pytest.approx(evidence.values()["champion.delta"].value)

    def test_rows_that_change_side_are_counted_both_ways(self, tmp_path: object) -> None:
        evidence = evidence_of(with_champion(tmp_path, "binary"))
        table = record(evidence, "champion_disagreement").table
        assert table is not None
        changed = sum(int(str(row[1])) for row in table.rows)
        share = evidence.values()["champion.disagree"]
        assert share.value == pytest.approx(changed / evidence.values()["data.holdout_rows"].value)
        assert share.low is not None
        # On a row where two yes-or-no answers differ, exactly one of them is right.
        assert all(row[2] + row[3] == row[1] for row in table.rows)  # type: ignore[operator]

    def test_the_saving_is_what_the_two_costs_differ(self, tmp_path: object) -> None:
        evidence = evidence_of(with_champion(tmp_path, "binary", family="baseline"))
        values = evidence.values()
        saving = values["champion.saving"]
        cost = values["threshold.champion_cost"].value - values["threshold.cost"].value
        assert saving.value == pytest.approx(cost)
        assert saving.unit == "EUR per 1,000 rows"
        assert saving.low is not None
        assert saving.low > 0
        assert "That saves" in record(evidence, "threshold").business

    def test_the_same_rows_have_not_moved(self, tmp_path: object) -> None:
        found = record(evidence_of(with_champion(tmp_path, "regression")), "champion_data")
        values = {value.name: value.value for value in found.values}
        assert (values["champion_data.drifted"], values["champion_data.worst_drift"]) == (0, 0)
        assert "no column that they share has moved" in found.business

    def test_a_moved_column_comes_first_and_new_and_gone_ones_are_named(self, tmp_path: object) -> None:
        context = with_champion(tmp_path, "binary")
        train = read_table(context.paths.train)
        train["weak"] = train["weak"] * 2 + 3
        write_table(context.paths.train, train)
        found = record(evidence_of(context), "champion_data")
        assert found.table is not None
        assert found.table.rows[0][:2] == ("weak", "moved")
        assert "most of all weak" in found.business

    def test_without_a_reference_it_is_said(self, tmp_path: object) -> None:
        context = with_champion(tmp_path, "binary")
        (context.paths.champion / "reference.parquet").unlink()
        found = record(evidence_of(context), "champion_data")
        assert found.table is None
        assert "is not kept here" in found.business
        assert "is not on this machine" in found.expert

    def test_the_champion_itself_has_nothing_to_be_compared_with(self, tmp_path: object) -> None:
        context = with_champion(tmp_path, "binary")
        fitted(context, "linear")
        assert not kinds(evidence_of(context)) & {"champion_data", "champion_drivers", "champion_disagreement"}


def _metric(task: str) -> str:
    return {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]


def test_without_a_champion_no_record_pretends(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
    assert not [kind for kind in kinds(evidence) if kind.startswith("champion_")]
    assert "champion.saving" not in evidence.values()
    assert evidence.values()["baseline.saving"].value > 0


def test_the_slider_has_shares_costs_and_intervals_of_each_threshold(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
    table = record(evidence, "threshold").table
    assert table is not None
    assert table.columns[:5] == ("threshold", "share flagged", "precision", "recall", "EUR per 1,000 rows")
    flagged = [float(str(row[1])) for row in table.rows]
    assert flagged == sorted(flagged, reverse=True)
    assert all(row[5] <= row[4] <= row[6] or row[5] == pytest.approx(row[6]) for row in table.rows)  # type: ignore[operator]
    in_force = evidence.values()["threshold.in_force"].value
    price = next(float(str(row[4])) for row in table.rows if row[0] == pytest.approx(in_force, abs=1e-4))
    assert price == pytest.approx(evidence.values()["threshold.cost"].value, rel=1e-3)


def test_a_threshold_above_all_and_below_all_rows_costs_what_counting_says() -> None:
    yes, truth = np.array([0.2, 0.2, 0.9]), np.array([0.0, 1.0, 1.0])
    cost = ErrorCost(false_positive=3, false_negative=5)
    found = costs_at(yes, truth, np.array([0.0, 0.2, 0.20001, 0.9, 1.0]), cost)
    np.testing.assert_allclose(found, np.array([3, 3, 5, 5, 10]) * 1000 / 3)


def test_confusion_of_a_thousand_adds_up_to_a_thousand(tmp_path: object) -> None:
    evidence = evidence_of(workspace(tmp_path / "w", "binary"))  # type: ignore[operator]
    values = evidence.values()
    parts = [values[f"confusion.{name}"].value for name in ("hits", "false_alarms", "misses", "quiet")]
    assert sum(parts) == pytest.approx(1000)
    assert parts[0] / (parts[0] + parts[2]) == pytest.approx(values["threshold.recall"].value)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_model_that_learned_by_heart_has_a_gap(tmp_path: object, task: str) -> None:
    frame = rows(task, 700)
    noise = np.random.default_rng(5)
    frame["answer"] = noise.permutation(frame["answer"].to_numpy())
    context = workspace(tmp_path / "w", task, frame)  # type: ignore[operator]
    fitted(context, "extra_trees")
    by_heart = evidence_of(context).values()["overfit.gap"]
    fitted(context, "baseline")
    knowing = evidence_of(context).values()["overfit.gap"]
    assert by_heart.low is not None
    assert by_heart.low > 0
    assert abs(knowing.value) < by_heart.value / 3


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_two_columns_that_both_know_the_answer_cannot_hide_each_other(tmp_path: object, task: str) -> None:
    frame = rows(task)
    known = frame["answer"] if task == "regression" else pd.Series(pd.factorize(frame["answer"], sort=True)[0])
    random = np.random.default_rng(2)
    for name in ("after", "later"):
        frame[name] = known + random.normal(size=len(frame)) * 0.02
    evidence = evidence_of(workspace(tmp_path / "w", task, frame))  # type: ignore[operator]
    found = record(evidence, "leak_suspicion")
    assert {"after", "later"} <= set(found.business.replace(",", " ").replace(".", " ").split())
    assert f"holdout.{_metric(task)}" in found.matters
    assert evidence.values()["leak.single_share"].value > 0.85


def test_skill_is_none_of_nothing_and_all_of_all() -> None:
    actual = np.array([0, 1, 2, 1, 0, 2])
    assert skill_of(Task.MULTICLASS, actual, np.eye(3)[actual]) == 1
    assert skill_of(Task.MULTICLASS, actual, np.full((6, 3), 1 / 3)) == pytest.approx(0)
    yes = np.array([0.1, 0.9, 0.8, 0.3])
    assert skill_of(Task.BINARY, np.array([0, 1, 1, 0]), np.column_stack([1 - yes, yes])) == 1
    assert skill_of(Task.BINARY, np.array([1, 1]), np.full((2, 2), 0.5)) == 0
    values = np.array([1.0, 2.0, 3.0])
    assert skill_of(Task.REGRESSION, values, np.full((3, 1), 2.0)) == 0


@pytest.mark.parametrize("kind", ["number", "text", "boolean", "integer"])
def test_the_same_has_not_moved_and_another_has(kind: str) -> None:
    random = np.random.default_rng(0)
    before, after = {
        "number": (random.normal(size=3000), random.normal(1, size=3000)),
        "text": (random.choice(list("abc"), 3000), random.choice(list("cde"), 3000)),
        "boolean": (random.random(3000) < 0.1, random.random(3000) < 0.6),
        "integer": (random.integers(0, 5, 3000), random.integers(3, 9, 3000)),
    }[kind]
    same, other = moved(pd.Series(before), pd.Series(before)), moved(pd.Series(before), pd.Series(after))
    assert same is not None
    assert other is not None
    assert (same.distance, same.p_value) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    assert other.distance > 0.3
    assert other.p_value < 1e-6


def test_nothing_known_cannot_be_compared_and_chance_is_held_back() -> None:
    assert moved(pd.Series([np.nan] * 3), pd.Series([1.0, 2.0])) is None
    assert level_of([]) == 0
    assert level_of([0.5, 0.9, 0.2]) == 0
    assert 0.001 < level_of([0.001, 0.9, 0.8]) < 0.0011


def test_columns_that_came_went_or_changed_type_stand_first() -> None:
    before = pd.DataFrame({"a": [1.0, 2.0] * 50, "gone": [1] * 100, "typed": [1] * 100})
    after = pd.DataFrame({"a": [1.0, 2.0] * 50, "new": ["x"] * 100, "typed": ["1"] * 100})
    found = compared(before, after, dict.fromkeys(before, "number"), ("a", "new", "typed"))
    assert {one.name: one.note for one in found} == {"new": "new", "gone": "gone", "typed": "was number", "a": ""}
    assert found[-1].name == "a"


def _board(chosen: str, rule: str = "The highest mean wins.") -> Leaderboard:
    scores = {"lightgbm": (0.74, 0.75, 0.73), "linear": (0.735, 0.745, 0.731)}
    lines = tuple(
        Contender(name=f"{name}, defaults", kind="automatic", family=name, trial=at, score=sum(folds) / 3,
                  fold_scores=folds, chosen=name == chosen)
        for at, (name, folds) in enumerate(scores.items())
    )  # fmt: skip
    trials = tuple(
        Trial(number=at, family="linear", state="timeout" if at else "complete", parameters={}, seconds=2.0)
        for at in range(3)
    )
    return Leaderboard(metric="roc_auc", greater_is_better=True, contenders=lines, trials=trials, rule=rule,
                       budget="60 s", seconds=61.5)  # fmt: skip


def test_the_search_says_why_a_simpler_one_was_taken() -> None:
    found = search(_board("linear"))
    assert (
        "linear, defaults was taken as the simpler one: lightgbm, defaults is ahead by only 0.00300" in found.business
    )
    values = {value.name: value.value for value in found.values}
    assert values["search.given_up"] == pytest.approx(0.003)
    assert (values["search.unfinished"], values["search.families"], values["search.seconds"]) == (2, 2, 61.5)
    assert "2 timeout" in found.expert
    assert why_chosen(_board("lightgbm")) == "lightgbm, defaults has the best mean score"
    assert "was asked for" in why_chosen(_board("linear", "A person asked for linear."))
    assert why_chosen(_board("nobody")) == "none was taken"


def test_lineage_names_each_step_by_its_digest(tmp_path: object) -> None:
    context = workspace(tmp_path / "w", "regression")  # type: ignore[operator]
    table = record(evidence_of(context), "lineage").table
    assert table is not None
    steps = {str(row[0]): row[3] for row in table.rows}
    assert steps["model digest"] == read_digest(context)
    assert steps["snapshot"] == "md5 " + "0" * 32
    assert list(steps)[:2] == ["source", "snapshot"]


def test_small_groups_are_marked_and_gaps_have_intervals(tmp_path: object) -> None:
    frame = rows("binary", 1500)
    frame.loc[frame.index[::100], "shop"] = "kiosk"
    changes = {"data": settings("binary")["data"] | {"sensitive": ["shop"]}}
    evidence = evidence_of(workspace(tmp_path / "w", "binary", frame, **changes))  # type: ignore[operator]
    found = record(evidence, "slices")
    assert found.table is not None
    marks = {row[0]: row[2] for row in found.table.rows}
    assert marks["kiosk"] == "too small"
    assert marks["north"] == ""
    assert evidence.values()["slices.shop.small"].value == 1
    spread = evidence.values()["slices.shop.spread"]
    assert spread.low is not None
    gaps = record(evidence, "fairness").table
    assert gaps is not None
    assert gaps.columns[-3:] == ("gap", "low", "high")
    assert all(isinstance(row[3], int) and row[3] >= 30 for row in gaps.rows)


def test_rows_are_called_as_the_project_calls_them(tmp_path: object) -> None:
    evaluate_section = settings("binary")["evaluate"] | {"rows_are": "orders"}
    evidence = evidence_of(workspace(tmp_path / "w", "binary", evaluate=evaluate_section))  # type: ignore[operator]
    assert "orders it never saw" in record(evidence, "holdout").business
    assert evidence.values()["data.holdout_rows"].unit == "orders"
    assert evidence.values()["threshold.cost"].unit == "EUR per 1,000 orders"
