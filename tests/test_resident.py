"""The process that `signoff up` keeps loaded: runs start in it at once, and end with their command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signoff.workspace.lock import holder_of
from tests.chain import SIGNOFF, WHOLE, prefect_api, signoff, signoff_json, small_workspace, with_settings
from tests.waiting import eventually


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prefect_api(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module")
def resident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The address of a resident that has loaded; its log lies beside it."""
    with tempfile.TemporaryDirectory(prefix="signoff-") as folder:
        address = Path(folder) / "runs.sock"
        with address.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "flows.resident", str(address)], stdout=log, stderr=log)
        try:
            eventually(address.exists, process)
            yield address
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def workspace(tmp_path: Path, resident: Path) -> Path:
    root = small_workspace(tmp_path, trials=2)
    state = root / ".signoff"
    state.mkdir(exist_ok=True)
    (state / "up.json").write_text(json.dumps({"resident": str(resident)}))
    return root


def runs_told(resident: Path) -> int:
    """How many runs the resident's forks have taken."""
    return resident.with_suffix(".log").read_text().count("took a retrain of ")


@pytest.mark.slow
def test_a_run_is_done_by_the_resident_and_is_the_same(workspace: Path, resident: Path, api: str) -> None:
    before = runs_told(resident)
    ending = signoff_json("run", root=workspace, code=3, PREFECT_API_URL=api)
    assert runs_told(resident) == before + 1
    assert ending["review"] == "release-1"
    digest = signoff_json("status", root=workspace)["candidate"]["model_digest"]
    # And the same model where no resident takes it.
    (workspace / ".signoff" / "up.json").unlink()
    with_settings(workspace, {"evaluate": {"bootstrap": 30}})
    assert signoff_json("run", root=workspace, code=3, PREFECT_API_URL=api)["state"] == "waiting"
    assert runs_told(resident) == before + 1
    assert signoff_json("status", root=workspace)["candidate"]["model_digest"] == digest


@pytest.mark.slow
def test_what_a_run_refuses_is_told_as_always(workspace: Path, resident: Path, api: str) -> None:
    before = runs_told(resident)
    (workspace / "sources" / "trips.csv").write_text("")
    done = signoff_json("run", root=workspace, code=5, PREFECT_API_URL=api)
    assert done["error"] == "DataError"
    assert "trips.csv" in done["where"]
    assert runs_told(resident) == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL] if WHOLE else [signal.SIGKILL])
def test_a_run_ends_with_its_command(workspace: Path, resident: Path, api: str, ended_by: signal.Signals) -> None:
    with_settings(workspace, {"search": {"budget": {"seconds": 120}}})
    environment = {**os.environ, "PREFECT_API_URL": api}
    command = subprocess.Popen([SIGNOFF, "run", "--workspace", workspace], env=environment, stderr=subprocess.PIPE)
    eventually((workspace / "data" / "train.parquet").exists)
    time.sleep(2)
    assert holder_of(workspace / ".signoff") is not None
    command.send_signal(ended_by)
    assert command.wait(60) == (130 if ended_by is signal.SIGINT else -signal.SIGKILL)
    eventually(lambda: holder_of(workspace / ".signoff") is None)
    # What it had done is kept, and nothing stands in the way of the next one.
    with_settings(workspace, {"search": {"budget": {"trials": 2}}})
    ending = signoff_json("run", root=workspace, code=3, PREFECT_API_URL=api)
    assert {stage["stage"]: stage["state"] for stage in ending["stages"]}["ingest"] == "skipped"


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="the way without a resident is every other test's; make test-slow plays it")
def test_a_resident_of_other_code_is_left_alone(tmp_path: Path, workspace: Path, resident: Path, api: str) -> None:
    code = (
        "import sys, flows.asking\n"
        "flows.asking.fingerprint = lambda: 'another'\n"
        "from signoff.cli import main\n"
        "sys.argv = ['signoff', 'run', '--json', '--workspace', sys.argv[1]]\n"
        "main()\n"
    )
    before = runs_told(resident)
    environment = {**os.environ, "PREFECT_API_URL": api}
    done = subprocess.run([sys.executable, "-c", code, workspace], env=environment, capture_output=True, check=False)
    assert done.returncode == 3, done.stderr.decode()
    assert runs_told(resident) == before
    assert "release-1" in signoff("review", "list", root=workspace)
