"""Who shaped what is asked about: the persons whom four eyes keep from approving it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from signoff.core.decision import Decision, GateName
from signoff.core.errors import NotFoundError, WorkspaceError
from signoff.core.policy import name_key
from signoff.core.run import Cause, Run, RunState, Steering, load_run_settings
from signoff.gates.desk import Desk
from signoff.workspace.git import Git

SETTINGS = ("signoff.yaml", "features.yaml")
PEOPLE = ("hand", "request", "feedback")
"""Causes behind which a person stands."""
LOOK_BACK = 200
"""Runs that are looked at for who set the clock and who left an unfinished run behind."""
UNFINISHED = (RunState.RUNNING, RunState.INTERRUPTED, RunState.FAILED)


def involved_in(desk: Desk, gate: GateName, digest: str, run: str, cause: Cause) -> tuple[str, ...]:
    """Who else started or steered what is asked about here, sorted; the run's own starter is in its cause.

    They are: whoever asked for the changes that caused the run, and those behind the review they asked about; whoever
    asked for steering that still stands in run.yaml, and whoever set the clock that stands there; whoever started the
    unfinished runs whose stages this one found done; and whoever was behind an earlier question about the same digest.
    """
    before = [one for one in desk.store.runs(limit=LOOK_BACK) if one.id != run]
    names = [*_behind(desk, cause), *_steering(desk), *_left_behind(before), *_clock(desk, before)]
    for review in desk.store.reviews(gate=gate, digest=digest):
        names += review.started_by
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name_key(name), name)
    known.pop(name_key(cause.actor), None)
    return tuple(sorted(known.values()))


def settings_by(desk: Desk) -> tuple[str, ...]:
    """The git authors of signoff.yaml and features.yaml since the last release; a note, for anybody can choose a name.

    Empty where the workspace is no git repository.
    """
    if not (desk.paths.root / ".git").exists():
        return ()
    released = desk.ledger.champion()
    since = [f"{released.tag}..HEAD"] if released is not None else ["HEAD"]
    try:
        found = Git(desk.paths.root).run("log", "--format=%an", *since, "--", *SETTINGS).splitlines()
    except WorkspaceError:
        # A repository without commits, or a tag that was taken away: there is nothing to note.
        return ()
    return tuple(sorted(set(found)))


def _behind(desk: Desk, cause: Cause) -> Iterator[str]:
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


def _left_behind(before: Sequence[Run]) -> Iterator[str]:
    """A run that did not end has done stages that the next one finds done."""
    for run in before:
        if run.flow != "retrain":
            continue
        if run.state not in UNFINISHED:
            return
        if run.cause.kind in PEOPLE:
            yield run.cause.actor


def _clock(desk: Desk, before: Sequence[Run]) -> Iterator[str]:
    """Whoever set the clock that stands in run.yaml: the first of the newest runs that had it."""
    clock = load_run_settings(desk.paths.run).as_of
    setter: Run | None = None
    for run in before:
        if clock is None or run.as_of != clock:
            break
        setter = run
    if setter is not None and setter.cause.kind in PEOPLE:
        yield setter.cause.actor
