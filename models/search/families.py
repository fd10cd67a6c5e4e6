"""The families of models: how each is built, what it starts with, and what the search may change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.settings import FAMILIES, Task

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both allowed."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Real:
    """A number between two bounds, both allowed."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[Any, ...]


Space = dict[str, Whole | Real | OneOf]


@dataclass(frozen=True)
class Flavour:
    """What the preprocessing must deliver to a family."""

    for_trees: bool
    categorical_native: bool


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        flavour: preprocessing that it needs; None when it does not look at the features.
        cost: rank among the families by the time that its defaults take; the cheapest is tried first.
        defaults: every parameter that the search may change or that a recipe must fix, with its first value.
        space: what the search may change; the defaults lie inside it.
        starts: what differs from the defaults in the trials that come before the sampler proposes anything: a
            portfolio of settings that suit other kinds of tables (Feurer et al. 2022, Auto-sklearn 2.0, section 3.2).
            Which ones earn their place was measured, see benchmarks/README.md.
        estimator: builds an unfitted scikit-learn estimator from parameters, task and seed.
    """

    name: str
    flavour: Flavour | None
    cost: int
    defaults: Parameters
    space: Space
    estimator: Callable[[Parameters, Task, int], Any]
    starts: tuple[Parameters, ...] = ()

    @property
    def rank(self) -> int:
        """Place in the order from simple to complex."""
        return FAMILIES.index(self.name)


def _baseline(_parameters: Parameters, task: Task, seed: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor() if task is Task.REGRESSION else DummyClassifier(strategy="prior", random_state=seed)


def _linear(parameters: Parameters, task: Task, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    strength = parameters["regularisation"]
    if task is Task.REGRESSION:
        return Ridge(alpha=strength, random_state=seed)
    return LogisticRegression(C=1 / strength, max_iter=200, tol=1e-3, random_state=seed)


def _extra_trees(parameters: Parameters, task: Task, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesRegressor if task is Task.REGRESSION else ExtraTreesClassifier
    return kind(**parameters, random_state=seed, n_jobs=1)


def _hist_boosting(parameters: Parameters, task: Task, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    return kind(**parameters, categorical_features="from_dtype", random_state=seed)


def _lightgbm(parameters: Parameters, task: Task, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if task is Task.REGRESSION else LGBMClassifier
    # LightGBM's manual: deterministic needs a fixed histogram layout, and bagging its own seed.
    fixed = {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbose": -1, "subsample_freq": 1}
    return kind(**parameters, **fixed, random_state=seed)


_BY_NAME = {
    family.name: family
    for family in (
        Family("baseline", None, 0, {}, {}, _baseline),
        Family(
            "linear",
            Flavour(for_trees=False, categorical_native=False),
            1,
            {"regularisation": 1.0},
            {"regularisation": Real(1e-3, 1e3, log=True)},
            _linear,
            ({"regularisation": 10.0},),
        ),
        Family(
            "extra_trees",
            Flavour(for_trees=True, categorical_native=False),
            4,
            # The smallest leaf as a share of the rows bounds size and time on large tables: 3,333 leaves a tree.
            {
                "n_estimators": 100,
                "min_samples_leaf": 0.0003,
                "max_features": 0.3,
                "bootstrap": True,
                "max_samples": 0.4,
            },
            {
                "min_samples_leaf": Real(1e-4, 0.02, log=True),
                "max_features": Real(0.1, 1.0),
                "max_samples": Real(0.2, 1.0),
            },
            _extra_trees,
            ({"min_samples_leaf": 1e-4, "max_features": 0.6, "max_samples": 0.8},),
        ),
        Family(
            "hist_boosting",
            Flavour(for_trees=True, categorical_native=True),
            2,
            {
                "learning_rate": 0.1,
                "max_iter": 100,
                "max_leaf_nodes": 31,
                "min_samples_leaf": 20,
                "l2_regularization": 1e-6,
                "max_features": 1.0,
                "early_stopping": False,
            },
            {
                "learning_rate": Real(0.02, 0.3, log=True),
                "max_iter": Whole(50, 400, log=True),
                "max_leaf_nodes": Whole(6, 127, log=True),
                "min_samples_leaf": Whole(5, 200, log=True),
                "l2_regularization": Real(1e-6, 10.0, log=True),
                "max_features": Real(0.3, 1.0),
            },
            _hist_boosting,
            (
                {"learning_rate": 0.05, "max_iter": 150, "max_leaf_nodes": 8, "min_samples_leaf": 40},
                {"learning_rate": 0.05, "max_iter": 200, "l2_regularization": 1.0, "max_features": 0.5},
            ),
        ),
        Family(
            "lightgbm",
            Flavour(for_trees=True, categorical_native=True),
            3,
            {
                "learning_rate": 0.05,
                "n_estimators": 200,
                "num_leaves": 31,
                "min_child_samples": 20,
                "subsample": 0.8,
                "colsample_bytree": 0.8,
                "reg_lambda": 1.0,
                "cat_smooth": 10.0,
            },
            {
                "learning_rate": Real(0.01, 0.3, log=True),
                "n_estimators": Whole(50, 800, log=True),
                "num_leaves": Whole(6, 127, log=True),
                "min_child_samples": Whole(5, 200, log=True),
                "subsample": Real(0.5, 1.0),
                "colsample_bytree": Real(0.3, 1.0),
                "reg_lambda": Real(1e-3, 30.0, log=True),
                "cat_smooth": Real(1.0, 100.0, log=True),
            },
            _lightgbm,
            (
                {"num_leaves": 8, "colsample_bytree": 0.5},
                {
                    "learning_rate": 0.02,
                    "n_estimators": 500,
                    "num_leaves": 127,
                    "min_child_samples": 10,
                    "colsample_bytree": 0.5,
                    "reg_lambda": 5.0,
                },
            ),
        ),
    )
}


def family_of(name: str) -> Family:
    """The family of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in _BY_NAME:
        raise SettingsError(f"there is no family {name!r}", where="recipe.json", allowed=did_you_mean(name, _BY_NAME))
    return _BY_NAME[name]
