"""The flights example from its tables to the release gate: seconds a stage, a second run, memory, `--help`.

    python benchmarks/chain.py [--runs 3] [--trials 4]

Each run is a process of its own, as a person starts it. A run is made stale from the first stage on by moving the
clock a day. The bare baseline is a process that imports Prefect and runs an empty flow against the same kind of
server: a private one that it starts and ends, or one that is up (alone, and with what `signoff up` keeps loaded
beside it). Both are measured in turns in the same session, so
that a busy machine is busy for both. Seconds are wall-clock, and beside them processor seconds of the whole tree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SIGNOFF = Path(sys.executable).with_name("signoff")
FIRST_CLOCK = "2013-04-01"
LIMITS = {"embedded": 20.0, "warm server": 10.0, "signoff up": 10.0, "second run": 2.0, "memory": 2048.0, "help": 0.3}
SAMPLE_SECONDS = 0.2
WAITING = 3


@dataclass(frozen=True)
class Spent:
    """One process and all it started."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    said: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="runs behind each median")
    parser.add_argument("--trials", type=int, default=4, help="trials of the search, which does not count")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        workspace = Path(folder) / "flights"
        spend([str(SIGNOFF), "demo", str(workspace), "--no-run", "--trials", str(asked.trials)])
        # The first run of a workspace also proposes features and expectations.
        first = besides_search(run(workspace, FIRST_CLOCK))
        verdict("first run of a workspace, embedded, without search", [first], LIMITS["embedded"])
        report("embedded", workspace, asked.runs, "2013-04-{:02d}")
        with warm_server(Path(folder)) as url:
            os.environ["PREFECT_API_URL"] = url
            try:
                report("warm server", workspace, asked.runs, "2013-05-{:02d}")
                with resident(workspace):
                    report("signoff up", workspace, asked.runs, "2013-06-{:02d}")
            finally:
                del os.environ["PREFECT_API_URL"]
    command_help()


def report(kind: str, workspace: Path, runs: int, clock: str) -> None:
    """Whole runs, second runs and bare ones in turns, then the ratios."""
    whole, again, bare = [], [], []
    for number in range(runs):
        whole.append(run(workspace, clock.format(number + 2)))
        again.append(run(workspace, None))
        bare.append(spend([sys.executable, str(Path(__file__)), "--bare", str(workspace)]))
    print(f"\n{kind}: medians of {runs}")
    stages = [json.loads(one.said)["stages"] for one in whole]
    for position, first in enumerate(stages[0]):
        print(f"  {first['stage']:10} {statistics.median(found[position]['seconds'] for found in stages):6.2f} s")
    between = [one.seconds - sum(stage["seconds"] for stage in found) for one, found in zip(whole, stages, strict=True)]
    base = statistics.median(one.seconds for one in bare)
    print(f"  {'around':10} {statistics.median(between):6.2f} s; Python and Prefect alone start in {base:.2f} s")
    verdict("a run without search", [besides_search(one) for one in whole], LIMITS[kind])
    print(f"      ratio to the bare flow {statistics.median(map(besides_search, whole)) / base:.2f}")
    verdict("a second run above the bare flow", [one.seconds - base for one in again], LIMITS["second run"])
    quick = statistics.median(one.seconds for one in again)
    print(f"      {quick:.2f} s against {base:.2f} s, ratio {quick / base:.2f}; processor {cpu(again)}, {cpu(bare)} s")
    verdict("peak memory of all processes", [one.peak_mb for one in whole], LIMITS["memory"], "MB")


def verdict(what: str, values: list[float], limit: float, unit: str = "s") -> None:
    middle = statistics.median(values)
    word = "holds" if middle <= limit else "MISSED"
    print(f"  {what}: {middle:.2f} {unit} ({min(values):.2f} to {max(values):.2f}), limit {limit:g} {unit}: {word}")


def cpu(found: list[Spent]) -> str:
    return f"{statistics.median(one.cpu_seconds for one in found):.1f}"


def run(workspace: Path, as_of: str | None) -> Spent:
    clock = ["--as-of", as_of] if as_of else []
    return spend([str(SIGNOFF), "run", "--json", "--workspace", str(workspace), *clock], WAITING)


def besides_search(one: Spent) -> float:
    found: dict[str, float] = {stage["stage"]: stage["seconds"] for stage in json.loads(one.said)["stages"]}
    return one.seconds - found.get("search", 0.0)


def spend(command: list[str], code: int = 0) -> Spent:
    """Run a command; what it and its descendants took.

    Raises:
        RuntimeError: it ended with another code.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        watcher = Watcher(process.pid)
        watcher.start()
        said, _ = process.communicate()
        seconds = time.monotonic() - began
        watcher.end()
        if process.returncode != code:
            errors.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}\n{errors.read().decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(seconds, spent, watcher.peak_mb, said)


class Watcher(threading.Thread):
    """The largest sum of proportional set sizes of a process and its descendants: shared pages count once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_mb = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak_mb = max(self.peak_mb, sum(map(own_share_mb, family(self.pid))))

    def end(self) -> None:
        self._over.set()
        self.join()


def family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(place.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def own_share_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


@contextlib.contextmanager
def warm_server(folder: Path) -> Iterator[str]:
    """A Prefect server of its own home that is up before anything is measured."""
    from flows.prefect_login import login
    from flows.server import start_private
    from signoff.core.paths import Paths

    paths = Paths(folder / "server")
    server = start_private(any_project(), paths)
    try:
        server.wait()
        os.environ["PREFECT_API_AUTH_STRING"] = login(paths)
        yield server.url
    finally:
        os.environ.pop("PREFECT_API_AUTH_STRING", None)
        server.stop()


@contextlib.contextmanager
def resident(workspace: Path) -> Iterator[None]:
    """What `signoff up` keeps loaded beside its Prefect server; memory and processor time of its forks are not seen."""
    with tempfile.TemporaryDirectory(prefix="signoff-") as folder:
        address = Path(folder) / "runs.sock"
        process = subprocess.Popen([sys.executable, "-m", "flows.resident", str(address)], stderr=subprocess.DEVNULL)
        up = workspace / ".signoff" / "up.json"
        up.write_text(json.dumps({"resident": str(address)}), encoding="utf-8")
        try:
            while not address.exists():
                time.sleep(0.1)
            yield
        finally:
            up.unlink()
            process.kill()
            process.wait()


def any_project() -> Any:
    from signoff.core.settings import Project

    data = {"sources": {"rows": {"file": "rows.csv"}}}
    return Project.model_validate({"project": "bench", "question": "?", "task": "binary", "target": "y", "data": data})


def bare(workspace: Path) -> None:
    """Prefect alone: its server as a run has one, its import, one flow that does nothing."""
    from flows.server import prefect_server
    from signoff.core.environment import be_quiet
    from signoff.core.paths import Paths

    be_quiet()
    with prefect_server(any_project(), Paths(workspace)) as server:
        from prefect import flow

        server.wait()
        flow(name="nothing", persist_result=False)(lambda: None)()


def command_help() -> None:
    told = [spend([str(SIGNOFF), "--help"]).seconds for _ in range(7)]
    nothing = [spend([sys.executable, "-c", "pass"]).seconds for _ in range(7)]
    print()
    verdict("signoff --help", told, LIMITS["help"])
    print(f"      ratio to python -c pass {statistics.median(told) / statistics.median(nothing):.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        bare(Path(sys.argv[2]))
    else:
        main()
