"""Freeze windows: wall-clock stretches in any zone, held against a reading minute by minute."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import ValidationError

from signoff.core.errors import SettingsError
from signoff.core.policy_freeze import WEEKDAYS, Freeze, Frozen, frozen
from signoff.core.policy_settings import GatePolicy
from signoff.core.settings import Project
from signoff.core.settings_file import load_record

WEEKEND = {"days": ["fri", "sat", "sun"], "from": "12:00", "timezone": "Europe/Berlin"}
NIGHTS = {"days": ["mon", "tue", "wed", "thu"], "from": "18:00", "until": "07:00", "each_day": True}
HOLIDAYS = {"dates": ["2026-12-20..2027-01-03"], "timezone": "America/New_York", "reason": "nobody is here"}
SPRING = {"days": ["sun"], "from": "02:30", "until": "03:30", "timezone": "Europe/Berlin"}
AUTUMN = {"days": ["sun"], "from": "02:15", "until": "02:45", "timezone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "moment", "until"),
    [
        (WEEKEND, "2026-11-20 10:59:59", None),
        (WEEKEND, "2026-11-20 11:00:00", "2026-11-22 23:00"),
        (WEEKEND, "2026-11-22 22:59:59", "2026-11-22 23:00"),
        (WEEKEND, "2026-11-22 23:00:00", None),
        (WEEKEND, "2026-07-03 10:00:00", "2026-07-05 22:00"),  # summer time is an hour earlier in UTC
        (WEEKEND, "2026-10-25 22:30:00", "2026-10-25 23:00"),  # the weekend on which the clock is set back
        (WEEKEND, "2026-03-29 21:59:00", "2026-03-29 22:00"),  # and the one on which it is set forward
        (NIGHTS, "2026-11-23 17:59:00", None),
        (NIGHTS, "2026-11-23 18:00:00", "2026-11-24 07:00"),
        (NIGHTS, "2026-11-24 06:59:00", "2026-11-24 07:00"),
        (NIGHTS, "2026-11-24 07:00:00", None),
        (NIGHTS, "2026-11-27 03:00:00", "2026-11-27 07:00"),  # Thursday's night ends on Friday
        (NIGHTS, "2026-11-27 20:00:00", None),
        (HOLIDAYS, "2026-12-20 04:59:00", None),
        (HOLIDAYS, "2026-12-20 05:00:00", "2027-01-04 05:00"),
        (HOLIDAYS, "2027-01-04 05:00:00", None),
        (SPRING, "2026-03-29 00:29:00", None),  # 02:30 does not exist that day: the wider reading counts
        (SPRING, "2026-03-29 00:30:00", "2026-03-29 01:30"),
        (AUTUMN, "2026-10-25 00:15:00", "2026-10-25 01:45"),  # 02:15 and 02:45 come twice: from the first to the last
        (AUTUMN, "2026-10-25 01:44:00", "2026-10-25 01:45"),
        (AUTUMN, "2026-10-25 01:45:00", None),
        ({"days": ["sun", "mon"], "from": "20:00", "until": "06:00"}, "2026-11-23 05:00:00", "2026-11-23 06:00"),
        ({"days": ["sun", "mon"], "from": "20:00", "until": "06:00"}, "2026-11-22 19:00:00", None),
        ({"dates": ["2026-12-24"]}, "2026-12-24 00:00:00", "2026-12-25 00:00"),
    ],
)
def test_a_window_opens_and_closes_on_the_second(rule: dict[str, Any], moment: str, until: str | None) -> None:
    hit = frozen((Freeze.model_validate(rule),), at(moment))
    assert (hit.until if hit else None) == (at(until) if until else None)


def test_windows_that_follow_on_each_other_are_one_wait() -> None:
    friday = Freeze(days=("fri",), reason="Friday")
    weekend = Freeze(days=("sat", "sun"), start="00:00", reason="weekend")
    christmas = Freeze(dates=("2026-12-21..2026-12-24",), reason="holidays")
    hit = frozen((christmas, weekend, friday), at("2026-12-18 09:00"))
    assert hit is not None
    assert hit.until == at("2026-12-28 00:00"), "Friday, weekend, holidays, the next Friday and its weekend"
    assert hit.sentences == ("no releases on fri (UTC): Friday",)
    assert "until 2026-12-28 00:00 UTC" in hit.sentence()


def test_every_day_frozen_has_no_end() -> None:
    hit = frozen((Freeze(days=WEEKDAYS),), at("2026-11-20 09:00"))
    assert hit == Frozen(sentences=("no releases on mon, tue, wed, thu, fri, sat, sun (UTC)",))
    assert "no end within a year" in hit.sentence()


@pytest.mark.parametrize("seed", range(40))
def test_stretches_are_what_a_calendar_says(seed: int) -> None:
    """Against the plainest reading: walk the local calendar by quarters of an hour, where no clock is changed."""
    dice = random.Random(seed)
    zone = ZoneInfo(dice.choice(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"]))
    days = tuple(sorted(dice.sample(range(7), dice.randint(1, 6))))
    start, until = (f"{dice.randint(0, 11):02d}:{dice.choice(['00', '30'])}", f"{dice.randint(12, 24):02d}:00")
    window = Freeze(days=tuple(WEEKDAYS[d] for d in days), start=start, until=until, timezone=zone.key)
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    for quarter in range(0, 14 * 24 * 4, 7):
        moment = begin + timedelta(minutes=15 * quarter)
        local = moment.astimezone(zone)
        today, clock = local.weekday(), f"{local:%H:%M}"
        inside = today in days
        inside = inside and ((today - 1) % 7 in days or clock >= start)
        inside = inside and ((today + 1) % 7 in days or clock < until)
        assert (frozen((window,), moment) is not None) is inside, (window, local)


def test_a_frozen_moment_is_open_at_its_end() -> None:
    dice = random.Random(7)
    rules = tuple(Freeze.model_validate(rule) for rule in (WEEKEND, NIGHTS, HOLIDAYS, SPRING, AUTUMN))
    for _ in range(300):
        moment = at("2026-01-01 00:00") + timedelta(minutes=dice.randrange(366 * 24 * 60))
        hit = frozen(rules, moment)
        if hit is not None:
            assert hit.until is not None
            assert hit.until > moment
            assert frozen(rules, hit.until) is None
            assert frozen(rules, hit.until - timedelta(milliseconds=1)) is not None


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "days or dates"),
        ({"days": ["fri"], "dates": ["2026-12-24"]}, "days or dates"),
        ({"days": ["fryday"]}, "'mon', 'tue'"),
        ({"days": ["fri"], "from": "25:00"}, "time of day"),
        ({"days": ["fri"], "from": "18:00", "until": "07:00"}, "add each_day"),
        ({"days": list(WEEKDAYS), "from": "18:00", "until": "20:00"}, "no first and last"),
        ({"days": ["fri"], "timezone": "Europe/Berlim"}, "no such time zone"),
        ({"days": ["fri"], "timezone": "../../etc/passwd"}, "no such time zone"),
        ({"dates": ["2027-01-03..2026-12-20"]}, "end before they begin"),
        ({"dates": ["24.12.2026"]}, "dates are written as"),
        ({"days": ["fri"], "from": "24:00"}, "begins before 24:00"),
    ],
)
def test_a_window_that_cannot_be_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Freeze.model_validate(rule)


def test_what_yaml_makes_of_times_and_dates_is_read() -> None:
    text = "freeze:\n- {days: [Friday, sat, sun], from: 12:30, until: 20:00}\n- {dates: [2026-12-24]}\n"
    policy = GatePolicy.model_validate(yaml.safe_load(text))
    assert (policy.freeze[0].start, policy.freeze[0].until, policy.freeze[0].days[0]) == ("12:30", "20:00", "fri")
    assert policy.freeze[1].dates == (date(2026, 12, 24).isoformat(),)
    assert GatePolicy.model_validate(policy.as_json()) == policy
    assert policy.as_json()["freeze"][0]["from"] == "12:30"


PROJECT = """project: demo
question: Is it?
task: binary
target: y
data: {sources: {rows: {file: rows.csv}}}
gates:
  release:
