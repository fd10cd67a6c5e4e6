"""Metrics, calibration and intervals of a window, for all three tasks; scikit-learn is the judge."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as judge

from monitoring.answers import answers_of, label_positions
from monitoring.calibration import calibration_gap
from monitoring.performance import performance
from signoff.core.settings import Project

CLASSES = ("No", "Yes")


def project(task: str = "binary", **more: object) -> Project:
    content = {
        "project": "window",
        "question": "Does it?",
        "task": task,
        "target": "came",
        "data": {"sources": {"rows": {"file": "rows.csv"}}},
        "evaluate": {"bootstrap": 60},
    }
    return Project.model_validate(content | more)


def numbers(found: object) -> dict[str, float]:
    return {value.name.removeprefix("performance."): value.value for value in found.values}  # type: ignore[attr-defined]


def test_binary_metrics_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probability = random.random(900).round(2)
    came = random.random(900) < probability
    answers = answers_of(zip(probability, np.where(probability >= 0.4, "Yes", "No"), strict=True), CLASSES)
    found, notes = performance(answers, pd.Series(np.where(came, "Yes", "No")), project())
    said = probability >= 0.4
    assert numbers(found) == pytest.approx(
        {
            "roc_auc": judge.roc_auc_score(came, probability),
            "average_precision": judge.average_precision_score(came, probability),
            "brier": judge.brier_score_loss(came, probability),
            "log_loss": judge.log_loss(came, probability),
            "accuracy": judge.accuracy_score(came, said),
            "balanced_accuracy": judge.balanced_accuracy_score(came, said),
            "bias": probability.mean() - came.mean(),
            "calibration_gap": calibration_gap(probability, came.astype(float)),
        }
    )
    assert notes == ()
    assert all(value.low <= value.value <= value.high for value in found.values)  # type: ignore[operator]


def test_multiclass_metrics_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    classes = ("a", "b", "c")
    probability = random.dirichlet([2, 1, 1], 700)
    came = np.array([random.choice(3, p=row) for row in probability])
    labels = np.array(classes)[probability.argmax(axis=1)]
    answers = answers_of(
        zip([dict(zip(classes, row, strict=True)) for row in probability], labels, strict=True), classes
    )
    found, _ = performance(answers, pd.Series(np.array(classes)[came]), project("multiclass"))
    got = numbers(found)
    assert got["log_loss"] == pytest.approx(judge.log_loss(came, probability))
    assert got["balanced_accuracy"] == pytest.approx(judge.balanced_accuracy_score(came, probability.argmax(axis=1)))
    assert got["calibration_gap"] < 0.03
    assert set(got) == {"log_loss", "accuracy", "balanced_accuracy", "calibration_gap"}


def test_regression_metrics_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(2)
    predicted = random.normal(50, 10, 600)
    came = predicted + random.normal(3, 5, 600)
    answers = answers_of(zip([None] * 600, predicted, strict=True), ())
    found, _ = performance(answers, pd.Series(came).astype(str), project("regression"))
    got = numbers(found)
    assert got["rmse"] == pytest.approx(judge.root_mean_squared_error(came, predicted))
    assert got["mae"] == pytest.approx(judge.mean_absolute_error(came, predicted))
    assert got["r2"] == pytest.approx(judge.r2_score(came, predicted))
    assert got["bias"] == pytest.approx(-3, abs=0.6)
    assert got["calibration_gap"] == pytest.approx(3 / came.std(), abs=0.06)


def test_the_gap_of_a_calibrated_model_is_near_zero_in_small_windows_too() -> None:
    """The plain expected calibration error is 0.045 on average here, which would be an alarm at 0.05 every third
    time."""
    random = np.random.default_rng(3)
    perfect, plain, off = [], [], []
    for _ in range(60):
        probability = random.beta(2, 6, 500)
        came = (random.random(500) < probability).astype(float)
        perfect.append(calibration_gap(probability, came))
        bins = np.array_split(np.argsort(probability), 10)
        plain.append(np.mean([abs(probability[rows].mean() - came[rows].mean()) for rows in bins]))
        off.append(calibration_gap(np.clip(probability + 0.1, 0, 1), came))
    assert np.mean(plain) > 0.04
    assert np.mean(perfect) < 0.025
    assert np.mean(np.array(perfect) > 0.05) <= 0.05
    assert np.mean(off) == pytest.approx(0.1, abs=0.015)


def test_the_gap_of_many_rows_is_the_expected_calibration_error() -> None:
    random = np.random.default_rng(4)
    probability = random.random(60_000)
    came = (random.random(60_000) < probability**2).astype(float)
    bins = np.array_split(np.argsort(probability), 10)
    plain = np.mean([abs(probability[rows].mean() - came[rows].mean()) for rows in bins])
    assert calibration_gap(probability, came) == pytest.approx(plain, abs=0.001)


def test_a_constant_prediction_is_one_bin() -> None:
    assert calibration_gap(np.full(100, 0.3), np.r_[np.ones(30), np.zeros(70)]) == pytest.approx(0.0, abs=1e-12)
    assert calibration_gap(np.array([0.4]), np.array([1.0])) == pytest.approx(0.6)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    covered = []
    for _ in range(60):
        probability = random.random(300)
        came = random.random(300) < probability
        answers = answers_of(zip(probability, ["Yes"] * 300, strict=True), CLASSES)
        found, _ = performance(answers, pd.Series(np.where(came, "Yes", "No")), project())
        bias = next(value for value in found.values if value.name == "performance.bias")
        covered.append(bias.low <= 0 <= bias.high)  # type: ignore[operator]
    assert np.mean(covered) >= 0.85


def test_unknown_outcomes_are_left_out_and_strange_ones_are_told() -> None:
    came = pd.Series(["Yes", "No"] * 40 + [None] * 20 + ["Perhaps"] * 3, dtype="object")
    answers = answers_of([(0.5, "Yes")] * 103, CLASSES)
    found, notes = performance(answers, came, project())
    assert found.rows == 80
    assert notes == ("3 outcomes are none that the model knows and were left out",)
    empty, _ = performance(answers, pd.Series([None] * 103), project())
    assert (empty.rows, empty.values) == (0, ())


def test_one_class_only_has_no_ranking() -> None:
    answers = answers_of([(0.1 * (place % 9), "No") for place in range(50)], CLASSES)
    found, _ = performance(answers, pd.Series(["No"] * 50), project())
    got = numbers(found)
    assert "roc_auc" not in got
    assert "average_precision" not in got
    assert got["accuracy"] == 1.0
    assert not any(math.isnan(value) for value in got.values())


def test_labels_are_found_however_they_are_written() -> None:
    outcomes = pd.Series([True, "true", "FALSE", None, "maybe"], dtype="object")
    assert label_positions(outcomes, ("False", "True")).tolist() == [1, 1, 0, -1, -1]
    assert label_positions(pd.Series([1.0, 0.0, np.nan]), ("0", "1")).tolist() == [1, 0, -1]
    assert label_positions(pd.Series(["A", "a", "B"]), ("a", "A", "b")).tolist() == [1, 0, 2]
