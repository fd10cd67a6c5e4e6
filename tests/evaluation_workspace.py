"""Small workspaces, ready for the evaluate stage: really prepared and fitted, with hand-written earlier reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from models.search.families import family_of
from models.search.fitting import fit
from models.search.model_file import save_model
from models.search.target import read_target
from signoff.core.data import LeftOut, Snapshot, SourceFact, Validation
from signoff.core.decision import Release
from signoff.core.files import write_json
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.search import Contender, Leaderboard, Recipe, Trial
from signoff.core.stage import StageContext, open_context
from signoff.core.tables import read_table, write_table
from signoff.gates import decide, open_desk, pass_gate
from tasks.prepare import prepare

DEFAULTS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def rows(task: str, count: int = 900, seed: int = 0) -> pd.DataFrame:
    """Two columns that matter, one that does not, a category, a moment, and a group."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "key": np.arange(count),
            "moment": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count), "h"),
            "strong": random.normal(size=count),
            "weak": random.normal(size=count),
            "noise": random.normal(size=count),
            "shop": random.choice(["north", "south", "<b>east</b>"], count, p=[0.5, 0.3, 0.2]),
        }
    )
    frame.loc[random.random(count) < 0.05, "weak"] = np.nan
    signal = 1.5 * frame["strong"] + 0.6 * frame["weak"].fillna(0) + random.normal(size=count)
    if task == "binary":
        frame["answer"] = np.where(signal > 0.5, "yes", "no")
    elif task == "multiclass":
        frame["answer"] = np.select([signal > 1, signal > -1], [3, 2], 1)
    else:
        frame["answer"] = 100 + 10 * signal
    return frame


def settings(task: str, **changes: Any) -> dict[str, Any]:
    """signoff.yaml of a small project; `changes` replaces whole sections."""
    found = {
        "project": f"small-{task}",
        "question": "What is the answer? <script>alert(1)</script>",
        "task": task,
        "target": "answer",
        "data": {"sources": {"rows": {"file": "rows.csv"}}, "id_columns": ["key"], "drop": []},
        "evaluate": {"slices": ["shop"], "bootstrap": 60},
        "gates": {"release": {"checks": [{"metric": "champion.delta", "at_least": -0.01}]}},
    }
    if task == "binary":
        found |= {"positive": "yes"}
        found["evaluate"] |= {"cost": {"false_positive": 1, "false_negative": 5, "currency": "EUR"}}  # type: ignore[operator]
    return found | changes


def timed() -> dict[str, Any]:
    """Sections of a project whose holdout is the newest rows."""
    data = {"sources": {"rows": {"file": "rows.csv"}}, "id_columns": ["key"], "time_column": "moment"}
    return {"data": data, "split": {"kind": "time", "holdout": 0.3}}


def workspace(root: Path, task: str, frame: pd.DataFrame | None = None, **changes: Any) -> StageContext:
    """A workspace whose stages up to fit are done."""
    root.mkdir(parents=True, exist_ok=True)
    frame = rows(str(task)) if frame is None else frame
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings(str(task), **changes)), encoding="utf-8")
    write_table(root / "data" / "raw.parquet", frame)
    context = open_context(root)
    prepare(context)
    write_earlier_reports(context, frame)
    fitted(context, "linear" if task != "multiclass" else "extra_trees")
    return context


def fitted(context: StageContext, family: str, threshold: float | None = 0.4, folder: Path | None = None) -> None:
    """Fit a family's defaults on the training rows into artifacts/model, or another folder."""
    from models.features import load_plan

    paths, project = context.paths, context.project
    train = read_table(paths.train)
    recipe = Recipe(
        task=project.task,
        target=project.target,
        positive=project.positive,
        classes=read_target(train, project).classes,
        family=family,
        parameters=dict(family_of(family).defaults),
        features=load_plan(paths.features),
        seed=0,
        threshold=threshold if project.task == "binary" else None,
    )
    if folder is None:
        write_json(paths.recipe, recipe.as_json())
    record = save_model(fit(train, recipe), folder or paths.model, recipe, train)
    if folder == context.paths.champion / "model":
        release(context, record.digest)


def release(context: StageContext, digest: str) -> None:
    """Sign and release a model without a package around it: evaluate asks the ledger which bytes it may load."""
    desk = open_desk(context.project, context.paths)
    facts = {"digest": digest, "evidence_sha256": "0" * 64, "run": "r1", "subject": "c1"}
    outcome = pass_gate(desk, "release", values=(), cause=Cause(actor="ana"), **facts)
    assert outcome.review is not None
    ruling = decide(desk, outcome.review.id, "approve", actor="ben", reasons="a champion to be compared with")
    name = context.project.project
    desk.ledger.record_release(
        Release(
            project=name,
            tag=f"{name}/v1",
            candidate_tag=f"{name}/c1",
            digest=digest,
            model_digest=digest,
            decision=ruling.entry.hash,
            released=now(),
        )
    )


def write_earlier_reports(context: StageContext, frame: pd.DataFrame) -> None:
    """Snapshot, validation and leaderboard, as ingest, validate and search write them."""
    paths, task = context.paths, context.project.task
    snapshot = Snapshot(
        md5="0" * 32,
        rows=len(frame),
        columns={str(name): str(kind) for name, kind in frame.dtypes.items()},
        as_of=None,
        sources=(SourceFact(name="rows", rows=len(frame), columns=frame.shape[1]),),
        left_out=(LeftOut(reason="no answer", rows=7),),
    )
    metric = DEFAULTS[task]
    contender = Contender(
        name="linear", kind="glassbox", family="linear", trial=0, score=0.8, fold_scores=(0.7, 0.9), chosen=True
    )
    board = Leaderboard(
        metric=metric,
        greater_is_better=metric == "roc_auc",
        contenders=(contender,),
        trials=(Trial(number=0, family="linear", state="complete", parameters={}, score=0.8, seconds=1.0),),
        rule="the best one",
        budget="1 trial",
        seconds=1.0,
    )
    write_json(paths.snapshot, snapshot.as_json())
    write_json(paths.validation, Validation(suite="small", rows=len(frame), expectations=3).as_json())
    write_json(paths.leaderboard, board.as_json())
