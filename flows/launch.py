"""Run a flow from any process: with the server that is up, else with a private one. Loads Prefect only on use."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal

from flows.asking import ask
from flows.server import Server, prefect_server, read_up, server_that_is_up
from signoff.core.monitoring import WindowRequest
from signoff.core.paths import Paths
from signoff.core.progress import Progress
from signoff.core.record import Record
from signoff.core.run import Cause, Request
from signoff.core.settings_file import load_project
from tasks.ahead import worth_loading
from tasks.listeners import listen
from tasks.passage import Ending


class Question(Record):
    """A run that is asked for: which flow, with what."""

    flow: Literal["retrain", "release", "watch"]
    workspace: Path
    cause: Cause
    request: Request = Request()
    window: WindowRequest = WindowRequest()
    wait_seconds: float = 0


def run_retrain(root: Path, cause: Cause, request: Request, progress: Progress, wait_seconds: float = 0) -> Ending:
    """The retrain flow."""
    asked = Question(flow="retrain", workspace=root, cause=cause, request=request, wait_seconds=wait_seconds)
    return _run(asked, progress)


def run_release(root: Path, cause: Cause, progress: Progress, wait_seconds: float = 600) -> Ending:
    """The release flow."""
    return _run(Question(flow="release", workspace=root, cause=cause, wait_seconds=wait_seconds), progress)


def run_watch(root: Path, cause: Cause, window: WindowRequest, progress: Progress, wait_seconds: float = 0) -> Ending:
    """The watch flow."""
    asked = Question(flow="watch", workspace=root, cause=cause, window=window, wait_seconds=wait_seconds)
    return _run(asked, progress)


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


def _run(question: Question, progress: Progress) -> Ending:
    """By the resident of `signoff up`, which starts at once, else in this process."""
    ending = ask(Paths(question.workspace), question.as_json(), progress)
    return perform(question, progress) if ending is None else Ending.model_validate(ending)


def perform(question: Question, progress: Progress) -> Ending:
    """Run a flow in this process, with the Prefect server that is up or a private one.

    Raises:
        SignoffError: what the run refuses.
    """
    paths = Paths(question.workspace)
    with prefect_server(load_project(question.workspace), paths) as server:
        progress.step("starting the Prefect server" if server.process else "calling the Prefect server")
        import flows.retrain  # noqa: F401  loading takes seconds, and so does the server's start

        _load_while_starting(server, paths, question.request)
        server.wait()
        listen(progress)
        state = _call(question)
        ending = state.result(raise_on_failure=True)
        assert isinstance(ending, Ending)
        return ending


def _call(question: Question) -> Any:
    common = (question.workspace, question.cause)
    if question.flow == "retrain":
        from flows.retrain import retrain

        return retrain(*common, question.request, question.wait_seconds, return_state=True)
    if question.flow == "release":
        from flows.release import release

        return release(*common, question.wait_seconds, return_state=True)
    from flows.watch import watch

    return watch(*common, question.window, question.wait_seconds, return_state=True)


def _load_while_starting(server: Server, paths: Paths, request: Request) -> None:
    for module in worth_loading(paths, request):
        if server.ready():
            return
        importlib.import_module(module)
