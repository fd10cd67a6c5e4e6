"""git, DVC and the lock, for real."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from signoff.core.errors import SettingsError, UsageError, WorkspaceBusyError, WorkspaceError
from signoff.workspace.create import create_workspace
from signoff.workspace.git import Git
from signoff.workspace.lock import holder_of, workspace_lock
from signoff.workspace.pipeline import Pipeline

SETTINGS = """\
project: tiny
question: Is it late?
task: binary
target: late
data: {folder: sources, sources: {rows: {file: rows.parquet}}, sql: rows.sql}
"""
PIPELINE = """\
vars: [signoff.yaml]
stages:
  double:
    cmd: "true"
    deps: ["${data.folder}"]
    params: [{run.yaml: [as_of]}]
    outs: [out.txt]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    rows = tmp_path / "rows.parquet"
    pd.DataFrame({"late": [True, False]}).to_parquet(rows)
    root = tmp_path / "ws"
    create_workspace(root, SETTINGS, PIPELINE, {"sources/rows.parquet": rows}, {"rows.sql": "SELECT * FROM rows\n"})
    return root


def test_a_new_workspace_is_committed_whole(workspace: Path) -> None:
    git = Git(workspace)
    assert git.run("status", "--porcelain") == ""
    assert {"signoff.yaml", "dvc.yaml", "run.yaml", "rows.sql", "sources.dvc"} <= set(git.run("ls-files").splitlines())
    assert "sources/rows.parquet" not in git.run("ls-files").splitlines()


def test_creating_it_again_changes_nothing(workspace: Path, tmp_path: Path) -> None:
    head = Git(workspace).head()
    create_workspace(workspace, SETTINGS, PIPELINE, {"sources/rows.parquet": tmp_path / "rows.parquet"}, {})
    assert Git(workspace).head() == head


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not empty"):
        create_workspace(tmp_path, SETTINGS, PIPELINE, {}, {})


def test_a_stage_is_stale_until_it_is_recorded(workspace: Path) -> None:
    pipeline = Pipeline(workspace)
    assert pipeline.stale("double")
    (workspace / "out.txt").write_text("1")
    pipeline.record("double")
    assert pipeline.stale("double") == []
    (workspace / "run.yaml").write_text("as_of: '2013-04-01'\nsteering: {}\n")
    assert pipeline.stale("double") == ["run.yaml:as_of"]


def test_dvc_itself_sees_nothing_to_do_after_a_record(workspace: Path) -> None:
    (workspace / "out.txt").write_text("1")
    Pipeline(workspace).record("double")
    dvc = Path(sys.executable).with_name("dvc")
    done = subprocess.run(
        [dvc, "repro", "--dry"], cwd=workspace, capture_output=True, text=True, timeout=120, check=True
    )
    assert "didn't change, skipping" in done.stdout + done.stderr


