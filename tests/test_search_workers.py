"""Trials in processes: what crashes, grows or hangs costs one trial, and nothing outlives its search."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from models.search.families import family_of
from models.search.orders import Order, Result
from models.search.workers import Workers
from signoff.core.errors import DataError, StageError
from tests.search_tables import PLAN, project, table, workspace
from tests.waiting import eventually

ENDLESS = {"n_estimators": 1_000_000}


def order(number: int, family: str = "extra_trees", **parameters: object) -> Order:
    return Order(number=number, family=family, parameters={**family_of(family).defaults, **parameters})


def one_result(workers: Workers) -> Result:
    while True:
        if results := workers.results(60):
            return results[0]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return workspace(tmp_path, project("binary"), table("binary")) / "data" / "train.parquet"


def test_a_trial_that_raises_is_recorded_with_its_reason(rows: Path) -> None:
    with Workers(project("binary"), PLAN, rows, ["extra_trees"], None) as workers:
        workers.start(order(0, max_features=-3.0))
        failed = one_result(workers)
        workers.start(order(1, n_estimators=5))
        assert one_result(workers).state == "complete"
    assert failed.state == "failed"
    assert "max_features" in failed.reason


def test_a_trial_that_crashes_is_recorded_and_the_next_one_runs(rows: Path) -> None:
    with Workers(project("binary"), PLAN, rows, ["extra_trees"], None) as workers:
        workers.start(order(0, **ENDLESS))
        nursery = psutil.Process(workers.pid)
        assert eventually(nursery.children)
        nursery.children()[0].send_signal(signal.SIGSEGV)
        crashed = one_result(workers)
        workers.start(order(1, n_estimators=5))
        assert one_result(workers).state == "complete"
    assert (crashed.state, crashed.reason) == ("failed", "its process was ended by SIGSEGV")


def test_a_trial_above_its_memory_is_ended_and_the_next_one_runs(rows: Path) -> None:
    with Workers(project("binary"), PLAN, rows, ["extra_trees", "lightgbm"], 256) as workers:
        workers.start(order(0, "lightgbm", num_leaves=131_072))
        grown = one_result(workers)
        workers.start(order(1, n_estimators=5))
        assert one_result(workers).state == "complete"
    assert grown.state == "memory"
    assert "256 MB" in grown.reason or "more memory" in grown.reason


def test_leaving_ends_every_process(rows: Path) -> None:
    with Workers(project("binary"), PLAN, rows, ["extra_trees"], None) as workers:
        workers.start(order(0, **ENDLESS))
        nursery = psutil.Process(workers.pid)
        assert eventually(nursery.children)
        processes = [nursery, *nursery.children()]
    assert eventually(lambda: not any(alive(process) for process in processes))


def test_a_killed_nursery_is_told_and_takes_its_trials_along(rows: Path) -> None:
    with Workers(project("binary"), PLAN, rows, ["extra_trees"], None) as workers:
        workers.start(order(0, **ENDLESS))
        nursery = psutil.Process(workers.pid)
        assert eventually(nursery.children)
        children = nursery.children()
        os.kill(workers.pid, signal.SIGKILL)
        with pytest.raises(StageError, match=r"ended by itself.*exit -9"):
            one_result(workers)
        assert eventually(lambda: not any(alive(child) for child in children))


def test_rows_that_do_not_fit_the_question_are_told_as_ours(tmp_path: Path) -> None:
    frame = table("binary")
    frame["answer"] = "yes"
    rows = workspace(tmp_path, project("binary"), frame) / "data" / "train.parquet"
    with (
        Workers(project("binary"), PLAN, rows, ["baseline"], None) as workers,
        pytest.raises(DataError, match="exactly two classes"),
    ):
        one_result(workers)


PARENT = """
import sys, time
from pathlib import Path
from models.search.families import family_of
from models.search.orders import Order
from models.search.workers import Workers
from tests.search_tables import PLAN, project
parameters = {**family_of("extra_trees").defaults, "n_estimators": 1_000_000}
with Workers(project("binary"), PLAN, Path(sys.argv[1]), ["extra_trees"], None) as workers:
    workers.start(Order(number=0, family="extra_trees", parameters=parameters))
    print(workers.pid, flush=True)
    time.sleep(600)
"""


def test_a_killed_parent_leaves_no_process(rows: Path) -> None:
    home = str(Path(__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(rows)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=home,
        env={**os.environ, "PYTHONPATH": home},
    )
    assert parent.stdout is not None
    nursery = psutil.Process(int(parent.stdout.readline()))
    assert eventually(nursery.children)
    processes = [nursery, *nursery.children()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not any(alive(process) for process in processes))


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
