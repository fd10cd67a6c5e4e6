"""Each check with its limit, its number, and what that number was for earlier versions."""

from __future__ import annotations

from collections.abc import Sequence

from signoff.console.review.lenses import Lens
from signoff.core.decision import CheckResult, Review, ReviewState
from signoff.core.evidence import Value
from signoff.core.numbers import number, signed
from signoff.core.record import Moment, Record
from signoff.core.vocabulary import vocabulary

WIDTH, HEIGHT, MARGIN = 120.0, 28.0, 3.0
"""Of a sparkline, in pixels."""


class Past(Record):
    """The number of a check in an earlier review of the gate."""

    review: str
    subject: str
    state: ReviewState
    opened: Moment
    value: float | None
    shown: str
    holds: bool


class Spark(Record):
    """A line through the past values, ready for an SVG of WIDTH by HEIGHT."""

    points: str
    last_x: float
    last_y: float
    limits: tuple[float, ...]
    sentence: str


class ShownCheck(Record):
    """One check as a reviewer reads it."""

    metric: str
    label: str
    meaning: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    shown: str
    interval: str
    limit: str
    holds: bool
    sentence: str
    past: tuple[Past, ...] = ()
    spark: Spark | None = None


def shown_checks(
    review: Review, values: dict[str, Value], earlier: Sequence[Review], lens: Lens
) -> tuple[ShownCheck, ...]:
    """The checks of a review, those that fail first.

    Args:
        review: whose checks are shown.
        values: the evidence's numbers, for their units.
        earlier: reviews of the same gate, newest first.
        lens: whose words.
    """
    found = [_shown(result, values.get(result.check.metric), earlier, lens) for result in review.checks]
    return tuple(sorted(found, key=lambda check: check.holds))


def label_of(name: str, lens: Lens) -> str:
    """What this reader calls a number."""
    return vocabulary().plain(name) if lens.explains else vocabulary().label(name)


def amount_of(name: str, value: float | None) -> str:
    """A number as people read it; with its sign where it is a difference."""
    if value is None:
        return "no such number"
    return signed(value) if name.endswith(".delta") else number(value)


def limit_of(result: CheckResult) -> str:
    """'at least 0.7' or 'between 0.1 and 0.2', in words."""
    low, high = result.check.at_least, result.check.at_most
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high or 0:g}"


def _shown(result: CheckResult, value: Value | None, earlier: Sequence[Review], lens: Lens) -> ShownCheck:
    name = result.check.metric
    label = result.check.name or label_of(name, lens)
    shown = amount_of(name, result.value)
    past = tuple(_past(name, one) for one in reversed(earlier))
    unit = value.unit if value is not None else ""
    ending = "holds" if result.holds else "fails"
    interval = "" if result.low is None or result.high is None else f"{number(result.low)} to {number(result.high)}"
    between = f" ({interval})" if interval else ""
    return ShownCheck(
        metric=name,
        label=label,
        meaning=vocabulary().sentence(name),
        value=result.value,
        low=result.low,
        high=result.high,
        unit=unit,
        shown=shown,
        interval=interval,
        limit=limit_of(result),
        holds=result.holds,
        sentence=f"{label} is {shown}{between}; asked for is {limit_of(result)}: it {ending}.",
        past=past,
        spark=_spark(result, [one.value for one in past] + [result.value], label),
    )


def _past(metric: str, review: Review) -> Past:
    result = next((one for one in review.checks if one.check.metric == metric), None)
    return Past(
        review=review.id,
        subject=review.subject,
        state=review.state,
        opened=review.opened,
        value=result.value if result is not None else None,
        shown=amount_of(metric, result.value) if result is not None else "not checked",
        holds=result is not None and result.holds,
    )


def _spark(result: CheckResult, values: Sequence[float | None], label: str) -> Spark | None:
    """The values from the oldest to this one; limits lie in the picture, so that distance to them can be seen."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or values[-1] is None:
        return None
    limits = [limit for limit in (result.check.at_least, result.check.at_most) if limit is not None]
    low, high = min(known + limits), max(known + limits)
    span = high - low or 1.0

    def across(index: int) -> float:
        return round(MARGIN + index * (WIDTH - 2 * MARGIN) / (len(values) - 1), 1)

    def down(value: float) -> float:
        return round(HEIGHT - MARGIN - (value - low) / span * (HEIGHT - 2 * MARGIN), 1)

    points = [(across(index), down(value)) for index, value in enumerate(values) if value is not None]
    return Spark(
        points=" ".join(f"{x:g},{y:g}" for x, y in points),
        last_x=points[-1][0],
        last_y=points[-1][1],
        limits=tuple(down(limit) for limit in limits),
        sentence=f"{label} over {len(known)} versions: from {number(known[0])} to {number(known[-1])}",
    )