def test_another_current_folder_does_not_matter(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Pipeline(workspace).stale("double")
    assert Path.cwd() == tmp_path


def test_new_rows_of_a_tracked_source_are_taken_in(workspace: Path) -> None:
    pipeline, pointer = Pipeline(workspace), workspace / "sources.dvc"
    before = pointer.read_text()
    assert not pipeline.track_again("sources")
    pd.DataFrame({"late": [True, False, True]}).to_parquet(workspace / "sources" / "rows.parquet")
    assert pipeline.track_again("sources")
    assert pointer.read_text() != before
    assert not pipeline.track_again("elsewhere")


def test_push_and_pull_through_the_remote(workspace: Path, tmp_path: Path) -> None:
    (workspace / "out.txt").write_text("pushed")
    pipeline = Pipeline(workspace)
    pipeline.record("double")
    Git(workspace).commit("out", ["dvc.lock"])
    assert pipeline.push() > 0
    clone = tmp_path / "clone"
    Git(tmp_path).run("clone", "--quiet", str(workspace), str(clone))
    Pipeline(clone).pull(["out.txt"])
    assert (clone / "out.txt").read_text() == "pushed"


def test_a_remote_that_is_gone_is_said_in_one_line(workspace: Path, tmp_path: Path) -> None:
    (workspace / "out.txt").write_text("x")
    pipeline = Pipeline(workspace)
    pipeline.record("double")
    place = tmp_path / "file"
    place.write_text("in the way")
    pipeline.set_remote(str(place / "remote"))
    with pytest.raises(WorkspaceError, match="DVC could not push"):
        pipeline.push()


def test_a_broken_pipeline_file_is_a_settings_error(workspace: Path) -> None:
    (workspace / "dvc.yaml").write_text("stages: {double: {cmd: 'true', outs: ['${nothing.here}']}}\n")
    with pytest.raises(SettingsError, match=r"dvc\.yaml cannot be read"):
        Pipeline(workspace).stale("double")


def test_only_own_paths_are_committed(workspace: Path) -> None:
    git = Git(workspace)
    (workspace / "notes.txt").write_text("mine")
    (workspace / "rows.sql").write_text("SELECT 1 AS late\n")
    (workspace / "run.yaml").write_text("as_of: null\nsteering: {exclude_features: [a]}\n")
    assert git.dirty()
    assert git.commit("Signoff's own")
    assert git.run("show", "--name-only", "--format=", "HEAD") == "run.yaml"
    assert "rows.sql" in git.run("diff", "--name-only")
    assert not git.commit("nothing left")


def test_what_the_user_has_staged_stays_staged(workspace: Path) -> None:
    git = Git(workspace)
    (workspace / "notes.txt").write_text("mine")
    git.run("add", "notes.txt")
    (workspace / "features.yaml").write_text("steps: []\n# seen\n")
    assert git.commit("Signoff's own")
    assert git.run("diff", "--cached", "--name-only") == "notes.txt"


def test_tags_count_up_and_are_made_once(workspace: Path) -> None:
    git = Git(workspace)
    assert git.next_tag("tiny/c") == "tiny/c1"
    git.tag("tiny/c1", "first")
    git.tag("tiny/c1", "first")
    git.tag("tiny/c10", "tenth")
    assert git.tags("tiny/c") == ["tiny/c1", "tiny/c10"]
    assert git.next_tag("tiny/c") == "tiny/c11"
    with pytest.raises(WorkspaceError, match="git tag failed"):
        git.tag("tiny/c1", "another message")


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    with workspace_lock(tmp_path, "retrain", "ana"):
        assert (holder_of(tmp_path) or {})["actor"] == "ana"
        with (
            pytest.raises(WorkspaceBusyError, match=rf"process {os.getpid()} of ana: retrain"),
            workspace_lock(tmp_path, "watch", "ben"),
        ):
            pass
    assert holder_of(tmp_path) is None


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from signoff.workspace.lock import workspace_lock\n"
        "with workspace_lock(Path(sys.argv[1]), 'retrain', 'ana'): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert holder_of(tmp_path) is not None
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert holder_of(tmp_path) is None
    with workspace_lock(tmp_path, "retrain", "ben"):
        pass


def test_waiting_for_the_lock_ends_when_it_is_free(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from signoff.workspace.lock import workspace_lock\n"
        "with workspace_lock(Path(sys.argv[1]), 'retrain', 'ana'): print('held', flush=True); time.sleep(1)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with workspace_lock(tmp_path, "watch", "ben", wait_seconds=30):
            assert (holder_of(tmp_path) or {})["actor"] == "ben"


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "refs/heads/main.lock", "refs/tags/tiny/c1.lock"])
def test_a_lock_that_a_killed_git_left_is_nobodys(workspace: Path, name: str) -> None:
    lock = workspace / ".git" / name
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    os.utime(lock, (lock.stat().st_mtime + (600 if name == "HEAD.lock" else -60),) * 2)
    git = Git(workspace)
    (workspace / "features.yaml").write_text("steps: []\n")
    assert git.commit("Features")
    git.tag("tiny/c1", "a candidate")
    assert git.tags("tiny/c") == ["tiny/c1"]
    assert not lock.exists()


def test_the_lock_of_a_git_at_work_is_left_alone_and_named(workspace: Path) -> None:
    (workspace / "features.yaml").write_text("steps: []\n")
    (workspace / "signoff.yaml").write_text(SETTINGS + "# changed\n")
    waiting = f"{sys.executable} -c 'import sys, time; print(1, flush=True); time.sleep(60)'"
    with subprocess.Popen(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--all"],
        cwd=workspace,
        env={**os.environ, "GIT_EDITOR": waiting},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as editing:
        assert editing.stdout is not None
        editing.stdout.readline()
        lock = workspace / ".git" / "index.lock"
        try:
            with pytest.raises(WorkspaceError, match=r"index\.lock.*end the other git"):
                Git(workspace).commit("Features", ["features.yaml"])
            assert lock.exists()
        finally:
            os.killpg(editing.pid, signal.SIGKILL)
    assert Git(workspace).commit("Features", ["features.yaml"]), "its owner is dead now"


def test_who_looks_for_the_holder_keeps_nobody_out(tmp_path: Path) -> None:
    with workspace_lock(tmp_path, "first", "ada"):
        pass
    with (tmp_path / "run.lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.2, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        with workspace_lock(tmp_path, "second", "bo"):
            assert (holder_of(tmp_path) or {})["actor"] == "bo"
