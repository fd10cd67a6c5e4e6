"""Make an approved, packaged candidate the champion; the only place where that happens."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from signoff.audit.members import released_files
from signoff.core.decision import Entry, Finding, Release
from signoff.core.digest import expect_file, sha256_bytes, sha256_file
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.gates.telling import refuse_drill
from signoff.store import Store
from signoff.workspace.objects import read_files

if TYPE_CHECKING:
    from tasks.candidate import Tagged
    from tasks.passage import Passage


def switch(run: Passage, tagged: Tagged, approval: Entry) -> str:
    """Smoke-test the package, lay it beside the champion's place, write the release down, switch to it, tag it.

    Killed anywhere in between it can be called again: what is done is found done.

    Args:
        run: the open run.
        tagged: the candidate that was approved and packaged.
        approval: the ledger entry that approved it.

    Returns:
        The release's tag.

    Raises:
        RefusedError: the candidate was made for a drill.
        IntegrityError: the package is not the approved candidate.
        ServiceError: the package does not answer as the model does.
    """
    from models.serving import open_parcel, point_champion

    candidate = tagged.candidate
    refuse_drill(run.desk, candidate.digest, candidate.model_digest)
    parcel = open_parcel(run.paths.bento, run.paths.public_keys)
    if parcel.digest != candidate.digest:
        raise IntegrityError("the package holds another candidate", got=parcel.digest, allowed=candidate.digest)
    standing = run.desk.ledger.champion()
    released = standing is not None and standing.digest == candidate.digest
    if standing is None or not released or package_findings(run.paths, standing):
        copy = _lay_out(run, parcel.model.digest, standing if released else None)
        # The ledger says what serves before it does: a kill in between leaves the old one answering, and refused.
        standing = _record(run, tagged, approval, copy)
        point_champion(run.paths.champion, copy)
    run.git.commit(f"Release {standing.tag}\n\nDigest: {standing.digest}\nCandidate: {standing.candidate_tag}")
    if run.git.tag_message(standing.tag) is None:
        run.git.tag(standing.tag, _tag_message(run, standing))
    _close_alerts(run, candidate.model_digest, standing.tag)
    return standing.tag


def _lay_out(run: Passage, model_digest: str, standing: Release | None) -> Path:
    """The package beside the champion's place, with its reference: the copy of a killed release where it is whole."""
    from models.serving import smoke_test, stage_champion, staged_champion
    from tasks.monitor import keep_reference

    paths = run.paths
    found = None
    if standing is not None and standing.package_sha256 is not None:
        found = staged_champion(paths.champion, standing.package_sha256)
    elif standing is None:
        smoke_test(paths.bento)
    return found or stage_champion(paths.bento, paths.champion, functools.partial(keep_reference, paths, model_digest))


def _tag_message(run: Passage, release: Release) -> str:
    """The anchor: whoever cuts the ledger's end off would have to cut this tag off too, in every clone."""
    facts = (f"Digest: {release.digest}", f"Decision: {release.decision}", run.desk.ledger.anchor())
    return "\n".join((f"Release of {release.project}", "", *facts))


def _close_alerts(run: Passage, model_digest: str, tag: str) -> None:
    """An alert about a model that no longer serves wants nobody any more."""
    for alert in run.store.alerts():
        if alert.state != "closed" and alert.model != model_digest:
            came = "; ".join(said for said in (alert.came, f"{tag} serves now") if said)
            run.store.update_alert(alert.model_copy(update={"state": "closed", "came": came}))


def _record(run: Passage, tagged: Tagged, approval: Entry, copy: Path) -> Release:
    from models.serving import manifest_digest
    from tasks.monitor import REFERENCE

    project = run.project.project
    numbers = [
        int(entry.release().tag.rpartition("v")[2]) for entry in run.desk.ledger.entries() if entry.kind == "release"
    ]
    kept = read_files(run.git, tagged.tag, released_files(project))
    release = Release(
        project=project,
        tag=f"{project}/v{max(numbers, default=0) + 1}",
        candidate_tag=tagged.tag,
        digest=tagged.candidate.digest,
        model_digest=tagged.candidate.model_digest,
        decision=approval.hash,
        released=now(),
        package_sha256=manifest_digest(copy),
        reference_sha256=sha256_file(copy / REFERENCE),
        files={path: sha256_bytes(data) for path, data in kept.items()},
    )
    return run.desk.ledger.record_release(release).release()


def champion_findings(paths: Paths, store: Store | None) -> list[Finding]:
    """What is wrong with the bytes that serve: they must be the newest release, whole and signed."""
    from signoff.ledger import champion

    if not paths.champion.exists():
        return []
    return package_findings(paths, champion(paths, store))


def package_findings(paths: Paths, released: Release | None) -> list[Finding]:
    """What is wrong with the champion's package, held against its release; empty when every file is as signed."""
    from models.serving import open_parcel

    try:
        digest = open_parcel(paths.champion, paths.public_keys).digest
        if released is not None and released.digest == digest:
            check_champion(paths, released)
    except RefusedError as error:
        return [
            Finding(
                what=f"the champion: {error.what}",
                where=error.where or str(paths.champion),
                got=error.got or "",
                expected=error.allowed or "",
            )
        ]
    if released is None or released.digest != digest:
        expected = released.digest if released else "no release"
        return [
            Finding(
                what="the champion is not the newest release", where=str(paths.champion), got=digest, expected=expected
            )
        ]
    return []


def check_champion(paths: Paths, released: Release) -> bool:
    """Hold every file of the champion's package, and its reference, against the release that was signed.

    Returns:
        False for a release of a time when the ledger did not name its package: there is nothing to hold it against.

    Raises:
        IntegrityError: a file is not the one that was signed; says which.
    """
    from models.serving import check_manifest
    from tasks.monitor import REFERENCE

    if released.package_sha256 is None:
        return False
    check_manifest(paths.champion.resolve(), released.package_sha256)
    if released.reference_sha256 is not None:
        expect_file(paths.champion / REFERENCE, released.reference_sha256, "the champion's reference")
    return True
