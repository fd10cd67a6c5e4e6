"""What a model said of rows, in one shape for served, given and replayed traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from signoff.core.labels import label_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

Probability = Mapping[str, float] | float | None


@dataclass(frozen=True)
class Answers:
    """The answers to n rows.

    `label` has shape (n,): labels of classes, or numbers (regression). `probability` has shape (n, classes), in the
    order of `classes` (for a binary task the second is yes); None for a regression.
    """

    label: pd.Series
    probability: NDArray[np.float64] | None
    classes: tuple[str, ...]

    def score(self) -> pd.Series:
        """One number a row to watch: the probability of yes, or the predicted value; the label where there are more
        classes."""
        if self.probability is None:
            return pd.to_numeric(self.label, errors="coerce").astype("float64")
        if len(self.classes) == 2:
            return pd.Series(self.probability[:, 1], index=self.label.index)
        return label_texts(self.label)


def answers_of(
    said: Iterable[tuple[Probability, Any]], classes: Sequence[str], index: pd.Index | None = None
) -> Answers:
    """Answers from (probability, label) pairs as a model gives them and as the log of served predictions holds them.

    Args:
        said: a probability of yes (binary), by class (multiclass) or None (regression), and the label.
        classes: labels as text in the order of the model's outputs; empty for a regression.
        index: of the rows; counted from 0 when not given.
    """
    pairs = list(said)
    label = pd.Series([label for _, label in pairs], index=index, dtype=None if pairs else "object")
    if not classes:
        return Answers(label, None, ())
    probability = np.array([_row(given, classes) for given, _ in pairs], dtype=float).reshape(len(pairs), len(classes))
    return Answers(label, probability, tuple(classes))


def _row(given: Probability, classes: Sequence[str]) -> list[float]:
    if isinstance(given, Mapping):
        return [float(given.get(name, 0.0)) for name in classes]
    yes = float("nan") if given is None else float(given)
    return [1 - yes, yes]


def label_positions(labels: pd.Series, classes: Sequence[str]) -> NDArray[np.intp]:
    """Position of each label among the classes, of shape (n,); -1 for one that is missing or none of them.

    A label in other letters counts ("true" for True) where only one class reads like that.
    """
    exact = {name: position for position, name in enumerate(classes)}
    folded: dict[str, int] = {}
    for name, position in exact.items():
        folded[name.casefold()] = -1 if name.casefold() in folded else position
    if set(folded) == {"false", "true"}:  # a column of yes and no with gaps in it is read as 1 and 0
        folded |= {"0": folded["false"], "1": folded["true"]}
    found = {text: exact.get(text, folded.get(text.casefold(), -1)) for text in label_texts(labels).dropna().unique()}
    return label_texts(labels).map(found).fillna(-1).to_numpy(dtype=np.intp)
