"""roc, precision_recall and confusion: how yes and no, or the classes, are told apart at every threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.case import Case
from models.evaluation.charts import MAIN, POINTS, SECOND, dashed, figure, line, points, thinned
from models.evaluation.scores import roc_auc
from models.evaluation.words import measured
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import percent
from signoff.core.settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MOST_CLASSES = 25


def roc(case: Case) -> Evidence | None:
    """The ROC curve (binary), or the mean of each class against the rest (multiclass); None on one class only."""
    curve = roc_points(case.answers)
    if not len(curve):
        return None
    mine = line(curve[:, 0], curve[:, 1], "model")
    marks = [_where_it_stands(case.answers)] if case.task is Task.BINARY else []
    if case.rival is not None:
        theirs = roc_points(case.rival)
        marks.append(line(theirs[:, 0], theirs[:, 1], "champion", SECOND))
    many = case.task is Task.MULTICLASS
    values = _one_against_rest(case) if many else ()
    who = "a row of a class" if many else "a yes"
    return Evidence(
        kind="roc",
        title="How well it ranks",
        business=f"The higher the curve above the diagonal, the better {who} is told from the others; the diagonal is "
        "guessing.",
        expert="Receiver operating characteristic"
        + (", each class against the rest, averaged with equal weights." if many else "; the mark is the threshold."),
        values=values,
        chart=figure(
            [dashed([0, 1], [0, 1], "guessing"), mine, *marks],
            "share of false alarms",
            "share of yes found",
            xaxis={"range": [0, 1], "tickformat": ".0%"},
            yaxis={"range": [0, 1.02], "tickformat": ".0%"},
        ),
        matters="ROC AUC is the area below the curve." if not many else "",
    )


def precision_recall(case: Case) -> Evidence | None:
    """How many alarms are true, by how many of the yes are found (binary)."""
    truth = case.answers.actual == 1
    if not truth.any():
        return None
    recall, precision = _recall_precision(case.answers.yes, truth)
    lines = [_precision_line(recall, precision, "model", MAIN)]
    if case.rival is not None:
        lines.append(_precision_line(*_recall_precision(case.rival.yes, truth), "champion", SECOND))
    share = float(truth.mean())
    half = float(precision[np.searchsorted(recall, 0.5)])
    return Evidence(
        kind="precision_recall",
        title="How many alarms are true",
        business=f"To find half of the rows that are {case.positive}, alarms are right in {percent(half)}; blind ones "
        f"would be right in {percent(share)}.",
        expert="Precision by recall over all thresholds; the floor is the share of yes.",
        chart=figure(
            [dashed([0, 1], [share, share], "blind"), *lines],
            "share of yes found",
            "share of alarms that are true",
            xaxis={"range": [0, 1], "tickformat": ".0%"},
            yaxis={"range": [0, 1.02], "tickformat": ".0%"},
        ),
    )


def _recall_precision(yes: Numbers, truth: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    order, last = _steps(yes)
    hits = np.cumsum(truth[order])[last]
    return hits / truth.sum(), hits / (last + 1)


def _precision_line(recall: Numbers, precision: Numbers, name: str, colour: str) -> dict[str, object]:
    kept = thinned(len(recall))
    return line(recall[kept], precision[kept], name, colour)


def confusion(case: Case) -> Evidence:
    """Which classes are taken for which (multiclass), and how each is recognised."""
    classes = case.recipe.classes
    size = len(classes)
    counts = np.bincount(case.answers.actual * size + case.answers.predicted, minlength=size**2).reshape(size, size)
    rows, named = counts.sum(axis=1), counts.sum(axis=0)
    order = np.argsort(-rows, kind="stable")[:MOST_CLASSES]
    recall = np.divide(np.diag(counts), rows, out=np.full(size, np.nan), where=rows > 0)
    precision = np.divide(np.diag(counts), named, out=np.full(size, np.nan), where=named > 0)
    seen = [position for position in order if rows[position]]
    worst = min(seen, key=lambda position: recall[position])
    wrong = counts[worst].copy()
    wrong[worst] = 0
    taken = f", most often taken for {classes[int(wrong.argmax())]}" if wrong.any() else ""
    table = tuple(
        (classes[one], int(rows[one]), _maybe(recall[one]), _maybe(precision[one]),
         classes[int(counts[one].argmax())] if rows[one] else None)
        for one in order
    )  # fmt: skip
    shares = np.round(counts[np.ix_(order, order)] / np.maximum(rows[order], 1)[:, None], 4)
    names = [classes[one] for one in order]
    axis = {"type": "category"}  # else a class named 1 is read as a number
    heat = {
        "type": "heatmap",
        "z": shares.tolist(),
        "x": names,
        "y": names,
        "colorscale": [[0, "rgba(63,124,196,0.06)"], [1, MAIN]],
        "zmin": 0,
        "zmax": 1,
        "colorbar": {"tickformat": ".0%", "thickness": 10},
    }
    return Evidence(
        kind="confusion",
        title="Which classes are taken for which",
        business=f"{classes[worst]} is recognised least, in {percent(float(recall[worst]))} of its rows{taken}.",
        expert=f"Confusion matrix by rows of the true class, of {size} classes"
        + (f"; the {MOST_CLASSES} largest are shown." if size > MOST_CLASSES else "."),
        values=(Value(name="classes.worst_recall", value=float(recall[worst])),),
        table=Table(columns=("class", "rows", "recognised", "right when named", "mostly called"), rows=table),
        chart=figure([heat], "answered", "true", xaxis=axis, yaxis={**axis, "autorange": "reversed"}),
        matters="Checks on classes.worst_recall guard the class that is served worst.",
    )


def roc_points(answers: Answers) -> NDArray[np.float64]:
    """False positive rate, true positive rate and threshold of the curve, of shape (points, 3).

    Multiclass: the mean over classes of each against the rest, on a common grid of false positive rates (macro average;
    the threshold is empty there). Empty when fewer than two classes occur, and for a regression.
    """
    if answers.probability is None:
        return np.empty((0, 3))
    if answers.task is Task.BINARY:
        return _curve(answers.yes, answers.actual == 1)
    grid = np.linspace(0, 1, 101)
    curves = [_curve(answers.probability[:, one], answers.actual == one) for one in range(answers.probability.shape[1])]
    highs = [np.interp(grid, curve[:, 0], curve[:, 1]) for curve in curves if len(curve)]
    if not highs:
        return np.empty((0, 3))
    return np.column_stack([grid, np.mean(highs, axis=0), np.full(len(grid), np.nan)])


def _curve(yes: Numbers, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    if truth.all() or not truth.any():
        return np.empty((0, 3))
    order, last = _steps(yes)
    hits = np.cumsum(truth[order])[last]
    alarms = last + 1 - hits
    kept = thinned(len(last), POINTS)
    parts = (alarms[kept] / (~truth).sum(), hits[kept] / truth.sum(), yes[order][last][kept])
    return np.vstack([[0.0, 0.0, np.nan], np.column_stack(parts)])


def _steps(yes: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows from the highest probability down, and the last position of each distinct one."""
    order = np.argsort(-yes, kind="stable")
    ranked = yes[order]
    return order, np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])


def _where_it_stands(answers: Answers) -> dict[str, object]:
    truth, flagged = answers.actual == 1, answers.predicted == 1
    at = [float(flagged[~truth].mean())], [float(flagged[truth].mean())]
    return points(*at, "threshold in force", MAIN, marker={"color": MAIN, "size": 11})


def _one_against_rest(case: Case) -> tuple[Value, ...]:
    """Macro average of ROC AUC, each class against the rest."""
    probability, actual = case.answers.probability, case.answers.actual
    assert probability is not None
    scores = [roc_auc(probability[:, one], actual == one) for one in np.unique(actual)]
    if len(scores) < 2:
        return ()
    mean = lambda weights: np.nanmean([score(weights) for score in scores], axis=0)  # noqa: E731
    draws = case.resamples.draws(mean)
    value = measured("holdout.roc_auc_macro", case.resamples.value(mean), draws, case.project.evaluate.interval)
    return (value,) if value else ()


def _maybe(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
