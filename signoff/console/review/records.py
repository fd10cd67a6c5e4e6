"""Evidence records as a page shows them: generic, so that a kind added later appears without a change here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from signoff.console.review.checks import ShownCheck, amount_of, label_of
from signoff.console.review.lenses import TITLES, Lens, topic_of
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number
from signoff.core.record import Record
from signoff.core.vocabulary import vocabulary

AT_ONCE, FOLDED = 8, 60
"""Table rows shown at once, and behind a click; longer tables are cut and stand whole on the record's own page."""

LONGEST_TRACE = 400
"""Points of a chart that its table of numbers holds."""


class Number(Record):
    """One number of a record."""

    name: str
    label: str
    meaning: str
    value: float
    low: float | None
    high: float | None
    unit: str
    shown: str
    interval: str


class ShownRecord(Record):
    """One record: the sentence of this lens first, the other one after it."""

    slug: str
    kind: str
    title: str
    lead: str
    other: str
    matters: str
    warns: bool
    numbers: tuple[Number, ...]
    checks: tuple[str, ...]
    """Sentences of the checks that read one of the numbers."""
    table: Table | None
    rows: int
    """Of the whole table; `table` may hold fewer."""
    folded: bool
    slider: bool
    """The table goes over thresholds, so that a slider may walk along it."""
    chart: bool
    chart_height: int


class Section(Record):
    """A topic with its records, in the order of the evidence."""

    topic: str
    title: str
    records: tuple[ShownRecord, ...]


class Trace(Record):
    """One line of a chart as numbers, for those who do not see it drawn."""

    name: str
    columns: tuple[str, str]
    rows: tuple[tuple[str | float | int | None, str | float | int | None], ...]
    cut: bool


def sections(
    records: Sequence[Evidence], named: Sequence[str], lens: Lens, checks: Sequence[ShownCheck]
) -> tuple[Section, ...]:
    """The records by topic in the order of the lens; a topic without a record is left out, but for pages of facts.

    Args:
        records: the evidence.
        named: the slug of each record.
        lens: whose order and words.
        checks: of the review.
    """
    by_topic: dict[str, list[ShownRecord]] = {}
    for record, slug in zip(records, named, strict=True):
        by_topic.setdefault(topic_of(record.kind), []).append(shown_record(record, slug, lens, checks))
    facts = ("rollback", "audit")
    return tuple(
        Section(topic=topic, title=TITLES[topic], records=tuple(by_topic.get(topic, ())))
        for topic in lens.topics
        if by_topic.get(topic) or topic in facts
    )


def shown_record(
    record: Evidence, slug: str, lens: Lens, checks: Sequence[ShownCheck] = (), *, whole: bool = False
) -> ShownRecord:
    """One record through a lens; `whole` cuts no table."""
    business, expert = record.business, record.expert
    lead, other = (expert, business) if lens.voice == "expert" else (business, expert)
    names = {value.name for value in record.values}
    table = record.table
    rows = len(table.rows) if table is not None else 0
    if table is not None and rows > FOLDED and not whole:
        table = Table(columns=table.columns, rows=table.rows[:FOLDED])
    return ShownRecord(
        slug=slug,
        kind=record.kind,
        title=record.title,
        lead=lead or other,
        other=other if lead else "",
        matters=record.matters,
        warns="suspicion" in record.kind or "warning" in record.kind,
        numbers=tuple(_number(value, lens) for value in record.values),
        checks=tuple(check.sentence for check in checks if check.metric in names),
        table=table,
        rows=rows,
        folded=rows > AT_ONCE and not whole,
        slider=_goes_over_thresholds(record.table),
        chart=record.chart is not None,
        chart_height=_height(record.chart),
    )


def traces(chart: dict[str, Any] | None) -> tuple[Trace, ...]:
    """The lines of a plotly figure as tables."""
    if not chart or not isinstance(chart.get("data"), list):
        return ()
    layout = chart.get("layout") if isinstance(chart.get("layout"), dict) else {}
    axes = (_axis(layout, "xaxis", "x"), _axis(layout, "yaxis", "y"))
    found = [(trace, _points(trace)) for trace in chart["data"] if isinstance(trace, dict)]
    return tuple(
        Trace(
            name=str(trace.get("name") or "values"),
            columns=axes,
            rows=tuple(points[:LONGEST_TRACE]),
            cut=len(points) > LONGEST_TRACE,
        )
        for trace, points in found
        if points
    )


def _points(trace: dict[str, Any]) -> list[tuple[Any, Any]]:
    across, up = trace.get("x"), trace.get("y")
    if not isinstance(across, list) or not isinstance(up, list):
        return []
    return [(_cell(x), _cell(y)) for x, y in zip(across, up, strict=False)]


def _cell(value: Any) -> str | float | int | None:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _axis(layout: Any, name: str, otherwise: str) -> str:
    title = layout.get(name, {}).get("title", {}) if isinstance(layout.get(name, {}), dict) else {}
    text = title.get("text") if isinstance(title, dict) else title
    return str(text or otherwise)


def _height(chart: dict[str, Any] | None) -> int:
    height = (chart or {}).get("layout", {}).get("height")
    return int(height) if isinstance(height, int | float) and 100 <= height <= 2000 else 340


def _goes_over_thresholds(table: Table | None) -> bool:
    if table is None or len(table.rows) < 3 or "threshold" not in table.columns[:1]:
        return False
    return all(isinstance(row[0], int | float) for row in table.rows)


def _number(value: Value, lens: Lens) -> Number:
    interval = "" if value.low is None or value.high is None else f"{number(value.low)} to {number(value.high)}"
    return Number(
        name=value.name,
        label=label_of(value.name, lens),
        meaning=vocabulary().sentence(value.name),
        value=value.value,
        low=value.low,
        high=value.high,
        unit=value.unit,
        shown=amount_of(value.name, value.value),
        interval=interval,
    )
