"""From a recipe and the training rows to the fitted pipeline, bit for bit the same each time."""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.search.families import family_of
from models.search.pipeline import build_pipeline
from models.search.target import Target
from signoff.core.errors import DataError, SignoffError, StageError, did_you_mean
from signoff.core.search import Recipe

if TYPE_CHECKING:
    import pandas as pd


def fit(train: pd.DataFrame, recipe: Recipe) -> Pipeline:
    """Build the recipe's pipeline and fit it on all rows.

    One thread each for linear algebra and OpenMP: the order of a sum, and so its last bit, depends on their number.

    Raises:
        DataError: a column of the recipe is missing, or a label is not one of its classes.
        StageError: the estimator refused the data.
    """
    used = list(recipe.features.used())
    if missing := [name for name in used if name not in train.columns]:
        raise DataError(
            f"the recipe uses a column that the training table has not: {missing[0]!r}",
            got=did_you_mean(missing[0], map(str, train.columns)),
            next_step="signoff run",
        )
    truth = Target(recipe.target, recipe.task, recipe.classes).encode(train)
    pipeline = build_pipeline(family_of(recipe.family), recipe.parameters, recipe.features, recipe.task, recipe.seed)
    _seed_globals(recipe.seed)
    try:
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline.fit(train[used], truth)
    except SignoffError:
        raise
    except (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError) as error:
        raise StageError(
            f"the {recipe.family} model could not be fitted",
            got=f"{type(error).__name__}: {str(error)[:300]}",
            next_step="signoff run, with another family pinned or with the column of the message excluded",
        ) from error
    return pipeline


def _seed_globals(seed: int) -> None:
    """For a part of a library that draws from the global generators; all of ours have seeds of their own."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
