"""Make an approved, packaged candidate the champion; the only place where that happens."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from signoff.core.decision import Entry, Finding, Release
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.store import Store

if TYPE_CHECKING:
    from tasks.candidate import Tagged
    from tasks.passage import Passage


def switch(run: Passage, tagged: Tagged, approval: Entry) -> str:
    """Smoke-test the package, put it in the champion's place, write the release down, tag it.

    Killed anywhere in between it can be called again: what is done is found done.

    Args:
        run: the open run.
        tagged: the candidate that was approved and packaged.
        approval: the ledger entry that approved it.

    Returns:
        The release's tag.

    Raises:
        IntegrityError: the package is not the approved candidate.
        ServiceError: the package does not answer as the model does.
    """
    from models.serving import install_champion, open_parcel, smoke_test
    from tasks.monitor import keep_reference

    candidate = tagged.candidate
    parcel = open_parcel(run.paths.bento, run.paths.public_keys)
    if parcel.digest != candidate.digest:
        raise IntegrityError("the package holds another candidate", got=parcel.digest, allowed=candidate.digest)
    finish = functools.partial(keep_reference, run.paths, parcel.model.digest)
    standing = run.desk.ledger.champion()
    if standing is None or standing.digest != candidate.digest:
        smoke_test(run.paths.bento)
        install_champion(run.paths.bento, run.paths.champion, finish)
        standing = _record(run, tagged, approval)
    elif _installed(run.paths) != candidate.digest:
        install_champion(run.paths.bento, run.paths.champion, finish)
    run.git.commit(f"Release {standing.tag}\n\nDigest: {standing.digest}\nCandidate: {standing.candidate_tag}")
    message = f"Release of {standing.project}\n\nDigest: {standing.digest}\nDecision: {standing.decision}"
    if run.git.tag_message(standing.tag) is None:
        run.git.tag(standing.tag, message)
    _close_alerts(run, candidate.model_digest)
    return standing.tag


def _close_alerts(run: Passage, model_digest: str) -> None:
    """An alert about a model that no longer serves wants nobody any more."""
    for alert in run.store.alerts():
        if alert.state != "closed" and alert.model != model_digest:
            run.store.update_alert(alert.model_copy(update={"state": "closed"}))


def _record(run: Passage, tagged: Tagged, approval: Entry) -> Release:
    project = run.project.project
    numbers = [
        int(entry.release().tag.rpartition("v")[2]) for entry in run.desk.ledger.entries() if entry.kind == "release"
    ]
    release = Release(
        project=project,
        tag=f"{project}/v{max(numbers, default=0) + 1}",
        candidate_tag=tagged.tag,
        digest=tagged.candidate.digest,
        model_digest=tagged.candidate.model_digest,
        decision=approval.hash,
        released=now(),
    )
    return run.desk.ledger.record_release(release).release()


def _installed(paths: Paths) -> str | None:
    from models.serving import open_parcel

    try:
        return open_parcel(paths.champion, paths.public_keys).digest
    except RefusedError:
        return None


def champion_findings(paths: Paths, store: Store | None) -> list[Finding]:
    """What is wrong with the bytes that serve: they must be the newest release, whole and signed."""
    from signoff.ledger import champion

    if not paths.champion.exists():
        return []
    from models.serving import open_parcel

    try:
        digest = open_parcel(paths.champion, paths.public_keys).digest
    except RefusedError as error:
        return [
            Finding(
                what=f"the champion: {error.what}",
                where=error.where or str(paths.champion),
                got=error.got or "",
                expected=error.allowed or "",
            )
        ]
    released = champion(paths, store)
    if released is None or released.digest != digest:
        expected = released.digest if released else "no release"
        return [
            Finding(
                what="the champion is not the newest release", where=str(paths.champion), got=digest, expected=expected
            )
        ]
    return []
