"""The parts of the preprocessing: each turns the columns of one kind into numbers, fitted on the training fold only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.features.columns import kind_of, number_matrix, texts, to_kind

if TYPE_CHECKING:
    # It takes as long to import as scikit-learn and brings matplotlib: only those whose columns need it load it.
    from skrub import StringEncoder

Matrix = NDArray[np.float64]
TEXT_COMPONENTS = 16
CROSS_FIT_FOLDS = 5


class Numbers:
    """Numbers and booleans as they are; missing is NaN."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.names = columns

    def fit_transform(self, frame: pd.DataFrame, y: Any) -> Matrix:
        self.kinds = ["boolean" if kind_of(frame[name]) == "boolean" else "number" for name in self.columns]
        return self.transform(frame)

    def transform(self, frame: pd.DataFrame) -> Matrix:
        return number_matrix([to_kind(frame[name], kind) for name, kind in zip(self.columns, self.kinds, strict=True)])


class Moments:
    """Datetimes as calendar parts and seconds since 1970 (skrub's DatetimeEncoder)."""

    def __init__(self, columns: list[str], *, periodic: bool) -> None:
        self.columns = columns
        self.periodic: Literal["circular"] | None = "circular" if periodic else None
        self.names: list[str] = []

    def fit_transform(self, frame: pd.DataFrame, y: Any) -> Matrix:
        from skrub import DatetimeEncoder

        self.encoders = [
            DatetimeEncoder(resolution="hour", add_weekday=True, periodic_encoding=self.periodic) for _ in self.columns
        ]
        parts = [
            encoder.fit_transform(to_kind(frame[name], "datetime"))
            for name, encoder in zip(self.columns, self.encoders, strict=True)
        ]
        self.names = [str(name) for part in parts for name in part.columns]
        return np.hstack([part.to_numpy(dtype=np.float64) for part in parts])

    def transform(self, frame: pd.DataFrame) -> Matrix:
        parts = [
            encoder.transform(to_kind(frame[name], "datetime"))
            for name, encoder in zip(self.columns, self.encoders, strict=True)
        ]
        return np.hstack([part.to_numpy(dtype=np.float64) for part in parts])


class Texts:
    """Sentences as a few latent numbers (skrub's StringEncoder: tf-idf of character n-grams, then a truncated SVD)."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.names: list[str] = []

    def fit_transform(self, frame: pd.DataFrame, y: Any) -> Matrix:
        from skrub import StringEncoder

        self.encoders: dict[str, StringEncoder] = {}
        parts = []
        # The SVD's last bits depend on the number of BLAS threads; one thread makes the fit repeatable.
        with threadpool_limits(limits=1, user_api="blas"):
            for name in self.columns:
                values = texts(frame[name])
                if values.fillna("").str.strip().str.len().max() > 0:
                    self.encoders[name] = StringEncoder(n_components=TEXT_COMPONENTS, random_state=0)
                    parts.append(self.encoders[name].fit_transform(values).to_numpy(dtype=np.float64))
                    self.names += [f"{name}_{position}" for position in range(parts[-1].shape[1])]
        return np.hstack(parts) if parts else np.empty((len(frame), 0))

    def transform(self, frame: pd.DataFrame) -> Matrix:
        parts = [
            encoder.transform(texts(frame[name])).to_numpy(dtype=np.float64) for name, encoder in self.encoders.items()
        ]
        return np.hstack(parts) if parts else np.empty((len(frame), 0))


class Levels:
    """Categories as positions: the commonest first, ties by name; unseen and missing are -1."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.levels: list[dict[str, int]] = []

    def fit_transform(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        for name in self.columns:
            counts = texts(frame[name]).value_counts()
            ordered = sorted(zip(counts.index, counts.to_numpy(), strict=True), key=lambda pair: (-pair[1], pair[0]))
            self.levels.append({str(level): position for position, (level, _) in enumerate(ordered)})
        return self.transform(frame)

    def transform(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        codes = np.empty((len(frame), len(self.columns)), dtype=np.int64)
        for position, (name, levels) in enumerate(zip(self.columns, self.levels, strict=True)):
            found, uniques = pd.factorize(texts(frame[name]))
            known = np.array([*(levels.get(level, -1) for level in uniques), -1], dtype=np.int64)
            codes[:, position] = known[found]
        return codes


class OneHot:
    """Category positions as one column of 0 and 1 for each level; unseen and missing are all 0."""

    def __init__(self, names: list[str], levels: list[dict[str, int]]) -> None:
        self.sizes = [len(found) for found in levels]
        self.names = [f"{name}_{level}" for name, found in zip(names, levels, strict=True) for level in found]

    def transform(self, codes: NDArray[np.int64]) -> Matrix:
        parts = [codes[:, [column]] == np.arange(size) for column, size in enumerate(self.sizes)]
        return np.hstack(parts).astype(np.float64)


class TargetMeans:
    """Category positions as shrunken means of the target, cross-fitted on the training rows.

    Source: Micci-Barreca 2001, with empirical Bayes shrinkage as in scikit-learn's TargetEncoder.
    """

    def __init__(self, names: list[str]) -> None:
        self.columns = names
        self.names: list[str] = []

    def fit_transform(self, codes: NDArray[np.int64], y: Any) -> Matrix:
        target = np.asarray(y)
        continuous = target.dtype.kind == "f"
        kind = "continuous" if continuous else "binary" if len(np.unique(target)) <= 2 else "multiclass"
        folds = KFold(min(CROSS_FIT_FOLDS, len(target)), shuffle=True, random_state=0)
        self.encoder = TargetEncoder(target_type=kind, cv=folds)
        encoded: Matrix = np.asarray(self.encoder.fit_transform(codes, target), dtype=np.float64)
        width = encoded.shape[1] // len(self.columns)
        self.names = [f"{name}_mean{position}" for name in self.columns for position in range(width)]
        return encoded

    def transform(self, codes: NDArray[np.int64]) -> Matrix:
        return np.asarray(self.encoder.transform(codes), dtype=np.float64)


class Scaling:
    """Numbers for linear models: squashed to about -3..3, missing as 0 beside a column that says so.

    Source: Holzmüller et al. 2024, section on robust scale and smooth clip (skrub's SquashingScaler).
    """

    def __init__(self) -> None:
        from skrub import SquashingScaler

        self.scaler = SquashingScaler()

    def fit_transform(self, matrix: Matrix) -> Matrix:
        missing = np.isnan(matrix)
        self.usable = np.flatnonzero(~missing.all(axis=0))
        self.flagged = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
        scaled = self.scaler.fit_transform(matrix[:, self.usable]) if len(self.usable) else matrix[:, :0]
        return self._joined(scaled, missing)

    def transform(self, matrix: Matrix) -> Matrix:
        scaled = self.scaler.transform(matrix[:, self.usable]) if len(self.usable) else matrix[:, :0]
        return self._joined(scaled, np.isnan(matrix))

    def _joined(self, scaled: Matrix, missing: NDArray[np.bool_]) -> Matrix:
        return np.hstack([np.nan_to_num(scaled), missing[:, self.flagged].astype(np.float64)])

    def names(self, names: list[str]) -> list[str]:
        """Names of the columns that come out, from those that went in."""
        return [*(names[position] for position in self.usable), *(f"{names[p]}_missing" for p in self.flagged)]
