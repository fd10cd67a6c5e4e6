"""`signoff status`: run, candidate, champion, open reviews, alerts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signoff.commands.output import at_workspace, print_json, root_of
from signoff.core.decision import CheckResult, Review, ReviewState
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json
from signoff.core.paths import Paths
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from signoff.core.run import Run
    from signoff.gates import Desk


TOLD = ("waiting", "rejected", "failed", "interrupted")
"""States of a run that want somebody to know why."""


def show_status(workspace: Path, as_json: bool) -> None:
    """Print where the workspace stands."""
    status = status_of(root_of(workspace))
    if as_json:
        print_json(status)
    else:
        _print(status, at_workspace(root_of(workspace)))


def status_of(root: Path) -> dict[str, Any]:
    """All that `signoff status --json` prints."""
    from signoff.gates import Desk, alerts_now
    from signoff.ledger import Ledger, champion
    from signoff.store import open_store

    project, paths = load_project(root), Paths(root)
    store = open_store(project, paths)
    desk = Desk(project, paths, store, Ledger(store, paths))
    runs = store.runs(limit=1)
    released = champion(paths, store)
    told = {drill.digest for drill in store.drills(told=True)}
    candidates = [one for one in store.candidates() if one.digest not in told]
    candidate = candidates[-1] if candidates else None
    return {
        "project": project.project,
        "run": run_facts(desk, runs[0]) if runs else None,
        "candidate": {
            "tag": candidate.tag,
            "digest": candidate.digest,
            "model_digest": candidate.candidate.model_digest,
            "metrics": metrics_of(store.evidence(candidate.candidate.evidence_sha256), paths),
        }
        if candidate
        else None,
        "champion": {"tag": released.tag, "digest": released.digest} if released else None,
        "reviews": [review_facts(review) for review in store.reviews(state=ReviewState.OPEN)],
        "alerts": [alert.as_json() for alert in alerts_now(desk)],
    }


def run_facts(desk: Desk, run: Run) -> dict[str, Any]:
    """A run as `--json` shows it, with what was said of it: who refused what, and why."""
    from signoff.gates.alerting import answer_sentence

    review = desk.store.review(run.review) if run.review else None
    answered = review is not None and review.state is not ReviewState.OPEN
    said = answer_sentence(desk, review) if review is not None and answered else run.message
    subject = review.subject if review is not None else None
    facts = {"id": run.id, "state": run.state, "cause": run.cause.as_json()}
    return {**facts, "review": run.review, "subject": subject, "message": said}


def metrics_of(kept: str | None, paths: Paths) -> dict[str, Any]:
    """Every number of a candidate's evidence with its interval; of the workspace's own where none was kept."""
    if kept is not None:
        evidence = EvidenceSet.model_validate_json(kept)
    elif paths.evidence.exists():
        evidence = EvidenceSet.model_validate(read_json(paths.evidence))
    else:
        return {}
    return {name: {"value": v.value, "low": v.low, "high": v.high} for name, v in evidence.values().items()}


def review_facts(review: Review) -> dict[str, Any]:
    """A review as `--json` shows it."""
    return {
        "id": review.id,
        "gate": review.gate,
        "state": review.state,
        "digest": review.digest,
        "subject": review.subject,
        "cause": review.cause.as_json(),
        "opened": review.opened.isoformat(),
        "checks": [check_facts(check) for check in review.checks],
    }


def check_facts(check: CheckResult) -> dict[str, Any]:
    """A check as `--json` shows it."""
    return {"name": check.check.metric, "value": check.value, "limit": check.limit, "holds": check.holds}


def _print(status: dict[str, Any], at: str) -> None:
    run, candidate, champion = status["run"], status["candidate"], status["champion"]
    lines = [f"project    {status['project']}"]
    lines.append(
        f"run        {run['id']} {run['state']} ({run['cause']['kind']} by {run['cause']['actor']})"
        if run
        else "run        none yet"
    )
    if run and run["message"] and run["state"] in TOLD:
        about = f"{run['subject']}: " if run["subject"] else ""
        lines.append(f"           {about}{run['message']}")
    if candidate:
        lines.append(f"candidate  {candidate['tag']}  {candidate['digest'][:16]}")
    lines.append(
        f"champion   {champion['tag']}  {champion['digest'][:16]}" if champion else "champion   none: nothing serves"
    )
    for review in status["reviews"]:
        held = sum(check["holds"] for check in review["checks"])
        counted = f", {held} of {len(review['checks'])} checks hold" if review["checks"] else ""
        lines.append(f"review     {review['id']}  {review['gate']} gate, {review['subject']}{counted}")
    for alert in status["alerts"]:
        lines.append(f"alert      {alert['id']}  {alert['state']}: {alert['finding']}")
        lines += [f"           {alert['came']}"] if alert["came"] else []
    if status["reviews"]:
        lines.append(f"next: signoff review show {status['reviews'][0]['id']}{at}")
    elif not run:
        lines.append(f"next: signoff run{at}")
    elif run["state"] == "rejected":
        lines.append(f"next: change signoff.yaml or features.yaml, then signoff run{at}")
        if any(alert["answered"] for alert in status["alerts"]):
            lines.append(f"  or: signoff monitor{at}, which asks at the alert gate whether to try again")
    elif run["state"] in ("failed", "interrupted"):
        lines.append(f"next: signoff run{at}, which goes on where that one stopped")
    sys.stdout.write("\n".join(lines) + "\n")
