"""The flights example: its facts, and mechanically that no row holds what was known only later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from signoff.core.settings import Project
from signoff.core.settings_file import load_project
from signoff.sources import Rows, read_rows

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "examples" / "flights" / "data"
WEEK = datetime(2013, 1, 6)


@pytest.fixture(scope="module", autouse=True)
def _key() -> Iterator[None]:
    """Reading the example leaves no key in the clone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGNOFF_PSEUDONYM_KEY", "a key for these tests")
        yield


@pytest.fixture(scope="module")
def flights() -> Project:
    return load_project(ROOT)


@pytest.fixture(scope="module")
def year(flights: Project) -> Rows:
    data = flights.data.model_copy(update={"history_days": None, "pseudonymise": ()})
    return read_rows(flights.model_copy(update={"data": data}), ROOT, datetime(2014, 2, 1))


def test_facts_of_the_year(year: Rows) -> None:
    frame = year.frame
    assert [(cut.reason, cut.rows) for cut in year.left_out] == [("the target late is missing", 9_430)]
    assert len(frame) == 336_776 - 9_430
    assert frame["late"].mean() == pytest.approx(0.237, abs=0.001)
    by_month = (frame["asked_at"] - pd.Timedelta(hours=5)).dt.month
    shares = frame["late"].groupby(by_month).mean()
    assert shares[9] == pytest.approx(0.13, abs=0.01)
    assert shares[12] == pytest.approx(0.33, abs=0.01)
    assert frame["flight_id"].is_unique
    # The last hours of 30 and 31 December have no weather.
    assert frame["temp"].notna().mean() == pytest.approx(0.995, abs=0.004)
    assert frame["plane_year"].notna().mean() == pytest.approx(0.82, abs=0.03)
    assert frame["dest_lat"].notna().mean() == pytest.approx(0.98, abs=0.005)


def test_outcomes_are_known_after_the_flight(year: Rows) -> None:
    tables = pd.read_parquet(TABLES / "flights.parquet").dropna(subset=["arr_delay"])
    moment = pd.to_datetime(tables["time_hour"]).dt.tz_localize(None) + pd.to_timedelta(tables["minute"], unit="min")
    key = moment.dt.strftime("%Y%m%dT%H%M") + "-" + tables["carrier"] + tables["flight"].astype(str)
    actual = pd.DataFrame(
        {
            "flight_id": key + "-" + tables["origin"],
            "departed": moment + pd.to_timedelta(tables["dep_delay"], unit="min"),
            "air": tables["air_time"],
        }
    )
    joined = year.frame[["flight_id", "asked_at", "known_at"]].merge(actual, on="flight_id", validate="1:1")
    assert len(joined) == len(year.frame)
    # From the gate until the gate: the time in the air and a while on the ground, on both clocks' sides of the world.
    ground = (joined["known_at"] - joined["departed"]).dt.total_seconds() / 60 - joined["air"]
    assert ground.between(0, 240).mean() > 0.9999
    assert ground.median() == pytest.approx(23, abs=6)
    assert (joined["known_at"] > joined["asked_at"]).all()


@pytest.fixture
def week(tmp_path: Path, flights: Project) -> Path:
    """A workspace with the first days of the year."""
    shutil.copytree(ROOT / "examples" / "flights", tmp_path / "examples" / "flights")
    path = tmp_path / flights.data.folder / "flights.parquet"
    table = pd.read_parquet(path)
    table[table["time_hour"] < "2013-01-07"].to_parquet(path)
    return tmp_path


def features(project: Project, root: Path, until: datetime) -> pd.DataFrame:
    """What a model may see of the rows asked until a moment, by flight."""
    rows = read_rows(project, root, datetime(2013, 1, 9), start=datetime(2012, 12, 31)).frame
    rows = rows[rows["asked_at"] <= until].set_index("flight_id")
    return rows.drop(columns=["late", "known_at"])


