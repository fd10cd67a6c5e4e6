"""Write down what a run does while it does it: one line an event, so that a kill loses none that was told."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Run
from signoff.core.run_log import LogLine, SearchPlan, TrialNews, run_log_path
from tasks.listeners import leave, listen

KEPT_RUNS = 200
STEP_SECONDS = 0.5
"""Steps come by the hundred a second; two a second are enough to follow."""
MOST_BYTES = 4_000_000
STEP_BYTES = 1_000_000
"""Behind this size only stages, trials and the end are written down."""
MOST_TEXT = 500


class RunLog:
    """Hears what stages and search say. A log that cannot be written ends; the run goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stage: str | None = None
        self._lock = threading.Lock()
        self._file = -1
        self._size = 0
        self._last_step = 0.0
        self._warnings = _Warnings(self)

    def open(self) -> None:
        """Begin the file, and drop the logs of the oldest runs."""
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _drop_old(self.path.parent)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._size = os.fstat(self._file).st_size
        logging.getLogger().addHandler(self._warnings)

    def close(self) -> None:
        """Write no more."""
        logging.getLogger().removeHandler(self._warnings)
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def step(self, message: str, done: float | None = None) -> None:
        """See Progress."""
        moment = time.monotonic()
        if self.stage is None or moment - self._last_step < STEP_SECONDS or self._size > STEP_BYTES:
            return
        self._last_step = moment
        self._write(LogLine(at=now(), kind="step", stage=self.stage, text=_cut(message), share=_share(done)))

    def search(self, plan: SearchPlan) -> None:
        """See SearchProgress."""
        self._write(LogLine(at=now(), kind="search", stage=self.stage, search=plan))

    def trial(self, news: TrialNews) -> None:
        """See SearchProgress."""
        news = news.model_copy(update={"reason": _cut(news.reason)})
        self._write(LogLine(at=now(), kind="trial", stage=self.stage, trial=news))

    def begin_stage(self, name: str) -> None:
        """A stage has begun, or is looked at."""
        self.stage, self._last_step = name, 0.0
        self._write(LogLine(at=now(), kind="stage", stage=name, state="started"))

    def end_stage(self, name: str, state: str, seconds: float | None = None, summary: str = "") -> None:
        """A stage is done, was skipped, or failed."""
        self.stage, self._last_step = None, 0.0
        text = _cut(summary)
        self._write(LogLine(at=now(), kind="stage", stage=name, state=state, seconds=seconds, text=text))

    @contextmanager
    def part(self, name: str) -> Iterator[list[str]]:
        """A gate, a tag, a push: like a stage; what the block puts into the list is told at its end."""
        started, said = time.monotonic(), list[str]()
        self.begin_stage(name)
        yield said
        self.end_stage(name, "done", round(time.monotonic() - started, 3), "; ".join(said))

    def warn(self, message: str) -> None:
        """What a library thought worth a warning."""
        if self._size <= STEP_BYTES:
            self._write(LogLine(at=now(), kind="warning", stage=self.stage, text=_cut(message)))

    def begin(self, run: Run) -> None:
        """The first line."""
        self._write(LogLine(at=now(), kind="begin", text=_cut(f"{run.flow}: {run.cause.sentence()}")))

    def end(self, run: Run) -> None:
        """The last line."""
        if self.stage is not None:
            self.end_stage(self.stage, "failed")
        self._write(LogLine(at=now(), kind="end", state=run.state.value, text=_cut(run.message)))

    def _write(self, line: LogLine) -> None:
        data = line.model_dump_json(exclude_none=True).encode() + b"\n"
        with self._lock:
            if self._file < 0 or (self._size + len(data) > MOST_BYTES and line.kind != "end"):
                return
            try:
                # One write a line: whoever reads while it grows sees whole lines, and a kill tears none.
                self._size += os.write(self._file, data)
            except OSError:
                os.close(self._file)
                self._file = -1


class _Warnings(logging.Handler):
    """Takes warnings of every library into the log."""

    def __init__(self, log: RunLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        # A message whose arguments do not fit it must not end the run that it warns.
        with suppress(TypeError, ValueError):
            self._log.warn(f"{record.name}: {record.getMessage()}")


@contextmanager
def run_log(paths: Paths, run: Run) -> Iterator[RunLog]:
    """The log of a run, which hears every stage while the block runs."""
    log = RunLog(run_log_path(paths.runs, run.id))
    log.open()
    listen(log)
    log.begin(run)
    try:
        yield log
    finally:
        leave(log)
        log.close()


def _drop_old(folder: Path) -> None:
    """Names begin with the moment of the run, so their order is that of time."""
    logs = sorted(folder.glob("*.jsonl"))
    for path in logs[: max(0, len(logs) - KEPT_RUNS + 1)]:
        for suffix in (".jsonl", ".stop", ".process"):
            path.with_suffix(suffix).unlink(missing_ok=True)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _share(done: float | None) -> float | None:
    return None if done is None else round(min(1.0, max(0.0, done)), 4)
