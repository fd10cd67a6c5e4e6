"""The process that holds the data and forks one child a trial; run as `python -m models.search.nursery SPEC`.

A trial in a child of its own can be killed at any moment, cannot hurt another, and starts in milliseconds because
libraries and rows are loaded once. Orders come as JSON lines on standard input, results go as JSON lines to
standard output; the end of standard input is the end of the nursery and of all its children.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import selectors
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WATCH_SECONDS = 0.1
"""Time between two looks at the memory of the children."""
BACKSTOP = 1.5
"""The kernel refuses memory at this multiple of the limit, for a trial that is quicker than the watch."""
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A running trial."""

    pid: int
    number: int
    pipe: int
    started: float
    heard: bytearray = field(default_factory=bytearray)
    over_memory: bool = False


class Nursery:
    """Forks, listens, watches and reaps."""

    def __init__(self, bench: Any, answers: int, memory_mb: int | None) -> None:
        self._bench, self._answers, self._memory_mb = bench, answers, memory_mb
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)
        self._orders = bytearray()

    def serve(self) -> None:
        """Take orders until standard input ends."""
        while True:
            for key, _ in self._selector.select(WATCH_SECONDS if self._memory_mb and self._children else None):
                if key.fd == 0 and not self._take_orders():
                    self._kill_all()
                    return
                if key.fd in self._children:
                    self._hear(self._children[key.fd])
            self._watch_memory()

    def _take_orders(self) -> bool:
        data = os.read(0, 65536)
        self._orders += data
        *lines, rest = bytes(self._orders).split(b"\n")
        self._orders = bytearray(rest)
        for line in lines:
            self._fork(json.loads(line))
        return bool(data)

    def _fork(self, order: dict[str, Any]) -> None:
        reader, writer = os.pipe()
        mother = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _be_a_child(mother, self._memory_mb)
            _run_and_leave(self._bench, order, writer)
        os.close(writer)
        self._children[reader] = Child(pid, order["number"], reader, time.monotonic())
        self._selector.register(reader, selectors.EVENT_READ)

    def _hear(self, child: Child) -> None:
        if data := os.read(child.pipe, 65536):
            child.heard += data
            return
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        del self._children[child.pipe]
        _, status = os.waitpid(child.pid, 0)
        try:
            result = json.loads(child.heard)
        except ValueError:
            result = self._obituary(child, os.waitstatus_to_exitcode(status))
        write_line(self._answers, {"event": "result", "result": result})

    def _obituary(self, child: Child, code: int) -> dict[str, Any]:
        reason = f"it took more than {self._memory_mb} MB" if child.over_memory else _death(code)
        state = "memory" if child.over_memory else "failed"
        seconds = round(time.monotonic() - child.started, 3)
        return {"number": child.number, "state": state, "seconds": seconds, "reason": reason}

    def _watch_memory(self) -> None:
        for child in self._children.values() if self._memory_mb else ():
            if not child.over_memory and own_memory_mb(child.pid) > (self._memory_mb or 0):
                child.over_memory = True
                os.kill(child.pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)


def own_memory_mb(pid: int) -> float:
    """Memory that a process does not share with its mother, in MB; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    private = (line.split() for line in text.splitlines() if line.startswith("Private_"))
    return sum(int(words[1]) for words in private) / 1024


def write_line(place: int, value: dict[str, Any]) -> None:
    """One JSON line, whole, to a file descriptor."""
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(place, data) :]


def _be_a_child(mother: int, memory_mb: int | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != mother:
            os._exit(1)
    if memory_mb:
        limit = _data_segment() + int(memory_mb * BACKSTOP * 1024 * 1024)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_segment() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def _run_and_leave(bench: Any, order: dict[str, Any], writer: int) -> None:
    from models.search.orders import Order

    code = 70
    try:
        write_line(writer, bench.run(Order.model_validate(order)).as_json())
        code = 0
    finally:
        # Not sys.exit: the child must not run what the mother registered for her own end.
        os._exit(code)


def _death(code: int) -> str:
    if code >= 0:
        return f"its process ended with code {code} and without a result"
    try:
        return f"its process was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"its process was ended by signal {-code}"


def main() -> None:
    """Load what the spec names, say that all is ready, take orders."""
    spec = json.loads(Path(sys.argv[1]).read_bytes())
    answers = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from signoff.core.errors import SignoffError

    try:
        bench = _load(spec)
    except SignoffError as error:
        names = ("what", "where", "got", "allowed", "next_step")
        parts = {name: getattr(error, name) for name in names}
        write_line(answers, {"event": "refused", "kind": type(error).__name__, "error": parts})
        return
    gc.freeze()
    write_line(answers, {"event": "ready", "rows": len(bench.frame), "classes": list(bench.target.classes)})
    Nursery(bench, answers, spec["memory_mb"]).serve()
    shutil.rmtree(Path(sys.argv[1]).parent, ignore_errors=True)


def _load(spec: dict[str, Any]) -> Any:
    import importlib

    import pyarrow

    from models.search.workbench import Workbench
    from signoff.core.data import FeaturePlan
    from signoff.core.settings import Project

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    for name in spec["preload"]:
        importlib.import_module(name)
    project, plan = Project.model_validate(spec["project"]), FeaturePlan.model_validate(spec["plan"])
    bench = Workbench(project, plan, Path(spec["train"]), Path(sys.argv[1]).parent)
    bench.warm_up(spec["families"])
    return bench


if __name__ == "__main__":
    main()
