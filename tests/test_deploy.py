"""Schedules reach a real Prefect server, by prefect.yaml and from signoff.yaml alike."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.deploy import deployments
from signoff.core.settings_file import load_project
from tests.chain import prefect_api

ROOT = Path(__file__).parents[1]


def test_the_deployments_follow_signoff_yaml() -> None:
    project = load_project(ROOT)
    made = {deployment.flow_name: deployment for deployment in deployments(project, ROOT)}
    assert set(made) == {"retrain", "release", "watch"}
    assert {deployment.name for deployment in made.values()} == {"flights"}
    assert made["retrain"].schedules[0].schedule.cron == project.schedule.retrain
    assert made["watch"].schedules[0].schedule.cron == project.schedule.watch
    assert not made["release"].schedules


def test_prefect_yaml_says_what_signoff_yaml_says() -> None:
    schedule = load_project(ROOT).schedule
    crons = {
        deployment["entrypoint"]: [(one["cron"], one["timezone"]) for one in deployment.get("schedules", [])]
        for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    }
    assert crons == {
        "flows/retrain.py:retrain": [(schedule.retrain, schedule.timezone)],
        "flows/watch.py:watch": [(schedule.watch, schedule.timezone)],
        "flows/release.py:release": [],
    }


@pytest.mark.slow
def test_prefect_deploy_takes_prefect_yaml(tmp_path: Path) -> None:
    prefect = Path(sys.executable).with_name("prefect")
    with prefect_api(tmp_path) as url:
        environment = {**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(tmp_path / "home")}

        def run(*arguments: str) -> None:
            command = [prefect, "--no-prompt", *arguments]
            subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120, check=True)

        run("work-pool", "create", "signoff", "--type", "process")
        run("deploy", "--all")
        found = ask(f"{url}/deployments/filter")
    assert {deployment["entrypoint"] for deployment in found} == {
        f"flows/{name}.py:{name}" for name in ("retrain", "watch", "release")
    }


def ask(url: str) -> Any:
    known = "Basic " + base64.b64encode(os.environ["PREFECT_API_AUTH_STRING"].encode()).decode()
    request = urllib.request.Request(url, b"{}", {"content-type": "application/json", "authorization": known})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)
