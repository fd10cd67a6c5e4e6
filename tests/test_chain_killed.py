"""Kill a run with SIGKILL at every stage and at the gates; run again; nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signoff.workspace.git import Git
from signoff.workspace.lock import holder_of
from tests.chain import WHOLE, prefect_api, signoff, signoff_json, small_workspace

ALL_POINTS = (
    "ingest:before",
    "ingest:after",
    "validate:after",
    "gate:data",
    "prepare:after",
    "search:before",
    "search:after",
    "fit:after",
    "evaluate:after",
    "candidate",
    "gate:release",
)
POINTS = ALL_POINTS if WHOLE else ("search:after", "candidate", "gate:release")
RELEASE_POINTS = ("package:before", "package:after", "switch") if WHOLE else ("switch",)


def kill_at(root: Path, point: str, api: dict[str, str], *flow: str) -> None:
    program = Path(__file__).with_name("killed_run.py")
    environment = {**os.environ, **api}
    done = subprocess.run(
        [sys.executable, program, root, point, *flow],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=environment,
    )
    assert done.returncode == -signal.SIGKILL, f"{point}: {done.returncode}\n{done.stderr}"
    assert holder_of(root / ".signoff") is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_killed_everywhere_gives_the_same_model(tmp_path: Path) -> None:
    disturbed = small_workspace(tmp_path)
    with prefect_api(tmp_path) as url:
        kill_everywhere(tmp_path, disturbed, {"PREFECT_API_URL": url})


def kill_everywhere(tmp_path: Path, disturbed: Path, api: dict[str, str]) -> None:
    calm = tmp_path / "calm"
    shutil.copytree(disturbed, calm)
    signoff("run", root=calm, code=3, **api)

    for point in POINTS:
        kill_at(disturbed, point, api)
    signoff("run", root=disturbed, code=3, **api)

    wanted, got = signoff_json("status", root=calm), signoff_json("status", root=disturbed)
    assert got["candidate"]["model_digest"] == wanted["candidate"]["model_digest"]
    assert got["candidate"]["tag"] == "trips/c1"
    assert len(got["reviews"]) == 1
    assert len(signoff_json("review", "list", "--all", root=disturbed)["reviews"]) == 2
    entries = sorted(path.name for path in (disturbed / "decisions").glob("0*.json"))
    assert entries == ["0001-decision.json"]
    assert Git(disturbed).tags("trips/c") == ["trips/c1"]

    signoff_json(
        "review", "approve", got["reviews"][0]["id"], "--reason", "good enough", "--no-continue", root=disturbed
    )
    for point in RELEASE_POINTS:
        kill_at(disturbed, point, api, "release")
    released = signoff_json("run", root=disturbed, **api)
    assert released["state"] == "released"
    status = signoff_json("status", root=disturbed)
    assert status["champion"] == {"tag": "trips/v1", "digest": got["candidate"]["digest"]}
    names = sorted(path.name for path in (disturbed / "decisions").glob("0*.json"))
    assert names == ["0001-decision.json", "0002-decision.json", "0003-release.json"]
    assert signoff_json("verify", root=disturbed) == {"ok": True, "findings": []}
    assert Git(disturbed).tags("trips/v") == ["trips/v1"]
