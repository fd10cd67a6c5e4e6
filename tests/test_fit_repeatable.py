"""The same recipe and rows give the same model bytes: other process, hash seed, folder, number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.search.pickling import canonical_bytes
from signoff.core.errors import DataError, WorkspaceError
from signoff.core.files import write_json
from signoff.core.search import Recipe
from signoff.core.settings import FAMILIES
from signoff.core.stage import open_context
from tasks.fit import fit
from tests.search_tables import project, recipe, table, workspace

FIT = """
import json, os, sys
from pathlib import Path
from models.search.fitting import fit
from models.search.model_file import save_model
from signoff.core.search import Recipe
from signoff.core.tables import read_table
os.chdir(sys.argv[2])
found = {}
for file in sorted(Path(sys.argv[1]).glob("*.recipe")):
    recipe = Recipe.model_validate_json(file.read_text())
    train = read_table(Path(sys.argv[1]) / recipe.task / "data" / "train.parquet")
    folder = Path(sys.argv[2]) / file.stem
    found[file.stem] = save_model(fit(train, recipe), folder, recipe, train).digest
print(json.dumps(found))
"""


def digests(root: Path, out: Path, **environment: str) -> dict[str, str]:
    out.mkdir()
    home = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIT, str(root), str(out)],
        env={**os.environ, "PYTHONPATH": home, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_model_bytes_repeat_for_every_family_and_task(tmp_path: Path) -> None:
    for task in ("binary", "multiclass", "regression"):
        frame = table(task, 600)
        workspace(tmp_path / task, project(task), frame)
        for family in FAMILIES:
            (tmp_path / f"{task}-{family}.recipe").write_text(recipe(task, family).model_dump_json())
    first = digests(tmp_path, tmp_path / "first", PYTHONHASHSEED="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    second = digests(tmp_path, tmp_path / "second", PYTHONHASHSEED="99", OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    assert first == second
    assert len(set(first.values())) == 15


def test_the_stage_writes_the_same_folder_twice(tmp_path: Path) -> None:
    root = workspace(tmp_path, project("binary"), table("binary"))
    write_json(root / "artifacts" / "recipe.json", recipe("binary", "lightgbm").as_json())
    report = fit(open_context(root))
    once = {path.name: path.read_bytes() for path in (root / "artifacts" / "model").iterdir()}
    fit(open_context(root))
    assert {path.name: path.read_bytes() for path in (root / "artifacts" / "model").iterdir()} == once
    assert sorted(once) == ["model.bin", "model.json", "recipe.json"]
    assert once["recipe.json"] == (root / "artifacts" / "recipe.json").read_bytes()
    assert report.facts["digest"] == json.loads(once["model.json"])["digest"]


def test_a_recipe_that_is_missing_damaged_or_of_other_rows_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path, project("binary"), table("binary").rename(columns={"income": "incomes"}))
    with pytest.raises(WorkspaceError, match=r"recipe\.json is missing"):
        fit(open_context(root))
    whole = recipe("binary", "linear").as_json()
    write_json(root / "artifacts" / "recipe.json", {**whole, "family": 3})
    with pytest.raises(WorkspaceError, match="the recipe is damaged"):
        fit(open_context(root))
    write_json(root / "artifacts" / "recipe.json", whole)
    with pytest.raises(DataError, match=r"'income'.*did you mean 'incomes'"):
        fit(open_context(root))
    assert not (root / "artifacts" / "model").exists()


def test_equal_values_give_equal_pickles() -> None:
    shared, letters = "a text of several words", "abc"
    apart = "".join(["a text of ", "several words"])
    assert canonical_bytes([shared, shared]) == canonical_bytes([shared, apart])
    assert canonical_bytes({*letters, "long"}) == canonical_bytes({"long", *reversed(letters)})
    assert canonical_bytes(frozenset(range(99))) == canonical_bytes(frozenset(reversed(range(99))))
    assert canonical_bytes(np.dtype("f8")) == canonical_bytes(np.zeros(1, "<f8").dtype)


def test_padding_inside_structured_arrays_is_not_written() -> None:
    kind = np.dtype([("flag", "u1"), ("value", "f8")], align=True)
    one, other = np.zeros(5, kind), np.frombuffer(bytearray(b"\xff" * 5 * kind.itemsize), kind)
    other["flag"], other["value"] = 0, 0.0
    assert not np.array_equal(one.view("u1"), other.view("u1"))
    assert canonical_bytes(one) == canonical_bytes(other)


def test_a_recipe_survives_its_json() -> None:
    whole = recipe("binary", "hist_boosting")
    assert Recipe.model_validate_json(whole.model_dump_json()) == whole
