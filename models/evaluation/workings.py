"""search and operations: how the model was chosen, and what it takes to run it."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, figure, points
from models.evaluation.words import listed, sentence
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.metrics import METRICS
from signoff.core.numbers import number
from signoff.core.search import Contender, Leaderboard

CALLS = 30
"""One-row questions that are timed."""


def search(board: Leaderboard) -> Evidence:
    """The leaderboard: who was tried, who was taken, by which rule."""
    chosen = next((one for one in board.contenders if one.chosen), None)
    states = Counter(trial.state for trial in board.trials)
    label = METRICS[board.metric].label if board.metric in METRICS else board.metric
    tried = f"Attempts: {len(board.trials)}, families: {len(board.contenders)}"
    business = f"{tried}; {chosen.name} was taken." if chosen else f"{tried}; none was taken."
    unfinished = listed([f"{count} {state}" for state, count in sorted(states.items()) if state != "complete"])
    rows = tuple(
        (one.name, one.kind, one.score, min(one.fold_scores, default=None), max(one.fold_scores, default=None),
         "taken" if one.chosen else "")
        for one in board.contenders
    )  # fmt: skip
    return Evidence(
        kind="search",
        title="How it was chosen",
        business=f"{business} {sentence(board.rule)}" if board.rule else business,
        expert=f"Mean {label} over folds of the training rows; budget {board.budget}"
        + (f"; {unfinished}." if unfinished else "."),
        values=(Value(name="search.trials", value=len(board.trials)),),
        table=Table(columns=("contender", "kind", f"mean {label}", "lowest fold", "highest fold", ""), rows=rows),
        chart=_chart(board.contenders, label),
    )


def operations(case: Case) -> Evidence:
    """Time for one row and for many, size, training rows. Timings differ from run to run."""
    times = _one_row_times(case)
    median, slow = (float(edge) for edge in np.percentile(times, [50, 95]))
    speed, size = len(case.answers) / max(case.seconds, 1e-9), case.model_bytes / 1e6
    return Evidence(
        kind="operations",
        title="What it takes to run",
        business=f"One answer takes {number(median)} ms, a table {number(speed)} rows a second; the model is "
        f"{number(size)} MB.",
        expert=f"In-process, {CALLS} one-row questions after a warm-up, one batch of {len(case.answers):,} rows, on "
        "the machine that made this evidence; a network adds to it.",
        values=(
            Value(name="operations.latency_p50", value=median, unit="ms"),
            Value(name="operations.latency_p95", value=slow, unit="ms"),
            Value(name="operations.batch_speed", value=speed, unit="rows/s"),
            Value(name="operations.model_size", value=size, unit="MB"),
            Value(name="operations.trained_on", value=case.model.record.rows, unit="rows"),
        ),
        matters="Checks on operations.latency_p95 hold the time of one answer.",
    )


def _one_row_times(case: Case) -> list[float]:
    ask = case.model.predict if case.answers.probability is None else case.model.predict_proba
    times = []
    for call in range(CALLS + 2):
        row = case.holdout.iloc[[call % len(case.holdout)]]
        started = time.perf_counter()
        ask(row)
        times.append((time.perf_counter() - started) * 1000)
    return times[2:]


def _chart(contenders: tuple[Contender, ...], label: str) -> dict[str, object] | None:
    if not contenders:
        return None
    x = [score for one in contenders for score in one.fold_scores]
    y = [one.name for one in contenders for _ in one.fold_scores]
    folds = {**points(x, [], "folds", QUIET, marker={"color": QUIET, "size": 6, "opacity": 0.7}), "y": y}
    means = {**points([one.score for one in contenders], [], "mean", MAIN), "y": [one.name for one in contenders]}
    means["marker"] = {"color": MAIN, "size": 11, "symbol": ["star" if one.chosen else "circle" for one in contenders]}
    names = [one.name for one in contenders][::-1]
    axis = {"type": "category", "categoryorder": "array", "categoryarray": names}
    return figure([folds, means], f"{label} (star: taken)", "", yaxis=axis, height=max(220, 90 + 30 * len(names)))
