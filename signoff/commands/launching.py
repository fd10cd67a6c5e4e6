"""What the console starts: each run in a process of its own, which outlives the console."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from signoff.commands.settling import commit_decision, settle
from signoff.core.environment import QUIET
from signoff.core.errors import ConflictError, ServiceError, SignoffError
from signoff.core.files import write_json
from signoff.core.paths import Paths
from signoff.core.record import Moment, Record, now
from signoff.core.run import Cause, Request, RunState, Steering

if TYPE_CHECKING:
    from signoff.gates import Desk, Ruling
    from signoff.gates.following import Step

log = logging.getLogger("signoff.console")
FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3600
ELSEWHERE_SECONDS = 900
"""How long a start on another machine counts where no run of it is seen to begin."""

MARKS = "started.json"
"""In .signoff: what was started and not seen to begin yet, so that no second console starts it again."""


class Start(Record):
    """A run that a person started by some console of the database."""

    machine: str
    pid: int
    began: str
    moment: Moment


class Launcher:
    """Starts what decisions and people ask for. Shared by threads."""

    def __init__(self, desk_of: Callable[[str], Desk]) -> None:
        self._desk_of = desk_of
        self._lock = threading.Lock()
        self._running: list[tuple[Path, subprocess.Popen[bytes]]] = []

    def start(self, project: str, cause: Cause, request: Request) -> str:
        """Start a retrain.

        Raises:
            ConflictError: what was started for this project by this console, or by another one of its database, has
                not ended; each waits in a process of its own.
        """
        from signoff.workspace.stopping import machine

        desk = self._desk_of(project)
        order = {"flow": "retrain", "cause": cause.as_json(), "request": request.as_json()}
        self.reap()
        with self._lock, desk.store.transaction():
            # The database's write lock: of consoles that start at once, one looks after the other has written.
            here = any(root == desk.paths.root for root, _ in self._running)
            if here or _goes_on(desk, _read_start(desk.store.last_start()), machine()):
                raise ConflictError(
                    f"a run of {project} that was started {'here' if here else 'by another console'} has not ended",
                    allowed="one at a time",
                    next_step="wait for its end, or stop it, at /runs",
                )
            process = self._spawn(desk.paths, order)
            start = Start(machine=machine(), pid=process, began=_began(process), moment=now())
            desk.store.note_start(start.model_dump_json())
        return "a retrain was started"

    def follow(self, project: str, ruling: Ruling) -> str:
        """Settle what a decision settles, and start what it asks for."""
        from signoff.gates.following import next_step

        desk = self._desk_of(project)
        settle(desk, ruling)
        threading.Thread(target=self._commit, args=(desk, ruling), daemon=True).start()
        step = next_step(ruling)
        if step is None or self.begin(desk, step, fresh=True) is None:
            return ""
        return f"the {step.flow} was started"

    def begin(self, desk: Desk, step: Step, *, fresh: bool = False) -> int | None:
        """Start a step; the process, or None where it was started already or has to wait for its next try.

        Args:
            desk: of the project.
            step: what a decision asks for.
            fresh: the decision was taken just now, so that marks of earlier ones with the same cause say nothing.
        """
        with self._lock, desk.store.transaction():
            # The marks lie in the workspace, and the database's write lock is for all consoles that look at them.
            marks = _read_marks(desk.paths)
            key = _key_of(step)
            if fresh:
                marks.pop(key, None)
            if not _is_due(marks.get(key)):
                return None
            process = self._spawn(desk.paths, step.as_json())
            tries = marks.get(key, {}).get("tries", 0) + 1
            kept = {name: mark for name, mark in marks.items() if time.time() - mark["moment"] < 86_400}
            kept[key] = {"pid": process, "began": _began(process), "moment": time.time(), "tries": tries}
            write_json(desk.paths.state / MARKS, kept)
            return process

    def stop(self, project: str, run_id: str, actor: str = "") -> None:
        """Ask a run to end as Ctrl-C would."""
        from signoff.workspace.stopping import stop_run

        stop_run(self._desk_of(project).paths, run_id, actor)

    def check(self, project: str, changes: Steering) -> None:
        """Refuse wishes that the next run could not fulfil."""
        from signoff.commands.reviews import refuse_hopeless

        refuse_hopeless(self._desk_of(project).paths.root, changes)

    def reap(self) -> None:
        """Take leave of processes that have ended."""
        with self._lock:
            self._running = [(root, one) for root, one in self._running if one.poll() is None]

    def end_all(self, seconds: float = 10) -> None:
        """Ask every run that was started here to end, as `signoff up` does with all its children."""
        with self._lock:
            alive = [one for _, one in self._running if one.poll() is None]
        for one in alive:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGINT)
        deadline = time.monotonic() + seconds
        for one in alive:
            try:
                one.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(one.pid, signal.SIGKILL)
                one.wait()

    def _commit(self, desk: Desk, ruling: Ruling) -> None:
        try:
            if not commit_decision(desk.paths.root, ruling):
                log.info("a run holds %s; it will commit the decision's file", desk.paths.root)
        except SignoffError as error:
            # The entry is signed, in the table and on disk; the next run commits its file.
            log.error("the file of entry %d is not in git yet: %s", ruling.entry.sequence, error.sentence())

    def _spawn(self, paths: Paths, order: dict[str, Any]) -> int:
        output = paths.state / "logs" / "started.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            with output.open("ab") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", "flows.start", str(paths.root)],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    cwd=paths.root,
                    env={**os.environ, **QUIET},
                )
            assert process.stdin is not None
            process.stdin.write(json.dumps(order).encode())
            process.stdin.close()
        except OSError as error:
            raise ServiceError("the run could not be started", where=str(paths.root), got=error) from error
        self._running.append((paths.root, process))
        return process.pid


def _key_of(step: Step) -> str:
    return f"{step.flow} {step.cause.kind} {step.cause.reference or ''} {step.cause.actor} {step.cause.note}"[:300]


def _is_due(mark: dict[str, Any] | None) -> bool:
    """Whether a step may be started: never twice at once, and after a failure with a growing pause."""
    if mark is None:
        return True
    if mark["began"] and _began(mark["pid"]) == mark["began"]:
        return False
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (mark["tries"] - 1), LONGEST_PAUSE_SECONDS)
    return bool(time.time() - mark["moment"] > pause)


def _read_start(text: str | None) -> Start | None:
    try:
        return Start.model_validate_json(text) if text else None
    except ValidationError:
        # Another version wrote it: a second run at worst, which waits for the workspace.
        return None


def _goes_on(desk: Desk, start: Start | None, here: str) -> bool:
    """Whether a started run has not ended: by its process on this machine, else by the rows of runs."""
    if start is None:
        return False
    if start.machine == here:
        return bool(start.began) and _began(start.pid) == start.began
    begun = desk.store.runs(flows=("retrain",), since=start.moment)
    if begun:
        return any(run.state is RunState.RUNNING for run in begun)
    return (now() - start.moment).total_seconds() < ELSEWHERE_SECONDS


def _read_marks(paths: Paths) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads((paths.state / MARKS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Without marks a step is started again, which finds that nothing is left to do.
        return {}
    return found


def _began(pid: int) -> str:
    """When a process began, in the system's ticks, so that its number taken by another is noticed; '' when it ended."""
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
