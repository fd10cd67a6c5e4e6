"""A search with a budget in trials, killed in the middle by SIGKILL and run again, ends as an undisturbed one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.search_tables import project, table, workspace

STAGE = """
import sys
from pathlib import Path
from signoff.core.stage import open_context
from tasks.search import search
search(open_context(Path(sys.argv[1])))
"""
SETTINGS = {"families": ["baseline", "linear", "hist_boosting"], "budget": {"trials": 13}}


def start(root: Path, **environment: str) -> subprocess.Popen[bytes]:
    home = str(Path(__file__).parents[1])
    surroundings = {**os.environ, "PYTHONPATH": home, **environment}
    return subprocess.Popen([sys.executable, "-c", STAGE, str(root)], env=surroundings)


def stored(root: Path) -> list[str]:
    database = root / ".signoff" / "optuna.db"
    if not database.exists():
        return []
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute("select value_json from trial_user_attributes where key = 'attempt'")
            return [row[0] for row in rows]
    except sqlite3.OperationalError:
        return []


@pytest.mark.slow
def test_killed_and_run_again_gives_the_same_recipe(tmp_path: Path) -> None:
    frame = table("binary", 1500)
    roots = [workspace(tmp_path / name, project("binary", **SETTINGS), frame) for name in ("undisturbed", "killed")]
    assert start(roots[0], PYTHONHASHSEED="1").wait() == 0

    killed = start(roots[1], PYTHONHASHSEED="2")
    while len(stored(roots[1])) < 6:
        assert killed.poll() is None, "the search ended before it could be killed"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = stored(roots[1])
    assert 6 <= len(before) < 13
    assert not (roots[1] / "artifacts" / "recipe.json").exists()

    other_workers = project("binary", **SETTINGS, workers=3)
    workspace(roots[1], other_workers, frame)
    assert start(roots[1], PYTHONHASHSEED="3", OMP_NUM_THREADS="2").wait() == 0
    after = stored(roots[1])
    assert after[: len(before)] == before
    assert len(after) == 13
    recipes = [(root / "artifacts" / "recipe.json").read_bytes() for root in roots]
    assert recipes[0] == recipes[1]
    boards = [json.loads((root / "reports" / "leaderboard.json").read_text())["trials"] for root in roots]
    assert [without_time(trial) for trial in boards[0]] == [without_time(trial) for trial in boards[1]]


def without_time(trial: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in trial.items() if name != "seconds"}
