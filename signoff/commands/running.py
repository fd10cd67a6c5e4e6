"""`signoff run`, `monitor` and `stage`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from signoff.commands.budget import budget_of
from signoff.commands.clock import clock_request, parse_clock
from signoff.commands.output import Terminal, print_json, root_of
from signoff.commands.proof import starter
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request, RunState, Steering, load_run_settings
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from signoff.gates import Step
    from tasks.passage import Ending


EXIT_CODES = {RunState.WAITING: 3, RunState.REJECTED: 4, RunState.FAILED: 5}


def run_retrain(
    workspace: Path,
    as_of: str | None,
    note: str,
    actor: str | None,
    password_stdin: bool,
    wait: float,
    as_json: bool,
    seconds: float | None = None,
    trials: int | None = None,
) -> int:
    """Run the flow and print how it ended; the exit code says so too."""
    from flows.launch import run_retrain as launch

    root = root_of(workspace)
    request = _request(root, as_of, seconds, trials)
    wished = request.steering.budget if request.steering else None
    note = "; ".join(said for said in (note, f"budget {wished.sentence}" if wished else "") if said)
    cause = Cause(kind="hand", actor=_starter(root, actor, password_stdin), note=note)
    left = _left_to_do(root)
    with Terminal() as terminal:
        if left is not None:
            if not as_json:
                terminal.say(f"takes up what {left.cause.actor} asked for and nobody has carried out")
            asked = (left.request.steering or Steering()).merged(request.steering or Steering())
            cause, request = _taken_up(left, cause), request.model_copy(update={"steering": asked})
        ending = launch(root, cause, request, terminal, wait)
    print_ending(root, ending, as_json)
    return EXIT_CODES.get(ending.state, 0)


def run_watch(
    workspace: Path,
    as_of: str | None,
    file: Path | None,
    html: bool,
    actor: str | None,
    password_stdin: bool,
    wait: float,
    as_json: bool,
) -> int:
    """Look at a window; what an alert started is told too. Exit code 3 when that waits for a person."""
    from flows.launch import run_watch as launch
    from signoff.core.monitoring import WindowRequest

    root = root_of(workspace)
    clock = parse_clock(as_of) if as_of and as_of != "now" else None
    window = WindowRequest(as_of=clock, file=str(file.resolve()) if file else None, html=html)
    cause = Cause(kind="hand", actor=_starter(root, actor, password_stdin), note="monitor")
    with Terminal() as terminal:
        ending = launch(root, cause, window, terminal, wait)
    if as_json:
        after = None if ending.state is RunState.DONE else ending.model_dump(mode="json", exclude={"watched"})
        print_json({**(ending.watched or {}), "run": after})
    else:
        from signoff.commands.summary import print_window

        print_window(root, ending)
    return EXIT_CODES.get(ending.state, 0)


def _request(root: Path, as_of: str | None, seconds: float | None, trials: int | None) -> Request:
    """The clock and the budget of a run; what a trial may use of memory stays as it is."""
    before = load_run_settings(Paths(root).run).steering.budget or load_project(root).search.budget
    budget = budget_of(seconds, trials, before.memory_mb)
    steering = Steering(budget=budget) if budget is not None else None
    return clock_request(as_of).model_copy(update={"steering": steering})


def _left_to_do(root: Path) -> Step | None:
    """The oldest retrain that a decision asked for and that was killed, or never began; where no console looks."""
    from signoff.commands.settling import settle_left
    from signoff.gates import open_desk, pending_steps
    from signoff.gates.pointer import mend_pointer

    desk = open_desk(load_project(root), Paths(root))
    with closing(desk.store):
        settle_left(desk)
        mend_pointer(desk)
        steps = pending_steps(desk)
    return next((step for step in steps if step.flow == "retrain" and step.cause.reference), None)


def _taken_up(left: Step, cause: Cause) -> Cause:
    """The run answers the decision; whoever starts it stands behind it too, with those whom the decision names."""
    note = "; ".join(said for said in (f"for {left.cause.actor}: {left.cause.note}", cause.note) if said)
    return Cause(kind=left.cause.kind, actor=cause.actor, reference=left.cause.reference, note=note)


def _starter(root: Path, actor: str | None, password_stdin: bool) -> str:
    """Whom the run's cause names."""
    from signoff.store import open_store

    project = load_project(root)
    with closing(open_store(project, Paths(root))) as store:
        return starter(store, project.project, actor, password_stdin)


def print_ending(root: Path, ending: Ending, as_json: bool) -> None:
    """What was done, what was found, what to type next."""
    if as_json:
        print_json(ending.as_json())
        return
    from signoff.commands.summary import print_summary

    print_summary(root, ending)


def run_stage(workspace: Path, name: str) -> None:
    """One stage's function, in this process and without Prefect."""
    from signoff.core.stage import open_context
    from tasks.runner import prepare_inputs, stage_function

    root = root_of(workspace)
    function = stage_function(name)
    with Terminal() as terminal:
        context = open_context(root, terminal)
        prepare_inputs(name, context)
        report = function(context)
    sys.stdout.write(f"{name}: {report.summary}\n")
