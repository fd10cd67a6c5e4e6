"""Columns of numbers that a few stray texts turned into text: told, never mended unasked."""

from __future__ import annotations

import pandas as pd

from signoff.core.data import MixedColumn
from signoff.core.settings import Project

NUMBER = r"^\s*[+-]?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$"
"""A number as the CSV rule takes it; 007 and longer digit strings are names."""
LEAST_NUMBERS = 0.8
"""Share of cells that must be numbers: below it the column is one of names, some of which happen to be digits."""
MOST_STRAYS = 20
"""Distinct stray texts; more of them are values in their own right, such as 12A beside 12."""
EXAMPLES = 5


def mixed_columns(frame: pd.DataFrame, project: Project) -> tuple[MixedColumn, ...]:
    """The text columns of a snapshot most of whose known cells are numbers, in the frame's order.

    Args:
        frame: the snapshot's rows.
        project: names identifiers and pseudonyms, which are no numbers whatever they look like.
    """
    found: list[MixedColumn] = []
    names = {*project.data.id_columns, *project.data.pseudonymise}
    for column in map(str, frame.select_dtypes(include="str").columns):
        if column not in names and (mixed := _mixed(column, frame[column])) is not None:
            found.append(mixed)
    return tuple(found)


def strays_of(column: pd.Series) -> dict[str, int]:
    """The texts in a column of numbers, with how often, the most frequent first; none where it is no such column."""
    counts = column.value_counts()
    if counts.empty:
        return {}
    numbers = counts.index.to_series().str.match(NUMBER).to_numpy(dtype=bool)
    strays, known = counts[~numbers], int(counts.sum())
    if len(strays) > MOST_STRAYS or int(counts[numbers].sum()) < LEAST_NUMBERS * known:
        return {}
    # Equal counts in the order of the text, so that the same rows give the same bytes.
    ranked = sorted(strays.items(), key=lambda pair: (-int(pair[1]), str(pair[0])))
    return {str(text): int(count) for text, count in ranked}


def _mixed(name: str, column: pd.Series) -> MixedColumn | None:
    strays = strays_of(column)
    if not strays:
        return None
    rows = sum(strays.values())
    examples = tuple(text[:40] for text in strays)[:EXAMPLES]
    return MixedColumn(column=name, share=rows / int(column.notna().sum()), rows=rows, examples=examples)
