"""evaluate: from the fitted model and the holdout to all that a release decision rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from signoff import __version__
from signoff.core.data import Profile, Snapshot, Validation
from signoff.core.decision import CheckResult
from signoff.core.digest import sha256_file
from signoff.core.errors import WorkspaceError
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json, write_json, write_text
from signoff.core.policy import run_checks
from signoff.core.search import Leaderboard
from signoff.core.stage import StageContext, StageReport
from signoff.core.tables import read_table
from signoff.workspace.git import Git

if TYPE_CHECKING:
    from pathlib import Path

    from models.evaluation import Case, Past
    from signoff.core.decision import Release
    from signoff.core.paths import Paths

R = TypeVar("R", bound=BaseModel)
REFERENCE, PREFIX, PART = "reference.parquet", "signoff:", "signoff:part"
"""The reference of a release as monitoring writes it: the champion's training and holdout rows, and which is which."""


def evaluate(context: StageContext) -> StageReport:
    """Write reports/evidence.json, metrics.json, plots/roc.csv, plots/calibration.csv, dossier.html and model_card.md.

    All but the dossier, and in evidence.json the time it was made and the timings of operations, are repeatable.

    Raises:
        SignoffError: the model is damaged, the holdout does not fit it, or a report of an earlier stage is missing.
    """
    from models.evaluation import evaluate as judge
    from models.evaluation import metrics_of_evidence
    from models.evaluation.curves import calibration_csv, roc_csv

    paths = context.paths
    case = _case(context)
    evidence = judge(case, context.progress)
    checks = run_checks(context.project.gates.release.checks, evidence.values())
    context.progress.step("writing the dossier", 0.96)
    write_text(paths.plots / "roc.csv", roc_csv(case.answers))
    write_text(paths.plots / "calibration.csv", calibration_csv(case.answers))
    write_json(paths.metrics, metrics_of_evidence(evidence))
    _write_reports(context, case, evidence, checks)
    write_json(paths.evidence, evidence.as_json())
    return _report(case, evidence, checks)


def _case(context: StageContext) -> Case:
    from models.evaluation import gather
    from models.search.model_file import load_model
    from signoff.ledger import champion

    paths = context.paths
    context.progress.step("asking the model about the holdout", 0.05)
    released = champion(paths)
    return gather(
        project=context.project,
        model=load_model(paths.model),
        model_folder=paths.model,
        train=read_table(paths.train),
        holdout=read_table(paths.holdout),
        champion_folder=paths.champion / "model" if released else None,
        champion_digest=released.model_digest if released else None,
        past=_past(paths, released) if released else None,
        leaderboard=_read(paths.leaderboard, Leaderboard),
        validation=_read(paths.validation, Validation),
        snapshot=_read(paths.snapshot, Snapshot),
        profile=_read(paths.profile, Profile),
    )


def _past(paths: Paths, released: Release) -> Past:
    """What the champion learned from: the reference kept beside it at its release, and its snapshot's record in git."""
    from models.evaluation import Past

    snapshot = None
    why = ""
    try:
        text = Git(paths.root).show(released.candidate_tag, paths.snapshot.relative_to(paths.root).as_posix())
        snapshot = Snapshot.model_validate_json(text)
    except (WorkspaceError, ValidationError):
        why = f"the snapshot's record of {released.candidate_tag} is not in this clone, so its time span is not known"
    reference = paths.champion / REFERENCE
    if not reference.is_file():
        return Past(None, snapshot, "the reference that a release keeps beside the champion is not on this machine")
    if released.reference_sha256 is not None and sha256_file(reference) != released.reference_sha256:
        return Past(None, snapshot, "the reference beside the champion is not the one that was kept at its release")
    rows = read_table(reference)
    if PART in rows:
        rows = rows[rows[PART] == "train"]
    own = [name for name in rows.columns if not str(name).startswith(PREFIX)]
    return Past(rows[own].reset_index(drop=True), snapshot, why)


def _write_reports(context: StageContext, case: Case, evidence: EvidenceSet, checks: tuple[CheckResult, ...]) -> None:
    from signoff.report import Subject, render_card, render_dossier

    subject = Subject(
        project=context.project,
        recipe=case.recipe,
        model=case.model.record,
        snapshot=case.snapshot,
        profile=case.profile,
        signoff=__version__,
    )
    write_text(context.paths.dossier, render_dossier(evidence, checks, subject))
    write_text(context.paths.model_card, render_card(evidence, checks, subject))


def _report(case: Case, evidence: EvidenceSet, checks: tuple[CheckResult, ...]) -> StageReport:
    from signoff.core.numbers import told

    values = evidence.values()
    first = values.get(f"holdout.{case.metric.name}")
    headline = f"{case.metric.label} {told(first)}" if first else f"{case.metric.label} is not defined"
    failed = sum(not check.holds for check in checks)
    verdict = "no release checks" if not checks else f"{len(checks) - failed} of {len(checks)} release checks hold"
    facts: dict[str, Any] = {"metric": case.metric.name, "rows": len(case.answers), "checks_failed": failed}
    for name in (f"holdout.{case.metric.name}", "holdout.calibration_gap", "champion.delta"):
        facts[name] = values[name].value if name in values else None
    return StageReport(stage="evaluate", summary=f"{headline} on {len(case.answers):,} rows; {verdict}", facts=facts)


def _read(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        problem = error.errors()[0]
        raise WorkspaceError(
            f"{path.name} is damaged",
            where=f"{path}: {'.'.join(map(str, problem['loc']))}",
            got=problem["msg"],
            next_step="signoff run",
        ) from error
