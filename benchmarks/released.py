"""Make a small workspace whose model is released, for what needs a champion: python benchmarks/released.py FOLDER."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

SIGNOFF = str(Path(sys.executable).with_name("signoff"))
ROWS = 6_000
WAITING = 3


def main(root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    table = root.parent / "trips.parquet"
    trips().to_parquet(table)
    signoff("init", str(table), "--target", "late", "--workspace", str(root))
    settings = root / "signoff.yaml"
    text = settings.read_text(encoding="utf-8")
    budget = next(line for line in text.splitlines() if line.strip().startswith("budget:"))
    indent = budget[: len(budget) - len(budget.lstrip())]
    settings.write_text(text.replace(budget, f"{indent}budget: {{trials: 5}}"), encoding="utf-8")
    signoff("run", "--workspace", str(root), code=WAITING)
    found = json.loads(signoff("status", "--json", "--workspace", str(root)))
    review = found["reviews"][0]["id"]
    signoff("review", "approve", review, "--reason", "to be measured", "--workspace", str(root))


def signoff(*arguments: str, code: int = 0) -> str:
    done = subprocess.run([SIGNOFF, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise SystemExit(f"signoff {arguments[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def trips() -> pd.DataFrame:
    """Twelve numbers, three categories, a clock, and a target that hangs on a few of them."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(random.normal(size=(ROWS, 12)).round(4), columns=[f"number_{at}" for at in range(12)])
    frame.insert(0, "trip", np.arange(ROWS))
    frame["asked_at"] = pd.date_range("2024-01-01", periods=ROWS, freq="15min").as_unit("us")
    for name, size in (("carrier", 5), ("origin", 20), ("plane", 80)):
        frame[name] = [f"{name}_{level}" for level in random.integers(0, size, ROWS)]
    pull = frame["number_0"] + frame["number_1"] * frame["number_2"] + (frame["carrier"] == "carrier_1")
    frame["late"] = np.where(random.random(ROWS) < 1 / (1 + np.exp(-pull)), "yes", "no")
    return frame


if __name__ == "__main__":
    main(Path(sys.argv[1]))
