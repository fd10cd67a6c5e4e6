"""`signoff verify` and the model that the workspace itself holds: what the next package and every replay begin with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signoff.commands.verification import findings_of
from signoff.core.paths import Paths
from signoff.workspace.lock import workspace_lock
from tests.serving_workspace import copy_of_released


@pytest.fixture
def paths(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return copy_of_released(tmp_path_factory, tmp_path / "workspace")


@pytest.mark.parametrize("name", ["model.bin", "recipe.json"])
def test_a_byte_of_the_model_is_named(paths: Paths, name: str) -> None:
    assert findings_of(paths.root) == []
    file = paths.model / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    (finding,) = findings_of(paths.root)
    assert finding.where == str(file)
    with workspace_lock(paths.state, "retrain", "ada"):
        assert findings_of(paths.root) == [], "a fit may be writing it"


@pytest.mark.parametrize("content", ["{", "{}", "other digest"])
def test_a_changed_record_is_named(paths: Paths, content: str) -> None:
    file = paths.model / "model.json"
    record = json.loads(file.read_bytes())
    file.write_text(json.dumps(record | {"digest": "0" * 64}) if content == "other digest" else content)
    (finding,) = findings_of(paths.root)
    assert str(paths.model) in finding.where


def test_a_workspace_without_a_model_has_nothing_to_check(paths: Paths) -> None:
    (paths.model / "model.json").unlink()
    assert findings_of(paths.root) == []
