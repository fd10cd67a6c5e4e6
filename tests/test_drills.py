"""Drills end to end: really bad models by the real stages, in a folder of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from signoff.commands.drill import list_kinds, report
from signoff.commands.reviews import show_review
from signoff.console.home import Home
from signoff.console.run_view import RETRAIN
from signoff.core.digest import sha256_bytes, sha256_file
from signoff.core.drill import DrillKind
from signoff.core.errors import ConflictError, RefusedError, UsageError, WorkspaceError
from signoff.core.evidence import EvidenceSet
from signoff.core.record import now
from signoff.core.run_log import LogLine, run_log_path, whole_run_log
from signoff.core.stage import StageContext
from signoff.gates import Desk, decide, open_desk
from signoff.ledger import verify
from signoff.store import StoredCandidate
from signoff.workspace.git import Git
from signoff.workspace.scratch import scratch_folder, sweep_scratch
from tasks.drill_log import last_tries
from tests.chain import WHOLE
from tests.consoles import Consoled, Notebook
from tests.drilled import drilled, files_of, finished
from tests.evaluation_workspace import rows, timed
from tests.waiting import eventually

SHOWN = {
    "leaked-column": ("leak.single_share", "importance.top_share"),
    "shuffled-labels": ("holdout.",),
    "unfair-slice": ("slices.shop.spread",),
    "stale-data": ("data.train_rows", "data.days_old"),
    "too-slow": ("operations.latency_p95",),
    "overfitted": ("overfit.gap",),
    "worse-than-champion": ("champion.delta",),
}


def evidence_of(desk: Desk, review: str) -> EvidenceSet:
    text = desk.store.evidence(desk.store.review(review).evidence_sha256)
    assert text is not None
    return EvidenceSet.model_validate_json(text)


def git_state(root: Path) -> str:
    commands = (("status", "--porcelain", "--untracked-files=no"), ("tag", "--list"), ("log", "--oneline"))
    return "".join(subprocess.run(["git", *one], cwd=root, capture_output=True, text=True).stdout for one in commands)


def shows_its_fault(context: StageContext, kind: str) -> None:
    """Open a drill, and look whether its named number is off, in its own evidence against that of the workspace."""
    root = context.paths.root
    before, tags = files_of(root), git_state(root)
    desk, drill = drilled(context, kind)
    assert files_of(root) == before
    assert git_state(root) == tags
    assert not list((context.paths.state / "scratch").glob("*"))
    assert drill.shown.startswith(SHOWN[kind])
    bad, normal = evidence_of(desk, drill.review).values(), _normal(context).values()
    _off(kind, bad[drill.shown].value, normal.get(drill.shown), context)
    kept = desk.store.candidate(drill.digest)
    assert kept is not None
    dossier = desk.store.evidence(kept.candidate.dossier_sha256)
    assert dossier is not None
    assert dossier.lower().startswith("<!doctype html>")
    assert "drill" not in evidence_of(desk, drill.review).model_dump_json().lower()
    ruling = decide(desk, drill.review, "reject", actor="bo", reasons="I saw it")
    assert ruling.entry.decision().drill
    assert verify(context.paths, desk.store) == []


def shown_as_any_other(context: StageContext, kept: StoredCandidate, desk: Desk) -> None:
    """The page of its version has what the page of a candidate with a tag has."""
    drill = desk.store.drill("release-1")
    assert drill is not None
    assert sha256_bytes(drill.recipe.encode()) == kept.candidate.recipe_sha256
    starter = Notebook()
    console = Consoled(Home(context.paths, context.project, starter), starter)
    console.person("admin", "admin", bootstrap=True)
    project, _, name = kept.tag.partition("/")
    made = console.browser("admin").get(f"/api/v1/versions/{project}/{name}").json()["made"]
    assert made["recipe"] == json.loads(drill.recipe)
    assert made["snapshot"]["md5"] == kept.candidate.data_md5
    assert "drill" not in json.dumps(made).lower()
    console.home.close()


def _normal(context: StageContext) -> EvidenceSet:
    return EvidenceSet.model_validate_json(context.paths.evidence.read_text())


def _off(kind: str, value: float, normal: Any, context: StageContext) -> None:
    if kind == "leaked-column":
        assert value >= 0.6
    elif kind == "worse-than-champion":
        assert value < min(0, normal.value)
    elif kind == "stale-data":
        assert value < 0.75 * normal.value
    elif kind == "shuffled-labels":
        better = context.project.search.metric in ("roc_auc",)
        assert value < normal.low if better else value > normal.high
    else:
        assert value > 1.5 * normal.value


OTHERS = (
    ("regression", "unfair-slice"),
    ("regression", "worse-than-champion"),
    ("multiclass", "overfitted"),
    ("multiclass", "worse-than-champion"),
)
"""What `make test-slow` plays beside the kinds and tasks that `make test` does."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(SHOWN) if WHOLE else ["leaked-column", "worse-than-champion"])
def test_each_kind_shows_its_fault_in_the_evidence(tmp_path: Path, kind: str) -> None:
    context = finished(tmp_path / "w", "binary", champion=kind == "worse-than-champion")
    shows_its_fault(context, kind)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("regression", "overfitted"),
        ("multiclass", "shuffled-labels"),
        *(OTHERS if WHOLE else ()),
    ],
)
def test_each_task_has_drills(tmp_path: Path, task: str, kind: str) -> None:
    context = finished(tmp_path / "w", task, champion=kind == "worse-than-champion")
    shows_its_fault(context, kind)


