"""Who shaped what is asked about: the persons whom four eyes keep from approving it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from signoff.core.decision import Decision, GateName, Review
from signoff.core.errors import NotFoundError, WorkspaceError
from signoff.core.policy import name_key
from signoff.core.policy_names import UNCOMMITTED as UNCOMMITTED
from signoff.core.run import Cause, Run, RunState, Steering, load_run_settings
from signoff.gates.desk import Desk
from signoff.workspace.git import Git

SETTINGS = ("signoff.yaml", "features.yaml")
TIMER = "schedule"
"""The actor behind whom nobody stands; every other one may be a person, whatever the kind of the cause."""
PAGE = 200
"""Runs that are read at first; all of them where these do not answer."""
UNFINISHED = (RunState.RUNNING, RunState.INTERRUPTED, RunState.FAILED)


def involved_in(desk: Desk, gate: GateName, digest: str, run: str, cause: Cause) -> tuple[str, ...]:
    """Who else started or steered what is asked about here, sorted; the run's own starter is in its cause.

    They are: whoever asked for the changes or approved the alert that caused the run, and those behind that review;
    whoever asked for steering that still stands in run.yaml, and whoever set the clock or the budget that stands there;
    whoever started the unfinished or waiting runs whose stages this one found done; and whoever was behind an earlier
    question about the same digest or, at the release gate, about the same model or the same recipe and data.
    """
    names = [*_steering(desk), *_left_behind(desk, run), *_set_by_hand(desk, run)]
    if gate != "alert":
        names += _behind(desk, cause)
    for review in _same_made(desk, gate, digest):
        names += review.started_by
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name_key(name), name)
    known.pop(name_key(cause.actor), None)
    known.pop(name_key(TIMER), None)
    return tuple(sorted(known.values()))


def settings_by(desk: Desk) -> tuple[str, ...]:
    """The git authors of signoff.yaml and features.yaml since the last release; a note, for anybody can choose a name.

    'uncommitted' where they are not as git has them. Empty where the workspace is no git repository.
    """
    if not (desk.paths.root / ".git").exists():
        return ()
    released = desk.ledger.champion()
    since = [f"{released.tag}..HEAD"] if released is not None else ["HEAD"]
    try:
        git = Git(desk.paths.root)
        found = git.run("log", "--format=%an", *since, "--", *SETTINGS).splitlines()
        if git.run("status", "--porcelain", "--", *SETTINGS):
            found.append(UNCOMMITTED)
    except WorkspaceError:
        # A repository without commits, or a tag that was taken away: there is nothing to note.
        return ()
    return tuple(sorted(set(found)))


def _same_made(desk: Desk, gate: GateName, digest: str) -> Iterator[Review]:
    """Earlier questions about the same thing: of another environment or comparison it is still its makers' model."""
    yield from desk.store.reviews(gate=gate, digest=digest)
    asked = desk.store.candidate(digest) if gate == "release" else None
    if asked is None:
        return
    made = asked.candidate
    for one in desk.store.candidates():
        other = one.candidate
        same_recipe = (other.recipe_sha256, other.data_md5) == (made.recipe_sha256, made.data_md5)
        if one.digest != digest and (other.model_digest == made.model_digest or same_recipe):
            yield from desk.store.reviews(gate=gate, digest=one.digest)


def _behind(desk: Desk, cause: Cause) -> Iterator[str]:
    if cause.kind == "alert" and cause.reference is not None:
        yield from _behind_alert(desk, cause.reference)
    if cause.kind != "request" or cause.reference is None:
        return
    entry = next((entry for entry in desk.ledger.entries() if entry.hash == cause.reference), None)
    if entry is None or entry.kind != "decision":
        return
    decision = entry.decision()
    yield decision.actor
    yield from decision.started_by
    try:
        before = desk.store.review(decision.review)
    except NotFoundError:
        # A clone has the decision and not the review: what the entry says is all that is known.
        return
    yield from before.started_by


def _behind_alert(desk: Desk, alert: str) -> Iterator[str]:
    """Whoever approved an alert has started the retrain that it asked for."""
    for review in desk.store.reviews(gate="alert"):
        if review.cause.reference != alert:
            continue
        yield from review.started_by
        for entry in desk.ledger.entries(about=review.id):
            if entry.kind == "decision" and entry.body.get("verdict") == "approve":
                yield from _authors(entry.decision())


def _steering(desk: Desk) -> Iterator[str]:
    standing = load_run_settings(desk.paths.run).steering
    if standing == Steering():
        return
    for entry in desk.ledger.entries():
        if entry.kind != "decision" or not entry.body.get("changes"):
            continue
        decision = entry.decision()
        if decision.changes is not None and _still_stands(decision.changes, standing):
            yield from _authors(decision)


def _authors(decision: Decision) -> Iterator[str]:
    if not decision.automatic:
        yield decision.actor


def _still_stands(asked: Steering, standing: Steering) -> bool:
    return bool(
        set(asked.exclude_features) & set(standing.exclude_features)
        or set(asked.ban_families) & set(standing.ban_families)
        or (asked.pin_family is not None and asked.pin_family == standing.pin_family)
        or (asked.budget is not None and asked.budget == standing.budget)
    )


def _left_behind(desk: Desk, current: str) -> Iterator[str]:
    """A run that did not end, or waits at an earlier gate, has done stages that the next one finds done, up to one
    that went through all of them."""
    for run in _runs(desk, current, "retrain"):
        if run.state not in UNFINISHED and run.candidate is not None:
            return
        if run.state in UNFINISHED or run.state is RunState.WAITING:
            yield run.cause.actor
            yield from _behind(desk, run.cause)


def _set_by_hand(desk: Desk, current: str) -> Iterator[str]:
    """Whoever set the clock and whoever set the budget that stand in run.yaml."""
    standing = load_run_settings(desk.paths.run)
    if standing.as_of is not None:
        yield from _setter(desk, current, lambda run: run.as_of == standing.as_of)
    if standing.steering.budget is not None:
        yield from _setter(desk, current, lambda run: run.budget == standing.steering.budget)


def _setter(desk: Desk, current: str, had: Callable[[Run], bool]) -> Iterator[str]:
    """The first of the newest runs that had it."""
    setter: Run | None = None
    for run in _runs(desk, current):
        if had(run):
            setter = run
        elif setter is not None or run.state is not RunState.INTERRUPTED:
            # A run that was killed at its very start may have left it as it was.
            break
    if setter is not None:
        yield setter.cause.actor


def _runs(desk: Desk, current: str, *flows: str) -> Iterator[Run]:
    """The earlier runs of this workspace from the newest on; a drill has rows, and has done nothing here."""
    drills = {drill.digest for drill in desk.store.drills()}
    first = desk.store.runs(limit=PAGE, flows=flows, here=True)
    yield from (run for run in first if run.id != current and run.candidate not in drills)
    if len(first) == PAGE:
        rest = desk.store.runs(flows=flows, here=True)[PAGE:]
        yield from (run for run in rest if run.id != current and run.candidate not in drills)
