"""The candidate: bound once, asked about, and released as it was bound, whatever came in since."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from signoff.core.data import Snapshot
from signoff.core.errors import ConflictError
from signoff.core.files import read_json, write_json
from signoff.core.paths import Paths
from signoff.core.settings import Task
from signoff.core.stage import open_context
from signoff.store import StoredCandidate
from signoff.workspace.git import Git
from tasks.candidate import assemble, load_candidate, recorded
from tests.serving_workspace import make_candidate


@pytest.fixture
def workspace(tmp_path: Path) -> Paths:
    """A workspace whose candidate toy/c1 waits for its reviewers."""
    made = make_candidate(tmp_path, Task.REGRESSION)
    paths = Paths(tmp_path)
    new_data(paths, made.data_md5)
    git = Git(tmp_path)
    git.init()
    assert assemble(open_context(tmp_path), git).tag == "toy/c1"
    return paths


def new_data(paths: Paths, md5: str) -> None:
    """What a run leaves behind that stops at the data gate."""
    write_json(paths.snapshot, Snapshot(md5=md5, rows=3, columns={}, as_of=None, sources=()).as_json())


def test_data_that_wait_at_their_own_gate_become_no_part_of_the_candidate_that_was_approved(workspace: Paths) -> None:
    asked, git = load_candidate(workspace), Git(workspace.root)
    new_data(workspace, "9" * 32)
    found = recorded(open_context(workspace.root), git, [])
    assert (found.candidate, found.tag) == (asked, "toy/c1")
    assert load_candidate(workspace) == asked
    assert git.tags("toy/c") == ["toy/c1"]


@pytest.mark.parametrize(
    ("file", "words"), [("recipe.json", "recipe_sha256"), ("model/model.json", "model_record_sha256")]
)
def test_another_recipe_or_model_is_not_what_was_asked_about(workspace: Paths, file: str, words: str) -> None:
    path = workspace.recipe.parent / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ConflictError, match=rf"changed since: {words}.*signoff run"):
        recorded(open_context(workspace.root), Git(workspace.root), [])


def test_a_model_of_other_rows_is_not_what_was_asked_about(workspace: Paths) -> None:
    with pytest.raises(ConflictError, match=r"changed since: data/train\.parquet"):
        recorded(open_context(workspace.root), Git(workspace.root), ["data/train.parquet"])


def test_a_candidate_without_a_tag_was_never_asked_about(workspace: Paths) -> None:
    bent = {**read_json(workspace.candidate), "data_md5": "8" * 32}
    write_json(workspace.candidate, bent)
    with pytest.raises(ConflictError, match="no candidate with a tag"):
        recorded(open_context(workspace.root), Git(workspace.root), [])


def test_a_tag_that_another_candidate_bears_elsewhere_is_not_taken(workspace: Paths) -> None:
    """Of a clone's candidate, or of a drill's, the state database alone knows."""
    asked, git = load_candidate(workspace), Git(workspace.root)
    assert asked is not None
    other = asked.model_copy(update={"model_digest": "other"})
    elsewhere = [
        StoredCandidate(tag=f"toy/c{number}", candidate=other, run="r", added=datetime.now(UTC)) for number in (1, 4)
    ]
    again = assemble(open_context(workspace.root), git, elsewhere)
    assert (again.candidate, again.tag) == (asked, "toy/c5")
    assert assemble(open_context(workspace.root), git, elsewhere).tag == "toy/c5"
    assert recorded(open_context(workspace.root), git, []).tag == "toy/c5"
