"""The README's way on the flights example: release, serve, monitor, alert, retrain, request changes, replay, tamper."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from signoff.workspace.git import Git
from tests.chain import SIGNOFF, prefect_api, signoff, signoff_json, with_settings

QUICK = {
    "search": {"budget": {"trials": 2}, "families": ["baseline", "hist_boosting"], "folds": 2},
    "evaluate": {"bootstrap": 40},
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_way_of_the_readme(tmp_path: Path) -> None:
    root = tmp_path / "flights"
    signoff("demo", root, "--no-run")
    with_settings(root, QUICK)
    with prefect_api(tmp_path) as url:
        api = {"PREFECT_API_URL": url}
        first = signoff_json("run", "--as-of", "2013-04-01", root=root, code=3, **api)
        assert first["tag"] == "flights/c1"
        released = signoff_json("review", "approve", first["review"], "--reason", "calibrated", root=root, **api)
        assert released["continuation"]["ending"]["tag"] == "flights/v1"
        answers_and_logs(root)
        watched = signoff_json("monitor", "--as-of", "2013-10-01", "--no-report", root=root, code=3, **api)
        alert = finds_september(watched)
        review = waits_because_of(root, alert)
        changed = asks_for_changes(root, review, api)
    assert "temp" not in {step["column"] for step in changed["features"]["steps"] if step["action"] != "drop"}
    assert signoff_json("verify", root=root) == {"ok": True, "findings": []}
    story_is_in_git_and_dvc(root)
    replays_from_a_clone(root, tmp_path)
    refuses_changed_bytes(root, tmp_path)


def finds_september(watched: dict[str, Any]) -> str:
    drifted = {drift["column"] for drift in watched["drift"] if drift["drifted"]}
    assert {"temp", "dewp"} <= drifted
    assert "carrier" not in drifted
    gap = next(value for value in watched["values"] if value["name"] == "performance.calibration_gap")
    assert gap["low"] > 0.03
    [alert] = watched["alerts"]
    assert "calibration" in alert["finding"]
    assert watched["run"]["state"] == "waiting"
    return str(alert["id"])


def waits_because_of(root: Path, alert: str) -> dict[str, Any]:
    [review] = signoff_json("status", root=root)["reviews"]
    assert review["cause"]["kind"] == "alert"
    assert review["cause"]["reference"] == alert
    return review  # type: ignore[no-any-return]


def asks_for_changes(root: Path, review: dict[str, Any], api: dict[str, str]) -> dict[str, Any]:
    arguments = ("review", "request-changes", review["id"], "--exclude-feature", "temp", "--reason", "broken sensor")
    decision = signoff_json(*arguments, root=root, **api)
    [following] = signoff_json("status", root=root)["reviews"]
    assert following["cause"]["kind"] == "request"
    assert following["cause"]["reference"] == decision["hash"]
    assert following["digest"] != review["digest"]
    recipe: dict[str, Any] = json.loads((root / "artifacts" / "recipe.json").read_text())
    return recipe


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The endpoint on a free port, ended with SIGTERM."""
    command = [SIGNOFF, "serve", "--workspace", root, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        yield next(word for word in line.split() if word.startswith("http://")).rstrip("/")
        process.terminate()
        process.wait(30)


def answers_and_logs(root: Path) -> None:
    rows = pd.read_parquet(root / "data" / "holdout.parquet").drop(columns=["late"]).head(3)
    body = json.dumps({"rows": json.loads(rows.to_json(orient="records", date_format="iso"))}).encode()
    with served(root) as url:
        request = urllib.request.Request(f"{url}/predict", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            predictions = json.load(response)["predictions"]
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(f"{url}/predict", b'{"rows": [{}]}'), timeout=30)
        assert b"request" in urllib.request.urlopen(f"{url}/metrics", timeout=30).read()
    model = signoff_json("status", root=root)["candidate"]["model_digest"]
    assert [prediction["model"] for prediction in predictions] == [model] * 3
    assert all(0 < prediction["probability"] < 1 for prediction in predictions)
    logged = [json.loads(line) for path in (root / ".signoff" / "predictions").glob("*.jsonl") for line in path.open()]
    assert (
        [line["id"] for line in logged] == [prediction["id"] for prediction in predictions] == list(rows["flight_id"])
    )


def story_is_in_git_and_dvc(root: Path) -> None:
    git = Git(root)
    assert git.tags("flights/c") == ["flights/c1", "flights/c2", "flights/c3"]
    assert git.run("status", "--porcelain") == ""
    dvc = Path(sys.executable).with_name("dvc")
    difference = subprocess.run(
        [dvc, "metrics", "diff", "flights/v1", "--json"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "holdout" in json.dumps(json.loads(difference.stdout))
    status = subprocess.run([dvc, "status", "fit", "evaluate"], cwd=root, capture_output=True, text=True, check=True)
    assert "up to date" in status.stdout


def replays_from_a_clone(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    Git(tmp_path).run("clone", "--quiet", str(root), str(clone))
    remote = tmp_path / "remote"
    shutil.copytree(root / ".signoff" / "dvc-remote", remote)
    replayed = signoff_json("replay", "flights/v1", "--remote", remote, root=clone)
    assert replayed["same"]
    assert signoff_json("verify", root=clone)["ok"]


def refuses_changed_bytes(root: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(root, changed, symlinks=True)
    model = (changed / ".signoff" / "champion" / "model" / "model.bin").resolve()
    if not model.is_relative_to(changed):
        pytest.fail("the copy's champion leads out of the copy")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    findings = signoff_json("verify", root=changed, code=1)["findings"]
    assert any("model file" in finding["what"] for finding in findings)
    refusal = subprocess.run(
        [SIGNOFF, "serve", "--workspace", changed, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert refusal.returncode == 4
    assert "model.bin" in refusal.stderr
