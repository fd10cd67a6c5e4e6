"""Proposals that a normal next month fulfils and a broken one does not; suites that people edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expectations import load_suite, propose, run_suite, save_suite
from expectations.ranges import missing_allowed, moves_with_time, number_bounds
from signoff.core.data import Validation
from signoff.core.errors import SettingsError, WorkspaceError
from signoff.core.files import read_json, write_json
from signoff.core.settings import Project
from tests.untouched import sha256_tree

PROJECT = Project.model_validate(
    {
        "project": "parcels",
        "question": "Will a parcel be late?",
        "task": "binary",
        "target": "late",
        "positive": True,
        "data": {
            "sources": {"parcels": {"file": "parcels.csv"}},
            "time_column": "asked",
            "id_columns": ["depot", "parcel"],
        },
    }
)


def make_month(month: int, rows: int = 1_500) -> pd.DataFrame:
    """One month: temperature follows the season, everything else does not."""
    draw = np.random.default_rng(month)
    season = 12 - 14 * np.cos((month - 1) / 12 * 2 * np.pi)
    frame = pd.DataFrame(
        {
            "depot": np.where(np.arange(rows) % 2, "north", "south"),
            "parcel": np.arange(rows) // 2,
            "asked": pd.Timestamp(2024, month, 1) + pd.to_timedelta(np.sort(draw.random(rows)) * 27, unit="D"),
            "grams": draw.lognormal(6, 1, rows).round(),
            "celsius": season + draw.normal(0, 4, rows),
            "pressure": draw.normal(1013, 8, rows),
            "carrier": draw.choice(["ant", "bee", "cat", "dog"], rows, p=[0.5, 0.3, 0.15, 0.05]),
            "street": [f"street {number}" for number in draw.integers(0, 400, rows)],
            "fragile": draw.random(rows) < 0.1,
            "month": month,
            "packed": pd.Timestamp(2024, month, 1) - pd.to_timedelta(draw.integers(1, 90, rows), unit="D"),
            "late": draw.random(rows) < 0.2,
        }
    )
    frame.loc[draw.random(rows) < 0.05, "pressure"] = np.nan
    return frame


@pytest.fixture(scope="module")
def suite_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "expectations" / "parcels.json"
    winter = pd.concat([make_month(1), make_month(2), make_month(3)], ignore_index=True)
    winter["parcel"] = np.arange(len(winter))
    save_suite(path, propose(winter, PROJECT))
    return path


def run(frame: pd.DataFrame, suite_path: Path, **more: Any) -> Validation:
    return run_suite(frame, suite_path, None, **more)


def broken(validation: Validation) -> set[str]:
    return {failure.column or "table" for failure in validation.failures}


@pytest.mark.parametrize("month", [4, 7, 10, 12])
def test_a_normal_month_of_another_season_holds(suite_path: Path, month: int) -> None:
    validation = run(make_month(month), suite_path)
    assert validation.failures == ()
    assert validation.expectations > 30


def test_every_expectation_says_why(suite_path: Path) -> None:
    for expectation in load_suite(suite_path).expectations:
        assert expectation.notes
        assert len(expectation.notes) > 10
    notes = {(e.type, e.kwargs.get("column")): e.notes for e in load_suite(suite_path).expectations}
    assert "2024-01-01 to 2024-03" in str(notes["expect_column_values_to_not_be_null", "pressure"])


BREAKS: dict[str, tuple[Any, str]] = {
    "kilograms": (lambda f: f.assign(grams=f["grams"] / 1000), "grams"),
    "kelvin": (lambda f: f.assign(celsius=f["celsius"] + 273.15), "celsius"),
    "inches of mercury": (lambda f: f.assign(pressure=f["pressure"] / 33.86), "pressure"),
    "lost column": (lambda f: f.drop(columns="grams"), "grams"),
    "wrong type": (lambda f: f.assign(grams=f["grams"].astype(str) + " g"), "grams"),
    "all missing": (lambda f: f.assign(carrier=None), "carrier"),
    "much missing": (lambda f: f.assign(celsius=f["celsius"].where(f.index % 5 > 0)), "celsius"),
    "new values": (lambda f: f.assign(carrier=f["carrier"].str.upper()), "carrier"),
    "new names": (lambda f: f.assign(street=[f"{n}" * 20 for n in range(len(f))]), "street"),
    "third class": (lambda f: f.assign(late=np.where(f.index == 3, "perhaps", f["late"])), "late"),
    "seconds since 1970 as days": (lambda f: f.assign(asked=pd.Timestamp("1970-01-20")), "asked"),
    "same rows twice": (lambda f: pd.concat([f, f], ignore_index=True), "depot, parcel"),
    "few rows": (lambda f: f.head(20), "table"),
    "no rows": (lambda f: f.head(0), "table"),
}


@pytest.mark.parametrize("name", list(BREAKS))
def test_what_is_not_normal_is_found(suite_path: Path, name: str) -> None:
    change, column = BREAKS[name]
    assert column in broken(run(change(make_month(4)), suite_path))


def test_a_failure_says_column_share_and_rows(suite_path: Path) -> None:
    frame = make_month(4)
    frame.loc[[5, 6], "depot"] = "north"
    frame.loc[[5, 6], "parcel"] = 9_999
    frame.loc[frame.index[:60], "carrier"] = "yak"
    failures = {failure.column: failure for failure in run(frame, suite_path, ids=["depot", "parcel"]).failures}
    carrier = failures["carrier"]
    assert carrier.unexpected_share == pytest.approx(60 / len(frame))
    assert carrier.observed == "60 of 1500 rows (4.00%), at most 2.00% allowed"
    assert "4 values were seen" in carrier.reason
    assert carrier.examples[0] == "yak (depot=south, parcel=0)"
    assert len(carrier.examples) == 5
    assert "row 6" in failures["depot, parcel"].examples[0]


def test_values_that_cannot_be_compared_fail_without_a_traceback(suite_path: Path) -> None:
    frame = make_month(4).assign(grams="heavy")
    failures = [failure for failure in run(frame, suite_path).failures if failure.column == "grams"]
    assert any(failure.observed.startswith("could not be computed on grams of type text: ") for failure in failures)
    assert not any("Traceback" in failure.observed or ".py" in failure.observed for failure in failures)


def test_a_part_of_the_columns_is_judged_alone(suite_path: Path) -> None:
    window = make_month(4)[["carrier", "celsius"]].head(30).assign(celsius=500.0)
    validation = run(window, suite_path, only=["carrier", "celsius"])
    assert broken(validation) == {"celsius"}
    assert validation.expectations == 7


def test_a_suite_edited_by_people_is_taken_at_its_word(suite_path: Path, tmp_path: Path) -> None:
    content = read_json(suite_path)
    content["expectations"] = [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^[a-c]"}},
        {
            "type": "expect_column_pair_values_a_to_be_greater_than_b",
            "kwargs": {"column_A": "asked", "column_B": "packed"},
        },
        {
            "type": "expect_column_quantile_values_to_be_between",
            "kwargs": {"column": "celsius", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[50, 60]]}},
        },
    ]  # fmt: skip
    path = tmp_path / "mine.json"
    write_json(path, content)
    validation = run_suite(make_month(4), path, tmp_path / "docs")
    assert broken(validation) == {"carrier", "celsius"}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c["expectations"][0].update(type="expect_colum_to_exist"), r"not an exp.*\[0\].*did you mean"),
        (lambda c: c["expectations"][1]["kwargs"].update(colum_set=["a"]), r"does not take these arguments.*\[1\]"),
        (lambda c: c["expectations"][2].pop("type"), r"not a suite.*expectations\.2\.type field required"),
        (lambda c: c.update(expectations="none"), "not a suite of expectations"),
        (lambda c: c["expectations"][0].update(kwarg={}), r"expectations\.0\.kwarg extra"),
    ],
)  # fmt: skip
def test_damaged_suites_name_the_place(suite_path: Path, tmp_path: Path, change: Any, match: str) -> None:
    content = read_json(suite_path)
    change(content)
    path = tmp_path / "parcels.json"
    write_json(path, content)
    with pytest.raises(SettingsError, match=match):
        run(make_month(4, 40), path)


def test_files_that_are_no_json_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "parcels.json"
    with pytest.raises(WorkspaceError, match=r"parcels\.json is missing"):
        run(make_month(4, 40), path)
    path.write_text('{"name": "parc')
    with pytest.raises(WorkspaceError, match="cannot be read as JSON"):
        run(make_month(4, 40), path)


def test_great_expectations_reads_the_file_as_its_own(suite_path: Path) -> None:
    import great_expectations as gx

    suite = gx.ExpectationSuite(**read_json(suite_path))
    assert len(suite.expectations) == len(load_suite(suite_path).expectations)


def test_data_docs_repeat_and_call_nobody(suite_path: Path, tmp_path: Path) -> None:
    frame = make_month(4).assign(carrier="<script>alert(1)</script>", grams="heavy")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "left-over.html").write_text("old")
        run_suite(frame, suite_path, tmp_path / name)
    assert sha256_tree(tmp_path / "one") == sha256_tree(tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["index.html", "suite.html"]
    for page in (tmp_path / "one").iterdir():
        text = page.read_text(encoding="utf-8")
        assert "://" not in text
        assert "<script" not in text
        assert "Traceback" not in text
        assert "carrier" in text
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_targets_of_other_tasks(tmp_path: Path, task: str) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=300), "y": draw.normal(10, 1, 300)})
    if task == "multiclass":
        frame["y"] = draw.integers(1, 4, 300)
    project = Project.model_validate(
        {"project": "p", "question": "?", "task": task, "target": "y", "data": {"sources": {"a": {"file": "a.csv"}}}}
    )
    path = tmp_path / "p.json"
    save_suite(path, propose(frame, project))
    assert run(frame, path).success
    assert broken(run(frame.assign(y=frame["y"] * 1000 + 5), path)) == {"y"}


def test_types_of_every_source_are_understood(tmp_path: Path) -> None:
    """The same facts as pandas' nullable, category, object and zoned types fulfil the same suite."""
    frame = pd.DataFrame(
        {
            "whole": np.arange(60),
            "real": np.linspace(0, 1, 60),
            "word": ["a", "b", "c"] * 20,
            "yes": [True, False] * 30,
            "at": pd.date_range("2024-01-01", periods=60),
            "y": [0, 1] * 30,
        }
    )
    other = frame.astype({"whole": "Int32", "real": "Float32", "word": "category", "yes": "boolean", "y": "int8"})
    other["at"] = other["at"].dt.tz_localize("UTC").astype("datetime64[ns, UTC]")
    project = PROJECT.model_copy(update={"target": "y", "data": PROJECT.data.model_copy(update={"id_columns": ()})})
    for proposed_from in (frame, other):
        path = tmp_path / "p.json"
        save_suite(path, propose(proposed_from, project))
        for judged in (frame, other, frame.astype({"word": object, "yes": object}), frame.convert_dtypes()):
            assert run(judged, path).failures == ()


