"""Run a flow from any process: with the server that is up, else with a private one. Loads Prefect only on use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.server import Server, prefect_server, read_up, server_that_is_up
from signoff.core.monitoring import WindowRequest
from signoff.core.paths import Paths
from signoff.core.progress import Progress
from signoff.core.run import Cause, Request
from signoff.core.settings_file import load_project
from tasks.ahead import worth_loading
from tasks.listeners import listen
from tasks.passage import Ending


def run_retrain(root: Path, cause: Cause, request: Request, progress: Progress, wait_seconds: float = 0) -> Ending:
    """The retrain flow, in this process."""

    def call() -> Any:
        from flows.retrain import retrain

        return retrain(root, cause, request, wait_seconds, return_state=True)

    return _run(root, progress, call, request)


def run_release(root: Path, cause: Cause, progress: Progress, wait_seconds: float = 600) -> Ending:
    """The release flow, in this process."""

    def call() -> Any:
        from flows.release import release

        return release(root, cause, wait_seconds, return_state=True)

    return _run(root, progress, call)


def run_watch(root: Path, cause: Cause, window: WindowRequest, progress: Progress, wait_seconds: float = 0) -> Ending:
    """The watch flow, in this process."""

    def call() -> Any:
        from flows.watch import watch

        return watch(root, cause, window, wait_seconds, return_state=True)

    return _run(root, progress, call)


def hand_over(root: Path, flow: str, parameters: dict[str, Any]) -> str | None:
    """Let the workers of `signoff up` run a flow; the flow run's id, or None where nobody could take it."""
    paths = Paths(root)
    if not read_up(paths).get("deployments"):
        return None
    url = server_that_is_up(paths)
    if url is None:
        return None
    from flows.deploy import start_deployment

    return start_deployment(url, paths, load_project(root).project, flow, parameters)


def _run(root: Path, progress: Progress, call: Callable[[], Any], request: Request | None = None) -> Ending:
    paths = Paths(root)
    with prefect_server(load_project(root), paths) as server:
        progress.step("starting the Prefect server" if server.process else "calling the Prefect server")
        import flows.retrain  # noqa: F401  loading takes seconds, and so does the server's start

        if request is not None:
            _load_while_starting(server, paths, request)
        server.wait()
        listen(progress)
        state = call()
        ending = state.result(raise_on_failure=True)
        assert isinstance(ending, Ending)
        return ending


def _load_while_starting(server: Server, paths: Paths, request: Request) -> None:
    for module in worth_loading(paths, request):
        if server.ready():
            return
        importlib.import_module(module)
