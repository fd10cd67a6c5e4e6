"""Whole runs on bad ground: broken data, no space, no right to write, no remote, a busy workspace; and mended."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from signoff.core.files import read_json
from signoff.workspace.lock import workspace_lock
from signoff.workspace.pipeline import Pipeline
from tests.chain import WHOLE, late_table, prefect_api, signoff_json, small_workspace
from tests.untouched import refused, tree

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

INGESTED = frozenset({"sources.dvc", "data/raw.parquet", "data/snapshot.json", "dvc.lock"})
"""What stands, whole, when a run fails behind ingest's own work."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One Prefect server for all commands of this file."""
    with prefect_api(tmp_path_factory.mktemp("prefect")) as url:
        yield {"PREFECT_API_URL": url}


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, api: dict[str, str]) -> Path:
    """A workspace whose candidate waits for its review."""
    root = small_workspace(tmp_path_factory.mktemp("waiting"), trials=2, families=("baseline", "linear"))
    assert signoff_json("run", root=root, code=3, **api)["review"] == "release-1"
    return root


@pytest.fixture
def copy(waiting: Path, tmp_path: Path) -> Path:
    """A workspace of this test's own, with its own remote."""
    return copy_to(waiting, tmp_path / "copy")


def copy_to(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True)
    config = target / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(source), str(target)))
    return target


def waits_as_before(root: Path, waiting: Path, api: dict[str, str]) -> None:
    """The repaired workspace comes to the same candidate and the same question."""
    ending = signoff_json("run", root=root, code=3, **api)
    assert (ending["review"], ending["tag"]) == ("release-1", "trips/c1")
    names = ("artifacts/model/model.bin", "artifacts/recipe.json", "data/train.parquet")
    wanted, got = tree(waiting), tree(root)
    assert [got[name] for name in names] == [wanted[name] for name in names]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder that may be mounted over; nothing is mounted there afterwards."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    yield folder
    while os.path.ismount(folder):
        mount("umount", "--lazy", folder)