def test_reasons_tell_large_numbers_without_an_exponent() -> None:
    frame = make_month(1)
    frame["weight"] = np.random.default_rng(0).permutation(np.linspace(12_285, 1_490_400, len(frame)))
    found = [one for one in propose(frame, PROJECT).expectations if one.kwargs.get("column") == "weight"]
    notes = [one.notes or "" for one in found]
    assert any("12,285 to 1,490,400" in note for note in notes), notes
    assert not [note for note in notes if "e+" in note]


def test_limits_are_readable_and_wide_enough() -> None:
    counts = number_bounds(np.array([0.0, 1, 2, 3, 100]), seasons_seen=False)
    amounts = number_bounds(np.array([0.3, 0.4, 0.5, 0.7, 65.8]), seasons_seen=False)
    assert (amounts.low, amounts.high) == (0.0, 140.0)
    assert number_bounds(np.array([40.5, 60.0, 61.0, 70.0]), seasons_seen=False).low > 0
    assert (counts.low, counts.high) == (0.0, 200.0)
    assert number_bounds(np.full(9, 5.0), seasons_seen=True).median_low is None
    year = number_bounds(np.linspace(-10, 30, 100), seasons_seen=True)
    winter = number_bounds(np.linspace(-10, 30, 100), seasons_seen=False)
    assert winter.low < year.low < -10
    assert winter.high > year.high > 30
    assert missing_allowed(0) == pytest.approx(0.02)
    assert all(share < missing_allowed(share) < 1 for share in (0, 0.01, 0.3, 0.5, 0.7, 0.95))


def test_counters_are_not_held_to_yesterday() -> None:
    time = pd.Series(pd.date_range("2024-01-01", periods=100))
    assert moves_with_time(pd.Series(np.arange(100.0)), time)
    assert not moves_with_time(pd.Series(np.random.default_rng(0).normal(size=100)), time)
    assert not moves_with_time(pd.Series(np.ones(100)), time)
