"""CSV through DuckDB: read as text first, then typed by a rule that is stated here and nowhere guessed.

A column is, in this order: integer, number, boolean, date or time (ISO 8601; a zone is turned into UTC), text.
One value that does not fit makes it text. Numbers with leading zeros (007) or of more than 18 digits stay text: they
are names, and would lose digits as numbers. Empty fields and NA, N/A,
#N/A, NaN, nan, NULL, null are missing, and what data.missing names.
"""

from __future__ import annotations

import re
from pathlib import Path

from signoff.core.data import MISSING_TEXTS
from signoff.core.errors import DataError
from signoff.core.settings import FileSource
from signoff.sources.duck import Duck, Problem, explain, literal, quoted
from signoff.sources.text import blank_lines, check_encoding, read_header

MISSING = MISSING_TEXTS
LONGEST_LINE_BYTES = 10_000_000
FIRST_LOOK_ROWS = 200

_PATTERNS = {
    "BIGINT": r"[+-]?(0|[1-9][0-9]{0,17})",
    "DOUBLE": r"[+-]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)",
    "BOOLEAN": r"(?i:true|false)",
    "TIMESTAMPTZ": r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
}
"""What every value of a column must look like to be of that type; the first that fits is taken."""


def load_csv(duck: Duck, name: str, path: Path, source: FileSource, missing: tuple[str, ...] = ()) -> None:
    """Make the table `name` from a CSV file; `missing` are texts that mean "not known" besides MISSING.

    Raises:
        DataError: not text in the stated encoding, empty, cut off, or a row that does not fit the header.
        SettingsError: the encoding or the delimiter is not one.
    """
    utf8 = check_encoding(path, source, name, duck.folder / f"{name}.csv")
    columns, separator = read_header(utf8, source, name)
    _load_text(duck, name, path, utf8, columns, separator, (*MISSING, *missing))
    types = _types(duck, name, columns)
    chosen = ", ".join(_cast(column, types[column]) for column in columns)
    duck.run(f"CREATE TABLE {quoted(name)} AS SELECT {chosen} FROM {quoted(name + ' text')}")
    duck.run(f"DROP TABLE {quoted(name + ' text')}")


def _load_text(
    duck: Duck, name: str, path: Path, utf8: Path, columns: list[str], separator: str, markers: tuple[str, ...]
) -> None:
    fields = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    missing = ", ".join(literal(text) for text in dict.fromkeys(markers))
    packing = "gzip" if utf8.suffix == ".gz" else "none"
    try:
        duck.run(
            f"CREATE TABLE {quoted(name + ' text')} AS SELECT * FROM read_csv({literal(str(utf8))},"
            f" auto_detect=false, header=true, delim={literal(separator)}, quote='\"', escape='\"', comment='',"
            f" skip={blank_lines(utf8)}, strict_mode=true, null_padding=false, ignore_errors=false,"
            f" nullstr=[{missing}],"
            f" max_line_size={LONGEST_LINE_BYTES}, compression={literal(packing)}, columns={{{fields}}})"
        )
    except Problem as error:
        raise _explain_row(error, path, columns) from error


def _explain_row(error: Problem, path: Path, columns: list[str]) -> DataError:
    message = explain(error).message
    line = re.search(r"CSV Error on Line: (\d+)", message)
    row = re.search(r"Original Line: (.*)", message)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    where = f"{path}, line {line.group(1)}" if line else str(path)
    got = row.group(1)[:120] if row else message.splitlines()[0]
    if counts:
        return DataError(
            f"a row of {path.name} has {counts.group(2)} fields",
            where=where,
            got=got,
            allowed=f"{counts.group(1)} fields, as in the header: {', '.join(columns[:12])}",
            next_step="repair the row; if it is the last one, the file was cut off: copy it again",
        )
    if "unterminated quote" in message:
        return DataError(
            f"a quoted field of {path.name} does not end",
            where=where,
            got=got,
            allowed='"text", with "" for a quote inside it',
            next_step="repair the row; if the file was cut off, copy it again",
        )
    return DataError(
        f"{path.name} cannot be read as CSV",
        where=where,
        got=got,
        allowed="one row a line, all lines ending alike, fields with line breaks in quotes",
        next_step="repair the file, or set data.sources.*.delimiter in signoff.yaml",
    )


def _types(duck: Duck, name: str, columns: list[str]) -> dict[str, str]:
    """The type of each column; a first look at some rows rules out most types, all rows decide on what is left."""
    text = quoted(name + " text")
    filled = _fitting(duck, text, columns, "true")
    types = dict.fromkeys(columns, "VARCHAR")
    for kind, pattern in _PATTERNS.items():
        test = f"regexp_full_match(value, {literal(pattern)}) AND TRY_CAST(value AS {kind}) IS NOT NULL"
        if kind == "TIMESTAMPTZ":
            # Moments that Python's calendar lacks, in UTC, are text: no later step could name them.
            test += " AND year(TRY_CAST(value AS TIMESTAMPTZ)) BETWEEN 1 AND 9999"
        open_columns = [column for column in columns if column in filled and types[column] == "VARCHAR"]
        likely = _fitting(duck, f"(FROM {text} LIMIT {FIRST_LOOK_ROWS})", open_columns, test, where_empty=True)
        fitting = _fitting(duck, text, [column for column in open_columns if column in likely], test)
        types.update(dict.fromkeys(fitting, kind))
    return types


def _fitting(duck: Duck, rows: str, columns: list[str], test: str, *, where_empty: bool = False) -> set[str]:
    """The columns of which every value passes the test, and those without a value when `where_empty`.

    One expression over all cells, not one a column: DuckDB plans a thousand expressions far more slowly than it runs.
    """
    if not columns:
        return set()
    listed = ", ".join(quoted(column) for column in columns)
    found = duck.run(
        f"SELECT column_name, bool_and({test})"
        f" FROM (UNPIVOT (SELECT {listed} FROM {rows}) ON {listed} INTO NAME column_name VALUE value)"
        " GROUP BY column_name"
    ).fetchall()
    holds = dict(found)
    return {column for column in columns if holds.get(column, where_empty)}


def _cast(column: str, kind: str) -> str:
    if kind == "TIMESTAMPTZ":
        return f"timezone('UTC', CAST({quoted(column)} AS TIMESTAMPTZ)) AS {quoted(column)}"
    return f"CAST({quoted(column)} AS {kind}) AS {quoted(column)}"
