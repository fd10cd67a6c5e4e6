"""Weighted metrics against scikit-learn, and resamples against what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from models.evaluation.answers import Answers, constant, from_probability
from models.evaluation.reliability import gap_of, reliability
from models.evaluation.resampling import Resamples, resamples_for
from models.evaluation.scores import difference, metrics_of, score_of
from models.evaluation.words import measured, part_of_name
from monitoring.calibration import calibration_gap
from signoff.core.evidence import Value
from signoff.core.settings import Project, Task
from tests.evaluation_workspace import rows, settings

ROWS = 400


def answers(task: Task, seed: int = 0, ties: bool = True) -> Answers:
    random = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        actual = random.normal(size=ROWS)
        return Answers(task, actual, actual + random.normal(size=ROWS))
    classes = 2 if task is Task.BINARY else 4
    probability = random.dirichlet(np.ones(classes), ROWS)
    if ties:
        probability = np.round(probability, 1)
        probability /= probability.sum(axis=1, keepdims=True)
    drawn = (probability.cumsum(axis=1) > random.random(ROWS)[:, None]).argmax(axis=1)
    return from_probability(task, drawn, probability, None)


def judged_by_sklearn(metric: str, told: Answers, weights: np.ndarray) -> float:
    truth, predicted, given = told.actual, told.predicted, {"sample_weight": weights}
    if told.probability is not None:
        labels = list(range(told.probability.shape[1]))
        yes = told.probability[:, 1]
        judges = {
            "roc_auc": lambda: sk.roc_auc_score(truth, yes, **given),
            "average_precision": lambda: sk.average_precision_score(truth, yes, **given),
            "brier": lambda: np.average((truth - yes) ** 2, weights=weights),
            "log_loss": lambda: sk.log_loss(truth, told.probability, labels=labels, **given),
            "accuracy": lambda: sk.accuracy_score(truth, predicted, **given),
            "balanced_accuracy": lambda: sk.balanced_accuracy_score(truth, predicted, **given),
        }
    else:
        judges = {
            "rmse": lambda: sk.root_mean_squared_error(truth, predicted, **given),
            "mae": lambda: sk.mean_absolute_error(truth, predicted, **given),
            "r2": lambda: sk.r2_score(truth, predicted, **given),
        }
    return float(judges[metric]())


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize(("task", "metric"), [(task, metric) for task in Task for metric in metrics_of(task)])
def test_a_metric_is_scikit_learns_on_any_weights(task: Task, metric: str, ties: bool) -> None:
    told = answers(task, ties=ties)
    weights = np.random.default_rng(1).integers(0, 4, (3, ROWS)).astype(float)
    ours = score_of(metric, told)(weights)
    assert ours.shape == (3,)
    np.testing.assert_allclose(ours, [judged_by_sklearn(metric, told, one) for one in weights], rtol=1e-9)


@pytest.mark.parametrize("task", list(Task))
def test_the_calibration_gap_is_the_one_of_monitoring(task: Task) -> None:
    told, weights = answers(task), np.random.default_rng(2).integers(0, 4, (2, ROWS)).astype(float)
    if task is Task.REGRESSION:
        theirs = [calibration_gap(told.predicted, told.actual, one) / np.std(told.actual) for one in weights]
    else:
        assert told.probability is not None
        judged = [1] if task is Task.BINARY else list(range(4))
        theirs = [
            np.mean([calibration_gap(told.probability[:, k], (told.actual == k).astype(float), one) for k in judged])
            for one in weights
        ]
    np.testing.assert_allclose(gap_of(told)(weights), theirs)


def test_the_gap_finds_a_shift_and_spares_an_honest_model() -> None:
    random = np.random.default_rng(3)
    yes = random.uniform(0.1, 0.8, 20_000)
    truth = (random.random(20_000) < yes).astype(int)
    whole = np.ones((1, 20_000))
    honest = from_probability(Task.BINARY, truth, np.column_stack([1 - yes, yes]), None)
    assert gap_of(honest)(whole)[0] < 0.01
    boastful = from_probability(Task.BINARY, truth, np.column_stack([0.9 - yes, yes + 0.1]), None)
    assert gap_of(boastful)(whole)[0] == pytest.approx(0.1, abs=0.01)
    assert sum(rows for _, _, rows in reliability(honest)) == 20_000


def test_one_class_gives_no_number_instead_of_a_wrong_one() -> None:
    told = from_probability(Task.BINARY, np.zeros(50, dtype=int), np.tile([0.6, 0.4], (50, 1)), None)
    resamples = Resamples(50, None, "rows", 20, 0)
    value = resamples.value(score_of("roc_auc", told))
    assert np.isnan(value)
    assert measured("holdout.roc_auc", value, resamples.draws(score_of("roc_auc", told)), 0.95) is None


def test_resamples_are_the_same_each_time_and_for_each_model() -> None:
    told = answers(Task.BINARY)
    once, again = (Resamples(ROWS, None, "rows", 50, 7) for _ in range(2))
    score = score_of("roc_auc", told)
    np.testing.assert_array_equal(once.draws(score), again.draws(score))
    np.testing.assert_array_equal(once.draws(difference(score, score)), np.zeros(50))
    assert len(np.unique(once.draws(score))) > 40


def test_a_large_table_is_resampled_in_pieces_with_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Resamples(ROWS, None, "rows", 30, 0).draws(score_of("brier", answers(Task.BINARY)))
    monkeypatch.setattr("models.evaluation.resampling.CHUNK_CELLS", 3 * ROWS)
    monkeypatch.setattr("models.evaluation.resampling.KEPT_CELLS", 0)
    pieces = Resamples(ROWS, None, "rows", 30, 0).draws(score_of("brier", answers(Task.BINARY)))
    np.testing.assert_allclose(pieces, whole, rtol=1e-12)


def test_percentile_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    held = 0
    for trial in range(150):
        told = Answers(Task.REGRESSION, random.normal(size=200), np.zeros(200))
        resamples = Resamples(200, None, "rows", 200, trial)
        score = score_of("mae", told)
        value = measured("holdout.mae", resamples.value(score), resamples.draws(score), 0.9)
        assert value is not None
        assert value.low is not None
        assert value.high is not None
        held += value.low <= np.sqrt(2 / np.pi) <= value.high
    assert 0.82 <= held / 150 <= 0.96


@pytest.mark.parametrize(
    ("column", "unit"), [({"group_column": "shop"}, "rows"), ({"group_column": "key"}, "groups"),
                         ({"time_column": "moment"}, "days"), ({}, "rows")]
)  # fmt: skip
def test_what_hangs_together_is_drawn_together(column: dict[str, str], unit: str) -> None:
    project = Project.model_validate(settings("binary", data={"sources": {"rows": {"file": "x.csv"}}} | column))
    assert resamples_for(project, rows("binary", 400)).unit == unit


def test_rows_of_one_block_give_wider_intervals_than_rows_alone() -> None:
    random = np.random.default_rng(6)
    blocks = np.repeat(np.arange(40), 10)
    error = np.repeat(random.normal(size=40), 10)
    told = Answers(Task.REGRESSION, error, np.zeros(400))
    alone = Resamples(400, None, "rows", 300, 0).draws(score_of("mae", told))
    together = Resamples(400, blocks, "groups", 300, 0).draws(score_of("mae", told))
    assert np.std(together) > 2 * np.std(alone)


def test_the_constant_baseline_says_the_training_shares() -> None:
    told = constant(Task.MULTICLASS, np.array([0, 0, 1, 2]), np.array([0, 1]), 4)
    np.testing.assert_allclose(told.probability, [[0.5, 0.25, 0.25, 0]] * 2)
    assert constant(Task.REGRESSION, np.array([1.0, 3.0]), np.zeros(2), 0).predicted.tolist() == [2, 2]


def test_any_text_becomes_a_name_that_checks_can_refer_to() -> None:
    for text in ("São Paulo", "a.b/c", "", "x" * 200, "<b>"):
        Value(name=f"slices.town.{part_of_name(text)}", value=1)
    assert part_of_name("New York") == "New York"


def test_days_need_a_real_clock() -> None:
    frame = pd.DataFrame({"moment": ["2024-01-01"] * 30})
    project = Project.model_validate(
        settings("binary", data={"sources": {"rows": {"file": "x.csv"}}, "time_column": "moment"})
    )
    assert resamples_for(project, frame).unit == "rows"
