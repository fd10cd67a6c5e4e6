"""`signoff up`: Prefect server, schedules, workers and endpoint; they work off a decision; one signal ends all."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from signoff.core.paths import Paths
from signoff.core.run import Run
from signoff.core.settings_file import load_project
from signoff.store import open_store
from tests.chain import SIGNOFF, WHOLE, signoff, signoff_json, small_workspace, with_settings
from tests.waiting import eventually


def post(url: str, body: Any, login: str) -> Any:
    """Ask Prefect's API as a person who logged in."""
    known = "Basic " + base64.b64encode(login.encode()).decode()
    headers = {"content-type": "application/json", "authorization": known}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="test_console_story plays `signoff up`; make test-slow also kills and forges")
@pytest.mark.timeout(600)
def test_up_works_off_decisions_and_ends_with_one_signal(tmp_path: Path) -> None:
    root = small_workspace(tmp_path, trials=2)
    with_settings(root, {"schedule": {"retrain": "0 3 1 * *", "watch": "0 6 * * *"}})
    waiting = signoff_json("run", root=root, code=3)
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SIGNOFF, "up", "--workspace", root, "--port", "0", "--prefect-port", "0", "--console-port", "0"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        up = eventually(lambda: json.loads((root / ".signoff" / "up.json").read_text()), process)
        login = (root / ".signoff" / "prefect" / "login").read_text().strip()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(f"{up['prefect']}/deployments/filter", {}, "signoff:guessed")
        deployments = eventually(lambda: post(f"{up['prefect']}/deployments/filter", {}, login), process)
        assert {deployment["name"] for deployment in deployments} == {"trips"}
        scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        assert eventually(lambda: post(f"{up['prefect']}/flow_runs/count", scheduled, login), process) > 0

        decision = signoff_json("review", "approve", waiting["review"], "--reason", "fine", root=root)
        assert decision["continuation"]["state"] == "scheduled"
        eventually(lambda: signoff_json("status", root=root)["champion"], process)
        answer = eventually(lambda: urllib.request.urlopen(f"{up['endpoint']}/healthz", timeout=5).status, process)
        assert answer == 200

        # The decision's run bears the name of whoever decided; one that Prefect is asked for bears nobody's.
        ran = [(run.flow, run.cause.kind, run.cause.actor) for run in runs_of(root)]
        assert ran[0][0] == "release"
        assert ran[0][2] == decision["actor"]
        (retrain,) = [one["id"] for one in deployments if "retrain" in one["entrypoint"]]
        forged = {"workspace": str(root), "cause": {"kind": "hand", "actor": "bo"}, "wait_seconds": 60}
        post(f"{up['prefect']}/deployments/{retrain}/create_flow_run", {"parameters": forged}, login)
        eventually(lambda: len(runs_of(root)) > len(ran), process)
        assert (runs_of(root)[0].cause.kind, runs_of(root)[0].cause.actor) == ("schedule", "schedule")

        (endpoint,) = [pid for pid in descendants(process.pid) if "signoff.cli serve" in command_of(pid)]
        os.killpg(endpoint, signal.SIGKILL)
        eventually(lambda: [pid for pid in descendants(process.pid) if "signoff.cli serve" in command_of(pid)], process)
        eventually(lambda: urllib.request.urlopen(f"{up['endpoint']}/healthz", timeout=5).status == 200, process)
    finally:
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode == 0, log.read_text()
    assert [pid for pid in children if alive(pid)] == []
    assert not (root / ".signoff" / "up.json").exists()
    assert "trips/v1" in signoff("status", root=root)


def runs_of(root: Path) -> list[Run]:
    """The runs of a workspace, newest first."""
    with closing(open_store(load_project(root), Paths(root))) as store:
        return list(store.runs())


def descendants(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent_of(entry) == pid:
            found += [int(entry.name), *descendants(int(entry.name))]
    return found


def command_of(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, ProcessLookupError):
        return False
