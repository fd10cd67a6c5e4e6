"""A workspace with git, DVC and a release made by the release path itself. For the tests of tags and audit files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from signoff.core.data import Snapshot, Validation
from signoff.core.decision import Entry
from signoff.core.files import write_json, write_text
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request, RunState
from signoff.core.settings import Task
from signoff.core.stage import open_context
from signoff.core.tables import write_table
from signoff.gates import decide
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline
from tasks.candidate import Tagged, assemble
from tasks.package import package
from tasks.passage import Passage, passage
from tasks.releasing import switch
from tests.serving_workspace import ask_release, make_candidate, rows

PEOPLE = {"bo": ["reviewer"], "cy": ["reviewer", "owner"], "ada": ["operator", "reviewer"]}
POLICY = {"approvals": [{"role": "reviewer"}, {"role": "owner"}], "four_eyes": True}
TRACKED = ("reports/evidence.json", "reports/dossier.html", "artifacts/model")
"""What DVC keeps."""


def begin(root: Path, task: Task = Task.BINARY) -> Paths:
    """A workspace before its first candidate."""
    paths = Paths(root)
    root.mkdir(parents=True)
    Git(root).init()
    Pipeline(root).init(root.with_name(f"{root.name}-remote"))
    write_text(root / ".gitignore", "/.signoff/\n/data/*.parquet\n/artifacts/bento\n")
    write_text(root / "dvc.yaml", "stages: {}\n")
    Git(root).run("add", "--all")
    Git(root).run("commit", "--quiet", "--message", "begin")
    return paths


def tagged_candidate(paths: Paths, seed: int, task: Task = Task.BINARY) -> Tagged:
    """Fit, write the records beside it, bind, commit and tag."""
    root = paths.root
    made = make_candidate(root, task, seed)
    settings = yaml.safe_load(paths.settings.read_text(encoding="utf-8"))
    settings |= {"people": PEOPLE, "gates": {"release": POLICY}}
    write_text(paths.settings, yaml.safe_dump(settings))
    write_table(paths.train, rows(400, task, seed))
    write_json(paths.snapshot, Snapshot(md5=made.data_md5, rows=400, columns={}, as_of=None, sources=()).as_json())
    write_json(paths.validation, Validation(suite="toy", rows=400, expectations=3).as_json())
    write_text(paths.model_card, f"# Model card {seed}\n")
    for path in TRACKED:
        Pipeline(root).add(path)
    Git(root).run("add", "--", "artifacts")
    Git(root).run("commit", "--quiet", "--message", "tracked", "--", "artifacts")
    return assemble(open_context(root), Git(root))


def asked(run: Passage, tagged: Tagged) -> str:
    """The id of the open review."""
    return ask_release(run.desk, tagged.candidate, tagged.tag)


def approved(run: Passage, tagged: Tagged) -> Entry:
    """Two people of two roles say yes."""
    review = asked(run, tagged)
    decide(run.desk, review, "approve", actor="bo", reasons="it is good")
    return decide(run.desk, review, "approve", actor="cy", reasons="it earns its keep").entry


def release(paths: Paths, seed: int, task: Task = Task.BINARY) -> str:
    """One candidate all the way; answers the release's tag."""
    tagged = tagged_candidate(paths, seed, task)
    with passage(paths.root, "retrain", Cause(actor="ada"), Request()) as run:
        entry = approved(run, tagged)
        package(open_context(paths.root))
        tag = switch(run, tagged, entry)
        run.pipeline.push()
        run.end(RunState.RELEASED, tag)
    return tag


_BUILT: dict[str, Path] = {}


def copy_of_audited(factory: pytest.TempPathFactory, target: Path) -> Paths:
    """A workspace of this test's own with toy/v1 and toy/v2; the building is done once a process."""
    if "root" not in _BUILT:
        paths = begin(factory.mktemp("audited") / "root")
        assert [release(paths, seed) for seed in (0, 1)] == ["toy/v1", "toy/v2"]
        _BUILT["root"] = paths.root
    shutil.copytree(_BUILT["root"], target, symlinks=True)
    return Paths(target)
