"""What a window costs, how often it raises a false alarm, and what it sees; beside bare Evidently in the same run.

    OMP_NUM_THREADS=1 python benchmarks/windows.py [--rounds 12]

All data are generated and seeded; absolute times depend on the machine, the ratios and rates do not.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import pandas as pd

from monitoring.answers import answers_of
from monitoring.columns import Kind, kinds_of
from monitoring.drift import column_drift, pairs_of
from monitoring.evidently_report import evidently_html
from monitoring.reference import LABEL, PART, PROBABILITY
from monitoring.windows import Traffic, compared_pairs, watch_window
from signoff.core.monitoring import Window
from signoff.core.settings import Project

CLASSES = ("no", "yes")


def rows(random: np.random.Generator, count: int, columns: int, shift: float = 0.0) -> pd.DataFrame:
    """Half numbers of several shapes, half categories of 2 to 60 values; `shift` moves every third column."""
    frame: dict[str, object] = {}
    for place in range(columns):
        moved = shift if place % 3 == 0 else 0.0
        if place % 2 == 0:
            shapes = (random.normal, random.exponential, random.lognormal)
            values = shapes[place % 3](size=count)
            frame[f"x{place}"] = values + moved * 1.0
        else:
            weights = np.random.default_rng(place).dirichlet(np.full((2, 5, 15, 60)[place % 4], 2.0))
            drawn = random.choice(weights.size, count, p=weights)
            swap = random.random(count) < moved / 2
            frame[f"c{place}"] = np.where(swap, 0, drawn).astype(str)
    return pd.DataFrame(frame)


def project(**more: object) -> Project:
    """The least that a window needs to know."""
    content = {"project": "bench", "question": "?", "task": "binary", "target": "y", "positive": "yes"}
    return Project.model_validate(content | {"data": {"sources": {"rows": {"file": "rows.csv"}}}} | more)


def bare_evidently(reference: pd.DataFrame, window: pd.DataFrame) -> list[bool]:
    """Evidently's DataDriftPreset as it comes: the flag of each column."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numeric = [name for name in reference if name.startswith("x")]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in reference if name not in numeric]
    )
    before, after = (Dataset.from_pandas(side, data_definition=definition) for side in (reference, window))
    tests = Report([DataDriftPreset()], include_tests=True).run(after, before).dict()["tests"]
    return [str(test["status"].value) == "FAIL" for test in tests if test["id"] == "drift"]


def ours(reference: pd.DataFrame, window: pd.DataFrame, kinds: dict[str, Kind]) -> list[bool]:
    """The flag of each column."""
    return [found.drifted for found in column_drift(pairs_of(reference, window, kinds))]


def rates(rounds: int, reference_rows: int, shift: float) -> dict[str, tuple[float, float]]:
    """Share of columns flagged, and share of windows with any flag, at n = 500 and 20 columns."""
    random = np.random.default_rng(11)
    flags: dict[str, list[list[bool]]] = {"signoff": [], "Evidently's defaults": []}
    for _ in range(rounds):
        reference, window = rows(random, reference_rows, 20), rows(random, 500, 20, shift)
        flags["signoff"].append(ours(reference, window, kinds_of(reference)))
        flags["Evidently's defaults"].append(bare_evidently(reference, window))
    moved = np.array([place % 3 == 0 for place in range(20)])
    judged = moved if shift else np.ones(20, dtype=bool)
    return {
        name: (float(np.mean(np.array(found)[:, judged])), float(np.mean(np.array(found)[:, judged].any(axis=1))))
        for name, found in flags.items()
    }


def cost(window_rows: int, columns: int) -> None:
    """Seconds of processor time of one window, without and with its page, beside the bare preset on the same frames."""
    random = np.random.default_rng(5)
    reference, window = rows(random, 50_000, columns), rows(random, window_rows, columns, 0.3)
    inputs = {name: "number" if name.startswith("x") else "category" for name in reference}
    kinds = kinds_of(reference, inputs)
    kept = reference.assign(**{PART: "train", LABEL: "yes", PROBABILITY: random.random(len(reference))})
    probability = random.random(window_rows)
    said = answers_of(zip(probability, np.where(probability > 0.5, "yes", "no"), strict=True), CLASSES)
    came = pd.Series(np.where(random.random(window_rows) < probability, "yes", "no"))
    traffic = Traffic(window, said, came)
    slice_ = Window(start=None, end=None, rows=window_rows, origin="file", model="0" * 64)
    begin = time.process_time()
    report = watch_window(kept, traffic, window=slice_, project=project(), inputs=inputs)
    watched = time.process_time() - begin
    begin = time.process_time()
    evidently_html(*compared_pairs(report, kept, traffic, kinds))
    drawn = time.process_time() - begin
    begin = time.process_time()
    bare_evidently(reference, window)
    bare = time.process_time() - begin
    print(
        f"{window_rows:>9,} rows x {columns} columns, 50,000 of reference: window {watched:.2f} s (drift, performance "
        f"with 200 resamples), with Evidently's page {watched + drawn:.2f} s; bare preset, drift only, no page "
        f"{bare:.2f} s; "
        f"ratio {watched / bare:.2f} without and {(watched + drawn) / bare:.2f} with the page"
    )


def main() -> None:
    """Print every number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="simulated windows behind each rate")
    asked = parser.parse_args()
    os.environ.setdefault("DO_NOT_TRACK", "1")
    begin = time.process_time()
    bare_evidently(rows(np.random.default_rng(0), 300, 4), rows(np.random.default_rng(1), 300, 4))
    print(f"import of Evidently and a first report: {time.process_time() - begin:.1f} s of processor time, once")
    for window_rows in (2_000, 30_000, 200_000):
        cost(window_rows, 30)
    for reference_rows in (500, 5_000):
        for shift in (0.0, 0.2):
            what = "nothing moved" if shift == 0 else f"moved by {shift}"
            for name, (column, window) in rates(asked.rounds, reference_rows, shift).items():
                print(
                    f"500 rows against {reference_rows:,}, {what}: {name}: "
                    f"{column:.1%} of {'' if shift == 0 else 'the moved '}columns, {window:.1%} of windows flagged"
                )


if __name__ == "__main__":
    main()
