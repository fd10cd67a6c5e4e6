"""A small workspace in git whose candidate is finished, for drills."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pandas as pd

from signoff.core.drill import Drill, DrillKind
from signoff.core.progress import Silent
from signoff.core.run import Cause
from signoff.core.stage import StageContext
from signoff.gates import Desk, open_desk
from tasks.drill import drill
from tasks.evaluate import evaluate
from tests.evaluation_workspace import DEFAULTS, fitted, rows, workspace

TRIALS = {"budget": {"trials": 3}, "workers": 1, "families": ["baseline", "linear", "extra_trees"], "folds": 2}


def finished(
    root: Path, task: str, *, champion: bool = False, frame: pd.DataFrame | None = None, **more: Any
) -> StageContext:
    """Stages up to evaluate are done, and everything is committed."""
    frame = rows(task, 1500) if frame is None else frame
    search = {**TRIALS, "metric": DEFAULTS[task]}
    context = workspace(root, task, frame, **{"search": search, **more})
    if champion:
        fitted(context, "linear", folder=context.paths.champion / "model")
    evaluate(context)
    (root / ".gitignore").write_text(".signoff/\ndata/*.parquet\n", encoding="utf-8")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@example.org commit -q -m start"):
        subprocess.run(["git", *command.split()], cwd=root, check=True, capture_output=True)
    return context


def drilled(context: StageContext, kind: str, seed: int = 1, actor: str = "ada") -> tuple[Desk, Drill]:
    """The desk after a drill was opened."""
    found = drill(context.paths.root, DrillKind(kind), seed, Cause(actor=actor), Silent())
    return open_desk(context.project, context.paths), found


def files_of(root: Path) -> dict[str, bytes]:
    """Every file of a workspace but its state and the ledger's."""
    skipped = (".signoff", ".git", "decisions")
    found = (path for path in root.rglob("*") if path.is_file() and path.relative_to(root).parts[0] not in skipped)
    return {str(path.relative_to(root)): path.read_bytes() for path in found}
