"""Going back to an earlier release: its files, a question, and the same model bytes when people approve."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from signoff.commands.rollback import put_back
from signoff.core.errors import ConflictError, WorkspaceError
from signoff.core.files import write_text
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline
from tests.chain import WHOLE, prefect_api, signoff, signoff_json, small_workspace


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="three runs and three releases: left to make test-slow")
def test_back_to_the_release_before(tmp_path: Path) -> None:
    root = small_workspace(tmp_path)
    with prefect_api(tmp_path) as url:
        signoff("run", root=root, code=3, PREFECT_API_URL=url)
        refused = signoff_json("rollback", root=root, code=2, PREFECT_API_URL=url)
        assert "nothing was released" in refused["what"]
        signoff("review", "approve", "release-1", "--reason", "good", root=root, PREFECT_API_URL=url)
        first = signoff_json("status", root=root)["candidate"]["model_digest"]
        signoff("run", "--as-of", "2024-02-15", root=root, code=3, PREFECT_API_URL=url)
        signoff("review", "approve", "release-2", "--reason", "newer", root=root, PREFECT_API_URL=url)
        second = signoff_json("status", root=root)["candidate"]["model_digest"]
        assert second != first
        said = signoff("rollback", "--reason", "false alarms", root=root, code=3, PREFECT_API_URL=url)
        assert "release-3" in said
        asked = signoff_json("status", root=root)
        assert asked["candidate"]["model_digest"] == first
        assert asked["run"]["cause"]["note"] == "back to trips/v1: false alarms"
        assert asked["champion"]["tag"] == "trips/v2", "nothing serves without an approval"
        signoff("review", "approve", "release-3", "--reason", "as before", root=root, PREFECT_API_URL=url)
    after = signoff_json("status", root=root)
    assert after["champion"]["tag"] == "trips/v3"
    assert json.loads((root / ".signoff/champion/model/model.json").read_text())["digest"] == first
    assert signoff_json("verify", root=root)["ok"]


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    """A workspace with a tag and a later commit: another setting, and another file that DVC tracks."""
    root = small_workspace(tmp_path)
    git, pipeline = Git(root), Pipeline(root)
    write_text(root / "extra.csv", "a\n1\n")
    pipeline.add("extra.csv")
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "one")
    git.tag("trips/v1", "one")
    pipeline.push()
    write_text(root / "extra.csv", "a\n2\n")
    pipeline.add("extra.csv")
    write_text(root / "notes.txt", "later")
    write_text(root / "decisions" / "0001-decision.json", "{}")
    git.run("add", "--all", "--force", "decisions", "notes.txt", "extra.csv.dvc")
    git.run("commit", "--quiet", "--message", "two")
    return root


def test_files_of_git_and_dvc_go_back_and_the_ledger_stays(two_versions: Path) -> None:
    put_back(two_versions, "trips/v1", "back to trips/v1")
    assert (two_versions / "extra.csv").read_text() == "a\n1\n"
    assert not (two_versions / "notes.txt").exists()
    assert (two_versions / "decisions" / "0001-decision.json").exists()
    git = Git(two_versions)
    assert git.run("log", "-1", "--format=%s") == "Back to trips/v1"
    assert git.run("status", "--porcelain") == ""


def test_what_the_cache_lacks_comes_from_the_remote(two_versions: Path) -> None:
    shutil.rmtree(two_versions / ".dvc" / "cache")
    put_back(two_versions, "trips/v1", "back")
    assert (two_versions / "extra.csv").read_text() == "a\n1\n"


def test_data_that_are_nowhere_leave_everything_as_it_was(two_versions: Path) -> None:
    head = Git(two_versions).head()
    remote = Path(Pipeline(two_versions).remote_url() or "")
    shutil.rmtree(two_versions / ".dvc" / "cache")
    shutil.rmtree(remote)
    with pytest.raises(WorkspaceError, match=r"extra\.csv, sources are neither in the cache nor in the remote"):
        put_back(two_versions, "trips/v1", "back")
    assert Git(two_versions).head() == head
    assert Git(two_versions).run("status", "--porcelain") == ""
    assert (two_versions / "notes.txt").read_text() == "later"
    assert (two_versions / "extra.csv").read_text() == "a\n2\n"


def test_work_that_is_not_committed_is_not_lost(two_versions: Path) -> None:
    write_text(two_versions / "notes.txt", "mine")
    with pytest.raises(ConflictError, match=r"1 files have changes.*notes.txt"):
        put_back(two_versions, "trips/v1", "back")
    assert (two_versions / "notes.txt").read_text() == "mine"
