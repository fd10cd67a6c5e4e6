"""`python killed_run.py WORKSPACE POINT`: a run that is killed with SIGKILL at a named point. Nothing may clean up.

POINT is `STAGE:before`, `STAGE:after` (its files are written, DVC has not recorded them) or `gate:NAME`
(the review is in the store, the run has not ended), `candidate` (committed, not tagged) or `switch` (the champion
is in place, the release is not in the ledger).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    import tasks.gates
    import tasks.releasing
    import tasks.runner
    from signoff.ledger import Ledger
    from signoff.workspace.git import Git

    name, _, moment = point.partition(":")
    original = tasks.runner.stage_function

    def stage_function(stage: str) -> Any:
        function = original(stage)
        if stage != name:
            return function

        def killed(context: Any) -> Any:
            if moment == "before":
                die()
            function(context)
            return die()

        return killed

    tasks.runner.stage_function = stage_function
    if name == "gate":
        passing = tasks.gates.pass_gate

        def pass_gate(desk: Any, gate: str, **facts: Any) -> Any:
            outcome = passing(desk, gate, **facts)
            if gate == moment:
                die()
            return outcome

        tasks.gates.pass_gate = pass_gate
    if name == "candidate":
        Git.tag = lambda self, tag, message: die()  # type: ignore[method-assign,assignment]
    if name == "switch":
        Ledger.record_release = lambda self, release: die()  # type: ignore[method-assign,assignment]


def main() -> None:
    from signoff.core.environment import be_quiet

    be_quiet()
    from flows.launch import run_release, run_retrain
    from signoff.core.progress import Silent
    from signoff.core.run import Cause, Request

    root, point = Path(sys.argv[1]), sys.argv[2]
    arm(point)
    cause = Cause(kind="hand", actor="test", note=point)
    if len(sys.argv) > 3:
        run_release(root, cause, Silent())
    else:
        run_retrain(root, cause, Request(), Silent())


if __name__ == "__main__":
    main()
