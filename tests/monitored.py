"""A small workspace with a real champion: fitted, signed, installed, with the reference that a release keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from models.search.families import family_of
from models.search.fitting import fit
from models.search.model_file import load_model, save_model
from signoff.core.candidate import Candidate, Code
from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.decision import FIRST, Decision, Entry, Release, ReviewState
from signoff.core.digest import sha256_file
from signoff.core.files import write_json
from signoff.core.paths import Paths
from signoff.core.search import Recipe
from signoff.core.settings import GatePolicy, Mode
from signoff.core.stage import StageContext, open_context
from signoff.core.tables import write_table
from signoff.ledger.journal import write_entry
from signoff.ledger.keys import open_signer
from tasks.monitor import keep_reference

FEATURES = ("size", "gap", "colour")
BEGIN = pd.Timestamp("2024-01-01")


def make_rows(
    task: str, count: int, seed: int, *, moved: float = 0.0, days: float = 30, begin: Any = BEGIN
) -> pd.DataFrame:
    """Rows of a known law; `moved` shifts an input and the truth behind the model's back."""
    random = np.random.default_rng(seed)
    size, gap = random.normal(moved, 1, count), random.normal(0, 1, count)
    gap[random.random(count) < 0.1] = np.nan
    colour = random.choice(["red", "green", "blue"], count)
    strength = size + (colour == "red") - 1.5 * moved
    if task == "regression":
        came: Any = 10 + 3 * strength + random.normal(0, 1, count)
    elif task == "multiclass":
        came = np.array(["low", "mid", "high"])[np.digitize(strength + random.normal(0, 0.5, count), [-0.5, 0.8])]
    else:
        came = random.random(count) < 1 / (1 + np.exp(-1.5 * strength))
    asked = pd.Timestamp(begin) + pd.to_timedelta(np.linspace(0, days * 86400 - 60, count).round(), unit="s")
    frame = pd.DataFrame({"row": [f"r{seed}-{place}" for place in range(count)], "asked": asked})
    return frame.assign(size=size, gap=gap, colour=colour, came=came)


def settings(task: str, *, clock: bool = True, **monitoring: Any) -> dict[str, Any]:
    """signoff.yaml of such a workspace."""
    data: dict[str, Any] = {"sources": {"rows": {"file": "rows.parquet"}}, "id_columns": ["row"]}
    if clock:
        data["time_column"] = "asked"
    return {
        "project": "small",
        "question": "What comes of a row?",
        "task": task,
        "target": "came",
        **({"positive": True} if task == "binary" else {}),
        "data": data,
        "evaluate": {"bootstrap": 30},
        "monitoring": {"minimum_rows": 200, "window_days": 30, **monitoring},
    }


def make_workspace(root: Path, task: str = "binary", *, clock: bool = True, **monitoring: Any) -> StageContext:
    """A workspace whose champion was trained on January; February is like it, March is moved."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings(task, clock=clock, **monitoring)))
    paths = Paths(root)
    january = make_rows(task, 1500, 1)
    february = make_rows(task, 900, 2, begin=BEGIN + pd.Timedelta(days=30))
    march = make_rows(task, 900, 3, begin=BEGIN + pd.Timedelta(days=60), moved=1.0)
    write_table(root / "sources" / "rows.parquet", pd.concat([january, february, march], ignore_index=True))
    write_table(paths.train, january[:1200])
    write_table(paths.holdout, january[1200:])
    recipe = _recipe(task)
    save_model(fit(january[:1200], recipe), paths.model, recipe, january[:1200])
    _install(paths)
    return open_context(root)


def serve(context: StageContext, rows: pd.DataFrame, name: str = "2024-02-01-1.jsonl") -> Path:
    """Let the champion answer rows, and log the answers as the endpoint does."""
    model = load_model(context.paths.champion / "model")
    lines = []
    for (_, row), (probability, label) in zip(rows.iterrows(), model.answer(rows), strict=True):
        inputs = {key: None if pd.isna(row[key]) else row[key] for key in FEATURES}
        moment = row["asked"].isoformat() + "+00:00"
        line = {"id": row["row"], "time": moment, "model": model.digest, "inputs": inputs}
        lines.append(json.dumps(line | {"probability": probability, "label": label}) + "\n")
    path = context.paths.predictions / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
    return path


def _recipe(task: str) -> Recipe:
    classes = {"binary": ("False", "True"), "multiclass": ("high", "low", "mid"), "regression": ()}[task]
    kinds = {"size": "keep", "gap": "keep", "colour": "category"}
    steps = tuple(FeatureStep(column=name, action=kinds[name], reason="a test") for name in FEATURES)  # type: ignore[arg-type]
    return Recipe(
        task=task,  # type: ignore[arg-type]
        target="came",
        positive=True if task == "binary" else None,
        classes=classes,
        family="linear",
        parameters=family_of("linear").defaults,
        features=FeaturePlan(steps=steps),
        seed=0,
        threshold=0.5 if task == "binary" else None,
    )


def _install(paths: Paths) -> None:
    record = load_model(paths.model).record
    candidate = Candidate(
        project="small",
        data_md5="0" * 32,
        recipe_sha256=record.recipe_sha256,
        model_sha256=record.model_sha256,
        model_record_sha256=sha256_file(paths.model / "model.json"),
        evidence_sha256="0" * 64,
        dossier_sha256="0" * 64,
        environment_sha256="0" * 64,
        code=Code(commit="0" * 40, dirty=False, signoff="0"),
        model_digest=record.digest,
    )
    decision = Decision(
        review="r1",
        project="small",
        gate="release",
        digest=candidate.digest,
        evidence_sha256=candidate.evidence_sha256,
        verdict="approve",
        actor="policy",
        automatic=True,
        reasons="every check holds",
        policy=GatePolicy(mode=Mode.AUTO),
        decided=datetime(2024, 2, 1, tzinfo=UTC),
        outcome=ReviewState.APPROVED,
    )
    signer = open_signer(paths)
    entry = Entry(
        sequence=1, kind="decision", body=decision.as_json(), previous=FIRST, key=signer.key_id, hash="", signature=""
    )
    digest = entry.expected_hash()
    entry = entry.model_copy(update={"hash": digest, "signature": signer.sign(digest)})
    (paths.champion / "model").mkdir(parents=True)
    for part in paths.model.iterdir():
        (paths.champion / "model" / part.name).write_bytes(part.read_bytes())
    write_json(paths.champion / "candidate.json", candidate.as_json())
    write_json(paths.champion / "decision.json", entry.as_json())
    write_json(paths.champion / "serving.json", {"project": "small"})
    write_entry(paths.decisions, entry)
    facts = {"project": "small", "tag": "small/v1", "candidate_tag": "small/c1", "model_digest": record.digest}
    released = Release(**facts, digest=candidate.digest, decision=digest, released=datetime(2024, 2, 1, tzinfo=UTC))
    entry = Entry(
        sequence=2, kind="release", body=released.as_json(), previous=digest, key=signer.key_id, hash="", signature=""
    )
    digest = entry.expected_hash()
    write_entry(paths.decisions, entry.model_copy(update={"hash": digest, "signature": signer.sign(digest)}))
    keep_reference(paths, record.digest)
