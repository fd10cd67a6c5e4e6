"""champion_drivers: what changed, since the champion, in what the answers hang on."""

from __future__ import annotations

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, SECOND, figure, numbers
from models.evaluation.importance import losses
from models.evaluation.words import listed
from signoff.core.evidence import Evidence, Table, Value

MOVED = 3
"""Places by which a column must move to be counted."""
SHOWN = 15

Losses = dict[str, Value]


def drivers(case: Case, found: Evidence) -> Evidence | None:
    """Both models' losses on the same shuffled rows, and who moved; None where the champion is none or the same.

    Args:
        found: the model's own importance record, whose table is in the order of its losses.
    """
    champion, answers = case.champion.model, case.rival
    if champion is None or answers is None or found.table is None:
        return None
    rows, theirs = losses(case, champion, answers)
    before = dict(theirs)
    after = {str(name): Value(name="importance.it", value=float(str(value)), low=_maybe(low), high=_maybe(high))
             for name, value, low, high in found.table.rows}  # fmt: skip
    lines = _lines(before, after)
    label = case.metric.label
    new, gone = [one for one in after if one not in before], [one for one in before if one not in _used(case)]
    moves = [line for line in lines if isinstance(line[5], int) and abs(line[5]) >= MOVED and line[6]]
    return Evidence(
        kind="champion_drivers",
        title="What changed in what it hangs on",
        business=_business(moves, new, gone),
        expert=f"Permutation importance of both models on the same {len(rows):,} holdout rows, loss of {label} when a "
        f"column is shuffled; a move counts from {MOVED} places on where the intervals do not overlap. Places among "
        "columns of nearly no weight change by chance.",
        values=(Value(name="champion.rank_moves", value=len(moves)),),
        table=Table(
            columns=("column", "place now", "place then", f"loss of {label} now", f"loss of {label} then", "places up",
                     "beyond chance"),
            rows=tuple(lines[:SHOWN]),
        ),
        chart=_chart(lines[:SHOWN], label),
        matters="Checks on champion.rank_moves ask a person to look when the model comes to rest on other columns.",
    )  # fmt: skip


def _used(case: Case) -> frozenset[str]:
    return frozenset(case.recipe.features.used())


def _maybe(value: str | float | int | bool | None) -> float | None:
    return None if value is None else float(value)


def _lines(before: Losses, after: Losses) -> list[tuple[str | float | int | bool | None, ...]]:
    """Column, places now and then, losses now and then, places up, whether the intervals lie apart."""
    then, now = _places(before), _places(after)
    names = sorted({*before, *after}, key=lambda one: (min(then.get(one, 999), now.get(one, 999)), one))
    return [
        (
            name,
            now.get(name),
            then.get(name),
            after[name].value if name in after else None,
            before[name].value if name in before else None,
            then[name] - now[name] if name in then and name in now else None,
            _lie_apart(before.get(name), after.get(name)),
        )
        for name in names
    ]


def _places(found: Losses) -> dict[str, int]:
    order = sorted(found, key=lambda name: -found[name].value)
    return {name: place for place, name in enumerate(order, 1)}


def _lie_apart(before: Value | None, after: Value | None) -> bool:
    if before is None or after is None or None in (before.low, before.high, after.low, after.high):
        return False
    assert before.low is not None
    assert before.high is not None
    assert after.low is not None
    assert after.high is not None
    return after.low > before.high or before.low > after.high


def _business(moves: list[tuple[str | float | int | bool | None, ...]], new: list[str], gone: list[str]) -> str:
    said = []
    for up, word in ((True, "more"), (False, "less")):
        names = [str(line[0]) for line in moves if isinstance(line[5], int) and (line[5] > 0) is up]
        said += [f"it hangs {word} on {listed(names, 3)} than the champion does"] if names else []
    said += [f"{listed(new, 3)} came in"] if new else []
    said += [f"{listed(gone, 3)} went out"] if gone else []
    if not said:
        return "The answers hang on the same columns as the champion's, as far as chance lets one tell."
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _chart(lines: list[tuple[str | float | int | bool | None, ...]], label: str) -> dict[str, object] | None:
    if not lines:
        return None
    names = [str(line[0]) for line in lines][::-1]
    bars = [
        {"type": "bar", "orientation": "h", "name": who, "y": names, "marker": {"color": colour},
         "x": numbers([float("nan") if line[at] is None else float(str(line[at])) for line in lines][::-1])}
        for at, who, colour in ((4, "champion", SECOND), (3, "new model", MAIN))
    ]  # fmt: skip
    height = max(260, 90 + 34 * len(names))
    return figure(bars, f"loss of {label}", "", barmode="group", height=height, yaxis={"type": "category"})
