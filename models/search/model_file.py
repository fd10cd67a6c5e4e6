"""The fitted model on disk, and back: its bytes are checked before any of them is unpickled."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from sklearn.pipeline import Pipeline

from models.features import coerce_inputs, input_kinds
from models.search.pickling import canonical_bytes
from signoff.core.digest import expect_file, model_digest, sha256_bytes, sha256_file
from signoff.core.errors import IntegrityError, UsageError
from signoff.core.files import read_json, write_bytes, write_json
from signoff.core.search import ModelRecord, Recipe
from signoff.core.settings import Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MODEL, RECORD, RECIPE = "model.bin", "model.json", "recipe.json"
Answer = tuple[float | dict[str, float] | None, str | float]
"""Probability (of yes; by class; None for a regression) and label (a number for a regression)."""


@dataclass(frozen=True)
class LoadedModel:
    """A fitted pipeline with its recipe and record."""

    pipeline: Pipeline
    recipe: Recipe
    record: ModelRecord

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of `predict_proba`'s columns; empty for a regression."""
        return self.recipe.classes

    def predict_proba(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities of shape (n, classes). Columns that the model does not need are ignored.

        Raises:
            DataError: an input column is missing or has values of another kind.
            UsageError: the model is a regression.
        """
        if self.recipe.task is Task.REGRESSION:
            raise UsageError("a regression has no probabilities", next_step="use predict")
        model, table = self._model_and_table(frame)
        return np.asarray(model.predict_proba(table), dtype=np.float64)

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Values of shape (n,) for a regression, labels as text of shape (n,) otherwise.

        Raises:
            DataError: an input column is missing or has values of another kind.
        """
        if self.recipe.task is Task.REGRESSION:
            model, table = self._model_and_table(frame)
            return np.asarray(model.predict(table), dtype=np.float64)
        return self._labels(self.predict_proba(frame))

    def answer(self, frame: pd.DataFrame) -> list[Answer]:
        """What a caller is told, a pair for each row."""
        if self.recipe.task is Task.REGRESSION:
            return [(None, float(value)) for value in self.predict(frame)]
        probabilities = self.predict_proba(frame)
        labels = self._labels(probabilities)
        if self.recipe.task is Task.BINARY:
            return [(float(row[1]), str(label)) for row, label in zip(probabilities, labels, strict=True)]
        return [
            (dict(zip(self.classes, map(float, row), strict=True)), str(label))
            for row, label in zip(probabilities, labels, strict=True)
        ]

    def _labels(self, probabilities: NDArray[np.float64]) -> NDArray[Any]:
        names: NDArray[Any] = np.asarray(self.classes, dtype=object)
        if self.recipe.task is Task.BINARY and self.recipe.threshold is not None:
            places = (probabilities[:, 1] >= self.recipe.threshold).astype(int)
        else:
            places = probabilities.argmax(axis=1)
        return np.asarray(names[places])

    def _model_and_table(self, frame: pd.DataFrame) -> tuple[Any, Any]:
        """The estimator, and the rows as it wants them; the pipeline's own way costs a row a millisecond more."""
        *before, (_, model) = self.pipeline.steps
        table: Any = coerce_inputs(frame, self.record.inputs)
        for _, step in before:
            table = step.transform(table)
        return model, table

    @property
    def digest(self) -> str:
        """The model digest: over recipe and model bytes alone."""
        return self.record.digest


def save_model(pipeline: Pipeline, folder: Path, recipe: Recipe, train: pd.DataFrame) -> ModelRecord:
    """Write model.bin, recipe.json and, last, model.json into `folder`.

    Args:
        pipeline: fitted by `fit` with this recipe.
        folder: made when missing.
        recipe: copied beside the model.
        train: the rows it was fitted on; tells the number of rows and the kinds of the inputs.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    write_json(folder / RECIPE, recipe.as_json())
    inputs = input_kinds(train, recipe.features)
    # Rows and inputs go into the signed bytes too: model.json alone could be edited.
    data = canonical_bytes({"pipeline": pipeline, "inputs": inputs, "rows": len(train)})
    write_bytes(folder / MODEL, data)
    recipe_sha256, model_sha256 = sha256_file(folder / RECIPE), sha256_bytes(data)
    record = ModelRecord(
        recipe_sha256=recipe_sha256,
        model_sha256=model_sha256,
        digest=model_digest(recipe_sha256, model_sha256),
        rows=len(train),
        inputs=inputs,
    )
    write_json(folder / RECORD, record.as_json())
    return record


def load_model(folder: Path, expected_digest: str | None = None) -> LoadedModel:
    """The model in `folder`, after checking every byte of it against its record.

    Args:
        folder: as `save_model` wrote it.
        expected_digest: the model digest that was approved; the record's own word is not enough where it matters.

    Raises:
        IntegrityError: a file is missing or changed, or the digest is not the expected one.
    """
    record = _read(folder / RECORD, ModelRecord)
    digest = model_digest(record.recipe_sha256, record.model_sha256)
    if digest != record.digest or (expected_digest is not None and digest != expected_digest):
        raise IntegrityError(
            "the model is not the one that was signed",
            where=str(folder / RECORD),
            got=f"digest {digest[:16]}…",
            allowed=f"digest {(expected_digest or record.digest)[:16]}…",
            next_step="signoff verify",
        )
    expect_file(folder / RECIPE, record.recipe_sha256, "the model's recipe")
    data = expect_file(folder / MODEL, record.model_sha256, "the model file")
    recipe = _read(folder / RECIPE, Recipe)
    content = pickle.loads(data)
    if content["inputs"] != record.inputs or content["rows"] != record.rows:
        raise IntegrityError(
            "model.json does not say what the signed model says",
            where=str(folder / RECORD),
            next_step="signoff verify",
        )
    return LoadedModel(content["pipeline"], recipe, record)


def _read(path: Path, kind: Any) -> Any:
    if not path.is_file():
        raise IntegrityError(f"{path.name} of the model is missing", where=str(path), next_step="signoff verify")
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise IntegrityError(
            f"{path.name} of the model is damaged",
            where=str(path),
            got=error.errors()[0]["msg"],
            next_step="signoff verify",
        ) from error
