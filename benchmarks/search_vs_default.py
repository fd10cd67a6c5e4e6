"""Our search against histogram boosting with its defaults, and against a bare Optuna loop of the same budget.

Reads pairs NAME.parquet and NAME.json from a folder. The descriptor names task, target, positive_class, time_column,
id_columns and leaky_or_excluded_columns. The holdout that Signoff itself would cut off (the newest fifth of the rows,
or with the seed's help a fifth spread like the target) is kept from all of them and scored at the end. The loss is
1 - ROC AUC, log loss or RMSE; a ratio below 1 means that ours is smaller. Classes with fewer rows than the folds and
the holdout need are left out for all. A budget in trials compares well on a busy machine; the bare loop then makes as
many trials.

    python benchmarks/search_vs_default.py FOLDER [--seconds 30 | --trials 12] [--rows 20000] [--seeds 3]
        [--only NAME ...] [--no-optuna]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import optuna
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

from models.features import propose_plan, split_rows
from models.search.fitting import fit
from models.search.model_file import load_model, save_model
from models.search.scores import fold_score
from models.search.searching import search_recipe
from models.search.target import read_target
from signoff.core.metrics import metric_for
from signoff.core.progress import Silent
from signoff.core.run import Steering
from signoff.core.settings import Project, Task
from signoff.core.tables import write_table

FEWEST = 10
"""Rows of a class without which a table is compared: fewer are not in every fold and in the holdout."""


@dataclass(frozen=True)
class Problem:
    """One table, cut in two."""

    project: Project
    train: pd.DataFrame
    test: pd.DataFrame
    metric: str

    def loss(self, predicted: Any) -> float:
        target = read_target(self.train, self.project)
        score = fold_score(self.metric, target.encode(self.test), predicted, len(target.classes))
        return 1 - score if self.metric == "roc_auc" else score


def read_problem(descriptor: Path, rows: int, budget: dict[str, float], seed: int = 0) -> Problem:
    facts = json.loads(descriptor.read_text(encoding="utf-8"))
    frame = pd.read_parquet(descriptor.with_suffix(".parquet")).dropna(subset=[facts["target"]])
    frame = frame.sample(min(rows, len(frame)), random_state=seed)
    if facts["task"] != "regression":
        counts = frame[facts["target"]].value_counts()
        frame = frame[frame[facts["target"]].isin(counts.index[counts >= FEWEST])]
    moment = facts["time_column"]
    settings = {
        "project": facts["name"].replace("_", "-"),
        "question": "?",
        "task": facts["task"],
        "target": facts["target"],
        "positive": facts["positive_class"],
        "data": {
            "sources": {"rows": {"file": "rows.parquet"}},
            "time_column": moment,
            "id_columns": facts["id_columns"],
        },
        "split": {"kind": "time" if moment else "stratified", "seed": seed},
        "search": {"budget": budget, "seed": seed},
    }
    project = Project.model_validate(settings)
    frame = frame.drop(columns=facts["leaky_or_excluded_columns"]).reset_index(drop=True)
    train, test, _ = split_rows(frame, project)
    return Problem(project, train, test, metric_for(project.task, None).name)


def ours(problem: Problem) -> tuple[float, float | None, str]:
    """Loss, share by which a budget of seconds was overshot, and what was chosen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.parquet"
        write_table(path, problem.train)
        plan = propose_plan(problem.train, problem.project)
        started = time.monotonic()
        found = search_recipe(problem.project, Steering(), plan, path, Path(folder), Silent(), started)
        seconds = problem.project.search.budget.seconds
        overshoot = (time.monotonic() - started) / seconds - 1 if seconds else None
        save_model(fit(problem.train, found.recipe), Path(folder), found.recipe, problem.train)
        model = load_model(Path(folder))
    regression = problem.project.task is Task.REGRESSION
    predicted = model.predict(problem.test) if regression else model.predict_proba(problem.test)
    chosen = next(line.name for line in found.leaderboard.contenders if line.chosen)
    return problem.loss(predicted), overshoot, f"{chosen} of {len(found.leaderboard.trials)} trials"


def table_of(problem: Problem, frame: pd.DataFrame) -> pd.DataFrame:
    """What somebody in a hurry would hand to histogram boosting: text as categories, dates as numbers."""
    features = frame.drop(columns=[c for c in problem.project.never_features() if c in frame])
    for name in features:
        if pd.api.types.is_datetime64_any_dtype(features[name]):
            features[name] = features[name].astype("int64")
        elif not pd.api.types.is_numeric_dtype(features[name]):
            known = problem.train[name].astype("str").value_counts().index[:250]
            texts = features[name].astype("str")
            features[name] = pd.Categorical(texts.where(texts.isin(known)), categories=known)
    return features


