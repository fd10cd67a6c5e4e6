"""`signoff drill`: start one, say what the kinds are, tell who caught those that are over."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from signoff.commands.budget import budget_of
from signoff.commands.output import Terminal, print_json, root_of
from signoff.core.drill import DRILL_SENTENCES, Drill, DrillKind
from signoff.core.errors import UsageError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.run import Cause
from signoff.core.settings_file import load_project

SEEDS = 2**31


def list_kinds(as_json: bool) -> None:
    """A line a kind."""
    if as_json:
        print_json({"kinds": [{"kind": kind.value, "fault": said} for kind, said in DRILL_SENTENCES.items()]})
        return
    for kind, said in DRILL_SENTENCES.items():
        sys.stdout.write(f"{kind.value:20} {said}\n")


def start(
    workspace: Path,
    kind: str | None,
    seed: int | None,
    note: str,
    seconds: float | None,
    trials: int | None,
    actor: str | None,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Make the bad candidate, open its review, and tell only whoever started it what is wrong."""
    from signoff.commands.proof import starter
    from signoff.store import open_store

    root, wanted = root_of(workspace), _kind(kind)
    budget = budget_of(seconds, trials)
    project = load_project(root)
    with closing(open_store(project, Paths(root))) as store:
        name = starter(store, project.project, actor, password_stdin)
    from tasks.drill import drill

    cause = Cause(kind="hand", actor=name, note=note)
    with Terminal() as terminal:
        made = drill(root, wanted, secrets.randbelow(SEEDS) if seed is None else seed, cause, terminal, budget)
    if as_json:
        print_json({**_facts(made), "opened": made.opened.isoformat()})
        return
    sys.stdout.write(
        f"{made.review} is open: {DRILL_SENTENCES[made.kind]}\n"
        f"  {made.shown}: {made.sentence}\n"
        f"  seed {made.seed}; nobody else is told before it is decided\n"
        "next: signoff drill report, when it is over\n"
    )


def prepare(workspace: Path, as_json: bool) -> None:
    """From now on each release review gets a seal, most of them of nothing."""
    from signoff.gates import open_desk
    from signoff.gates.drilling import prepare_drills

    root = root_of(workspace)
    desk = open_desk(load_project(root), Paths(root))
    with closing(desk.store):
        done = prepare_drills(desk)
    if as_json:
        print_json({"prepared": True, "now": done})
    else:
        sys.stdout.write(
            "each release review has a seal in the ledger from now on\n" if done else "drills were prepared before\n"
        )


def report(workspace: Path, as_json: bool) -> None:
    """Who caught which drill, and how long it took; of one that is open nothing is said."""
    from signoff.store import open_store

    root = root_of(workspace)
    with closing(open_store(load_project(root), Paths(root))) as store:
        told = store.drills(told=True)
    if as_json:
        print_json({"drills": [{**_facts(one), **_end(one)} for one in told], "summary": _summary(told)})
        return
    if not told:
        sys.stdout.write("no drill is over\n")
        return
    for one in told:
        who = f" by {', '.join(one.by)}" if one.by else ""
        who += " (who had started it)" if one.own else ""
        took = f" after {_span(one.seconds)}" if one.seconds is not None else ""
        sys.stdout.write(f"{one.opened:%Y-%m-%d}  {one.review:12} {one.kind:20} {one.state}{who}{took}\n")
        sys.stdout.write(f"            shown by {one.shown}: {one.sentence}\n")
        if one.reasons:
            sys.stdout.write(f"            {one.verdict or 'said'}: {one.reasons}\n")
    facts = _summary(told)
    typical = f", typically after {_span(facts['median_seconds'])}" if facts["median_seconds"] is not None else ""
    sys.stdout.write(f"{facts['caught']} of {facts['caught'] + facts['missed']} caught{typical}\n")


def _kind(kind: str | None) -> DrillKind:
    names = [one.value for one in DrillKind]
    if kind is None:
        raise UsageError("say what shall be wrong", allowed=", ".join(names), next_step="signoff drill --list")
    if kind not in names:
        raise UsageError(f"there is no drill {kind!r}", allowed=did_you_mean(kind, [*names, "report", "prepare"]))
    return DrillKind(kind)


def _facts(drill: Drill) -> dict[str, Any]:
    named = ("review", "kind", "seed", "digest", "actor", "shown", "sentence")
    return {name: drill.as_json()[name] for name in named}


def _end(drill: Drill) -> dict[str, Any]:
    named = ("opened", "closed", "state", "by", "verdict", "reasons")
    return {**{name: drill.as_json()[name] for name in named}, "own": drill.own, "seconds": drill.seconds}


def _summary(told: Sequence[Drill]) -> dict[str, Any]:
    caught = [one.seconds for one in told if one.state == "caught" and one.seconds is not None]
    counts = {state: sum(one.state == state for one in told) for state in ("caught", "missed", "void")}
    return {**counts, "median_seconds": median(caught) if caught else None}


def _span(seconds: float) -> str:
    """'3 days, 4:05:06' without the fractions."""
    return str(timedelta(seconds=round(seconds)))