def mount(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


@pytest.mark.skipif(not WHOLE, reason="its error is seen at `signoff stage ingest` too; make test-slow plays it")
def test_data_that_cannot_be_read_fails_the_run_and_no_more(
    copy: Path, waiting: Path, api: dict[str, str], tmp_path: Path
) -> None:
    table = copy / "sources" / "trips.csv"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    refused("run", root=copy, code=5, match="a row of trips.csv has 3 fields.*line 452.*copy it again", **api)
    status = signoff_json("status", root=copy)
    assert status["run"]["state"] == "failed"
    assert [review["id"] for review in status["reviews"]] == ["release-1"]
    table.write_bytes(whole)
    waits_as_before(copy, waiting, api)


def test_data_that_breaks_the_suite_opens_a_review(copy: Path, waiting: Path, api: dict[str, str]) -> None:
    """A column gone, one empty, one of another type, ten thousand categories, and one more column, which is welcome."""
    table = copy / "sources" / "trips.csv"
    whole = table.read_bytes()
    frame = pd.concat([late_table()] * 12, ignore_index=True)
    frame = frame.assign(
        trip=np.arange(len(frame)),
        wind=np.nan,
        distance=frame["distance"].astype(str) + " km",
        carrier=[f"carrier {number % 10_000}" for number in range(len(frame))],
        extra=1,
    )
    frame.drop(columns="noise").to_csv(table, index=False)
    before = tree(copy)
    ending = signoff_json("run", root=copy, code=3, **api)
    assert (ending["state"], ending["review"]) == ("waiting", "data-2")
    (shown,) = [review for review in signoff_json("status", root=copy)["reviews"] if review["id"] == "data-2"]
    assert [(check["name"], check["holds"]) for check in shown["checks"]] == [("validation.failed", False)]
    failures = read_json(copy / "reports" / "validation.json")["failures"]
    assert {failure["column"] for failure in failures} == {None, "noise", "wind", "distance", "carrier"}
    after = tree(copy)
    for name in ("data/train.parquet", "artifacts/model/model.bin", "reports/candidate.json", "features.yaml"):
        assert after[name] == before[name], "what lies behind the gate is not touched"
    table.write_bytes(whole)
    waits_as_before(copy, waiting, api)


@pytest.mark.skipif(not WHOLE, reason="its error is seen at `signoff stage ingest` too; make test-slow plays it")
def test_a_clock_before_the_first_row(copy: Path, waiting: Path, api: dict[str, str]) -> None:
    match = "no rows are left at the clock 2020-01-01 00:00.*900 rows: asked_at lies after.*'now' unsets it"
    changes = frozenset({"run.yaml"})
    refused("run", "--as-of", "2020-01-01", root=copy, code=5, match=match, may_change=changes, **api)
    ending = signoff_json("run", "--as-of", "now", root=copy, code=3, **api)
    assert ending["review"] == "release-1"


def test_a_workspace_that_another_run_holds(copy: Path, api: dict[str, str]) -> None:
    match = f"another run holds this workspace.*process {os.getpid()} of ada: a long search.*--wait"
    with workspace_lock(copy / ".signoff", "a long search", "ada"):
        refused("run", root=copy, code=5, match=match, **api)


def test_a_remote_that_is_gone(copy: Path, waiting: Path, api: dict[str, str], tmp_path: Path) -> None:
    """The candidate stays, the run says what it could not push, and the next one goes on from there."""
    in_the_way = tmp_path / "in_the_way"
    in_the_way.write_text("a file")
    pipeline = Pipeline(copy)
    pipeline.set_remote(str(in_the_way / "remote"))
    match = f"DVC could not push.*where +{in_the_way}/remote\n.*dvc remote list; signoff doctor"
    refused("run", root=copy, code=5, match=match, may_change=frozenset({".dvc/config.local"}), **api)
    assert signoff_json("status", root=copy)["candidate"]["tag"] == "trips/c1"
    (copy / ".dvc" / "config.local").unlink()
    waits_as_before(copy, waiting, api)


def test_no_space_is_left(waiting: Path, mounted: Path, api: dict[str, str]) -> None:
    """Full at once, and full in the middle; with room again the same run goes to its end."""
    mount("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", mounted)
    root = copy_to(waiting, mounted / "trips")
    for name in ("data/raw.parquet", "data/snapshot.json", "artifacts/model/model.bin"):
        (root / name).unlink()
    filler = mounted / "filler"
    leave(filler, 0)
    refused("run", root=root, code=5, match="no space is left on the disk.*free some space", **api)
    filler.unlink()
    table = root / "sources" / "trips.csv"
    whole = table.read_bytes()
    big = late_table(8_000)
    big.to_csv(table, index=False)
    leave(filler, 200_000)
    said = refused("run", root=root, code=5, match="no space is left on the disk", may_change=INGESTED, **api)
    assert "reading trips" in said, "the run was on its way"
    filler.unlink()
    table.write_bytes(whole)
    waits_as_before(root, waiting, api)


def leave(filler: Path, free: int) -> None:
    """Fill the disk up to `free` bytes."""
    filler.unlink(missing_ok=True)
    disk = os.statvfs(filler.parent)
    filler.write_bytes(bytes(disk.f_bavail * disk.f_frsize - free))


def test_a_workspace_that_may_not_be_written(waiting: Path, mounted: Path, api: dict[str, str]) -> None:
    root = copy_to(waiting, mounted / "trips")
    mount("mount", "--bind", root, root)
    mount("mount", "-o", "remount,bind,ro", root)
    try:
        refused("run", root=root, code=5, match="may not be written.*make .* writable, then run again", **api)
        refused("stage", "ingest", root=root, code=5, match="the file may not be written.*raw.parquet")
        refused("review", "approve", "release-1", "--reason", "no", root=root, code=5, match="may not be written")
    finally:
        mount("umount", "--lazy", root)
    waits_as_before(root, waiting, api)
