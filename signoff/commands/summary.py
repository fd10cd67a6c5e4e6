"""What a run found, in a few lines, and the exact command to type next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signoff.commands.output import at_workspace
from signoff.core.decision import Review, ReviewState
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json
from signoff.core.numbers import closely
from signoff.core.paths import Paths
from signoff.core.run import RunState
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from tasks.passage import Ending


def print_summary(root: Path, ending: Ending) -> None:
    """A run's stages, its candidate's evidence, where it stands, and what to do now."""
    out = [f"run {ending.run}: {ending.state}"]
    out += [f"  {stage.stage:9} {_seconds(stage.seconds, stage.state)}  {stage.summary}" for stage in ending.stages]
    if ending.tag:
        out += ["", *_evidence(Paths(root), ending)]
    out += ["", *_next(root, ending)]
    sys.stdout.write("\n".join(out) + "\n")


def print_window(root: Path, ending: Ending) -> None:
    """What monitoring found, and what it started."""
    watched: dict[str, Any] = ending.watched or {}
    window = watched["window"]
    span = f" {window['start']} to {window['end']}" if window["start"] else ", no moments"
    out = [f"window{span}: {window['rows']:,} rows, {window['origin']}"]
    columns = len({drift["column"] for drift in watched["drift"]})
    aspects = ", by values, missing share and length" if columns < len(watched["drift"]) else ""
    drifted = [drift["column"] for drift in watched["drift"] if drift["drifted"]]
    out.append(f"  drift     {', '.join(dict.fromkeys(drifted)) or 'none'} (of {columns} columns{aspects})")
    out += [f"  {value['name']:32} {_interval(value)}" for value in watched["performance"]["values"]]
    for check in watched["checks"]:
        limits = check["check"]
        bound = f">= {limits['at_least']}" if limits["at_least"] is not None else f"<= {limits['at_most']}"
        verdict = "holds " if check["holds"] else "BROKEN"
        out.append(f"  {verdict} {limits['metric']} is {closely(check['value'])}, asked for {bound}")
    out += [f"  not judged: {item['check']['metric']}: {item['reason']}" for item in watched["not_judged"]]
    out += [f"  note: {note}" for note in watched["notes"]]
    for alert in watched["alerts"]:
        stands = "" if watched["fresh"] else f", which stands already, {alert['state']}"
        out.append(f"  ALERT {alert['id']}{stands}: {alert['finding']}")
    out += [f"  no retrain starts: {watched['why']}"] if watched["why"] else []
    folder = Paths(root).monitoring / watched["name"]
    page = folder / "report.html"
    out.append(f"  report: {_near(page if page.is_file() else folder)}")
    asks = [alert["review"] for alert in watched["alerts"] if alert["review"] and alert["state"] == "open"]
    if ending.state is RunState.DONE and asks:
        out.append(f"next: signoff review show {asks[0]}{at_workspace(root)}")
    sys.stdout.write("\n".join(out) + "\n")
    if ending.state is not RunState.DONE:
        sys.stdout.write("\nthe alert started a retrain\n")
        print_summary(root, ending)


def _evidence(paths: Paths, ending: Ending) -> list[str]:
    from signoff.core.policy import run_checks
    from signoff.report import render_summary

    evidence = EvidenceSet.model_validate(read_json(paths.evidence))
    checks = run_checks(load_project(paths.root).gates.release.checks, evidence.values())
    lines = render_summary(evidence, checks)
    return [
        f"{ending.tag}  {(ending.digest or '')[:16]}",
        *(f"  {line}" for line in lines),
        f"  dossier: {_near(paths.dossier)}",
    ]


def _next(root: Path, ending: Ending) -> list[str]:
    at = at_workspace(root)
    if ending.state is RunState.WAITING and ending.review:
        review = _review(root, ending.review)
        state = f"waiting for a decision: {ending.message}"
        if review is None or review.state is ReviewState.OPEN:
            return [
                state,
                f'next: signoff review approve {ending.review}{at} --reason "why"',
                f"  or: signoff review show {ending.review}{at}",
                f"  or: signoff console{at}, to read and decide in a browser",
            ]
    if ending.state is RunState.RELEASED:
        return [f"{ending.message}", f"next: signoff serve{at}"]
    if ending.state is RunState.REJECTED:
        return [ending.message, f"next: change signoff.yaml or features.yaml, then signoff run{at}"]
    return [ending.message or str(ending.state), f"next: signoff status{at}"]


def _review(root: Path, identity: str) -> Review | None:
    from signoff.core.errors import NotFoundError
    from signoff.store import open_store

    try:
        return open_store(load_project(root), Paths(root)).review(identity)
    except NotFoundError:
        return None


def _seconds(seconds: float, state: str) -> str:
    return "   skipped" if state == "skipped" else f"{seconds:8.1f} s"


def _interval(value: dict[str, Any]) -> str:
    if value["low"] is None:
        return closely(value["value"])
    return f"{closely(value['value'])} ({closely(value['low'])} to {closely(value['high'])})"


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
