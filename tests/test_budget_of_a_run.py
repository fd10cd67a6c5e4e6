"""The budget of a run: given by hand, kept in run.yaml, told by the run, remembered by four eyes."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.commands.budget import budget_of
from signoff.core.errors import UsageError
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunSettings, RunState, Steering, load_run_settings, save_run_settings
from signoff.core.settings import Budget
from signoff.core.settings_file import load_project
from signoff.gates.involved import involved_in
from signoff.store import open_store
from tests.chain import signoff, signoff_json, small_workspace
from tests.ledger_cases import candidate, desk_at


@pytest.mark.parametrize(
    ("seconds", "trials", "said"),
    [(5, 5, "give either --seconds or --trials"), (None, 0, "--trials is no budget"), (-1, None, "--seconds is no")],
)
def test_a_budget_that_is_none_is_refused(seconds: float | None, trials: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        budget_of(seconds, trials)


def test_the_memory_of_a_trial_stays_as_it_is() -> None:
    assert budget_of(None, 3, 512) == Budget(trials=3, memory_mb=512)
    assert budget_of(None, None, 512) is None


def test_whoever_set_the_budget_that_stands_is_behind_the_candidate(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    budget = Budget(trials=3)
    for name, starter, stood in (("1", "cy", None), ("2", "eve", budget), ("3", "ada", budget), ("4", "ada", budget)):
        desk.store.start_run(
            Run(id=name, flow="retrain", cause=Cause(actor=starter), state=RunState.DONE, started=now(), budget=stood)
        )
    save_run_settings(desk.paths.run, RunSettings(steering=Steering(budget=budget)))
    assert involved_in(desk, "release", candidate().digest, "4", Cause(actor="ada")) == ("eve",)
    save_run_settings(desk.paths.run, RunSettings(steering=Steering(budget=Budget(trials=9))))
    assert involved_in(desk, "release", candidate().digest, "4", Cause(actor="ada")) == ()


@pytest.mark.slow
def test_signoff_run_takes_a_budget_keeps_it_and_says_so(tmp_path: Path) -> None:
    root = small_workspace(tmp_path, trials=4, families=("baseline", "linear"))
    signoff("run", "--trials", "2", "--seconds", "3", root=root, code=2)
    ended = signoff_json("run", "--trials", "2", "--note", "quick", "--as", "ada", root=root, code=3)
    assert load_run_settings(Paths(root).run).steering.budget == Budget(trials=2)
    store = open_store(load_project(root), Paths(root))
    run = store.run(ended["run"])
    store.close()
    assert run.cause.note == "quick; budget 2 trials"
    assert run.budget == Budget(trials=2)
    assert run.review == "release-1"
    board = (root / "reports" / "leaderboard.json").read_text()
    assert '"2 trials"' in board
