"""What a model said of the holdout rows, and what was true: arrays that every record is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from signoff.core.errors import DataError
from signoff.core.search import ModelRecord, Recipe
from signoff.core.settings import Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


class Model(Protocol):
    """A fitted model that can be asked: models.search.model_file.LoadedModel, or one like it."""

    @property
    def recipe(self) -> Recipe: ...

    @property
    def record(self) -> ModelRecord: ...

    def predict_proba(self, frame: pd.DataFrame) -> Numbers: ...

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Answers:
    """n rows judged.

    Args:
        task: binary, multiclass or regression.
        actual: positions of classes (1 is yes for binary), or values, of shape (n,).
        predicted: positions of the answered classes, or values, of shape (n,).
        probability: of shape (n, classes); None for a regression.
    """

    task: Task
    actual: NDArray[Any]
    predicted: NDArray[Any]
    probability: Numbers | None = None

    def __len__(self) -> int:
        return len(self.actual)

    @property
    def yes(self) -> Numbers:
        """Probability of the positive class, of shape (n,); binary only."""
        assert self.probability is not None
        return self.probability[:, 1]

    def take(self, rows: NDArray[Any]) -> Answers:
        """Only some rows, by position or mask."""
        probability = None if self.probability is None else self.probability[rows]
        return Answers(self.task, self.actual[rows], self.predicted[rows], probability)


def ask(model: Model, frame: pd.DataFrame, actual: NDArray[Any]) -> Answers:
    """The model's answers on `frame` of n rows; a binary yes is from the recipe's threshold on.

    Raises:
        DataError: an answer is not a finite number, or the columns do not fit the model.
    """
    recipe = model.recipe
    if recipe.task is Task.REGRESSION:
        return Answers(recipe.task, actual, _finite(np.asarray(model.predict(frame), dtype=np.float64)))
    return from_probability(recipe.task, actual, _finite(model.predict_proba(frame)), recipe.threshold)


def from_probability(task: Task, actual: NDArray[Any], probability: Numbers, threshold: float | None) -> Answers:
    """Answers whose labels follow from probabilities of shape (n, classes)."""
    if task is Task.BINARY and threshold is not None:
        predicted = (probability[:, 1] >= threshold).astype(np.int64)
    else:
        predicted = probability.argmax(axis=1)
    return Answers(task, actual, predicted, probability)


def constant(task: Task, train: NDArray[Any], actual: NDArray[Any], classes: int) -> Answers:
    """The constant baseline: the training rows' class shares, or their mean, for every row."""
    if task is Task.REGRESSION:
        return Answers(task, actual, np.full(len(actual), float(np.mean(train))))
    shares = np.bincount(train, minlength=classes) / len(train)
    return from_probability(task, actual, np.tile(shares, (len(actual), 1)), None)


def _finite(answers: Numbers) -> Numbers:
    if not np.isfinite(answers).all():
        rows = np.flatnonzero(~np.isfinite(answers.reshape(len(answers), -1)).all(axis=1))
        raise DataError(
            "the model's answer is not a finite number",
            where=f"{len(rows)} rows of the holdout, the first is row {rows[0]}",
            next_step="signoff review request-changes",
        )
    return answers
