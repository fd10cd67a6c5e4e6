"""Two versions side by side: numbers, recipe, features, data and settings."""

from __future__ import annotations

import difflib
import json
from typing import Any

from signoff.console.version_facts import Made, Numbers
from signoff.core.evidence import Value
from signoff.core.metrics import METRICS
from signoff.core.record import Record

MOST_DIFF_LINES = 400


class NumberPair(Record):
    """One number of both."""

    name: str
    a: Value | None
    b: Value | None
    difference: float | None
    apart: bool
    """The intervals do not touch; never where one of them is not known."""
    better: bool | None
    """Whether b is better, where the metric has a direction."""


class FactPair(Record):
    """One fact of both, as text."""

    name: str
    a: str
    b: str
    differs: bool


class Comparison(Record):
    """What differs between two versions."""

    numbers: tuple[NumberPair, ...]
    recipe: tuple[FactPair, ...]
    data: tuple[FactPair, ...]
    features_added: tuple[str, ...]
    features_removed: tuple[str, ...]
    settings: tuple[str, ...]
    known: bool
    """Whether git holds recipe and data of both here."""


def compare_versions(a: tuple[Numbers, Made], b: tuple[Numbers, Made]) -> Comparison:
    """What differs from a to b."""
    used = [set(made.recipe.features.used()) if made.recipe else set[str]() for _, made in (a, b)]
    return Comparison(
        numbers=_numbers(a[0], b[0]),
        recipe=_facts(_recipe(a[1]), _recipe(b[1])),
        data=_facts(_data(a[1]), _data(b[1])),
        features_added=tuple(sorted(used[1] - used[0])),
        features_removed=tuple(sorted(used[0] - used[1])),
        settings=_settings(a[1].settings, b[1].settings),
        known=a[1].recipe is not None and b[1].recipe is not None,
    )


def _numbers(a: Numbers, b: Numbers) -> tuple[NumberPair, ...]:
    ours, theirs = a.by_name(), b.by_name()
    return tuple(_pair(name, ours.get(name), theirs.get(name)) for name in dict.fromkeys((*theirs, *ours)))


def _pair(name: str, a: Value | None, b: Value | None) -> NumberPair:
    difference = b.value - a.value if a is not None and b is not None else None
    metric = METRICS.get(name.rpartition(".")[2])
    better = None
    if metric is not None and difference:
        better = (difference > 0) == metric.greater_is_better
    return NumberPair(name=name, a=a, b=b, difference=difference, apart=_apart(a, b), better=better)


def _apart(a: Value | None, b: Value | None) -> bool:
    if a is None or b is None or a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.high < b.low or b.high < a.low


def _recipe(made: Made) -> dict[str, str]:
    recipe = made.recipe
    if recipe is None:
        return {}
    facts: dict[str, Any] = {"family": recipe.family, "threshold": recipe.threshold, "seed": recipe.seed}
    facts |= {f"parameter {name}": value for name, value in sorted(recipe.parameters.items())}
    facts |= {f"feature {step.column}": step.action for step in recipe.features.steps}
    return {name: _text(value) for name, value in facts.items()}


def _data(made: Made) -> dict[str, str]:
    snapshot = made.snapshot
    if snapshot is None:
        return {}
    facts = {
        "rows": f"{snapshot.rows:,}",
        "columns": str(len(snapshot.columns)),
        "first": f"{snapshot.first:%Y-%m-%d %H:%M}" if snapshot.first else "",
        "last": f"{snapshot.last:%Y-%m-%d %H:%M}" if snapshot.last else "",
        "clock": f"{snapshot.as_of:%Y-%m-%d %H:%M}" if snapshot.as_of else "",
        "md5": snapshot.md5,
    }
    facts |= {f"rows of {source.name}": f"{source.rows:,}" for source in snapshot.sources}
    facts |= {f"column {name}": kind for name, kind in snapshot.columns.items()}
    return facts


def _facts(a: dict[str, str], b: dict[str, str]) -> tuple[FactPair, ...]:
    """All but columns and features that are alike in both: of those only what differs is worth a line."""
    names = dict.fromkeys((*b, *a))
    pairs = [
        FactPair(name=name, a=a.get(name, ""), b=b.get(name, ""), differs=a.get(name) != b.get(name)) for name in names
    ]
    return tuple(pair for pair in pairs if pair.differs or not pair.name.startswith(("column ", "feature ")))


def _settings(a: str | None, b: str | None) -> tuple[str, ...]:
    if a is None or b is None:
        return ()
    lines = difflib.unified_diff(a.splitlines(), b.splitlines(), "a/signoff.yaml", "b/signoff.yaml", lineterm="", n=2)
    return tuple(lines)[:MOST_DIFF_LINES]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
