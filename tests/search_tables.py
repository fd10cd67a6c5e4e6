"""Small generated tables and projects that the tests of search and fit share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from models.search.families import family_of
from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.search import Recipe
from signoff.core.settings import Project, Task
from signoff.core.tables import write_table

PLAN = FeaturePlan(
    steps=(
        FeatureStep(column="age", action="keep", reason="a number"),
        FeatureStep(column="income", action="keep", reason="a number"),
        FeatureStep(column="job", action="category", reason="few values"),
        FeatureStep(column="noise", action="keep", reason="a number"),
        FeatureStep(column="row", action="drop", reason="an identifier"),
    )
)


def table(task: str, rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category, and a target that depends on both."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "row": np.arange(rows),
            "age": random.integers(18, 80, rows).astype(float),
            "income": random.lognormal(8, 1, rows),
            "job": random.choice(["clerk", "nurse", "pilot"], rows),
            "noise": random.normal(size=rows),
        }
    )
    frame.loc[random.random(rows) < 0.1, "income"] = np.nan
    signal = frame["age"] / 20 + (frame["job"] == "pilot") * 1.5 + random.normal(scale=0.7, size=rows)
    if task == "binary":
        frame["answer"] = np.where(signal > signal.median(), "yes", "no")
    elif task == "multiclass":
        frame["answer"] = pd.cut(signal, 3, labels=["low", "middle", "high"]).astype(str)
    else:
        frame["answer"] = signal * 10
    return frame


def project(task: str, **search: Any) -> Project:
    """A project on `table(task)`; keyword arguments are search settings."""
    settings = {
        "project": f"small-{task}",
        "question": "What is the answer?",
        "task": task,
        "target": "answer",
        "positive": "yes" if task == "binary" else None,
        "data": {"sources": {"rows": {"file": "rows.csv"}}, "id_columns": ["row"]},
        "search": {"budget": {"trials": 8}, "workers": 2, **search},
    }
    return Project.model_validate(settings)


def workspace(root: Path, project_: Project, frame: pd.DataFrame, plan: FeaturePlan = PLAN) -> Path:
    """A workspace as the search finds it: settings, plan and training rows."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "signoff.yaml").write_text(yaml.safe_dump(project_.as_json()), encoding="utf-8")
    (root / "features.yaml").write_text(yaml.safe_dump(plan.as_json()), encoding="utf-8")
    write_table(root / "data" / "train.parquet", frame)
    return root


CLASSES = {"binary": ("no", "yes"), "multiclass": ("high", "low", "middle"), "regression": ()}


def recipe(task: str, family: str) -> Recipe:
    """The recipe of a family's defaults on `table(task)`."""
    return Recipe(
        task=Task(task),
        target="answer",
        positive="yes" if task == "binary" else None,
        classes=CLASSES[task],
        family=family,
        parameters=dict(family_of(family).defaults),
        features=PLAN,
        seed=0,
        threshold=0.4 if task == "binary" else None,
    )
