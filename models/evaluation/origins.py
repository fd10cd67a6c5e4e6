"""data and validation: what the model was trained and judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.evaluation.case import Case
from models.evaluation.words import listed, sentence
from signoff.core.data import Validation
from signoff.core.evidence import Evidence, Table, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHIFTED = 0.2
"""PSI from which a column counts as shifted: Siddiqi, Credit Risk Scorecards, 2006, calls it a major change."""
SAMPLE, BINS, TOP = 50_000, 10, 20


def data(case: Case) -> Evidence:
    """Rows, span, sources, what was left out, and how far the holdout lies from the training rows."""
    snapshot, profile = case.snapshot, case.profile
    shifts = _shifts(case)
    shifted = [name for name, psi in shifts if psi >= SHIFTED]
    left_out = sum(cut.rows for cut in snapshot.left_out)
    span = f" from {snapshot.first:%Y-%m-%d} to {snapshot.last:%Y-%m-%d}" if snapshot.first and snapshot.last else ""
    business = f"{profile.train_rows:,} rows to learn from and {profile.holdout_rows:,} to be judged on{span}"
    business += f"; {left_out:,} rows were left out." if left_out else "."
    if snapshot.mixed:
        names = listed([mixed.column for mixed in snapshot.mixed], 3)
        business += f" {names} {'holds' if len(snapshot.mixed) == 1 else 'hold'} numbers with stray text, read as text."
    if shifted:
        business += f" The judged rows differ from the learned ones most in {listed(shifted, 3)}."
    rows: list[tuple[str, str, int | float]] = [("source", one.name, one.rows) for one in snapshot.sources]
    rows += [("left out", one.reason, one.rows) for one in snapshot.left_out]
    if case.unknown_labels:
        rows.append(("left out", "holdout rows with a label that training never saw", case.unknown_labels))
    rows += [("shift (PSI)", name, psi) for name, psi in shifts[:10]]
    rows += [("warning", text, 1) for text in profile.warnings]
    rows += [("warning", mixed.sentence(), mixed.rows) for mixed in snapshot.mixed]
    return Evidence(
        kind="data",
        title="The rows behind it",
        business=business,
        expert=f"Snapshot {snapshot.md5[:12]}. {sentence(profile.split)} Population stability index of holdout "
        f"against training on {BINS} training quantiles, {SHIFTED} or more is a major change (Siddiqi 2006).",
        values=_values(case, shifts, shifted, left_out),
        table=Table(columns=("what", "which", "rows or PSI"), rows=tuple(rows)),
        matters="Checks whose name begins with data hold the size and the shift of the data.",
    )


def validation(found: Validation) -> Evidence:
    """What the data was expected to be, and where it was not."""
    count = len(found.failures)
    names = listed(sorted({failure.column or "the table" for failure in found.failures}), 4)
    business = (
        f"All {found.expectations} expectations on the data hold."
        if not count
        else f"{count} of {found.expectations} expectations on the data are broken: {names}."
    )
    rows = tuple(
        (one.column, one.expectation, one.observed, one.unexpected_share, one.reason) for one in found.failures
    )
    columns = ("column", "expectation", "observed", "share of rows", "why it is expected")
    return Evidence(
        kind="validation",
        title="Is the data as expected?",
        business=business,
        expert=f"Suite {found.suite} on {found.rows:,} rows.",
        values=(
            Value(name="validation.failed", value=count),
            Value(name="validation.expectations", value=found.expectations),
        ),
        table=Table(columns=columns, rows=rows) if rows else None,
        matters="The data gate's check on validation.failed reads the first number.",
    )


def stability_index(reference: pd.Series, current: pd.Series) -> float:
    """Population stability index: sum of (p - q) ln(p / q) over bins; 0 when both are alike.

    Numbers in ten quantile bins of the reference, others by its 20 commonest values; missing is a bin of its own.
    Shares are smoothed by half a row a bin, so that an empty bin does not give infinity.
    """
    number = pd.api.types.is_numeric_dtype(reference) and not pd.api.types.is_bool_dtype(reference)
    cut = _number_bins if number else _value_bins
    first, second = cut(reference, current)
    p, q = (first + 0.5) / (first + 0.5).sum(), (second + 0.5) / (second + 0.5).sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _number_bins(reference: pd.Series, current: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = reference.to_numpy(dtype=float, na_value=np.nan)
    edges = np.unique(np.nanquantile(known, np.arange(1, BINS) / BINS)) if np.isfinite(known).any() else np.array([0.0])

    def counts(values: NDArray[np.float64]) -> NDArray[np.float64]:
        positions = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
        return np.bincount(positions, minlength=len(edges) + 2).astype(float)

    return counts(known), counts(current.to_numpy(dtype=float, na_value=np.nan))


def _value_bins(reference: pd.Series, current: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    top = reference.value_counts().index[:TOP]

    def counts(values: pd.Series) -> NDArray[np.float64]:
        named = values.value_counts().reindex(top, fill_value=0).to_numpy(dtype=float)
        missing = float(values.isna().sum())
        return np.append(named, [missing, len(values) - missing - named.sum()])

    return counts(reference), counts(current)


def _shifts(case: Case) -> list[tuple[str, float]]:
    """The model's columns by PSI, the largest first; dates are left out, as time always moves on."""
    found = []
    for name in case.recipe.features.used():
        if name not in case.train or name not in case.holdout:
            continue
        if pd.api.types.is_datetime64_any_dtype(case.train[name]):
            continue
        train, holdout = (_thinned(frame[name]) for frame in (case.train, case.holdout))
        found.append((name, stability_index(train, holdout)))
    return sorted(found, key=lambda pair: -pair[1])


def _thinned(column: pd.Series) -> pd.Series:
    return column.iloc[:: max(1, len(column) // SAMPLE)]


def _values(case: Case, shifts: list[tuple[str, float]], shifted: list[str], left_out: int) -> tuple[Value, ...]:
    values: dict[str, float] = {
        "data.train_rows": case.profile.train_rows,
        "data.holdout_rows": len(case.answers),
        "data.left_out": left_out,
        "data.shifted_columns": len(shifted),
        "data.mixed_columns": len(case.snapshot.mixed),
    }
    if shifts:
        values["data.worst_shift"] = shifts[0][1]
    as_of, last = case.snapshot.as_of, case.snapshot.last
    if as_of is not None and last is not None:
        values["data.days_old"] = max((as_of - last).total_seconds() / 86_400, 0.0)
    units = {"data.shifted_columns": "", "data.mixed_columns": "", "data.worst_shift": "PSI", "data.days_old": "days"}
    units["data.holdout_rows"] = case.rows_are
    return tuple(Value(name=name, value=value, unit=units.get(name, "rows")) for name, value in values.items())
