"""The search: propose, run, record, until the budget is used; then choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from models.search.families import Family, family_of
from models.search.orders import Order, Result, fold_rows
from models.search.target import read_target
from models.search.workers import Workers, load_meanwhile
from signoff.core.data import FeaturePlan
from signoff.core.digest import sha256_file, sha256_json
from signoff.core.errors import SettingsError
from signoff.core.metrics import Metric, metric_for
from signoff.core.numbers import closely
from signoff.core.progress import Progress, tell_search, tell_trial
from signoff.core.run import Steering
from signoff.core.run_log import SearchPlan, TrialNews
from signoff.core.search import Leaderboard, Recipe
from signoff.core.settings import Project
from signoff.core.tables import read_table

if TYPE_CHECKING:
    from models.search.choice import Choice
    from models.search.history import Attempt, History
    from models.search.schedule import Schedule

CLOSING_SHARE = 0.005
CLOSING_SECONDS = 0.25
"""Kept from a budget of seconds for ending the workers, the last writes and the choice."""
TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Found:
    """What a search hands over."""

    recipe: Recipe
    leaderboard: Leaderboard


def steered(project: Project, steering: Steering) -> Project:
    """The project with what people asked of the search; excluded features are the plan's business.

    Raises:
        SettingsError: nothing is left to be tried, or the pinned family is banned.
    """
    search = project.search
    families = tuple(family for family in search.families if family not in steering.ban_families)
    if steering.pin_family:
        if steering.pin_family in steering.ban_families:
            raise SettingsError(f"the family {steering.pin_family} is both pinned and banned", where="run.yaml")
        families = (*(family for family in families if family == "baseline"), steering.pin_family)
        families = tuple(dict.fromkeys(families))
    if not families:
        raise SettingsError("every family of search.families is banned", where="run.yaml", allowed="keep one of them")
    changed = search.model_copy(update={"families": families, "budget": steering.budget or search.budget})
    return project.model_copy(update={"search": changed})


def search_recipe(
    project: Project,
    steering: Steering,
    plan: FeaturePlan,
    train: Path,
    state: Path,
    progress: Progress,
    started: float | None = None,
) -> Found:
    """Search within the budget and choose a recipe.

    A budget in seconds covers everything from `started` on, the workers' start too; what an earlier passage over the
    same inputs has used counts. A budget in trials gives the same recipe each time, also after a kill.

    Args:
        project: the settings as written; `steering` is applied here.
        steering: what people asked for.
        plan: the feature plan, steering applied.
        train: the training table.
        state: folder of embedded state, for the database of trials.
        progress: told of each result.
        started: time.monotonic() when the budget began; now when None.

    Raises:
        DataError: the training table does not fit the question.
        SettingsError: steering leaves nothing to try.
        StageError: no trial was completed, or the workers ended.
    """
    started = time.monotonic() if started is None else started
    project = steered(project, steering)
    metric = metric_for(project.task, project.search.metric)
    families = tuple(family_of(name) for name in project.search.families)
    if not plan.used():
        raise SettingsError("no feature is left", where="features.yaml", next_step="keep at least one column")
    target = read_target(read_table(train, [project.target]), project)
    memory_mb = project.search.budget.memory_mb
    progress.step("starting the workers", 0.0)
    with Workers(project, plan, train, project.search.families, memory_mb) as workers:
        load_meanwhile(project.search.families)
        from models.search.choice import choose
        from models.search.history import open_history

        name = study_name(project, plan, train)
        history = open_history(name, project.state.optuna_database, state, metric.greater_is_better)
        passage = Passage(project, families, metric, history, workers, progress, started)
        passage.run()
        choice = choose(history.attempts, metric, steering.pin_family)
    return Found(
        _recipe(project, plan, target.classes, choice),
        Leaderboard(
            metric=metric.name,
            greater_is_better=metric.greater_is_better,
            contenders=choice.contenders,
            trials=tuple(attempt.as_trial() for attempt in history.attempts),
            rule=choice.rule,
            budget=project.search.budget.sentence,
            seconds=round(time.monotonic() - started, 3),
        ),
    )


def _recipe(project: Project, plan: FeaturePlan, classes: tuple[str, ...], choice: Choice) -> Recipe:
    order = choice.attempt.order
    return Recipe(
        task=project.task,
        target=project.target,
        positive=project.positive,
        classes=classes,
        family=order.family,
        parameters=order.parameters,
        features=plan,
        seed=project.search.seed,
        threshold=choice.attempt.result.threshold,
    )


class Passage:
    """One passage over a study: from what is known to the end of the budget."""

    def __init__(
        self,
        project: Project,
        families: tuple[Family, ...],
        metric: Metric,
        history: History,
        workers: Workers,
        progress: Progress,
        started: float,
    ) -> None:
        from models.search.proposals import Proposer

        self._history, self._workers, self._progress, self._metric = history, workers, progress, metric
        self._limit, self._budget, self._started = project.search.workers, project.search.budget, started
        self._spent_before = history.spent_seconds
        self._proposer = Proposer(families, metric.greater_is_better, project.search.seed)
        self._running: dict[int, Order] = {}
        self._last = ""

    def run(self) -> None:
        """Begin trials and record results until the schedule has no more, or the deadline is there."""
        schedule, deadline = self._plan()
        self._announce()
        while deadline is None or time.monotonic() < deadline:
            self._fill(schedule)
            if not self._running:
                break
            left = TICK_SECONDS if deadline is None else min(TICK_SECONDS, deadline - time.monotonic())
            for result in self._workers.results(left):
                self._record(result)
            self._tell(deadline)
        for order in list(self._running.values()):
            reason = "the search's budget ended before it did"
            self._record(Result(number=order.number, state="timeout", reason=reason))
        self._history.close_passage(max(self._spent(), self._budget.seconds or 0.0))

    def _plan(self) -> tuple[Schedule, float | None]:
        from models.search.schedule import BySeconds, ByTrials

        if self._budget.seconds is None:
            return ByTrials(self._proposer, self._budget.trials or 0), None
        left = self._budget.seconds - self._spent_before
        closing = CLOSING_SECONDS + CLOSING_SHARE * self._budget.seconds
        deadline = self._started + left - min(closing, 0.03 * self._budget.seconds)
        return BySeconds(self._proposer, deadline), deadline

    def _fill(self, schedule: Schedule) -> None:
        while len(self._running) < self._limit:
            order = schedule.next_order(self._history.attempts, list(self._running.values()))
            if order is None:
                return
            self._running[order.number] = order
            self._workers.start(order)

    def _record(self, result: Result) -> None:
        from models.search.history import Attempt

        order = self._running.pop(result.number)
        attempt = Attempt(order=order, result=result, spent_seconds=self._spent())
        self._history.add(attempt)
        tell_trial(self._progress, self._news(attempt, self._history.attempts))
        said = closely(result.score) if result.score is not None else result.state
        self._last = f"{order.family} {said}"

    def _announce(self) -> None:
        """What the search is about to do, and what an earlier passage over the same inputs has done."""
        metric, budget = self._metric, self._budget
        tell_search(
            self._progress,
            SearchPlan(
                metric=metric.name,
                greater_is_better=metric.greater_is_better,
                seconds=budget.seconds,
                trials=budget.trials,
                spent=self._spent_before,
            ),
        )
        earlier = self._history.attempts
        for number, attempt in enumerate(earlier, start=1):
            tell_trial(self._progress, self._news(attempt, earlier[:number]))

    def _news(self, attempt: Attempt, attempts: Sequence[Attempt]) -> TrialNews:
        result = attempt.result
        return TrialNews(
            number=result.number,
            family=attempt.order.family,
            state=result.state,
            score=result.score,
            best=self._best(attempts),
            seconds=result.seconds,
            spent=attempt.spent_seconds,
            reason=result.reason,
        )

    def _best(self, attempts: Sequence[Attempt]) -> float | None:
        scores = [attempt.result.score for attempt in attempts if attempt.result.score is not None]
        pick: Callable[[list[float]], float] = max if self._metric.greater_is_better else min
        return pick(scores) if scores else None

    def _spent(self) -> float:
        return round(self._spent_before + time.monotonic() - self._started, 3)

    def _tell(self, deadline: float | None) -> None:
        if not self._last:
            self._progress.step("workers are loading the rows" if not self._workers.ready else "first trials", 0.0)
            return
        attempts = self._history.attempts
        score = self._best(attempts)
        best = f" (best {closely(score)})" if score is not None else ""
        if deadline is not None and self._budget.seconds:
            left = max(0.0, deadline - time.monotonic())
            end, done = f"{left:.0f} s left", 1 - left / self._budget.seconds
        else:
            end, done = f"of {self._budget.trials}", len(attempts) / (self._budget.trials or 1)
        self._progress.step(f"{self._last}{best} {len(attempts)} trials, {end}", min(1.0, max(0.0, done)))


def study_name(project: Project, plan: FeaturePlan, train: Path) -> str:
    """The project's name and the digest of all that a trial's result depends on, but not of how long the search is."""
    search = project.search
    families = {name: family_of(name) for name in search.families}
    matters = {
        "train": sha256_file(train),
        "plan": plan.as_json(),
        "task": project.task,
        "target": [project.target, project.positive],
        "split": [project.split.as_json(), project.data.time_column, project.data.group_column],
        "metric": metric_for(project.task, search.metric).name,
        "folds": [search.folds, fold_rows(search.budget)],
        "seed": search.seed,
        "memory_mb": search.budget.memory_mb,
        "counted_in": "trials" if search.budget.trials else "seconds",
        "cost": project.evaluate.cost.as_json() if project.evaluate.cost else None,
        "families": {name: [family.defaults, family.starts, repr(family.space)] for name, family in families.items()},
        "libraries": {name: version(name) for name in ("scikit-learn", "lightgbm", "optuna", "skrub", "numpy")},
    }
    return f"{project.project}-{sha256_json(matters)[:16]}"
