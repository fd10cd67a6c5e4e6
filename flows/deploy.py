"""Schedules from signoff.yaml as Prefect deployments, and the process that works them off."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from flows.prefect_login import proof_of
from flows.server import client_environment, is_of_up, refresh_settings
from signoff.core.environment import be_quiet
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request
from signoff.core.settings import Project
from signoff.core.settings_file import load_project

FLOWS = ("retrain", "release", "watch")
PARALLEL_RUNS = 2


def deployments(project: Project, root: Path) -> list[Any]:
    """One deployment a flow, named after the project; retrain and watch with their cron lines.

    Returns:
        Prefect's runner deployments, in the order of FLOWS.
    """
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.release import release
    from flows.retrain import retrain
    from flows.watch import watch

    crons = {"retrain": project.schedule.retrain, "watch": project.schedule.watch}
    made = []
    for name, flow in (("retrain", retrain), ("release", release), ("watch", watch)):
        cron = crons.get(name)
        made.append(
            flow.to_deployment(
                name=project.project,
                schedule=Cron(cron, timezone=project.schedule.timezone) if cron else None,
                parameters=_parameters(root),
                entrypoint_type=EntrypointType.MODULE_PATH,
                description=project.question,
                tags=["signoff", project.project],
            )
        )
    return made


def _parameters(root: Path) -> dict[str, Any]:
    cause = Cause(kind="schedule", actor="schedule")
    return {"workspace": str(root), "cause": cause.as_json(), "wait_seconds": 3600}


def start_deployment(url: str, paths: Paths, project: str, flow: str, parameters: dict[str, Any]) -> str:
    """Ask the workers to run a flow now, in proof of who wants it; returns the flow run's id without waiting for it."""
    cause = Cause.model_validate(parameters["cause"])
    request = Request.model_validate(parameters.get("request", {}))
    parameters = {**parameters, "proof": proof_of(paths, flow, cause, request)}
    os.environ.update(client_environment(paths, url, own=is_of_up(paths, url)))
    refresh_settings()
    from prefect.deployments import run_deployment

    run = run_deployment(name=f"{flow}/{project}", parameters=parameters, timeout=0)
    return str(run.id)  # type: ignore[union-attr]


def main() -> None:
    """`python -m flows.deploy WORKSPACE`: register the deployments and work off their runs until ended."""
    be_quiet()
    os.environ["PREFECT_RUNNER_POLL_FREQUENCY"] = "2"
    from prefect import serve

    root = Path(sys.argv[1])
    serve(*deployments(load_project(root), root), limit=PARALLEL_RUNS, pause_on_shutdown=False)


if __name__ == "__main__":
    main()
