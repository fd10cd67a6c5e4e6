"""Drive Signoff from outside, as a user or a script does: by its command, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SIGNOFF = Path(sys.executable).with_name("signoff")
COMMAND_SECONDS = 240
WHOLE = os.environ.get("SIGNOFF_SLOW") == "1"
"""`make test-slow` plays everything; `make test` a part that is long enough to break on the same faults."""


def signoff(
    *arguments: object,
    root: Path | None = None,
    code: int | None = 0,
    seconds: float = COMMAND_SECONDS,
    **environment: str,
) -> str:
    """Standard output of one command; fails when it exits with another code or shows a traceback."""
    command = [str(SIGNOFF), *(str(argument) for argument in arguments)]
    if root is not None:
        command += ["--workspace", str(root)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, env={**os.environ, **environment}, check=False
    )
    assert "Traceback (most recent call last)" not in done.stderr + done.stdout, done.stderr
    assert code in (None, done.returncode), f"exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def signoff_json(*arguments: object, root: Path, code: int | None = 0, **environment: str) -> Any:
    """The one JSON object of a command."""
    return json.loads(signoff(*arguments, "--json", root=root, code=code, **environment))


@contextmanager
def prefect_api(folder: Path) -> Iterator[str]:
    """A Prefect server of its own, as a team would run one; each command is given its address, and its log-in."""
    from flows.prefect_login import login
    from flows.server import start_private
    from signoff.core.paths import Paths
    from signoff.core.settings import Data, FileSource, Project

    project = Project(
        project="server", question="?", task="binary", target="y", data=Data(sources={"rows": FileSource(file="x.csv")})
    )
    paths = Paths(folder)
    server, before = start_private(project, paths), os.environ.get("PREFECT_API_AUTH_STRING")
    os.environ["PREFECT_API_AUTH_STRING"] = login(paths)
    try:
        server.wait()
        yield server.url
    finally:
        server.stop()
        del os.environ["PREFECT_API_AUTH_STRING"]
        os.environ.update({} if before is None else {"PREFECT_API_AUTH_STRING": before})


def late_table(rows: int = 900, seed: int = 5) -> pd.DataFrame:
    """A small table with a clock: three columns that matter, one that does not, some missing values."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "trip": np.arange(rows),
            "asked_at": pd.date_range("2024-01-01", periods=rows, freq="2h").as_unit("us"),
            "wind": rng.normal(10, 4, rows).round(2),
            "carrier": rng.choice(["north", "south", "west"], rows),
            "distance": rng.integers(100, 3000, rows),
            "noise": rng.normal(size=rows).round(3),
        }
    )
    pull = 0.25 * (frame["wind"] - 10) + (frame["carrier"] == "west") * 1.5 - frame["distance"] / 3000
    frame["late"] = np.where(rng.random(rows) < 1 / (1 + np.exp(-pull)), "yes", "no")
    frame.loc[rng.choice(rows, rows // 30, replace=False), "wind"] = np.nan
    return frame


def small_workspace(
    folder: Path, *, trials: int = 4, families: Sequence[str] = ("baseline", "linear", "hist_boosting")
) -> Path:
    """A workspace made by `signoff init`, with a search in trials so that it is repeatable."""
    table = folder / "trips.csv"
    late_table().to_csv(table, index=False)
    root = folder / "trips"
    signoff("init", table, "--target", "late", "--workspace", root)
    return with_settings(root, {"search": {"budget": {"trials": trials}, "families": list(families)}})


def with_settings(root: Path, changes: dict[str, Any]) -> Path:
    """Change signoff.yaml as a person would: some keys, the rest as it was."""
    import yaml

    path = root / "signoff.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        if isinstance(values, dict):
            settings[section] = {**settings.get(section, {}), **values}
        else:
            settings[section] = values
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return root
