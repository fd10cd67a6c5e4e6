"""One broken expectation in plain words: column, share, what was seen, example rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from expectations.frames import kind_name
from expectations.suite import Expectation
from signoff.core.data import FailedExpectation

EXAMPLES = 5
_LONGEST = 80


def explain(
    expectation: Expectation,
    success: bool | None,
    result: dict[str, Any],
    raised: dict[str, Any],
    table: pd.DataFrame,
    ids: Sequence[str] = (),
) -> FailedExpectation | None:
    """The failure of one expectation, or None when it holds.

    Args:
        expectation: ours, with its reason.
        success: Great Expectations' verdict.
        result: its result in the SUMMARY form; empty when nothing could be computed.
        raised: its record of errors.
        table: the rows that were judged.
        ids: columns of it that name a row; rows are counted from 1 where there are none.
    """
    if success:
        return None
    column = ", ".join(expectation.columns()) or None
    count, rows = result.get("unexpected_count"), result.get("element_count") or len(table)
    share = count / rows if isinstance(count, int) and rows and "element_count" in result else None
    observed = _observed(expectation, result, raised, table, count, rows)
    return FailedExpectation(
        column=column,
        expectation=expectation.type,
        reason=expectation.notes or "",
        observed=observed,
        unexpected_share=share,
        examples=_examples(result, table, [name for name in ids if name not in expectation.columns()]),
    )


def _observed(
    expectation: Expectation, result: dict[str, Any], raised: dict[str, Any], table: pd.DataFrame, count: Any, rows: int
) -> str:
    if not result:
        kinds = [f"{name} of type {kind_name(table[name])}" for name in expectation.columns() if name in table.columns]
        return f"could not be computed on {', '.join(kinds) or 'this table'}: {_message(raised)}"
    details = (result.get("details") or {}).get("mismatched") or {}
    if details.get("missing"):
        return f"missing columns: {', '.join(map(str, details['missing']))}"
    if details.get("unexpected"):
        return f"unexpected columns: {', '.join(map(str, details['unexpected']))}"
    if "element_count" in result and isinstance(count, int):
        mostly = expectation.kwargs.get("mostly")
        limit = f", at most {1 - float(mostly):.2%} allowed" if mostly is not None else ", none allowed"
        # Missing values are no answer to any question but whether they are missing.
        asked = rows if "null" in expectation.type else rows - int(result.get("missing_count") or 0)
        return f"{count} of {asked} rows ({count / asked if asked else 1:.2%}){limit}"
    seen = result.get("observed_value")
    limits = [expectation.kwargs.get("min_value"), expectation.kwargs.get("max_value")]
    if limits == [None, None]:
        return f"observed {_short(seen)}"
    low, high = (str(limit) if limit is not None else "any" for limit in limits)
    return f"observed {_short(seen)}, allowed {low} to {high}"


def _examples(result: dict[str, Any], table: pd.DataFrame, ids: list[str]) -> tuple[str, ...]:
    """Up to five broken values, each with the identifiers of its row, or its number counted from 1."""
    values = list(result.get("partial_unexpected_list") or [])
    places = list(result.get("partial_unexpected_index_list") or [])
    found = []
    for position, value in enumerate(values[:EXAMPLES]):
        place = places[position] if position < len(places) else None
        where = ""
        if isinstance(place, int):
            named = [f"{name}={_short(table[name].iloc[place])}" for name in ids]
            where = ", ".join(named) or f"row {place + 1}"
        found.append(f"{_short(value)} ({where})" if where else _short(value))
    return tuple(found)


def _short(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "missing"
    if isinstance(value, dict):
        text = ", ".join(f"{name}={_short(part)}" for name, part in value.items())
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _message(raised: dict[str, Any]) -> str:
    """The error's own sentence; Great Expectations keys them by metric, each with a traceback that nobody wants."""
    entries = [raised, *(entry for entry in raised.values() if isinstance(entry, dict))]
    messages = sorted(str(entry["exception_message"]) for entry in entries if entry.get("exception_message"))
    return " ".join(messages[0].split())[:200] if messages else "no reason given"
