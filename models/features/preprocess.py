"""The preprocessing in front of every model: one transformer, fitted inside each fold and never outside."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from models.features.encoders import Levels, Matrix, Moments, Numbers, OneHot, Scaling, TargetMeans, Texts
from models.features.inputs import require_columns

NATIVE_LEVELS = 64
"""Most levels that a boosting method splits by itself; it overfits and slows down beyond."""
ONE_HOT_LEVELS_TREES = 10
ONE_HOT_LEVELS_LINEAR = 40


class TablePreprocessor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of a table as numbers that an estimator takes.

    Args:
        columns: (name, action) of each column used, in order; actions as in FeatureStep.
        for_trees: missing values stay NaN and nothing is scaled; else numbers are squashed and filled.
        categorical_native: small categories come out as pandas categories, for estimators that split them natively;
            the answer is then a DataFrame, else an array.
    """

    def __init__(
        self, columns: tuple[tuple[str, str], ...], for_trees: bool = True, categorical_native: bool = False
    ) -> None:
        self.columns = columns
        self.for_trees = for_trees
        self.categorical_native = categorical_native

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn levels, means and scales from training rows of shape (n, anything)."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, **_: Any) -> Any:
        """Learn, and give the training rows back with cross-fitted target means: shape (n, features).

        Raises:
            DataError: a column is missing, or holds values that its kind does not allow.
        """
        require_columns(X, [name for name, _ in self.columns])
        self._parts = [part for part in self._unfitted() if part.columns]
        parts = [part.fit_transform(X, y) for part in self._parts]
        names = [str(name) for part in self._parts for name in part.names]
        self._levels = Levels(self._of("category"))
        codes = self._levels.fit_transform(X)
        self._share_out(y is not None)
        if self._means is not None:
            parts.append(self._means.fit_transform(codes[:, self._mean_at], y))
            names += self._means.names
        numbers = _side_by_side(parts, len(X))
        self._scaling = None if self.for_trees else Scaling()
        if self._scaling is not None:
            numbers = self._scaling.fit_transform(numbers)
            names = self._scaling.names(names)
        else:
            self._empty = np.isnan(numbers).all(axis=0)
        self.feature_names_ = [*names, *self._hot.names, *(self._levels.columns[at] for at in self._native_at)]
        return self._output(numbers, codes)

    def transform(self, X: pd.DataFrame) -> Any:
        """Rows of shape (n, anything) as (n, features); levels that training did not see count as missing.

        Raises:
            DataError: a column is missing, or holds values that its kind does not allow.
        """
        require_columns(X, [name for name, _ in self.columns])
        codes = self._levels.transform(X)
        parts = [part.transform(X) for part in self._parts]
        if self._means is not None:
            parts.append(self._means.transform(codes[:, self._mean_at]))
        numbers = _side_by_side(parts, len(X))
        if self._scaling is not None:
            numbers = self._scaling.transform(numbers)
        return self._output(numbers, codes)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Readable names of the features, of shape (features,)."""
        return np.array(self.feature_names_, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether fit has run."""
        return hasattr(self, "feature_names_")

    def _of(self, action: str) -> list[str]:
        return [name for name, wanted in self.columns if wanted == action]

    def _unfitted(self) -> list[Any]:
        return [
            Numbers(self._of("keep")),
            Moments(self._of("datetime"), periodic=not self.for_trees),
            Texts(self._of("text")),
        ]

    def _share_out(self, has_target: bool) -> None:
        """Which category columns are split natively, become 0 and 1, or become means of the target."""
        sizes = [len(levels) for levels in self._levels.levels]
        limit = ONE_HOT_LEVELS_TREES if self.for_trees else ONE_HOT_LEVELS_LINEAR
        limit = NATIVE_LEVELS if self.categorical_native else limit
        small = [at for at, size in enumerate(sizes) if size <= limit or not has_target]
        self._mean_at = [at for at in range(len(sizes)) if at not in small]
        self._native_at = small if self.categorical_native else []
        self._hot_at = [] if self.categorical_native else small
        names = self._levels.columns
        self._hot = OneHot([names[at] for at in self._hot_at], [self._levels.levels[at] for at in self._hot_at])
        self._means = TargetMeans([names[at] for at in self._mean_at]) if self._mean_at else None

    def _output(self, numbers: Matrix, codes: NDArray[np.int64]) -> Any:
        if self.for_trees and self._empty.any():
            numbers[:, self._empty] = 0.0
        if self._hot_at:
            numbers = np.hstack([numbers, self._hot.transform(codes[:, self._hot_at])])
        if not self.categorical_native:
            return numbers
        # Plain names: LightGBM refuses some characters that people put into column names.
        frame = pd.DataFrame(numbers, columns=[f"f{position}" for position in range(numbers.shape[1])])
        for position, at in enumerate(self._native_at, start=numbers.shape[1]):
            categories = pd.CategoricalDtype(list(range(len(self._levels.levels[at]))))
            frame[f"f{position}"] = pd.Categorical.from_codes(codes[:, at], dtype=categories)
        return frame


def _side_by_side(parts: list[Matrix], rows: int) -> Matrix:
    return np.hstack(parts) if parts else np.empty((rows, 0))
