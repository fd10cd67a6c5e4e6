"""Run a stage or skip it: DVC decides what is done, the stage's function does what is not."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from signoff.core.errors import UsageError, did_you_mean
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json
from signoff.core.paths import Paths
from signoff.core.progress import Progress
from signoff.core.record import Record
from signoff.core.search import ModelRecord
from signoff.core.settings import QuerySource
from signoff.core.stage import STAGES, StageContext, StageReport, open_context
from signoff.workspace.pipeline import Pipeline


class StageOutcome(Record):
    """What became of one stage in one run."""

    stage: str
    state: Literal["done", "skipped"]
    seconds: float
    summary: str
    because: tuple[str, ...] = ()


def stage_function(name: str) -> Callable[[StageContext], StageReport]:
    """The plain function of a stage; loads only what that stage needs.

    Raises:
        UsageError: there is no such stage.
    """
    if name not in STAGES:
        raise UsageError(f"there is no stage {name!r}", allowed=did_you_mean(name, STAGES))
    function: Callable[[StageContext], StageReport] = getattr(importlib.import_module(f"tasks.{name}"), name)
    return function


def perform(name: str, root: Path, pipeline: Pipeline, progress: Progress) -> StageOutcome:
    """Bring one stage up to date and record it in dvc.lock.

    Raises:
        SignoffError: whatever the stage refuses; nothing is recorded then.
    """
    started = time.monotonic()
    context = open_context(root, progress)
    because = _stale(name, context, pipeline)
    # What was recorded as done was recorded with inputs that had been looked at.
    if because and prepare_inputs(name, context):
        because = _stale(name, context, pipeline)
    if not because:
        return StageOutcome(stage=name, state="skipped", seconds=time.monotonic() - started, summary="nothing changed")
    report = stage_function(name)(context)
    if name == "ingest":
        # New rows of a source belong to the version that was made of them, so that a clone can make it again.
        pipeline.track_again(context.project.data.folder)
    pipeline.record(name)
    return StageOutcome(
        stage=name,
        state="done",
        seconds=round(time.monotonic() - started, 3),
        summary=report.summary,
        because=tuple(because[:5]),
    )


def prepare_inputs(name: str, context: StageContext) -> bool:
    """Propose once the files that people own and a stage depends on; whether one was written now."""
    if name == "validate":
        from tasks.validate import ensure_suite

        return ensure_suite(context)
    if name == "prepare":
        from models.features import ensure_plan

        return ensure_plan(context)
    return False


def _stale(name: str, context: StageContext, pipeline: Pipeline) -> list[str]:
    because = pipeline.stale(name)
    databases = [key for key, source in context.project.data.sources.items() if isinstance(source, QuerySource)]
    if name == "ingest" and databases and context.run.as_of is None:
        because.append(f"the database behind {databases[0]} may have changed")
    if name == "evaluate" and not because and _compared_with_another_champion(context.paths):
        because.append("the champion it was compared with serves no more")
    return because


def _compared_with_another_champion(paths: Paths) -> bool:
    """A release changes what later candidates must beat; the candidate that was released stays as it was judged."""
    from signoff.ledger import champion

    released = champion(paths)
    if released is None:
        return False
    compared = EvidenceSet.model_validate(read_json(paths.evidence)).champion
    own = ModelRecord.model_validate(read_json(paths.model / "model.json")).digest
    return released.model_digest not in (compared, own)
