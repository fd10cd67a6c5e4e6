"""Evidently's report of a window, run with our comparisons as its tests, so that it shows the verdicts of the
record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from monitoring.distances import MATTERS, Comparison
from monitoring.drift import Pair
from signoff.core.errors import StageError
from signoff.core.monitoring import ColumnDrift


class PageError(StageError):
    """Evidently cannot draw these values; what was found in the window stands without its page."""


def evidently_html(pairs: Sequence[Pair], drift: Sequence[ColumnDrift]) -> str:
    """One self-contained page (4 to 5 MB, nearly all script) with both distributions of each pair.

    Evidently takes 6 to 8 seconds of processor time to import and so is imported here.

    Args:
        pairs: what was compared; at least one.
        drift: the verdicts on them, in the same order.

    Raises:
        PageError: Evidently failed.
        StageError: it came to another verdict than the record.
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    names = [_name(pair) for pair in pairs]
    numeric = [name for name, pair in zip(names, pairs, strict=True) if pair.reference.numeric]
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=[n for n in names if n not in numeric])
    sides = [_side(names, [pair.reference.values for pair in pairs]), _side(names, [p.window.values for p in pairs])]
    try:
        before, after = (Dataset.from_pandas(side, data_definition=definition) for side in sides)
        wanted = [
            ValueDrift(column=name, method=_register(pair, found), threshold=MATTERS)
            for name, pair, found in zip(names, pairs, drift, strict=True)
        ]
        snapshot = Report(wanted, include_tests=True).run(after, before)
        said = {test["metric_config"]["params"]["column"]: test["status"] for test in snapshot.dict()["tests"]}
        page = str(snapshot.get_html_str(as_iframe=False))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        raise PageError(
            "Evidently could not make its report",
            where="monitoring",
            got=f"{type(error).__name__}: {error}",
            next_step="signoff monitor --no-report",
        ) from error
    _same_verdicts(names, drift, said)
    return page


def _name(pair: Pair) -> str:
    return pair.column if pair.aspect == "values" else f"{pair.column} ({pair.aspect})"


def _side(names: Sequence[str], values: Sequence[pd.Series]) -> pd.DataFrame:
    """Columns of unequal length beside each other; Evidently leaves out missing values column by column."""
    return pd.concat(
        [column.reset_index(drop=True).rename(name) for name, column in zip(names, values, strict=True)], axis=1
    )


def _register(pair: Pair, found: ColumnDrift) -> str:
    """Make the comparison of this pair, at this window's level, one of Evidently's tests; answers its name."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    level = found.level or 0.0
    kind = "missing" if pair.aspect == "missing" else "numbers" if pair.reference.numeric else "categories"
    test = StatTest(
        name=f"signoff_{kind}_{level:.6g}",
        display_name=f"{pair.method} below {level:.2g}",
        allowed_feature_types=[ColumnType.Numerical if pair.reference.numeric else ColumnType.Categorical],
        default_threshold=MATTERS,
    )
    register_stattest(test, _as_stattest(pair, level))
    return str(test.name)


def _as_stattest(pair: Pair, level: float) -> Callable[..., tuple[float, bool]]:
    def stattest(reference: pd.Series, window: pd.Series, _kind: Any, _threshold: float) -> tuple[float, bool]:
        found: Comparison = pair.with_values(reference, window).compare()
        return found.distance, found.drifted(level)

    return stattest


def _same_verdicts(names: Sequence[str], drift: Sequence[ColumnDrift], said: dict[str, Any]) -> None:
    for name, found in zip(names, drift, strict=True):
        flagged = str(getattr(said.get(name), "value", said.get(name))) == "FAIL"
        if flagged != found.drifted:
            raise StageError(
                f"Evidently's report and the record disagree about {name!r}",
                where="monitoring",
                got=f"Evidently: {'drifted' if flagged else 'not drifted'}",
                allowed="drifted" if found.drifted else "not drifted",
                next_step="signoff monitor --no-report, and report this",
            )


__all__ = ["PageError", "evidently_html"]
