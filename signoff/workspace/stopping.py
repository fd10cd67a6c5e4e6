"""Stop a run that somebody regrets: ask exactly its process to end, as Ctrl-C would."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from signoff.core.errors import ConflictError, WorkspaceError
from signoff.core.files import explain_os_error, write_text
from signoff.core.paths import Paths
from signoff.core.record import Record
from signoff.core.run_log import run_log_path
from signoff.workspace.lock import holder_of


class RunProcess(Record):
    """Which process a run is: a number alone may be another process's by now."""

    pid: int
    host: str
    boot: str
    started: str


@contextmanager
def may_be_stopped(paths: Paths, run_id: str) -> Iterator[None]:
    """Note which process the run is while the block runs, and let Ctrl-C reach it.

    A process that was started in the background of a script ignores Ctrl-C, and so would this.
    """
    place, before = _process_file(paths, run_id), None
    with suppress(WorkspaceError):
        # Where nothing can be written the run cannot be stopped from outside; it still runs.
        write_text(place, _this_process().model_dump_json())
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
        with suppress(OSError):
            place.unlink(missing_ok=True)


def stop_run(paths: Paths, run_id: str, actor: str) -> None:
    """Ask the process of a run to end. Its row then ends as failed, 'stopped by ACTOR'.

    Raises:
        ConflictError: it does not run here any more.
        WorkspaceError: the process may not be signalled.
    """
    process, holder = _read(_process_file(paths, run_id)), holder_of(paths.state)
    if process is not None and process.host != socket.gethostname():
        raise ConflictError(
            f"the run {run_id} goes on on another machine, which no signal from here reaches",
            where=process.host,
            got=f"process {process.pid}",
            next_step=f"on {process.host}: open the console of its workspace and stop it there, or Ctrl-C where it was"
            f" started, or kill -INT {process.pid}",
        )
    holds = process is not None and holder is not None and str(holder.get("pid")) == str(process.pid)
    if process is None or not holds or process != _now_of(process.pid):
        raise ConflictError(
            f"the run {run_id} does not run any more",
            where=str(paths.root),
            next_step="signoff run: the next run notes what became of it, and goes on with what it left",
        )
    write_text(_stop_file(paths, run_id), " ".join(actor.split()))
    try:
        os.kill(process.pid, signal.SIGINT)
    except OSError as error:
        _stop_file(paths, run_id).unlink(missing_ok=True)
        raise explain_os_error(error, _process_file(paths, run_id)) from error


def stopped_by(paths: Paths, run_id: str) -> str | None:
    """'stopped by NAME', where somebody asked for that."""
    with suppress(OSError, UnicodeDecodeError):
        return f"stopped by {_stop_file(paths, run_id).read_text(encoding='utf-8')[:200]}"
    return None


def runs_here(paths: Paths, run_id: str) -> bool:
    """Whether the run's process is alive on this machine."""
    process, holder = _read(_process_file(paths, run_id)), holder_of(paths.state)
    return process is not None and holder is not None and process == _now_of(process.pid)


def machine() -> str:
    """This machine since it was started: a process number says something here only."""
    return f"{socket.gethostname()} {_boot()}"


def _process_file(paths: Paths, run_id: str) -> Path:
    return run_log_path(paths.runs, run_id).with_suffix(".process")


def _stop_file(paths: Paths, run_id: str) -> Path:
    return run_log_path(paths.runs, run_id).with_suffix(".stop")


def _read(path: Path) -> RunProcess | None:
    try:
        return RunProcess.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _this_process() -> RunProcess:
    return _now_of(os.getpid())


def _now_of(pid: int) -> RunProcess:
    """What the system says of a process now; where it tells nothing, the held lock is all there is to go by."""
    return RunProcess(pid=pid, host=socket.gethostname(), boot=_boot(), started=_start_of(pid))


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _start_of(pid: int) -> str:
    """Clock ticks between boot and the start of a process (proc(5), field 22)."""
    with suppress(OSError, IndexError):
        return (
            (Path("/proc") / str(pid) / "stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[19]
        )
    return ""