%s
"""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("    freeze: [{day: [fri]}]", r"freeze.0.day is not a setting.*signoff.yaml:8.*did you mean 'days'"),
        ("    freeze: [{days: [fri], form: '12:00'}]", r"form is not a setting.*did you mean 'from'"),
        ("    freeze: [{days: [fri], from: 25:99}]", r"signoff.yaml:8.*allowed: a time of day"),
        ("    veto_hours: 4", r"veto_hours needs mode guarded or auto"),
        ("    mode: auto\n    veto_hours: 48\n    expires_days: 2", r"would end before its veto window"),
        ("    remind_days: [3, 1]", r"remind_days are days before the end"),
        ("    expires_days: 2\n    remind_days: [3]", r"remind_days are days before the end"),
        ("    override: {role: reviewer, count: 2}", r"there is no freeze to override"),
        ("    on_expiry: approve", r"expires_days is needed"),
        ("    stand_ins: [{role: risk, name: eve, from: 2026-12-14, until: 2026-12-01}]", r"until is before from"),
        ("    stand_ins: [{role: risk, nam: eve}]", r"stand_ins.0.nam is not a setting.*did you mean 'name'"),
        ("    checks: [{metric: a.b, at_least: 1, at_most: 0}]", r"nothing can hold"),
        ("    checks: [{metric: a.b, at_least: 1, name: x}, {metric: c.d, at_most: 0, name: x}]", r"bear one name"),
        ("    approvals: []", r"approvals is not allowed"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_its_line(tmp_path: Path, lines: str, message: str) -> None:
    (tmp_path / "signoff.yaml").write_text(PROJECT % lines)
    with pytest.raises(SettingsError, match=message):
        load_record(tmp_path / "signoff.yaml", Project)


def test_only_releases_freeze(tmp_path: Path) -> None:
    (tmp_path / "signoff.yaml").write_text(PROJECT % "    four_eyes: true\n  data:\n    freeze: [{days: [fri]}]")
    with pytest.raises(SettingsError, match=r"gates\.data releases nothing"):
        load_record(tmp_path / "signoff.yaml", Project)
