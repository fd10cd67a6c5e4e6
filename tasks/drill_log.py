"""The log of a drill's run: of the stages that really ran, told as a run through all of them tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from signoff.core.files import write_text
from signoff.core.paths import Paths
from signoff.core.run import Run
from signoff.core.run_log import LogLine, run_log_path, whole_run_log
from signoff.core.stage import StageContext, StageReport
from signoff.gates import GateOutcome
from tasks.run_log import MOST_BYTES, RunLog

UNCHANGED = "nothing changed"


@contextmanager
def drill_log(folder: Path, run: Run) -> Iterator[RunLog]:
    """A log in the drill's own folder, where nobody looks before the review is open.

    Args:
        folder: the drill's.
        run: under whose name the review will be asked.
    """
    log = RunLog(run_log_path(Paths(folder).runs, run.id))
    log.open()
    log.begin(run)
    _skipped(log, "ingest", "validate")
    with log.part("data gate") as said:
        said.append("passed")
    try:
        yield log
    finally:
        log.close()


def logged(log: RunLog, stage: Callable[[StageContext], StageReport], context: StageContext) -> None:
    """Run a stage, and write it down as a run does."""
    started, name = time.monotonic(), stage.__name__
    log.begin_stage(name)
    report = stage(context)
    log.end_stage(name, "done", time.monotonic() - started, report.summary)


def searched_before(log: RunLog) -> None:
    """The search was not gone through again."""
    _skipped(log, "search")


def finish_log(log: RunLog, runs: Path, run: Run, tag: str, outcome: GateOutcome) -> None:
    """Write down the end, and put the log where those of all runs are.

    Args:
        log: of the drill.
        runs: the folder of the workspace's logs.
        run: with its end.
        tag: that the candidate bears.
        outcome: of the gate, which waits.
    """
    for name, words in (("candidate", (tag,)), ("push", ("0 files pushed",))):
        with log.part(name) as said:
            said += words
    with log.part("release gate") as said:
        said += [outcome.state, *outcome.reasons]
    log.end(run.model_copy(update={"message": outcome.sentence}))
    lines = whole_run_log(log.path, most_bytes=2 * MOST_BYTES)
    text = "".join(f"{line.model_dump_json(exclude_none=True)}\n" for line in last_tries(lines))
    write_text(run_log_path(runs, run.id), text)


def last_tries(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """Of a stage that was run again and again only the last time, for a run goes through each once."""
    lines = tuple(lines)
    begun = {line.stage: place for place, line in enumerate(lines) if line.kind == "stage" and line.state == "started"}
    return tuple(line for place, line in enumerate(lines) if place >= begun.get(line.stage, 0))


def _skipped(log: RunLog, *stages: str) -> None:
    for name in stages:
        started = time.monotonic()
        log.begin_stage(name)
        log.end_stage(name, "skipped", time.monotonic() - started, UNCHANGED)
