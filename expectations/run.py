"""Run a suite on a table and say what broke, in our words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.suite import Expectation, Suite, load_suite
from signoff.core.data import FailedExpectation, Validation

if TYPE_CHECKING:
    import pandas as pd


def run_suite(
    frame: pd.DataFrame,
    suite_path: Path,
    docs_folder: Path | None,
    *,
    only: Collection[str] | None = None,
    ids: Sequence[str] = (),
) -> Validation:
    """Hold every expectation of a suite against a table.

    An expectation about a column that is gone, or that the values do not allow to compute, counts as broken.

    Args:
        frame: all rows, of shape (n, columns).
        suite_path: a suite in Great Expectations' JSON.
        docs_folder: where Data Docs are written (the folder is replaced); none are made when it is None.
        only: judge only what looks into these columns alone, and nothing about the table: for rows that are a part of
            the suite's table, such as a window of served inputs.
        ids: columns that name the example rows.

    Raises:
        WorkspaceError: the suite is missing or not JSON.
        SettingsError: the suite holds an unknown expectation, or one with arguments that it does not take.
    """
    suite = load_suite(suite_path)
    if only is not None:
        kept = tuple(found for found in suite.expectations if found.columns() and set(found.columns()) <= set(only))
        suite = Suite(name=suite.name, expectations=kept)
    # Great Expectations takes seconds to import; whoever only reads a suite or a Validation does not pay for it.
    from expectations.engine import judge

    present = {str(name) for name in frame.columns}
    outcomes = judge(frame, suite, suite_path, docs_folder, ids)
    failures = []
    for expectation, outcome in zip(suite.expectations, outcomes, strict=True):
        gone = [name for name in expectation.columns() if name not in present]
        if gone:
            failures.append(_gone(expectation, gone[0]))
        elif outcome is not None:
            failures.append(outcome)
    return Validation(suite=suite.name, rows=len(frame), expectations=len(suite.expectations), failures=tuple(failures))


def _gone(expectation: Expectation, column: str) -> FailedExpectation:
    return FailedExpectation(
        column=column,
        expectation=expectation.type,
        reason=expectation.notes or "",
        observed=f"the column {column} is not in the data",
        unexpected_share=1.0,
    )
