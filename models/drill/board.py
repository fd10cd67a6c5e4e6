"""The leaderboard of a recipe that no search has tried: its folds are scored as those of any other."""

from __future__ import annotations

import time
from statistics import fmean
from typing import TYPE_CHECKING

from models.features import folds
from models.search.fitting import fit
from models.search.scores import fold_score
from models.search.target import Target
from signoff.core.metrics import metric_for
from signoff.core.search import Contender, Leaderboard, Recipe, Trial
from signoff.core.settings import Project, Task

if TYPE_CHECKING:
    import pandas as pd


def entered(board: Leaderboard, recipe: Recipe, train: pd.DataFrame, project: Project) -> Leaderboard:
    """The leaderboard with the recipe as its chosen contender, in the place of its family's line."""
    started = time.monotonic()
    scores = _scores(recipe, train, project)
    number = 1 + max((trial.number for trial in board.trials), default=-1)
    trial = Trial(
        number=number,
        family=recipe.family,
        state="complete",
        parameters=recipe.parameters,
        fold_scores=scores,
        score=fmean(scores),
        seconds=round(time.monotonic() - started, 3),
    )
    before = next((line for line in board.contenders if line.family == recipe.family), None)
    line = Contender(
        name=f"{recipe.family}, tuned",
        kind=before.kind if before is not None else "automatic",
        family=recipe.family,
        trial=number,
        score=fmean(scores),
        fold_scores=scores,
        chosen=True,
    )
    others = [one.model_copy(update={"chosen": False}) for one in board.contenders if one.family != recipe.family]
    lines = sorted([line, *others], key=lambda one: one.score, reverse=board.greater_is_better)
    return board.model_copy(update={"contenders": tuple(lines), "trials": (*board.trials, trial)})


def _scores(recipe: Recipe, train: pd.DataFrame, project: Project) -> tuple[float, ...]:
    metric = metric_for(project.task, project.search.metric)
    target = Target(recipe.target, recipe.task, recipe.classes)
    used = list(recipe.features.used())
    found = []
    for learned, judged in folds(train, project):
        pipeline = fit(train.iloc[learned].reset_index(drop=True), recipe)
        rows = train.iloc[judged].reset_index(drop=True)
        answers = pipeline.predict(rows[used]) if recipe.task is Task.REGRESSION else pipeline.predict_proba(rows[used])
        found.append(fold_score(metric.name, target.encode(rows), answers, len(recipe.classes)))
    return tuple(found)
