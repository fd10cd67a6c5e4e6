"""What the page of a run shows, read from its log: stages, the search with its trials, the last lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from signoff.core.metrics import METRICS
from signoff.core.record import Moment, Record
from signoff.core.run_log import LogLine, SearchPlan, TrialNews

RETRAIN = (
    "ingest", "validate", "data gate", "prepare", "search", "fit", "evaluate", "candidate", "push", "release gate",
)  # fmt: skip
TO_COME = {"retrain": RETRAIN, "release": ("release gate", "package", "switch", "push"), "watch": ("monitor",)}
SHOWN_TRIALS, SHOWN_LINES, DOTS = 100, 80, 300
WIDTH, HEIGHT, EDGE = 640, 180, 8


class StageLine(Record):
    """One stage of a run."""

    name: str
    state: Literal["to come", "started", "done", "skipped", "failed"]
    began: Moment | None = None
    seconds: float | None = None
    share: float | None = None
    text: str = ""


class Curve(Record):
    """The best score so far, as an SVG line: x is the trial, y the score."""

    line: str
    dots: tuple[tuple[float, float], ...]
    low: float
    high: float
    last: float
    trials: int


class SearchView(Record):
    """The search: its budget, how far it is, its trials from the newest to the oldest."""

    metric: str
    label: str
    greater_is_better: bool
    budget: str
    trials: tuple[TrialNews, ...]
    total: int
    failed: int
    best: TrialNews | None
    left_seconds: float | None
    share: float | None
    curve: Curve | None


class RunView(Record):
    """A run by its log."""

    stages: tuple[StageLine, ...]
    search: SearchView | None
    lines: tuple[LogLine, ...]
    cut: int
    now: str


def view_of(lines: Sequence[LogLine], flow: str, *, running: bool, moment: datetime) -> RunView:
    """What the lines of a log tell at that moment.

    Args:
        lines: of the log, in order; none where it is not kept any more.
        flow: retrain, release or watch.
        running: whether the run goes on.
        moment: now.
    """
    told = [line for line in lines if line.kind not in ("trial", "search")]
    doing = next((line.text for line in reversed(lines) if line.kind == "step"), "") if running else ""
    return RunView(
        stages=_stages(lines, flow, running),
        search=_search(lines, running, moment),
        lines=tuple(told[-SHOWN_LINES:]),
        cut=max(0, len(told) - SHOWN_LINES),
        now=doing,
    )


def _stages(lines: Sequence[LogLine], flow: str, running: bool) -> tuple[StageLine, ...]:
    found: dict[str, StageLine] = {}
    for line in lines:
        name = line.stage
        if name is None:
            continue
        if line.kind == "stage" and line.state == "started":
            found[name] = StageLine(name=name, state="started", began=line.at)
        elif line.kind == "stage" and name in found and line.state in ("done", "skipped", "failed"):
            passed = (line.at - (found[name].began or line.at)).total_seconds()
            seconds = passed if line.seconds is None else line.seconds
            changed = {"state": line.state, "seconds": seconds, "text": line.text, "share": None}
            found[name] = found[name].model_copy(update=changed)
        elif line.kind == "step" and name in found and found[name].state == "started":
            found[name] = found[name].model_copy(update={"text": line.text, "share": line.share})
    coming = [name for name in TO_COME.get(flow, ()) if name not in found] if running else []
    return (*found.values(), *(StageLine(name=name, state="to come") for name in coming))


def _search(lines: Sequence[LogLine], running: bool, moment: datetime) -> SearchView | None:
    begun = next((line for line in reversed(lines) if line.kind == "search"), None)
    if begun is None or begun.search is None:
        return None
    plan = begun.search
    trials = [line.trial for line in lines if line.trial is not None]
    complete = [trial for trial in trials if trial.score is not None]
    pick = max if plan.greater_is_better else min
    best = pick(complete, key=lambda trial: trial.score or 0.0) if complete else None
    ended = any(line.kind == "stage" and line.stage == "search" and line.state != "started" for line in lines)
    done, left = _left(plan, trials, begun.at, moment) if running and not ended else (None, None)
    return SearchView(
        metric=plan.metric,
        label=METRICS[plan.metric].label if plan.metric in METRICS else plan.metric,
        greater_is_better=plan.greater_is_better,
        budget=f"{plan.seconds:g} s" if plan.seconds is not None else f"{plan.trials} trials",
        trials=tuple(reversed(trials[-SHOWN_TRIALS:])),
        total=len(trials),
        failed=sum(trial.state not in ("complete", "pruned") for trial in trials),
        best=best,
        left_seconds=left,
        share=done,
        curve=_curve(trials),
    )


def _left(
    plan: SearchPlan, trials: Sequence[TrialNews], begun: datetime, moment: datetime
) -> tuple[float | None, float | None]:
    """Share done, 0 to 1, and seconds left: of a budget in seconds known, of one in trials by the pace so far."""
    passed = max(0.0, (moment - begun).total_seconds())
    if plan.seconds is not None:
        used = min(plan.seconds, plan.spent + passed)
        return used / plan.seconds, round(plan.seconds - used, 1)
    total, own = plan.trials or 0, [trial for trial in trials if trial.spent > plan.spent]
    if not total or not own:
        return (len(trials) / total if total else None), None
    missing = max(0, total - len(trials))
    return min(1.0, len(trials) / total), round(missing * passed / len(own), 1)


def _curve(trials: Sequence[TrialNews]) -> Curve | None:
    known = [(index, trial.best, trial.score) for index, trial in enumerate(trials) if trial.best is not None]
    if not known:
        return None
    bests = [best for _, best, _ in known if best is not None]
    low, high = min(bests), max(bests)
    room = (high - low) or 1.0
    across = max(1, len(trials) - 1)

    def place(index: int, score: float) -> tuple[float, float]:
        share = min(1.0, max(0.0, (score - low) / room))
        x, y = EDGE + index / across * (WIDTH - 2 * EDGE), HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)
        return round(x, 1), round(y, 1)

    every = max(1, len(known) // DOTS)
    corners: list[tuple[float, float]] = []
    for index, best, _ in known[::every]:
        x, y = place(index, best or 0.0)
        if corners:
            # A step, not a slope: nothing was better until this trial was.
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    dots = tuple(place(index, score) for index, _, score in known[::every] if score is not None)
    return Curve(
        line=" ".join(f"{x},{y}" for x, y in corners), dots=dots, low=low, high=high, last=bests[-1], trials=len(trials)
    )
