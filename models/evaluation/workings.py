"""operations: what it takes to run it."""

from __future__ import annotations

import time

import numpy as np

from models.evaluation.case import Case
from signoff.core.evidence import Evidence, Value
from signoff.core.numbers import number

CALLS = 30
"""One-row questions that are timed."""


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
        matters="Checks on operations.latency_p95 (in ms) hold the time of one answer, checks on "
        "operations.model_size (in MB) the size.",
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
