"""The stage that looks for a recipe within its budget."""

from __future__ import annotations

import time

from signoff.core.files import write_json
from signoff.core.metrics import metric_for
from signoff.core.numbers import closely
from signoff.core.stage import StageContext, StageReport


def search(context: StageContext) -> StageReport:
    """Write artifacts/recipe.json and reports/leaderboard.json.

    Raises:
        SignoffError: settings, rows or budget leave nothing to choose from.
    """
    started = time.monotonic()
    from models.features import apply_steering, load_plan
    from models.search.searching import search_recipe

    paths, steering = context.paths, context.run.steering
    plan = apply_steering(load_plan(paths.features), steering)
    found = search_recipe(context.project, steering, plan, paths.train, paths.state, context.progress, started)
    write_json(paths.leaderboard, found.leaderboard.as_json())
    write_json(paths.recipe, found.recipe.as_json())
    chosen = next(line for line in found.leaderboard.contenders if line.chosen)
    label = metric_for(context.project.task, context.project.search.metric).label
    trials = len(found.leaderboard.trials)
    seconds = time.monotonic() - started
    return StageReport(
        stage="search",
        summary=f"{chosen.name}: {label} {closely(chosen.score)} over the folds, the choice of {trials} trials",
        facts={
            "family": chosen.family,
            "metric": found.leaderboard.metric,
            "score": chosen.score,
            "trials": trials,
            "seconds": round(seconds, 2),
        },
    )
