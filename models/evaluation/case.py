"""All that is judged, gathered once: the model's answers, the baseline's, the champion's, and the resamples."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.evaluation.answers import Answers, Model, ask, constant
from models.evaluation.resampling import Resamples, resamples_for
from models.evaluation.scores import score_of
from signoff.core.data import Profile, Snapshot, Validation
from signoff.core.errors import DataError, SignoffError
from signoff.core.labels import label_texts
from signoff.core.metrics import Metric, metric_for
from signoff.core.search import Leaderboard, Recipe
from signoff.core.settings import Project, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Whose = Literal["model", "champion", "baseline"]


@dataclass(frozen=True)
class Champion:
    """What answers now, judged on the same rows; `answers` is None where it could not be asked, and `why` says it."""

    digest: str | None = None
    family: str = ""
    answers: Answers | None = None
    same: bool = False
    why: str = "there is no champion yet"
    model: Model | None = None


@dataclass(frozen=True)
class Past:
    """What the champion learned from, as far as it was kept.

    Args:
        rows: at most 50,000 of its training rows, its inputs alone; None where they were not kept.
        snapshot: of its data, from the tag of its candidate.
        why: what is not there, in one sentence.
    """

    rows: pd.DataFrame | None = None
    snapshot: Snapshot | None = None
    why: str = ""


@dataclass(frozen=True)
class Case:
    """One model on one holdout, with what the earlier stages found.

    Args:
        holdout: the judged rows, n of them, in the order of `answers`.
        unknown_labels: holdout rows left out because training never saw their label.
        seconds: wall clock of the model's answers on all n rows.
    """

    project: Project
    model: Model
    train: pd.DataFrame
    holdout: pd.DataFrame
    answers: Answers
    baseline: Answers
    champion: Champion
    resamples: Resamples
    metric: Metric
    leaderboard: Leaderboard
    validation: Validation
    snapshot: Snapshot
    profile: Profile
    unknown_labels: int
    seconds: float
    model_bytes: int
    past: Past = Past()
    _scores: dict[tuple[str, str], tuple[float, Numbers]] = field(default_factory=dict)

    def score(self, metric: str, whose: Whose = "model") -> tuple[float, Numbers]:
        """A metric on the rows as they are, and on each resample; computed once.

        Raises:
            KeyError: there is no champion that could be asked.
        """
        answers = {"model": self.answers, "baseline": self.baseline, "champion": self.champion.answers}[whose]
        if answers is None:
            raise KeyError(whose)
        key = (metric, "model" if answers is self.answers else whose)
        if key not in self._scores:
            score = score_of(metric, answers)
            self._scores[key] = self.resamples.value(score), self.resamples.draws(score)
        return self._scores[key]

    @property
    def rival(self) -> Answers | None:
        """The champion's answers, where it is another model and could be asked."""
        return None if self.champion.same else self.champion.answers

    @property
    def rows_are(self) -> str:
        """What the rows are, in the plural."""
        return self.project.evaluate.rows_are

    @property
    def interval(self) -> float:
        """Coverage of the intervals, 0.5 to 1."""
        return self.project.evaluate.interval

    @property
    def recipe(self) -> Recipe:
        return self.model.recipe

    @property
    def task(self) -> Task:
        return self.recipe.task

    @property
    def positive(self) -> str:
        """What a yes is called: 'late', where its label only says so, else 'income = >50K'."""
        label = self.recipe.classes[1]
        return self.recipe.target if label.casefold() in ("true", "yes", "1") else f"{self.recipe.target} = {label}"

    @property
    def unit(self) -> str:
        """The unit of a regression's errors."""
        return self.recipe.target if self.task is Task.REGRESSION else ""


def gather(
    project: Project,
    model: Model,
    model_folder: Path,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    champion_folder: Path | None,
    leaderboard: Leaderboard,
    validation: Validation,
    snapshot: Snapshot,
    profile: Profile,
    champion_digest: str | None = None,
    past: Past | None = None,
) -> Case:
    """Ask model, baseline and champion about the same rows.

    Args:
        champion_digest: the model digest that the ledger says was released: other bytes are never unpickled.
        past: what the champion learned from.

    Raises:
        DataError: the holdout is empty, or does not fit the model.
    """
    recipe = model.recipe
    known = np.ones(len(holdout), dtype=bool)
    if recipe.task is not Task.REGRESSION and recipe.target in holdout:
        known = label_texts(holdout[recipe.target]).isin(recipe.classes).to_numpy()
    rows = holdout.loc[known].reset_index(drop=True)
    if rows.empty:
        raise DataError("the holdout has no rows to judge", where="data/holdout.parquet", next_step="signoff run")
    actual = encoded(rows, recipe)
    started = time.perf_counter()
    answers = ask(model, rows, actual)
    seconds = time.perf_counter() - started
    return Case(
        project=project,
        model=model,
        train=train,
        holdout=rows,
        answers=answers,
        baseline=constant(recipe.task, encoded(train, recipe), actual, len(recipe.classes)),
        champion=_ask_champion(champion_folder, champion_digest, model, rows, answers),
        resamples=resamples_for(project, rows),
        metric=metric_for(recipe.task, project.search.metric),
        leaderboard=leaderboard,
        validation=validation,
        snapshot=snapshot,
        profile=profile,
        unknown_labels=int((~known).sum()),
        seconds=seconds,
        model_bytes=sum(path.stat().st_size for path in model_folder.iterdir() if path.is_file()),
        past=past or Past(),
    )


def encoded(frame: pd.DataFrame, recipe: Recipe) -> NDArray[Any]:
    """Positions of classes, or values, of the target, of shape (n,)."""
    from models.search.target import Target

    return Target(recipe.target, recipe.task, recipe.classes).encode(frame)


def _ask_champion(
    folder: Path | None, expected: str | None, model: Model, rows: pd.DataFrame, answers: Answers
) -> Champion:
    """A champion that cannot be asked is a finding for the reviewer, not a failure of this stage."""
    if folder is None or not folder.is_dir():
        return Champion()
    from models.search.model_file import load_model

    try:
        champion = load_model(folder, expected)
    except (SignoffError, ImportError, AttributeError) as error:
        return Champion(why=f"the champion cannot be loaded ({_reason(error)})")
    digest, recipe = champion.record.digest, champion.recipe
    if digest == model.record.digest:
        return Champion(digest, recipe.family, answers, same=True, why="", model=champion)
    if (recipe.task, recipe.target) != (model.recipe.task, model.recipe.target):
        return Champion(digest, recipe.family, why=f"the champion answers another question ({recipe.target})")
    if recipe.classes != model.recipe.classes:
        return Champion(digest, recipe.family, why="the champion knows other classes")
    try:
        return Champion(digest, recipe.family, ask(champion, rows, answers.actual), why="", model=champion)
    except (SignoffError, ValueError, KeyError, TypeError) as error:
        return Champion(digest, recipe.family, why=f"the champion cannot answer on these rows ({_reason(error)})")


def _reason(error: Exception) -> str:
    return error.what if isinstance(error, SignoffError) else f"{type(error).__name__}: {error}"