@pytest.mark.slow
def test_old_rows_of_a_project_with_a_clock(tmp_path: Path) -> None:
    context = finished(tmp_path / "w", "regression", **timed())
    shows_its_fault(context, "stale-data")


def test_a_drill_looks_like_a_candidate_and_repeats_by_its_seed(tmp_path: Path) -> None:
    context = finished(tmp_path / "w", "binary")
    desk, drill = drilled(context, "overfitted", seed=3)
    review = desk.store.review(drill.review)
    assert review.subject == "small-binary/c1"
    stored = desk.store.candidate(drill.digest)
    assert stored is not None
    assert stored.candidate.data_md5 == "0" * 32
    logs_like_a_run(context, review.run)
    real = stored.candidate.model_copy(update={"model_digest": "real"})
    assert Git(context.paths.root).next_tag("small-binary/c", [one.tag for one in desk.store.candidates()])[-1] == "2"
    with pytest.raises(ConflictError, match="another candidate is called small-binary/c1"):
        desk.store.add_candidate(real, tag="small-binary/c1", run="real")
    decide(desk, drill.review, "approve", actor="bo", reasons="looks good")
    told = desk.store.drill(drill.review)
    assert told is not None
    assert told.state == "missed"
    assert not context.paths.release_decision.exists()
    again_desk, again = drilled(finished(tmp_path / "v", "binary"), "overfitted", seed=3)
    assert again.model_digest == drill.model_digest
    assert again_desk.store.review(again.review).state == "open"


def logs_like_a_run(context: StageContext, run: str) -> None:
    """Each stage of a retrain once and in its order, and no word of what it was."""
    path = run_log_path(context.paths.runs, run)
    lines = whole_run_log(path, most_bytes=1_000_000)
    assert (lines[0].kind, lines[-1].kind, lines[-1].state) == ("begin", "end", "waiting")
    assert tuple(line.stage for line in lines if line.kind == "stage" and line.state == "started") == RETRAIN
    assert {line.stage for line in lines if line.kind == "stage" and line.state == "done"} >= {"prepare", "fit"}
    told = path.read_text(encoding="utf-8").lower()
    assert not [word for word in ("drill", "seed", "scratch", "overfitted") if word in told]


def test_of_a_stage_that_was_tried_again_the_last_time_is_told() -> None:
    def stage(name: str, state: str, text: str = "") -> LogLine:
        return LogLine(at=now(), kind="stage", stage=name, state=state, text=text)

    tries = [stage(name, state, f"{turn}") for turn in (1, 2) for name in "ab" for state in ("started", "done")]
    found = last_tries([LogLine(at=now(), kind="begin"), stage("z", "started"), *tries])
    assert [(line.stage, line.text) for line in found][2:] == [("a", "2"), ("a", "2"), ("b", "2"), ("b", "2")]


