"""Write one seeded table of each task with its descriptor, for search_vs_default.py: made_tables.py FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 8_000


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for position, (task, target, positive) in enumerate(
        (("binary", "bought", "yes"), ("multiclass", "grade", None), ("regression", "price", None))
    ):
        frame, pull = table(position)
        frame[target] = answers(task, pull, np.random.default_rng(position + 50))
        name = f"made_{task}"
        frame.to_parquet(folder / f"{name}.parquet")
        facts = {
            "name": name,
            "task": task,
            "target": target,
            "positive_class": positive,
            "time_column": "seen_at" if task == "binary" else None,
            "id_columns": ["id"],
            "leaky_or_excluded_columns": [],
        }
        (folder / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")


def table(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Ten numbers, one with gaps, a category of 30 levels, a clock; and the sum on which the target hangs."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(ROWS, 10)).round(4), columns=[f"x{at}" for at in range(10)])
    levels = random.integers(0, 30, ROWS)
    pull = frame["x0"] + frame["x1"] * frame["x2"] + np.sin(2 * frame["x3"]) + random.normal(size=30)[levels]
    frame.loc[random.random(ROWS) < 0.1, "x0"] = np.nan
    frame["place"] = [f"place {level}" for level in levels]
    frame["seen_at"] = pd.date_range("2024-01-01", periods=ROWS, freq="h").as_unit("us")
    frame.insert(0, "id", np.arange(ROWS))
    return frame, pull


def answers(task: str, pull: pd.Series, random: np.random.Generator) -> pd.Series:
    noisy = pull + random.logistic(size=len(pull))
    if task == "regression":
        return noisy.round(3)
    if task == "binary":
        return pd.Series(np.where(noisy > 0, "yes", "no"))
    return pd.Series(pd.cut(noisy, [-np.inf, -1.5, 1.5, np.inf], labels=["low", "middle", "high"]).astype(str))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
