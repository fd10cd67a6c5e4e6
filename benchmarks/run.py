"""What `make bench` runs: each measurement beside its bare baseline, in turns on the same machine.

    python benchmarks/run.py [chain] [search] [serving] [windows] [console] [ledger]

Each is a process of its own; without names all six run, in six to eleven minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("chain", "search", "serving", "windows", "console", "ledger")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when not given")
    names = parser.parse_args().names or NAMES
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose of {', '.join(NAMES)}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        for name in names:
            began = time.monotonic()
            print(f"== {name}", flush=True)
            ended = run(name, Path(folder))
            failed += ended != 0
            print(
                f"   {name}: {'done' if ended == 0 else f'FAILED with {ended}'} in {time.monotonic() - began:.0f} s\n"
            )
    return 1 if failed else 0


def run(name: str, folder: Path) -> int:
    """One benchmark in its short form; its exit code."""
    if name == "chain":
        return script("chain.py", "--runs", "2")
    if name == "windows":
        return script("windows.py", "--rounds", "4")
    if name == "console":
        return script("console.py")
    if name == "ledger":
        return script("ledger.py", "3000")
    if name == "search":
        return script("made_tables.py", str(folder / "tables")) or script(
            "search_vs_default.py", str(folder / "tables"), "--seconds", "15", "--rows", "6000"
        )
    return script("released.py", str(folder / "released")) or script("serving.py", str(folder / "released"), "4")


def script(file: str, *arguments: str) -> int:
    environment = {
        **os.environ,
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONPATH": str(HERE.parent),
    }
    command = [sys.executable, str(HERE / file), *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
