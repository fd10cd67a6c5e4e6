"""Distances, tests and verdicts: against scipy, against chance, and against Evidently's own report."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial import distance

from monitoring.columns import kinds_of, typed
from monitoring.distances import (
    EXPECTED,
    compare_categories,
    compare_counts,
    compare_numbers,
    false_discovery_level,
    table_of,
)
from monitoring.drift import SAMPLE_ROWS, column_drift, pairs_of, sample_rows
from monitoring.evidently_report import evidently_html
from signoff.core.errors import StageError

RANDOM = np.random.default_rng(7)


def verdicts(reference: pd.DataFrame, window: pd.DataFrame, **known: str) -> dict[tuple[str, str], bool]:
    kinds = kinds_of(reference, known)
    return {(f.column, f.aspect): f.drifted for f in column_drift(pairs_of(reference, window, kinds))}


@pytest.mark.parametrize("rounded", [False, True])
def test_numbers_agree_with_scipy(rounded: bool) -> None:
    before, after = RANDOM.normal(3, 2, 4000), RANDOM.normal(3.2, 2, 700)
    if rounded:
        before, after = before.round(), after.round()
    found = compare_numbers(before, after)
    assert found.distance == pytest.approx(stats.wasserstein_distance(before, after) / before.std())
    statistic = stats.ks_2samp(before, after, method="asymp")
    assert found.p_value == pytest.approx(
        stats.kstwobign.sf(statistic.statistic * math.sqrt(4000 * 700 / 4700)), rel=1e-6
    )


def test_categories_agree_with_scipy() -> None:
    counts = np.array([[100.0, 200.0, 300.0], [30.0, 20.0, 40.0]])
    found = compare_counts(counts)
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert found.distance == pytest.approx(distance.jensenshannon(*shares))
    assert found.p_value == pytest.approx(stats.chi2_contingency(counts).pvalue)


def test_every_cell_expects_enough_rows_and_no_row_is_lost() -> None:
    before = pd.Series(RANDOM.zipf(1.4, 5000).clip(max=3000).astype(str))
    after = pd.Series(RANDOM.zipf(1.4, 400).clip(max=3000).astype(str))
    table = table_of(before, after)
    assert table.sum(axis=1).tolist() == [5000, 400]
    assert (table.sum(axis=0) * 400 / 5400 >= EXPECTED - 1e-9).all()


@pytest.mark.parametrize("categories", [2, 5, 30, 300])
def test_false_alarms_of_categories_stay_near_the_nominal_rate(categories: int) -> None:
    """Evidently's default flags 36 % of such columns at a nominal 5 %."""
    random = np.random.default_rng(categories)
    weights = random.dirichlet(np.ones(categories))
    draw = lambda rows: pd.Series(random.choice(categories, rows, p=weights))  # noqa: E731
    flagged = np.mean([compare_categories(draw(3000), draw(500)).p_value < 0.05 for _ in range(300)])
    assert flagged <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("shape", ["normal", "skewed", "whole", "heavy"])
def test_false_alarms_of_numbers_stay_near_the_nominal_rate(shape: str) -> None:
    random = np.random.default_rng(3)
    draws = {
        "normal": lambda rows: random.normal(size=rows),
        "skewed": lambda rows: random.lognormal(0, 1.5, rows),
        "whole": lambda rows: random.integers(0, 5, rows).astype(float),
        "heavy": lambda rows: random.standard_t(2, rows),
    }
    draw = draws[shape]
    flagged = np.mean([compare_numbers(draw(3000), draw(500)).p_value < 0.05 for _ in range(300)])
    assert flagged <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_a_window_without_change_is_quiet_and_one_with_change_is_not() -> None:
    def rows(count: int, shift: float = 0.0) -> pd.DataFrame:
        numbers = {f"x{place}": RANDOM.normal(size=count) for place in range(15)}
        categories = {f"c{place}": RANDOM.choice(list("abcdefghijkl"), count) for place in range(10)}
        frame = pd.DataFrame(numbers | categories)
        frame["x0"] += shift
        if shift:
            frame["c0"] = np.where(RANDOM.random(count) < 0.3, "a", frame["c0"])
        return frame

    reference = rows(5000)
    alarms = [sum(verdicts(reference, rows(500)).values()) > 0 for _ in range(30)]
    assert sum(alarms) <= 6, "at most 5 % of quiet windows may raise anything"
    changed = verdicts(reference, rows(500, 0.4))
    assert {column for (column, _), drifted in changed.items() if drifted} == {"x0", "c0"}


def test_a_tiny_effect_in_a_large_window_is_no_drift() -> None:
    before, after = RANDOM.normal(size=SAMPLE_ROWS), RANDOM.normal(0.04, 1, SAMPLE_ROWS)
    found = compare_numbers(before, after)
    assert found.p_value < 0.01
    assert not found.drifted(0.05)


