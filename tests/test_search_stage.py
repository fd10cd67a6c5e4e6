"""The search stage on real trials: all three tasks, steering, and what is stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.search.searching import Found, search_recipe
from signoff.core.errors import SettingsError, StageError
from signoff.core.progress import Silent
from signoff.core.run import Steering
from signoff.core.settings import Project
from signoff.core.stage import open_context
from tasks.search import search
from tests.search_tables import PLAN, project, table, workspace


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float | None]] = []

    def step(self, message: str, done: float | None = None) -> None:
        self.steps.append((message, done))


def found(root: Path, project_: Project, steering: Steering | None = None) -> Found:
    train = root / "data" / "train.parquet"
    return search_recipe(project_, steering or Steering(), PLAN, train, root / ".signoff", Silent())


@pytest.mark.parametrize(
    ("task", "metric", "classes"),
    [
        ("binary", "roc_auc", ["no", "yes"]),
        ("multiclass", "log_loss", ["high", "low", "middle"]),
        ("regression", "rmse", []),
    ],
)
def test_each_task_gives_a_recipe_and_a_leaderboard(tmp_path: Path, task: str, metric: str, classes: list[str]) -> None:
    root = workspace(tmp_path, project(task), table(task))
    told = Told()
    report = search(open_context(root, told))
    board = json.loads((root / "reports" / "leaderboard.json").read_text())
    recipe = json.loads((root / "artifacts" / "recipe.json").read_text())
    assert board["metric"] == metric
    assert [trial["number"] for trial in board["trials"]] == list(range(8))
    assert {trial["family"] for trial in board["trials"][:5]} == {
        "baseline", "linear", "extra_trees", "hist_boosting", "lightgbm",
    }  # fmt: skip
    scores = [line["score"] for line in board["contenders"]]
    assert scores == sorted(scores, reverse=board["greater_is_better"])
    chosen = [line for line in board["contenders"] if line["chosen"]]
    assert [line["family"] for line in chosen] == [recipe["family"]]
    assert recipe["family"] != "baseline"
    assert recipe["classes"] == classes
    assert (recipe["threshold"] is not None) == (task == "binary")
    for trial in board["trials"]:
        if trial["state"] == "complete":
            assert trial["score"] == pytest.approx(np.mean(trial["fold_scores"]))
            assert len(trial["fold_scores"]) == 3
    assert report.facts["family"] == recipe["family"]
    assert any("(best " in message for message, _ in told.steps)
    assert not list(root.rglob("*.part"))


def test_a_second_search_uses_the_trials_of_the_first(tmp_path: Path) -> None:
    settings = project("regression", families=["baseline", "linear"], budget={"trials": 4})
    root = workspace(tmp_path, settings, table("regression"))
    first = found(root, settings)
    again = found(root, settings)
    assert again.recipe == first.recipe
    assert again.leaderboard.trials == first.leaderboard.trials
    more = found(root, settings, Steering(budget={"trials": 6}))  # type: ignore[arg-type]
    assert more.leaderboard.trials[:4] == first.leaderboard.trials
    assert len(more.leaderboard.trials) == 6


def test_steering_bans_and_pins(tmp_path: Path) -> None:
    settings = project("binary", budget={"trials": 4})
    root = workspace(tmp_path, settings, table("binary", 200))
    banned = found(root, settings, Steering(ban_families=("lightgbm", "extra_trees", "hist_boosting")))
    assert {trial.family for trial in banned.leaderboard.trials} == {"baseline", "linear"}
    pinned = found(root, settings, Steering(pin_family="linear"))
    assert pinned.recipe.family == "linear"
    assert "asked for linear" in pinned.leaderboard.rule
    with pytest.raises(SettingsError, match=r"every family .* is banned"):
        found(root, settings, Steering(ban_families=settings.search.families))
    with pytest.raises(SettingsError, match="both pinned and banned"):
        found(root, settings, Steering(pin_family="linear", ban_families=("linear",)))


def test_seconds_end_in_time_and_say_what_was_cut(tmp_path: Path) -> None:
    settings = project("regression", budget={"seconds": 0.5})
    root = workspace(tmp_path, settings, table("regression"))
    with pytest.raises(StageError, match=r"no trial was completed.*more seconds"):
        found(root, settings)


def test_noise_is_left_to_the_baseline(tmp_path: Path) -> None:
    frame = table("regression", 300)
    frame["answer"] = np.random.default_rng(5).normal(size=300)
    settings = project("regression", families=["baseline", "linear", "hist_boosting"], budget={"trials": 3})
    root = workspace(tmp_path, settings, frame)
    assert found(root, settings).recipe.family == "baseline"