def test_what_a_project_cannot_have_is_refused_with_why(tmp_path: Path) -> None:
    context = finished(tmp_path / "w", "binary")
    with pytest.raises(RefusedError, match="there is no champion that a candidate could be worse than"):
        drilled(context, "worse-than-champion")
    halves = rows("binary", 400)[["key", "moment", "strong", "answer"]]
    halves["strong"] = (halves["strong"] > 0).astype(float)
    small = finished(tmp_path / "v", "binary", frame=halves, evaluate={})
    with pytest.raises(RefusedError, match="no column has a group that can be judged by itself"):
        drilled(small, "unfair-slice")
    assert open_desk(small.project, small.paths).store.reviews() == ()


def test_a_workspace_without_a_candidate_says_what_to_do(tmp_path: Path) -> None:
    context = finished(tmp_path / "w", "binary")
    context.paths.evidence.unlink()
    with pytest.raises(WorkspaceError, match="no finished candidate that a drill could start from") as refused:
        drilled(context, "overfitted")
    assert refused.value.next_step == "signoff run"


def test_a_killed_drill_leaves_nothing(tmp_path: Path) -> None:
    context = finished(tmp_path / "w", "binary")
    root, clone = context.paths.root, str(Path(__file__).parent.parent)
    before, tags = files_of(root), git_state(root)
    script = "import sys; sys.path.insert(0, sys.argv[1]); from signoff.cli import app; app(sys.argv[2:])"
    command = [sys.executable, "-c", script, clone, "drill", "leaked-column", "--workspace", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    scratch = context.paths.state / "scratch"
    assert eventually(lambda: list(scratch.glob("*/data/train.parquet")))
    assert sweep_scratch(context.paths.state) == 0, "its maker lives"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert sweep_scratch(context.paths.state) == 1
    assert not list(scratch.glob("*"))
    assert files_of(root) == before
    assert git_state(root) == tags
    desk = open_desk(context.project, context.paths)
    assert (desk.store.reviews(), desk.store.runs(), desk.store.drills()) == ((), (), ())
    assert desk.ledger.entries() == ()


def test_a_scratch_folder_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "model.bin").write_bytes(b"x")
        assert sweep_scratch(tmp_path) == 0
    assert not folder.exists()


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from signoff.commands.drill import start
    from signoff.commands.status import status_of

    context = finished(tmp_path / "w", "binary")
    root = context.paths.root
    list_kinds(as_json=False)
    listed = capsys.readouterr().out
    assert all(kind.value in listed for kind in DrillKind)
    with pytest.raises(UsageError, match="there is no drill 'leaked'") as refused:
        start(root, "leaked", None, "", None, None, "ada", False, True)
    assert refused.value.allowed is not None
    assert "did you mean 'leaked-column'" in refused.value.allowed
    start(root, "overfitted", 5, "monthly", None, None, "ada", False, True)
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["seed"], said["review"]) == ("overfitted", 5, "release-1")
    report(root, as_json=True)
    assert json.loads(capsys.readouterr().out)["drills"] == [], "of an open drill nothing is said"
    desk = open_desk(context.project, context.paths)
    assert desk.store.review("release-1").cause.note == "monthly"
    show_review(root, "release-1", as_json=False)
    shown = capsys.readouterr().out
    dossier = Path(next(line for line in shown.splitlines() if "dossier" in line).split()[1])
    kept = desk.store.candidate(said["digest"])
    assert kept is not None
    assert sha256_file(dossier) == kept.candidate.dossier_sha256 != sha256_file(context.paths.dossier)
    assert dossier.parent == context.paths.state / "dossiers"
    shown_as_any_other(context, kept, desk)
    drilled_numbers = json.loads(str(desk.store.evidence(kept.candidate.evidence_sha256)))
    gap = next(v for r in drilled_numbers["records"] for v in r["values"] if v["name"] == "overfit.gap")
    candidate = status_of(root)["candidate"]
    assert (candidate["digest"], candidate["metrics"]["overfit.gap"]["value"]) == (said["digest"], gap["value"])
    decide(desk, "release-1", "reject", actor="bo", reasons="it learned by heart")
    assert status_of(root)["candidate"] is None, "a drill that is over was no candidate"
    report(root, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["caught"] == 1
    assert told["drills"][0]["by"] == ["bo"]
    assert told["drills"][0]["shown"] == "overfit.gap"
    report(root, as_json=False)
    text = capsys.readouterr().out
    assert "caught by bo" in text
    assert "1 of 1 caught" in text
