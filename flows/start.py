"""Run a step that was decided on: `python -m flows.start WORKSPACE`, the step as JSON on standard input.

No command for people: whoever may start it may write to the workspace, and the cause it is given was proven by
whoever hands it over.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from signoff.core.environment import be_quiet
from signoff.core.errors import SignoffError, UsageError
from signoff.core.record import Record
from signoff.core.run import Cause, Request

WAIT_SECONDS = 3600
MOST_BYTES = 1_000_000


class StartOrder(Record):
    """Which flow to run, and why."""

    flow: Literal["retrain", "release"]
    cause: Cause
    request: Request = Request()


class _Plain:
    """Steps as lines, for the log of a process without a terminal."""

    def step(self, message: str, done: float | None = None) -> None:
        sys.stderr.write(f"{message}\n")


def start(root: Path, order: StartOrder) -> str:
    """Run a flow in this process; how it ended, in one sentence.

    Raises:
        SignoffError: whatever the flow refuses.
    """
    from flows.launch import run_release, run_retrain

    if order.flow == "release":
        ending = run_release(root, order.cause, _Plain(), WAIT_SECONDS)
    else:
        ending = run_retrain(root, order.cause, order.request, _Plain(), WAIT_SECONDS)
    return f"{ending.run} {ending.state.value}: {ending.message}"


def main() -> int:
    """Read the order, run it; 0 when the run came to an end of its own, else the error's exit code."""
    be_quiet()
    # Started from the background of a script it would ignore Ctrl-C, which is how a run is stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if len(sys.argv) != 2:
            raise UsageError("name the workspace", next_step="python -m flows.start WORKSPACE < STEP.json")
        text = sys.stdin.buffer.read(MOST_BYTES)
        try:
            order = StartOrder.model_validate_json(text)
        except ValidationError as error:
            raise UsageError("the step cannot be read", where="standard input", got=error.errors()[0]["msg"]) from error
        sys.stderr.write(start(Path(sys.argv[1]), order) + "\n")
    except SignoffError as error:
        sys.stderr.write(error.sentence() + "\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