def boosting(problem: Problem, **parameters: Any) -> Any:
    kind = HistGradientBoostingRegressor if problem.project.task is Task.REGRESSION else HistGradientBoostingClassifier
    return kind(**parameters, random_state=0)


def predictions(problem: Problem, model: Any, features: pd.DataFrame) -> Any:
    return model.predict(features) if problem.project.task is Task.REGRESSION else model.predict_proba(features)


def default(problem: Problem) -> float:
    truth = read_target(problem.train, problem.project).encode(problem.train)
    model = boosting(problem).fit(table_of(problem, problem.train), truth)
    return problem.loss(predictions(problem, model, table_of(problem, problem.test)))


def bare_optuna(problem: Problem) -> tuple[float, int]:
    """Loss and number of trials of a loop over histogram boosting alone, best mean fold score taken."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    target = read_target(problem.train, problem.project)
    features, truth, project = table_of(problem, problem.train), target.encode(problem.train), problem.project
    cutter: Any = StratifiedKFold(3, shuffle=True, random_state=0)
    cutter = KFold(3, shuffle=True, random_state=0) if project.task is Task.REGRESSION else cutter
    cutter = TimeSeriesSplit(3) if project.data.time_column else cutter
    cuts = list(cutter.split(features, truth))

    def objective(trial: optuna.Trial) -> float:
        parameters = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            "max_iter": trial.suggest_int("max_iter", 50, 500),
            "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 8, 128, log=True),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 100, log=True),
            "l2_regularization": trial.suggest_float("l2_regularization", 1e-6, 10, log=True),
        }
        scores = []
        for fit_rows, test_rows in cuts:
            model = boosting(problem, **parameters).fit(features.iloc[fit_rows], truth[fit_rows])
            predicted = predictions(problem, model, features.iloc[test_rows])
            scores.append(fold_score(problem.metric, truth[test_rows], predicted, len(target.classes)))
        return float(np.mean(scores))

    better = metric_for(project.task, problem.metric).greater_is_better
    study = optuna.create_study(
        direction="maximize" if better else "minimize", sampler=optuna.samplers.TPESampler(seed=0)
    )
    budget = project.search.budget
    study.optimize(objective, n_trials=budget.trials, timeout=budget.seconds, n_jobs=project.search.workers)
    model = boosting(problem, **study.best_params).fit(features, truth)
    return problem.loss(predictions(problem, model, table_of(problem, problem.test))), len(study.trials)


def main() -> None:
    given = arguments()
    budget = {"trials": given.trials} if given.trials else {"seconds": given.seconds}
    print(f"{'table':20} {'seed':>4} {'loss':>9} {'/default':>9} {'/optuna':>9} {'overshoot':>10}  chosen")
    ratios: dict[str, list[tuple[float, float]]] = {}
    for descriptor in sorted(given.folder.glob("*.json")):
        if given.only and descriptor.stem not in given.only:
            continue
        for seed in range(given.seeds):
            problem = read_problem(descriptor, given.rows, budget, seed)
            loss, overshoot, chosen = ours(problem)
            bare, bare_trials = (float("nan"), 0) if given.no_optuna else bare_optuna(problem)
            both = (loss / default(problem), loss / bare)
            ratios.setdefault(descriptor.stem, []).append(both)
            over = "" if overshoot is None else f"{overshoot:+.2%}"
            tail = f"; bare loop {bare_trials}" if bare_trials else ""
            print(
                f"{descriptor.stem:20} {seed:4} {loss:9.4g} {both[0]:9.3f} {both[1]:9.3f} {over:>10}  {chosen}{tail}",
                flush=True,
            )
    for name, found in ratios.items():
        print_mean(f"{name}, mean", found)
    # Each table counts once, however many seeds it has.
    print_mean("geometric mean", [pair for found in ratios.values() for pair in found])


def print_mean(name: str, ratios: list[tuple[float, float]]) -> None:
    """The geometric mean of ratios."""
    first, second = np.exp(np.mean(np.log(ratios), axis=0))
    print(f"{name:25} {'':9} {first:9.3f} {second:9.3f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--trials", type=int, help="a budget in trials in place of seconds")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=1, help="samples, cuts and searches of each table")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--no-optuna", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
