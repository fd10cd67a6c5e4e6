"""The model on disk: read back, answering callers, and refused when a byte of it is not as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.search.fitting import fit
from models.search.model_file import LoadedModel, load_model, save_model
from signoff.core.errors import DataError, IntegrityError, UsageError
from tests.search_tables import recipe, table


def saved(folder: Path, task: str, family: str = "lightgbm") -> LoadedModel:
    train = table(task)
    whole = recipe(task, family)
    save_model(fit(train, whole), folder, whole, train)
    return load_model(folder)


def test_a_binary_model_answers_with_probability_and_label(tmp_path: Path) -> None:
    model = saved(tmp_path, "binary")
    frame = table("binary", 50, seed=1)
    probabilities = model.predict_proba(frame)
    assert probabilities.shape == (50, 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    answers = model.answer(frame)
    assert [label for _, label in answers] == ["yes" if p >= 0.4 else "no" for p in probabilities[:, 1]]
    assert np.mean([label for _, label in answers] == frame["answer"]) > 0.7
    assert model.classes == ("no", "yes")


def test_a_multiclass_model_answers_with_all_probabilities(tmp_path: Path) -> None:
    model = saved(tmp_path, "multiclass", "extra_trees")
    probability, label = model.answer(table("multiclass", 3, seed=1))[0]
    assert isinstance(probability, dict)
    assert list(probability) == ["high", "low", "middle"]
    assert label == max(probability, key=lambda name: probability[name])


def test_a_regression_answers_with_a_number(tmp_path: Path) -> None:
    model = saved(tmp_path, "regression", "linear")
    frame = table("regression", 40, seed=1)
    answers = model.answer(frame)
    assert all(probability is None for probability, _ in answers)
    assert np.corrcoef([label for _, label in answers], frame["answer"])[0, 1] > 0.7
    with pytest.raises(UsageError, match="no probabilities"):
        model.predict_proba(frame)


@pytest.mark.parametrize("family", ["linear", "extra_trees", "hist_boosting", "lightgbm"])
def test_rows_as_a_caller_sends_them(tmp_path: Path, family: str) -> None:
    model = saved(tmp_path, "binary", family)
    asked = [
        {"age": 30, "income": 4000, "job": "pilot", "noise": 0, "other": "ignored"},
        {"age": 30.0, "income": 4000.0, "job": "pilot", "noise": 0.0, "other": None},
    ]
    one, other = model.answer(pd.DataFrame(asked))
    assert one == other
    assert model.answer(pd.DataFrame(asked[:1])) == [one]
    strange = pd.DataFrame([{"age": None, "income": None, "job": "astronaut", "noise": None}])
    assert 0 <= model.answer(strange)[0][0] <= 1  # type: ignore[operator]
    with pytest.raises(DataError, match="income"):
        model.answer(pd.DataFrame(asked).drop(columns="income"))


@pytest.mark.parametrize("name", ["model.bin", "recipe.json"])
@pytest.mark.parametrize("place", [0, -30])
def test_one_changed_byte_is_refused_before_it_is_read(tmp_path: Path, name: str, place: int) -> None:
    saved(tmp_path, "binary", "linear")
    data = bytearray((tmp_path / name).read_bytes())
    data[place] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(IntegrityError, match=rf"not the one that was signed.*{name}"):
        load_model(tmp_path)


def test_a_record_that_was_edited_is_refused(tmp_path: Path) -> None:
    model = saved(tmp_path, "binary", "linear")
    record = json.loads((tmp_path / "model.json").read_text())

    def write(**changed: object) -> None:
        (tmp_path / "model.json").write_text(json.dumps({**record, **changed}))

    load_model(tmp_path, model.record.digest)
    with pytest.raises(IntegrityError, match="not the one that was signed"):
        load_model(tmp_path, "0" * 64)
    write(model_sha256="0" * 64)
    with pytest.raises(IntegrityError, match="not the one that was signed"):
        load_model(tmp_path)
    write(inputs={**record["inputs"], "age": "text"})
    with pytest.raises(IntegrityError, match="does not say what the signed model says"):
        load_model(tmp_path)
    write(rows="many")
    with pytest.raises(IntegrityError, match="damaged"):
        load_model(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(IntegrityError, match=r"model\.json of the model is missing"):
        load_model(tmp_path)


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    saved(tmp_path, "binary", "linear")
    (tmp_path / "model.bin").unlink()
    with pytest.raises(IntegrityError, match=r"the model file is missing.*model\.bin"):
        load_model(tmp_path)
