"""Freeze windows: when nothing is released. Pure; wall-clock times of a named time zone, daylight saving included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from signoff.core.record import Moment, Record

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
HORIZON = timedelta(days=400)
"""Windows that join for longer than this have no end that is worth telling."""

_CLOCK = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")
_MINUTES_A_DAY = 24 * 60
Stretch = tuple[datetime, datetime]


def _clock(value: Any) -> Any:
    """YAML reads an unquoted 12:30 as 750, a number to the base of sixty."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MINUTES_A_DAY:
        return f"{value // 60:02d}:{value % 60:02d}"
    if isinstance(value, str) and not _CLOCK.match(value):
        raise ValueError("a time of day is written as '08:00', up to '24:00'")
    return value


def _span(value: Any) -> Any:
    """A day, or two joined by dots; YAML reads a single day as a date."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        _days_of(value)
    return value


def _days_of(span: str) -> tuple[date, date]:
    first, _, last = span.partition("..")
    try:
        begin, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    except ValueError as error:
        raise ValueError("dates are written as 2026-12-24 or 2026-12-20..2027-01-03") from error
    if end < begin:
        raise ValueError(f"the dates {span} end before they begin")
    return begin, end


def _day(value: Any) -> Any:
    return value.strip().lower()[:3] if isinstance(value, str) and len(value.strip()) > 3 else value


Clock = Annotated[str, BeforeValidator(_clock)]
Span = Annotated[str, BeforeValidator(_span)]
Day = Annotated[Weekday, BeforeValidator(_day)]


class Freeze(Record):
    """A rule: days of each week, or dates, during which an approval is kept and nothing is released.

    Neighbouring days are one stretch: [fri, sat, sun] from 12:00 is Friday noon to Sunday midnight. With each_day,
    `from` and `until` hold on every day by itself, and an `until` that is not after `from` is of the next day.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    days: tuple[Day, ...] = Field((), description="mon, tue, wed, thu, fri, sat, sun")
    dates: tuple[Span, ...] = Field((), description="2026-12-24, or 2026-12-20..2027-01-03, the last day included")
    start: Clock = Field("00:00", alias="from", description="time of day of the first day")
    until: Clock = Field("24:00", description="time of day of the last day")
    each_day: bool = Field(False, description="from and until hold on each day by itself")
    timezone: str = Field("UTC", description="such as Europe/Berlin")
    reason: str = Field("", description="shown to everybody who waits")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError("there is no such time zone; names are such as UTC or Europe/Berlin") from error
        return name

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.days) == bool(self.dates):
            raise ValueError("a freeze has days or dates; for both write two of them")
        if self.start == "24:00" or self.until == "00:00":
            raise ValueError("a freeze begins before 24:00 and ends after 00:00")
        timed = (self.start, self.until) != ("00:00", "24:00")
        if len(set(self.days)) == len(WEEKDAYS) and timed and not self.each_day:
            raise ValueError("all seven days have no first and last one; add each_day: true")
        if not self.each_day and self.until <= self.start and self._has_single_day():
            raise ValueError("until is not after from; for a night add each_day: true")
        return self

    def _has_single_day(self) -> bool:
        if self.dates:
            return any(begin == end for begin, end in map(_days_of, self.dates))
        numbers = {WEEKDAYS.index(day) for day in self.days}
        return any({(n - 1) % 7, (n + 1) % 7}.isdisjoint(numbers) for n in numbers)

    def sentence(self) -> str:
        """The rule in words."""
        when = ", ".join(self.days or self.dates)
        each = " of each day" if self.each_day else ""
        hours = f" from {self.start} until {self.until}{each}" if (self.start, self.until) != ("00:00", "24:00") else ""
        return f"no releases on {when}{hours} ({self.timezone})" + (f": {self.reason}" if self.reason else "")

    def stretches(self, around: datetime) -> Iterator[Stretch]:
        """The stretches in UTC that may hold a moment: begin included, end excluded."""
        zone = ZoneInfo(self.timezone)
        middle = around.astimezone(zone).date()
        for first, last in self._day_spans(middle):
            days = [(first, last)] if not self.each_day else [(d, d) for d in _each(first, last, middle)]
            for begin, end in days:
                night = self.each_day and self.until <= self.start
                yield (
                    _instant(begin, self.start, zone, min),
                    _instant(end + timedelta(days=1) if night else end, self.until, zone, max),
                )

    def _day_spans(self, middle: date) -> Iterator[tuple[date, date]]:
        if self.dates:
            yield from map(_days_of, self.dates)
            return
        wanted = {WEEKDAYS.index(day) for day in self.days}
        if len(wanted) == len(WEEKDAYS):
            yield middle - timedelta(days=8), middle + timedelta(days=8)
            return
        for back in range(-8, 9):
            first = middle + timedelta(days=back)
            if first.weekday() in wanted and (first - timedelta(days=1)).weekday() not in wanted:
                last = first
                while (last + timedelta(days=1)).weekday() in wanted:
                    last += timedelta(days=1)
                yield first, last


class Frozen(Record):
    """What keeps a release back at a moment."""

    sentences: tuple[str, ...]
    until: Moment | None = None

    def sentence(self) -> str:
        """For people, with the end in UTC."""
        end = f"until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else "with no end within a year"
        return f"{'; '.join(self.sentences)} ({end})"


def frozen(windows: Sequence[Freeze], moment: datetime) -> Frozen | None:
    """The freeze at a moment, with the end of all windows that follow on each other without a gap; None when open."""
    rules = [window.sentence() for window in windows if _end_of(window, moment) is not None]
    if not rules:
        return None
    end = moment
    while end - moment < HORIZON:
        ends = [later for window in windows if (later := _end_of(window, end)) is not None]
        if not ends:
            return Frozen(sentences=tuple(dict.fromkeys(rules)), until=end)
        end = max(ends)
    return Frozen(sentences=tuple(dict.fromkeys(rules)))


def _end_of(window: Freeze, moment: datetime) -> datetime | None:
    ends = [end for begin, end in window.stretches(moment) if begin <= moment < end]
    return max(ends, default=None)


def _each(first: date, last: date, middle: date) -> Iterator[date]:
    near = timedelta(days=3)
    day = max(first, middle - near)
    while day <= min(last, middle + near):
        yield day
        day += timedelta(days=1)


def _instant(day: date, clock: str, zone: ZoneInfo, choose: Any) -> datetime:
    """A wall-clock time as a moment. Where the clock is changed it has two readings: the wider counts."""
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    wall = datetime.combine(day, time.fromisoformat(clock))
    readings = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    found: datetime = choose(readings)
    return found
