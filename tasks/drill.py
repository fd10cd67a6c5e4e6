"""Make a bad candidate from what the workspace holds, beside it and never in it, and put it before the reviewers."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from signoff import __version__
from signoff.core.candidate import Candidate, Code
from signoff.core.data import Snapshot
from signoff.core.drill import Drill, DrillKind
from signoff.core.errors import ConflictError, StageError, WorkspaceError
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json, write_json, write_text
from signoff.core.paths import Paths
from signoff.core.progress import Progress
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState, load_run_settings
from signoff.core.search import Leaderboard, Recipe
from signoff.core.settings import Budget, Project, State
from signoff.core.settings_file import load_project
from signoff.core.stage import StageContext
from signoff.core.tables import read_table, write_table
from signoff.gates import open_desk
from signoff.gates.drilling import BadCandidate, open_drill, refuse_while_open, refuse_without_people
from signoff.ledger import champion
from signoff.workspace.git import Git
from signoff.workspace.lock import workspace_lock
from signoff.workspace.scratch import scratch_folder
from tasks.drill_log import drill_log, finish_log, logged, searched_before
from tasks.listeners import Listeners

if TYPE_CHECKING:
    from models.drill import Bench, Fault, Shown
    from tasks.run_log import RunLog

R = TypeVar("R", bound=BaseModel)
WAIT_SECONDS = 600.0
"""How long a finished drill waits for a run to end before it is put before the reviewers."""


def drill(
    root: Path, kind: DrillKind, seed: int, cause: Cause, progress: Progress, budget: Budget | None = None
) -> Drill:
    """Build a seeded bad candidate with the real stages in a scratch folder, and open its release review.

    Nothing of the workspace is written but what a review is: rows in the state database, and one sealed ledger entry.

    Args:
        root: of the workspace, which holds a finished candidate.
        kind: what shall be wrong with it.
        seed: of everything that is drawn.
        cause: who starts it, and the note that the review shows as the reason of its run.
        progress: told of each step.
        budget: of the search; the project's own when not given.

    Raises:
        ConflictError: a release review is open.
        RefusedError: this project cannot have a drill of this kind, or its release gate asks nobody.
        WorkspaceError: there is no finished candidate to start from.
    """
    paths, project, started = Paths(root), load_project(root), now()
    desk = open_desk(project, paths)
    refuse_without_people(project)
    refuse_while_open(desk)
    git = Git(root)
    with scratch_folder(paths.state) as folder:
        with workspace_lock(paths.state, "reading the candidate", cause.actor):
            context = _copied(paths, project, folder, progress, budget)
            before = _read(paths.evidence, EvidenceSet)
            code = Code(commit=git.head(), dirty=git.dirty(), signoff=__version__)
        run = _run(started, cause, context)
        with drill_log(folder, run) as log:
            context = replace(context, progress=Listeners(progress, log))
            shown = _make(context, kind, seed, before, log)
            bad = _bad(context, kind, seed, shown, code)
            if desk.store.candidate(bad.candidate.digest) is not None:
                raise ConflictError("this candidate was asked about already", next_step="another --seed")
            progress.step("opening the review", 0.98)
            # A run takes its tag under the same lock, so that no two candidates bear one.
            with workspace_lock(paths.state, "opening a review", cause.actor, WAIT_SECONDS):
                # Decisions of an older key or another clone are sorted out before the question is asked.
                desk.ledger.reconcile()
                tag = git.next_tag(f"{project.project}/c", [one.tag for one in desk.store.candidates()])
                run = run.model_copy(update={"ended": now(), "candidate": bad.candidate.digest})
                bad = bad.model_copy(update={"tag": tag})
                return open_drill(desk, bad, run, tell=lambda asked: finish_log(log, paths.runs, run, tag, asked))


def _run(started: datetime, cause: Cause, context: StageContext) -> Run:
    return Run(
        id=f"{started:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        flow="retrain",
        cause=cause,
        state=RunState.WAITING,
        started=started,
        as_of=context.run.as_of,
        budget=context.run.steering.budget,
    )


def _bad(context: StageContext, kind: DrillKind, seed: int, shown: Shown, code: Code) -> BadCandidate:
    return BadCandidate(
        kind=kind,
        seed=seed,
        candidate=Candidate(**_parts(context), code=code),
        tag="",
        evidence=context.paths.evidence.read_text(encoding="utf-8"),
        dossier=context.paths.dossier.read_text(encoding="utf-8"),
        shown=shown.name,
        sentence=shown.sentence,
        recipe=context.paths.recipe.read_text(encoding="utf-8"),
        snapshot=context.paths.snapshot.read_text(encoding="utf-8"),
    )


def _copied(paths: Paths, project: Project, folder: Path, progress: Progress, budget: Budget | None) -> StageContext:
    """A workspace of its own, with the inputs of the candidate; ledger and champion are only looked at."""
    scratch = Paths(folder)
    wanted = (paths.raw, paths.snapshot, paths.features, paths.validation, paths.leaderboard, paths.recipe)
    for path in (*wanted, paths.evidence, paths.model / "model.json"):
        if not path.is_file():
            raise WorkspaceError(
                "there is no finished candidate that a drill could start from", where=str(path), next_step="signoff run"
            )
    for path in wanted:
        target = folder / path.relative_to(paths.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if paths.decisions.is_dir():
        scratch.decisions.symlink_to(paths.decisions.resolve())
    scratch.state.mkdir(exist_ok=True)
    if paths.champion.is_dir():
        scratch.champion.symlink_to(paths.champion.resolve())
    search = project.search.model_copy(update={"budget": budget}) if budget is not None else project.search
    # Trials of a drill belong into no database that others look at.
    quiet = project.model_copy(update={"search": search, "state": State()})
    return StageContext(scratch, quiet, load_run_settings(paths.run), progress)


def _make(context: StageContext, kind: DrillKind, seed: int, before: EvidenceSet, log: RunLog) -> Shown:
    """Run the stages, spoil what the kind spoils, and go on until the evidence shows it."""
    from models.drill import Bench, fault_for

    paths = context.paths
    raw = read_table(paths.raw)
    bench = Bench(
        project=context.project,
        recipe=_read(paths.recipe, Recipe),
        before=before,
        champion=champion(paths) is not None and paths.champion.is_dir(),
        seed=seed,
    )
    fault = fault_for(kind, bench, raw)
    context = StageContext(paths, fault.project(), context.run, context.progress)
    spoiled = fault.raw(raw)
    if spoiled is not raw:
        write_table(paths.raw, spoiled)
        _write_snapshot(context, spoiled)
    from tasks.prepare import prepare

    logged(log, prepare, context)
    train = read_table(paths.train)
    learned = fault.train(train)
    if learned is not train:
        write_table(paths.train, learned)
    if fault.searches:
        _search(context, bench, log)
    else:
        searched_before(log)
    return _evaluated(context, fault, log)


def _search(context: StageContext, bench: Bench, log: RunLog) -> None:
    """Search the spoiled rows; where nothing beats a constant, the family stays that of the candidate before."""
    from tasks.search import search

    logged(log, search, context)
    paths = context.paths
    recipe = _read(paths.recipe, Recipe)
    if recipe.family != "baseline" or bench.recipe.family == "baseline":
        return
    from models.drill import entered

    kept = {"family": bench.recipe.family, "parameters": bench.recipe.parameters}
    recipe = recipe.model_copy(update={**kept, "threshold": bench.recipe.threshold})
    board = entered(_read(paths.leaderboard, Leaderboard), recipe, read_table(paths.train), context.project)
    write_json(paths.recipe, recipe.as_json())
    write_json(paths.leaderboard, board.as_json())


def _evaluated(context: StageContext, fault: Fault, log: RunLog) -> Shown:
    from models.drill import entered
    from tasks.evaluate import evaluate
    from tasks.fit import fit

    paths = context.paths
    given, board = _read(paths.recipe, Recipe), _read(paths.leaderboard, Leaderboard)
    train = read_table(paths.train)
    for recipe in fault.recipes(given):
        if recipe != given:
            context.progress.step(f"scoring {recipe.family} over the folds", 0.3)
            write_json(paths.recipe, recipe.as_json())
            write_json(paths.leaderboard, entered(board, recipe, train, context.project).as_json())
        logged(log, fit, context)
        logged(log, evaluate, context)
        shown = fault.shown(_read(paths.evidence, EvidenceSet))
        if shown is not None:
            return shown
    raise StageError(
        "the evidence does not show the fault clearly, so the drill would be unfair",
        got=f"{fault.bench.seed} as seed, {len(train):,} training rows",
        next_step="signoff drill with another --seed or kind",
    )


def _write_snapshot(context: StageContext, frame: object) -> None:
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    paths, column = context.paths, context.project.data.time_column
    snapshot = _read(paths.snapshot, Snapshot)
    changes: dict[str, object] = {
        "md5": hashlib.md5(paths.raw.read_bytes(), usedforsecurity=False).hexdigest(),
        "rows": len(frame),
        "columns": {str(name): str(kind) for name, kind in frame.dtypes.items()},
    }
    if column is not None and snapshot.last is not None:
        changes |= {"first": frame[column].min().to_pydatetime(), "last": frame[column].max().to_pydatetime()}
    changed = Snapshot.model_validate({**snapshot.model_dump(), **changes})
    write_json(paths.snapshot, changed.as_json())


def _parts(context: StageContext) -> dict[str, object]:
    from tasks.candidate import environment, parts_of

    write_text(context.paths.root / "reports" / "environment.txt", environment())
    return parts_of(context)


def _read(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise WorkspaceError(
            f"{path.name} is damaged", where=str(path), got=error.errors()[0]["msg"], next_step="signoff run"
        ) from error