def test_a_flood_of_new_categories_is_drift() -> None:
    before = pd.Series(RANDOM.integers(0, 10_000, 8000).astype(str))
    after = pd.Series([f"new{place}" for place in range(500)])
    assert compare_categories(before, after).drifted(1e-6)
    same = pd.Series(RANDOM.integers(0, 10_000, 500).astype(str))
    assert not compare_categories(before, same).drifted(1e-3)


def test_missing_values_are_an_aspect_of_their_own() -> None:
    reference = pd.DataFrame({"x": RANDOM.normal(size=2000), "c": RANDOM.choice(["a", "b"], 2000)})
    window = pd.DataFrame({"x": RANDOM.normal(size=800), "c": RANDOM.choice(["a", "b"], 800)})
    assert ("x", "missing") not in verdicts(reference, window), "nothing is missing, so nothing is compared"
    window.loc[:79, "x"] = np.nan
    window.loc[:1, "c"] = None
    found = verdicts(reference, window)
    assert found == {("x", "values"): False, ("x", "missing"): True, ("c", "values"): False, ("c", "missing"): False}
    kinds = kinds_of(reference)
    gone = column_drift(pairs_of(reference, window.drop(columns="x"), kinds))
    assert (gone[0].column, gone[0].aspect, gone[0].drifted) == ("x", "missing", True)
    assert "missing in 100.0% of the rows, was 0.0%" in gone[0].note


def test_odd_columns_do_no_harm() -> None:
    reference = pd.DataFrame(
        {
            "constant": np.ones(300),
            "infinite": np.r_[np.inf, RANDOM.normal(size=299)],
            "empty": np.full(300, np.nan),
            "flag": RANDOM.random(300) < 0.5,
            "when": pd.date_range("2020-01-01", periods=300, freq="h"),
            "text": [f"row {place} says {'so ' * (place % 7)}" for place in range(300)],
        }
    )
    window = reference.assign(
        constant=2.0,
        flag=[str(flag).upper() for flag in reference["flag"]],
        when=reference["when"] + pd.Timedelta("9h"),
    )
    found = verdicts(reference, window, text="text", flag="boolean", empty="number")
    assert found[("constant", "values")], "a constant that became another constant has changed"
    assert not found[("flag", "values")], "True and TRUE are the same answer"
    assert not found[("text", "length")]
    assert not found[("empty", "missing")]
    assert ("when", "values") not in found
    assert verdicts(reference, window.assign(text="a" * 500), text="text")[("text", "length")]


def test_numbers_and_labels_of_a_json_log_equal_those_of_a_table() -> None:
    sent = pd.DataFrame(
        {"n": ["1.5", None, 2], "when": ["2020-01-01T00:00:00Z", None, "2020-01-02"], "c": ["a", "b", None]}
    )
    frame = typed(sent, {"n": "number", "when": "datetime", "c": "category", "never": "number"})
    assert frame["n"].tolist()[0::2] == [1.5, 2.0]
    assert frame["when"].dtype.kind == "M"
    assert frame["never"].isna().all()


def test_the_level_is_that_of_benjamini_and_hochberg() -> None:
    p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
    level = false_discovery_level(p_values, 0.05)
    rejected = stats.false_discovery_control(p_values, method="bh") < 0.05
    assert [p < level for p in p_values] == rejected.tolist()
    assert false_discovery_level([], 0.05) == 0.05


def test_samples_are_the_same_each_time() -> None:
    frame = pd.DataFrame({"x": np.arange(50_000)})
    once, again = sample_rows(frame), sample_rows(frame)
    assert len(once) == SAMPLE_ROWS
    assert once.equals(again)
    assert once["x"].is_monotonic_increasing


@pytest.mark.slow
def test_evidently_comes_to_the_verdicts_of_the_record() -> None:
    reference = pd.DataFrame(
        {
            "same": RANDOM.normal(size=1500),
            "moved": RANDOM.normal(size=1500),
            "many": RANDOM.integers(0, 400, 1500).astype(str),
            "swapped": RANDOM.choice(["a", "b", "c"], 1500),
            "constant": np.ones(1500),
            "gappy": RANDOM.normal(size=1500),
        }
    )
    window = reference.sample(600, random_state=1).reset_index(drop=True)
    window["moved"] += 0.5
    window["swapped"] = "a"
    window.loc[:200, "gappy"] = np.nan
    pairs = pairs_of(reference, window, kinds_of(reference))
    drift = column_drift(pairs)
    assert [f.column for f in drift if f.drifted] == ["moved", "swapped", "gappy"]
    page = evidently_html(pairs, drift)
    assert "Drift in column &#x27;moved&#x27;" in page or "Drift in column 'moved'" in page
    assert "gappy (missing)" in page
    wrong = tuple(found.model_copy(update={"drifted": not found.drifted}) for found in drift)
    with pytest.raises(StageError, match="disagree about 'same'"):
        evidently_html(pairs, wrong)
