"""One trial on the folds: fitted on a fold's training rows, scored on its test rows, never the other way."""

from __future__ import annotations

import hashlib
import pickle
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.features import folds
from models.search.families import Family, Parameters, family_of
from models.search.orders import Order, Result, fold_rows
from models.search.pipeline import build_features
from models.search.scores import best_threshold, fold_score
from models.search.target import Target, read_target
from signoff.core.data import FeaturePlan
from signoff.core.metrics import metric_for
from signoff.core.numbers import closely
from signoff.core.settings import Project, Task
from signoff.core.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Workbench:
    """The training rows, the folds, and a shelf of preprocessed folds that trials share.

    Args:
        project: the settings; metric, folds, seed and cost of errors are used.
        plan: the feature plan, steering applied.
        train: the training table.
        shelf: folder for preprocessed folds; may vanish at any time.
    """

    def __init__(self, project: Project, plan: FeaturePlan, train: Path, shelf: Path) -> None:
        self.project, self.plan, self.shelf = project, plan, shelf
        frame = read_table(train)
        self.target: Target = read_target(frame, project)
        self.metric = metric_for(project.task, project.search.metric)
        self.truth = self.target.encode(frame)
        self.folds = [self._sampled(*fold) for fold in folds(frame, project)]
        self.frame = frame[list(plan.used())]

    def warm_up(self, families: Iterable[str]) -> None:
        """Make one tiny trial a flavour, so that what libraries load at first use is there before a trial is forked."""
        rows = np.unique(
            np.concatenate([np.flatnonzero(self.truth == value)[:20] for value in np.unique(self.truth)[:20]])
        )
        shelf, folds_, self.folds = self.shelf, self.folds, [(rows, rows)]
        self.shelf = shelf / "warm-up"
        for family in {family_of(name).flavour: name for name in families}.values():
            self.run(Order(number=0, family=family, parameters=dict(family_of(family).defaults)))
        self.shelf, self.folds = shelf, folds_

    def run(self, order: Order) -> Result:
        """Make one trial. Whatever an estimator raises becomes the reason of a failed trial."""
        started = time.monotonic()
        family = family_of(order.family)
        scores: list[float] = []
        answers: list[tuple[NDArray[Any], NDArray[Any]]] = []
        try:
            for fold in range(len(self.folds)):
                truth, predicted = self._fold(family, order.parameters, fold)
                scores.append(fold_score(self.metric.name, truth, predicted, len(self.target.classes)))
                answers.append((truth, predicted))
                if not np.isfinite(scores[-1]):
                    raise ArithmeticError(f"{self.metric.name} of fold {fold + 1} is {scores[-1]}")
                if fold == 0 and order.cutoff is not None and self._worse(scores[0], order.cutoff):
                    break
        except MemoryError:
            return self._ended(order, "memory", started, "it asked for more memory than a trial may have")
        except Exception as error:
            # A trial's failure is a result, not an end of the search: it is recorded with its reason.
            if "bad_alloc" in str(error) or "bad allocation" in str(error):
                return self._ended(order, "memory", started, "it asked for more memory than a trial may have")
            return self._ended(
                order, "failed", started, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            )
        whole = len(scores) == len(self.folds)
        return Result(
            number=order.number,
            state="complete" if whole else "pruned",
            fold_scores=tuple(scores),
            threshold=self._threshold(answers) if whole else None,
            seconds=round(time.monotonic() - started, 3),
            reason="" if whole or order.cutoff is None else f"its first fold was worse than {closely(order.cutoff)}",
        )

    def _fold(self, family: Family, parameters: Parameters, fold: int) -> tuple[NDArray[Any], NDArray[Any]]:
        fit_rows, test_rows = self.folds[fold]
        estimator = family.estimator(parameters, self.project.task, self.project.search.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit_table, test_table = self._preprocessed(family, fold)
            estimator.fit(fit_table, self.truth[fit_rows])
            regression = self.project.task is Task.REGRESSION
            predicted = estimator.predict(test_table) if regression else self._probabilities(estimator, test_table)
        return self.truth[test_rows], predicted

    def _probabilities(self, estimator: Any, table: Any) -> NDArray[np.float64]:
        """Of shape (n, classes) also where a fold's training rows lacked a class."""
        seen = estimator.predict_proba(table)
        whole = np.zeros((len(seen), len(self.target.classes)))
        whole[:, estimator.classes_] = seen
        return whole

    def _preprocessed(self, family: Family, fold: int) -> tuple[Any, Any]:
        """Both sides of a fold as the family wants them; the preprocessing sees the training side only."""
        fit_rows, test_rows = self.folds[fold]
        if family.flavour is None:
            return np.zeros((len(fit_rows), 1)), np.zeros((len(test_rows), 1))
        key = hashlib.sha256(repr((family.flavour, fold)).encode()).hexdigest()[:16]
        place = self.shelf / f"{key}.pickle"
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            with place.open("rb") as file:
                shelved: tuple[Any, Any] = pickle.load(file)
            return shelved
        features = build_features(family, self.plan)
        assert features is not None
        fit_table = features.fit_transform(self.frame.iloc[fit_rows], self.truth[fit_rows])
        tables = (fit_table, features.transform(self.frame.iloc[test_rows]))
        part = place.with_suffix(f".{time.monotonic_ns()}")
        with suppress(OSError):
            with part.open("wb") as file:
                pickle.dump(tables, file, protocol=5)
            part.replace(place)
        return tables

    def _sampled(self, fit_rows: NDArray[Any], test_rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        random = np.random.default_rng(self.project.search.seed)
        limit = fold_rows(self.project.search.budget)

        def cut(rows: NDArray[Any]) -> NDArray[Any]:
            rows = np.asarray(rows)
            return rows if len(rows) <= limit else np.sort(random.choice(rows, limit, replace=False))

        return cut(fit_rows), cut(test_rows)

    def _threshold(self, answers: list[tuple[NDArray[Any], NDArray[Any]]]) -> float | None:
        if self.project.task is not Task.BINARY:
            return None
        truth = np.concatenate([truth for truth, _ in answers])
        yes = np.concatenate([predicted[:, 1] for _, predicted in answers])
        return best_threshold(truth, yes, self.project.evaluate.cost)

    def _worse(self, score: float, cutoff: float) -> bool:
        return score < cutoff if self.metric.greater_is_better else score > cutoff

    def _ended(self, order: Order, state: Literal["failed", "memory"], started: float, reason: str) -> Result:
        return Result(number=order.number, state=state, seconds=round(time.monotonic() - started, 3), reason=reason)
