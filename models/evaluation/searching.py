"""search: who was tried, for how long, and why this one was taken."""

from __future__ import annotations

from collections import Counter
from statistics import stdev

from models.evaluation.charts import MAIN, QUIET, figure, points
from models.evaluation.words import listed, sentence
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.metrics import METRICS
from signoff.core.numbers import number
from signoff.core.search import Contender, Leaderboard


def search(board: Leaderboard) -> Evidence:
    """The leaderboard: the best of each family with its folds, the attempts behind it, budget, and the rule."""
    chosen = next((one for one in board.contenders if one.chosen), None)
    states = Counter(trial.state for trial in board.trials)
    label = METRICS[board.metric].label if board.metric in METRICS else board.metric
    families = {one.family for one in board.contenders}
    unfinished = listed([f"{count} {state}" for state, count in sorted(states.items()) if state != "complete"])
    return Evidence(
        kind="search",
        title="How it was chosen",
        business=" ".join(part for part in (_business(board, chosen, len(families)), _rule(board)) if part),
        expert=f"Mean {label} over the folds of the training rows; the interval is one standard error of the folds. "
        f"Budget {board.budget}, {number(board.seconds)} s used" + (f"; {unfinished}." if unfinished else "."),
        values=_values(board, chosen, len(families)),
        table=_table(board, label),
        chart=_chart(board.contenders, label),
        matters="Checks on search.unfinished or search.trials tell when a search was cut short.",
    )


def why_chosen(board: Leaderboard) -> str:
    """One clause: 'linear, since hist_boosting is ahead by 0.002 only, no more than chance', or just its name."""
    chosen = next((one for one in board.contenders if one.chosen), None)
    if chosen is None:
        return "none was taken"
    best = board.contenders[0]
    if best.name == chosen.name:
        return f"{chosen.name} has the best mean score"
    ahead = abs(best.score - chosen.score)
    if board.rule.startswith("A person asked"):
        return f"{chosen.name} was asked for; {best.name} is ahead by {number(ahead)}"
    return f"{chosen.name} was taken as the simpler one: {best.name} is ahead by only {number(ahead)}, within chance"


def _business(board: Leaderboard, chosen: Contender | None, families: int) -> str:
    tried = f"Attempts: {len(board.trials)}, families: {families}"
    return f"{tried}; none was taken." if chosen is None else f"{tried}; {why_chosen(board)}."


def _rule(board: Leaderboard) -> str:
    return sentence(board.rule) if board.rule else ""


def _values(board: Leaderboard, chosen: Contender | None, families: int) -> tuple[Value, ...]:
    values = [
        Value(name="search.trials", value=len(board.trials)),
        Value(name="search.families", value=families),
        Value(name="search.unfinished", value=sum(one.state != "complete" for one in board.trials)),
        Value(name="search.seconds", value=round(board.seconds, 1), unit="s"),
    ]
    if board.contenders:
        values.append(Value(name="search.best", value=board.contenders[0].score))
    if chosen is not None:
        values.append(Value(name="search.given_up", value=abs(board.contenders[0].score - chosen.score)))
    return tuple(values)


def _table(board: Leaderboard, label: str) -> Table:
    attempts = Counter(trial.family for trial in board.trials)
    seconds = {family: sum(one.seconds for one in board.trials if one.family == family) for family in attempts}
    rows = tuple(
        (one.name, one.kind, attempts.get(one.family, 0), round(seconds.get(one.family, 0.0), 1), one.score,
         *_reach(one), ", ".join(number(score) for score in one.fold_scores), "taken" if one.chosen else "")
        for one in board.contenders
    )  # fmt: skip
    heads = ("contender", "kind", "attempts", "seconds", f"mean {label}", "low", "high", "folds", "")
    return Table(columns=heads, rows=rows)


def _reach(one: Contender) -> tuple[float | None, float | None]:
    if len(one.fold_scores) < 2:
        return None, None
    error = stdev(one.fold_scores) / len(one.fold_scores) ** 0.5
    return one.score - error, one.score + error


def _chart(contenders: tuple[Contender, ...], label: str) -> dict[str, object] | None:
    if not contenders:
        return None
    x = [score for one in contenders for score in one.fold_scores]
    y = [one.name for one in contenders for _ in one.fold_scores]
    folds = {**points(x, [], "folds", QUIET, marker={"color": QUIET, "size": 6, "opacity": 0.7}), "y": y}
    means = {**points([one.score for one in contenders], [], "mean", MAIN), "y": [one.name for one in contenders]}
    means["marker"] = {"color": MAIN, "size": 11, "symbol": ["star" if one.chosen else "circle" for one in contenders]}
    names = [one.name for one in contenders][::-1]
    axis = {"type": "category", "categoryorder": "array", "categoryarray": names}
    return figure([folds, means], f"{label} (star: taken)", "", yaxis=axis, height=max(220, 90 + 30 * len(names)))
