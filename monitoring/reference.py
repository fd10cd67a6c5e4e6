"""The champion's own data, kept beside it, that every later window is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from monitoring.answers import Answers, Probability, answers_of
from monitoring.drift import sample_rows
from signoff.core.errors import DataError

if TYPE_CHECKING:
    from signoff.core.search import ModelRecord

REFERENCE_ROWS = 50_000
PREFIX = "signoff:"
"""Columns of the reference that are not the data's own begin with this."""

PART = f"{PREFIX}part"
LABEL = f"{PREFIX}label"
PROBABILITY = f"{PREFIX}probability"


class Model(Protocol):
    """What a model must be able to do here."""

    @property
    def record(self) -> ModelRecord:
        """Names and kinds of its inputs."""

    @property
    def classes(self) -> Sequence[str]:
        """Labels as text, in the order of its outputs; empty for a regression."""

    def answer(self, frame: pd.DataFrame) -> list[tuple[Any, Any]]:
        """(probability, label) of each row."""


def make_reference(
    train: pd.DataFrame, model: Model, holdout: pd.DataFrame | None = None, *, rows: int = REFERENCE_ROWS, seed: int = 0
) -> pd.DataFrame:
    """What the champion was trained on, and what it answers when nothing is wrong.

    Inputs are held against the training rows. Answers are held against those to the holdout, where there is one: a
    model is surer of rows that it has seen, and every honest window would look like drift beside them.

    Args:
        train: training rows, with all inputs of the model.
        model: the champion.
        holdout: rows that the champion was judged on.
        rows: at most so many rows of each part are kept.
        seed: of the draw.

    Returns:
        The model's inputs, the part (train or holdout), and the model's label and probability of each row.
    """
    inputs = list(model.record.inputs)
    parts = {"train": train} | ({"holdout": holdout} if holdout is not None and len(holdout) else {})
    frames = []
    for part, frame in parts.items():
        lacking = [name for name in inputs if name not in frame.columns]
        if lacking:
            raise DataError("the reference lacks inputs of the model", got=", ".join(lacking[:10]))
        kept = sample_rows(frame[inputs], rows, seed).reset_index(drop=True)
        frames.append(kept.assign(**{PART: part}, **answer_columns(model.answer(kept), model.classes)))
    return pd.concat(frames, ignore_index=True)


def answer_columns(said: list[tuple[Probability, Any]], classes: Sequence[str]) -> dict[str, Any]:
    """Answers as columns: one label, and one probability (binary) or one a class."""
    answers = answers_of(said, classes)
    label = answers.label.astype("float64") if answers.probability is None else answers.label.astype(str)
    columns: dict[str, Any] = {LABEL: label.to_numpy()}
    if answers.probability is None:
        return columns
    if len(classes) == 2:
        return columns | {PROBABILITY: answers.probability[:, 1]}
    return columns | {f"{PROBABILITY}:{name}": answers.probability[:, place] for place, name in enumerate(classes)}


def reference_inputs(reference: pd.DataFrame) -> pd.DataFrame:
    """The training rows of the reference, the data's own columns only."""
    own = [name for name in reference.columns if not str(name).startswith(PREFIX)]
    part = reference[PART] == "train" if PART in reference else np.ones(len(reference), dtype=bool)
    return reference.loc[part, own].reset_index(drop=True)


def reference_answers(reference: pd.DataFrame, classes: Sequence[str]) -> Answers | None:
    """The answers to the holdout, or to the training rows where there is none; None when the reference has no
    answers."""
    if LABEL not in reference:
        return None
    holdout = reference[reference[PART] == "holdout"] if PART in reference else reference
    rows = (holdout if len(holdout) else reference).reset_index(drop=True)
    said: list[Mapping[str, float] | float | None]
    if not classes:
        said = [None] * len(rows)
    elif len(classes) == 2:
        said = list(rows[PROBABILITY].astype(float))
    else:
        said = [
            dict(zip(classes, row, strict=True)) for row in rows[[f"{PROBABILITY}:{c}" for c in classes]].to_numpy()
        ]
    return answers_of(zip(said, rows[LABEL], strict=True), classes)
