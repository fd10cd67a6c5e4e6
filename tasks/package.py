"""Stage package: the approved candidate as a servable folder; nobody can make it without the decision."""

from __future__ import annotations

from contextlib import closing

from models.serving.packing import build_package
from models.serving.parcel import ServingRecord, check_model, read_part
from signoff.core.candidate import Candidate
from signoff.core.decision import Entry
from signoff.core.digest import expect_file
from signoff.core.errors import RefusedError, WorkspaceError
from signoff.core.paths import Paths
from signoff.core.settings import FileSource, Project
from signoff.core.stage import StageContext, StageReport
from signoff.ledger.rules import check_release


def package(context: StageContext) -> StageReport:
    """Write artifacts/bento/ from artifacts/model/, reports/candidate.json and decisions/release.json.

    Raises:
        RefusedError: there is no decision, it is not an approval, or it is about another candidate.
        IntegrityError: recipe, model, evidence or dossier is not what was approved, or the ledger does not hold.
    """
    paths, project = context.paths, context.project
    context.progress.step("checking the decision", 0.0)
    if not paths.release_decision.is_file():
        raise RefusedError(
            "no decision releases this candidate", where=str(paths.release_decision), next_step="signoff review list"
        )
    entry = read_part(paths.release_decision, Entry, "the release decision")
    candidate = read_part(paths.candidate, Candidate, "the candidate record")
    check_release(entry, candidate, paths.public_keys)
    _expect_whole_ledger(context)
    expect_file(paths.recipe, candidate.recipe_sha256, "the recipe")
    expect_file(paths.evidence, candidate.evidence_sha256, "the evidence")
    expect_file(paths.dossier, candidate.dossier_sha256, "the dossier")
    check_model(paths.model, candidate)
    context.progress.step("building the package", 0.2)
    parcel = build_package(
        paths.bento,
        model=paths.model,
        candidate=candidate,
        entry=entry,
        public_keys=paths.public_keys,
        serving=ServingRecord(
            project=project.project,
            tag=_tag(paths, project.project, candidate.digest),
            id_columns=project.data.id_columns,
            time_column=project.data.time_column,
            max_rows=project.serving.max_rows,
            missing=_missing(project),
        ),
    )
    people = " and ".join(entry.decision().by)
    return StageReport(
        stage="package",
        summary=f"packaged {parcel.serving.tag or parcel.digest[:12]}, approved by {people}",
        facts={"digest": parcel.digest, "model": parcel.model.digest, "decision": entry.hash},
    )


def _expect_whole_ledger(context: StageContext) -> None:
    """A signature by some key in decisions/keys is not enough: the decision must be an entry of this ledger."""
    from signoff.ledger import expect_whole
    from signoff.store import open_store

    if not context.paths.state.exists():
        expect_whole(context.paths)
        return
    with closing(open_store(context.project, context.paths)) as store:
        expect_whole(context.paths, store)


def _missing(project: Project) -> tuple[str, ...]:
    """Only CSV files are read with data.missing; in a typed source such a text is a value."""
    files = [source.file for source in project.data.sources.values() if isinstance(source, FileSource)]
    return project.data.missing if any(not name.lower().endswith(".parquet") for name in files) else ()


def _tag(paths: Paths, project: str, digest: str) -> str:
    from signoff.workspace.git import Git
    from tasks.candidate import find_tag

    try:
        return find_tag(Git(paths.root), project, digest) or ""
    except WorkspaceError:
        return ""
