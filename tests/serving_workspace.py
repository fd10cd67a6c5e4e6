"""A released workspace of real parts: fitted model, signed approval, package, champion. For the tests of serving."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from models.search.families import family_of
from models.search.fitting import fit
from models.search.model_file import save_model
from models.serving import install_champion, manifest_digest
from signoff.core.candidate import Candidate, Code
from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.decision import Release
from signoff.core.digest import sha256_file
from signoff.core.files import write_json, write_text
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.search import Recipe
from signoff.core.settings import Task
from signoff.core.settings_file import load_project
from signoff.core.stage import open_context
from signoff.gates import Desk, decide, open_desk, pass_gate
from tasks.package import package

CLASSES = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("blue", "green", "red"), Task.REGRESSION: ()}
ACTIONS = {"size": "keep", "shop": "category", "open": "keep", "seen": "datetime"}


def rows(count: int, task: Task, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "order": np.arange(count) + 100,
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(count), unit="h"),
            "size": random.normal(size=count).round(3),
            "shop": random.choice(["a", "b", "007"], size=count),
            "open": random.random(count) < 0.5,
            "seen": pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 9000, count), unit="h"),
        }
    )
    signal = frame["size"] + (frame["shop"] == "a") + random.normal(scale=0.5, size=count)
    if task is Task.REGRESSION:
        frame["y"] = signal
    else:
        names = CLASSES[task]
        frame["y"] = pd.qcut(signal, len(names), labels=list(names)).astype("str")
    return frame


def make_candidate(root: Path, task: Task, seed: int = 0) -> Candidate:
    """Fit and save a model, and write its candidate record."""
    settings = {
        "project": "toy",
        "question": "Which one?",
        "task": task.value,
        "target": "y",
        "data": {"sources": {"rows": {"file": "rows.csv"}}, "id_columns": ["order"], "time_column": "at"},
    }
    if task is Task.BINARY:
        settings["positive"] = "yes"
    root.mkdir(parents=True, exist_ok=True)
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    paths = Paths(root)
    train = rows(400, task, seed)
    recipe = Recipe(
        task=task,
        target="y",
        positive="yes" if task is Task.BINARY else None,
        classes=CLASSES[task],
        family="linear",
        parameters=dict(family_of("linear").defaults),
        features=FeaturePlan(
            steps=tuple(FeatureStep(column=name, action=action, reason="-") for name, action in ACTIONS.items())
        ),
        seed=seed,
        threshold=0.4 if task is Task.BINARY else None,
    )
    record = save_model(fit(train, recipe), paths.model, recipe, train)
    write_json(paths.recipe, recipe.as_json())
    write_json(paths.evidence, {"seed": seed})
    write_text(paths.dossier, f"<!doctype html>{seed}")
    candidate = Candidate(
        project="toy",
        data_md5="0" * 32,
        recipe_sha256=sha256_file(paths.recipe),
        model_sha256=record.model_sha256,
        model_record_sha256=sha256_file(paths.model / "model.json"),
        evidence_sha256=sha256_file(paths.evidence),
        dossier_sha256=sha256_file(paths.dossier),
        environment_sha256="2" * 64,
        code=Code(commit="", dirty=False, signoff="0"),
        model_digest=record.digest,
    )
    write_json(paths.candidate, candidate.as_json())
    return candidate


def ask_release(desk: Desk, candidate: Candidate, tag: str = "toy/c1") -> str:
    """The id of the open review about this candidate."""
    outcome = pass_gate(
        desk,
        "release",
        digest=candidate.digest,
        evidence_sha256=candidate.evidence_sha256,
        values=(),
        run="run-1",
        cause=Cause(actor="ada"),
        subject=tag,
    )
    assert outcome.review is not None
    return outcome.review.id


def decide_on(root: Path, candidate: Candidate, verdict: str = "approve") -> str:
    """Open the release review and close it with this verdict; answers the entry's hash."""
    desk = open_desk(load_project(root), Paths(root))
    return decide(desk, ask_release(desk, candidate), verdict, actor="bo", reasons="looked at it").entry.hash


def release(root: Path, candidate: Candidate, decision: str, tag: str = "toy/v1") -> None:
    """Put the package in the champion's place and write the release down."""
    paths = Paths(root)
    install_champion(paths.bento, paths.champion)
    desk = open_desk(load_project(root), paths)
    desk.ledger.record_release(
        Release(
            project="toy",
            tag=tag,
            candidate_tag="toy/c1",
            digest=candidate.digest,
            model_digest=candidate.model_digest,
            decision=decision,
            released=now(),
            package_sha256=manifest_digest(paths.champion),
        )
    )
    desk.store.close()


def released_workspace(root: Path, task: Task = Task.BINARY) -> Paths:
    """All of it."""
    candidate = make_candidate(root, task)
    decision = decide_on(root, candidate)
    package(open_context(root))
    release(root, candidate, decision)
    return Paths(root)


_BUILT: dict[Task, Path] = {}


def copy_of_released(tmp_path_factory: pytest.TempPathFactory, target: Path, task: Task = Task.BINARY) -> Paths:
    """A workspace of this test's own; the building is done once a process."""
    if task not in _BUILT:
        _BUILT[task] = released_workspace(tmp_path_factory.mktemp("released") / task.value, task).root
    shutil.copytree(_BUILT[task], target, symlinks=True, dirs_exist_ok=True)
    return Paths(target)
