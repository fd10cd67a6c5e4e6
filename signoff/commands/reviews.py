"""`signoff review`: list, show, and the four verdicts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from signoff.commands.budget import budget_of
from signoff.commands.dossiers import dossier_of
from signoff.commands.output import Terminal, at_workspace, print_json, root_of
from signoff.commands.proof import prove
from signoff.core.account import Caller, Permission
from signoff.core.data import FailedExpectation, Validation
from signoff.core.decision import Review, ReviewState, Verdict
from signoff.core.errors import SignoffError, UsageError, did_you_mean
from signoff.core.numbers import closely
from signoff.core.paths import Paths
from signoff.core.policy_rules import Rule
from signoff.core.run import Steering
from signoff.core.settings import FAMILIES
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from flows.following import Following
    from signoff.gates import Desk, ReviewSummary, Ruling


def list_reviews(workspace: Path, all_states: bool, as_json: bool) -> None:
    """Print a line a review, oldest first."""
    from signoff import gates

    found = gates.list_reviews(_desk(root_of(workspace)), only_open=not all_states)
    if as_json:
        print_json({"reviews": [summary.as_json() for summary in found]})
        return
    if not found:
        sys.stdout.write("nothing waits for a decision\n")
    for summary in found:
        held = sum(check.holds for check in summary.checks)
        checks = f"{held} of {len(summary.checks)} checks hold"
        sys.stdout.write(f"{summary.id:12} {summary.state:12} {summary.subject}; {checks}; {summary.cause}\n")
    if found and found[0].state is ReviewState.OPEN:
        sys.stdout.write(f"next: signoff review show {found[0].id}{at_workspace(root_of(workspace))}\n")


def show_review(workspace: Path, identity: str, as_json: bool) -> None:
    """Print one review with its checks and decisions."""
    from signoff import gates

    root = root_of(workspace)
    desk = _desk(root)
    review = desk.store.review(identity)
    summary = gates.summarise(desk, review)
    failures = _failures(desk, review)
    if as_json:
        print_json({**summary.as_json(), "failures": [failure.as_json() for failure in failures]})
        return
    dossier = dossier_of(desk, summary.digest) if summary.gate == "release" else None
    lines = _lines(summary, Paths(root), dossier, _verdict_of(desk, review), failures)
    if summary.state is ReviewState.OPEN:
        lines.append(f'next: signoff review approve {summary.id}{at_workspace(root)} --reason "..."')
    sys.stdout.write("\n".join(lines) + "\n")


def decide(
    workspace: Path,
    identity: str,
    verdict: Verdict,
    reason: str,
    actor: str | None,
    go_on: bool,
    as_json: bool,
    changes: Steering | None = None,
    password_stdin: bool = False,
    override: bool = False,
) -> int:
    """Sign a decision, keep it in git, and let what follows from it begin.

    Returns:
        0 when all that follows went well; 5 when the decision stands and what followed failed.
    """
    from signoff import gates
    from signoff.announce import announce_now
    from signoff.commands.settling import commit_decision, settle

    root = root_of(workspace)
    desk = _desk(root)
    name, caller = _proven(desk, actor, password_stdin)
    said: dict[str, Any] = {"reasons": reason, "changes": changes, "override": override}
    ruling = gates.decide(desk, identity, verdict, actor=name, caller=caller, **said)
    settle(desk, ruling)
    if not commit_decision(root, ruling):
        sys.stderr.write("a run holds the workspace; it will commit the decision's file\n")
    drill = desk.store.drill(ruling.review.id) if ruling.review.state is not ReviewState.OPEN else None
    announce_now(desk.store, desk.project)
    desk.store.close()
    error: SignoffError | None = None
    following: Following | None = None
    with Terminal() as terminal:
        if not as_json:
            terminal.say(_said(ruling))
            if drill is not None:
                terminal.say(drill.told())
        try:
            following = _follow(root, ruling, terminal) if go_on else None
        except SignoffError as failed:
            error = failed
    _print(root, ruling, following, error, as_json)
    return 5 if error else 0


def reopen_review(workspace: Path, identity: str, reason: str, actor: str | None, password_stdin: bool) -> None:
    """Set an expired review aside, so that the next run asks again."""
    from signoff import gates

    desk = _desk(root_of(workspace))
    name, caller = _proven(desk, actor, password_stdin)
    review = gates.reopen(desk, identity, actor=name, caller=caller, reasons=reason)
    sys.stdout.write(f"{review.id} is set aside ({review.note})\nnext: signoff run\n")


def ask_for_changes(
    workspace: Path,
    identity: str,
    reason: str,
    wishes: dict[str, Any],
    actor: str | None,
    go_on: bool,
    as_json: bool,
    password_stdin: bool = False,
) -> int:
    """The verdict that shapes the next run."""
    budget = budget_of(wishes.pop("seconds"), wishes.pop("trials"))
    for family in (*wishes["ban_families"], wishes["pin_family"]):
        if family is not None and family not in FAMILIES:
            raise UsageError(f"there is no family {family!r}", allowed=did_you_mean(family, FAMILIES))
    try:
        changes = Steering(**wishes, budget=budget)
    except ValidationError as error:
        raise UsageError("these changes are not allowed", got=error.errors()[0]["msg"]) from error
    refuse_hopeless(root_of(workspace), changes)
    reason = reason or _in_words(changes)
    return decide(workspace, identity, "request-changes", reason, actor, go_on, as_json, changes, password_stdin)


def refuse_hopeless(root: Path, changes: Steering) -> None:
    """Refuse wishes that no run could fulfil: they are signed, and no later run gets around them.

    Raises:
        UsageError: the data has no such column.
        SettingsError: nothing is left to be tried.
    """
    _refuse_unknown_features(root, changes)
    _refuse_a_dead_end(root, changes)


def _refuse_unknown_features(root: Path, changes: Steering) -> None:
    from signoff.core.data import Snapshot
    from signoff.core.files import read_json

    paths = Paths(root)
    if not changes.exclude_features or not paths.snapshot.exists():
        return
    known = Snapshot.model_validate(read_json(paths.snapshot)).columns
    for name in changes.exclude_features:
        if name not in known:
            raise UsageError(
                f"the data has no column {name!r}", where="--exclude-feature", allowed=did_you_mean(name, known)
            )


def _refuse_a_dead_end(root: Path, changes: Steering) -> None:
    """A wish on top of the earlier ones must leave something to try: it is signed, and no later run gets around it."""
    from models.search.searching import steered
    from signoff.core.run import load_run_settings

    steered(load_project(root), load_run_settings(Paths(root).run).steering.merged(changes))


def _in_words(changes: Steering) -> str:
    said = [f"exclude {name}" for name in changes.exclude_features] + [f"ban {name}" for name in changes.ban_families]
    said += [f"pin {changes.pin_family}"] if changes.pin_family else []
    said += ["another budget"] if changes.budget else []
    return ", ".join(said)


def _proven(desk: Desk, actor: str | None, password_stdin: bool) -> tuple[str, Caller | None]:
    return prove(desk.store, desk.project.project, actor, Permission.DECIDE, password_stdin)


def _desk(root: Path) -> Desk:
    from signoff.gates import open_desk

    return open_desk(load_project(root), Paths(root))


def _follow(root: Path, ruling: Ruling, terminal: Terminal) -> Following:
    from flows.following import follow

    return follow(root, ruling, terminal)


def _said(ruling: Ruling) -> str:
    decision = ruling.entry.decision()
    where = "; ".join(ruling.judgement.reasons)
    who = f"{decision.verdict} of {decision.review} by {decision.actor}"
    return f"{who} is entry {ruling.entry.sequence} of the ledger ({where})"


def _print(root: Path, ruling: Ruling, following: Following | None, error: SignoffError | None, as_json: bool) -> None:
    from signoff.commands.output import print_error

    if as_json:
        continuation = following.as_json() if following else None
        if error:
            continuation = {"state": "failed", **error.as_record()}
        facts = {**ruling.entry.body, "hash": ruling.entry.hash, "sequence": ruling.entry.sequence}
        print_json({**facts, "review_state": ruling.review.state, "continuation": continuation})
    if error:
        print_error(error, False)
    elif following and following.ending and not as_json:
        from signoff.commands.running import print_ending

        print_ending(root, following.ending, False)
    elif following and following.state == "scheduled":
        flow = following.flow
        sys.stderr.write(f"the {flow} flow goes on in signoff up; see it with signoff status, or in the console\n")


def _worth(rule: Rule) -> bool:
    return rule.state != "holds" or rule.name in ("settings", "override")


def _verdict_of(desk: Desk, review: Review) -> str | None:
    """The verdict line of a release review; None where its evidence is not in this database."""
    from signoff.core.evidence import kept_evidence
    from signoff.core.verdict import verdict_line

    kept = kept_evidence(desk.store.evidence(review.evidence_sha256)) if review.gate == "release" else None
    return verdict_line(kept, review.checks) if kept is not None else None


def _failures(desk: Desk, review: Review) -> tuple[FailedExpectation, ...]:
    """The broken expectations behind a question about data."""
    text = desk.store.evidence(review.evidence_sha256) if review.gate == "data" else None
    try:
        return Validation.model_validate_json(text).failures if text is not None else ()
    except ValidationError:
        # Kept by another version of Signoff: the Data Docs of its run tell the same.
        return ()


def _failure_lines(failure: FailedExpectation) -> list[str]:
    """Which column broke which expectation, how much of it, and with what; then why the expectation is there."""
    share = f" ({failure.unexpected_share:.2%} of the rows)" if failure.unexpected_share is not None else ""
    such = f", such as {', '.join(failure.examples)}" if failure.examples else ""
    what = f"{failure.column or 'the table'}: {failure.expectation}: {failure.observed}{share}{such}"
    return [f"  broken    {what}", *([f"            expected because {failure.reason}"] if failure.reason else [])]


def _lines(
    summary: ReviewSummary,
    paths: Paths,
    dossier: Path | None,
    verdict: str | None,
    failures: Sequence[FailedExpectation] = (),
) -> list[str]:
    lines = [
        f"{summary.id}: the {summary.gate} gate, {summary.state}",
        f"  subject   {summary.subject}",
        *([f"  verdict   {verdict}"] if verdict else []),
        f"  digest    {summary.digest}",
        f"  cause     {summary.cause}",
        f"  opened    {summary.opened:%Y-%m-%d %H:%M} UTC",
    ]
    for check in summary.checks:
        value = "not in the evidence" if check.value is None else closely(check.value)
        lines.append(f"  {'holds ' if check.holds else 'BROKEN'}    {check.name} is {value}, asked for {check.limit}")
    lines += [line for failure in failures for line in _failure_lines(failure)]
    lines += [f"  waits     {wanted}" for wanted in summary.wanted]
    told = ("freeze", "override", "veto", "expiry", "four eyes", "stand-in", "settings")
    lines += [f"  {rule.name:9} {rule.sentence}" for rule in summary.rules if rule.name in told and _worth(rule)]
    for decision in summary.decisions:
        said = f"{decision.actor}: {decision.verdict}: {decision.reasons} ({decision.hash[:12]})"
        lines.append(f"  {decision.decided:%Y-%m-%d %H:%M}  {said}")
    if dossier is not None:
        lines.append(f"  dossier   {dossier}")
    if summary.gate == "data" and paths.data_docs.exists():
        lines.append(f"  data docs {paths.data_docs / 'index.html'}")
    return lines