def spoil(root: Path, project: Project, moment: datetime) -> None:
    """Change every value that was not known at the moment: departures, arrivals and weather still to come."""
    rng = np.random.default_rng(7)
    folder = root / project.data.folder
    table = pd.read_parquet(folder / "flights.parquet")
    planned = pd.to_datetime(table["time_hour"]).dt.tz_localize(None) + pd.to_timedelta(table["minute"], unit="min")
    left = planned + pd.to_timedelta(table["dep_delay"], unit="min")
    open_flights = ~(left <= moment)
    wait = ((pd.Timestamp(moment) - planned).dt.total_seconds() / 60).clip(lower=0)
    table.loc[open_flights, "dep_delay"] = np.ceil(wait + 1 + rng.integers(0, 400, len(table)))[open_flights]
    landed = left + pd.to_timedelta(table["air_time"], unit="min") <= moment
    for column in ("arr_time", "arr_delay", "air_time"):
        table.loc[~landed, column] = rng.integers(1, 900, len(table)).astype(float)[~landed]
    table.loc[open_flights, "dep_time"] = rng.integers(1, 2400, len(table)).astype(float)[open_flights]
    cancelled = open_flights & (rng.random(len(table)) < 0.05)
    table.loc[cancelled, ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]] = np.nan
    table.to_parquet(folder / "flights.parquet")
    weather = pd.read_parquet(folder / "weather.parquet")
    ends = pd.to_datetime(weather["time_hour"]).dt.tz_localize(None) + pd.Timedelta(hours=1)
    for column in ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"):
        weather.loc[ends > moment, column] = rng.normal(size=len(weather))[ends > moment]
    weather.to_parquet(folder / "weather.parquet")


@pytest.mark.parametrize(
    "moment", [datetime(2013, 1, 3, 12), datetime(2013, 1, 4, 18, 40), datetime(2013, 1, 5, 22, 5)]
)
def test_what_happens_after_the_question_changes_no_feature(week: Path, flights: Project, moment: datetime) -> None:
    before = features(flights, week, moment)
    later = features(flights, week, WEEK)
    spoil(week, flights, moment)
    after = features(flights, week, moment)
    both = before.index.intersection(after.index)
    assert len(both) > 0.9 * len(before)
    assert len(both) > 1_000
    pd.testing.assert_frame_equal(before.loc[both], after.loc[both])
    # The change was real: questions asked a little later do see it.
    spoiled = features(flights, week, WEEK)
    next_hours = spoiled.index.intersection(later.index).difference(before.index)
    for column in ("origin_delay_3h", "carrier_delay_3h", "temp"):
        assert (later.loc[next_hours, column] != spoiled.loc[next_hours, column]).mean() > 0.2


def test_delays_are_means_of_three_known_hours(week: Path, flights: Project) -> None:
    table = pd.read_parquet(week / flights.data.folder / "flights.parquet")
    planned = pd.to_datetime(table["time_hour"]).dt.tz_localize(None) + pd.to_timedelta(table["minute"], unit="min")
    left = planned + pd.to_timedelta(table["dep_delay"], unit="min")
    rows = features(flights, week, WEEK).sample(60, random_state=1)
    row: Any
    for row in rows.itertuples():
        window = (table["origin"] == row.origin) & (left <= row.asked_at)
        window &= left > row.asked_at - pd.Timedelta(hours=3)
        assert row.origin_departures_3h == window.sum()
        same = window & (table["carrier"] == row.carrier)
        assert row.carrier_departures_3h == same.sum()
        for value, known in ((row.origin_delay_3h, window), (row.carrier_delay_3h, same)):
            assert value == pytest.approx(table.loc[known, "dep_delay"].mean(), nan_ok=True)


def test_the_clock_only_cuts_short(week: Path, flights: Project) -> None:
    """A row is the same at every clock that knows it: history and clock in the SQL change no value."""
    early = read_rows(flights, week, datetime(2013, 1, 5)).frame.set_index("flight_id")
    windowed = read_rows(flights, week, datetime(2013, 1, 7), start=datetime(2013, 1, 4)).frame.set_index("flight_id")
    both = early.index.intersection(windowed.index)
    assert len(both) > 500
    pd.testing.assert_frame_equal(early.loc[both], windowed.loc[both])


def test_a_default_model_scores_like_one_without_a_leak(flights: Project) -> None:
    train = read_rows(flights, ROOT, datetime(2013, 4, 1)).frame
    later = read_rows(flights, ROOT, datetime(2013, 6, 1), start=datetime(2013, 4, 1)).frame
    frames = [frame.drop(columns=list(flights.never_features())).select_dtypes("number") for frame in (train, later)]
    model = HistGradientBoostingClassifier(random_state=0).fit(frames[0], train["late"])
    assert train["tailnum"].dropna().str.fullmatch("[0-9a-f]{32}").all()
    score = roc_auc_score(later["late"], model.predict_proba(frames[1])[:, 1])
    assert 0.65 < score < 0.80
