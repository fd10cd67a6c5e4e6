"""CSV through DuckDB: read as text first, then typed by a rule that is stated here and nowhere guessed.

A column is, in this order: integer, number, boolean, date or time (ISO 8601; a zone is turned into UTC), text.
One value that does not fit makes it text. Numbers with leading zeros (007) or of more than 18 digits stay text: they
are names, and would lose digits as numbers. Empty fields and NA, N/A,
#N/A, NaN, nan, NULL, null are missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from signoff.core.errors import DataError
from signoff.core.settings import FileSource
from signoff.sources.duck import Duck, Problem, explain, literal, quoted
from signoff.sources.text import check_encoding, read_header

MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null")
LONGEST_LINE_BYTES = 10_000_000
FIRST_LOOK_ROWS = 2_000

_PATTERNS = {
    "BIGINT": r"[+-]?(0|[1-9][0-9]{0,17})",
    "DOUBLE": r"[+-]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)",
    "BOOLEAN": r"(?i:true|false)",
    "TIMESTAMPTZ": r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
}
"""What every value of a column must look like to be of that type; the first that fits is taken."""


def load_csv(duck: Duck, name: str, path: Path, source: FileSource) -> None:
    """Make the table `name` from a CSV file.

    Raises:
        DataError: not text in the stated encoding, empty, cut off, or a row that does not fit the header.
        SettingsError: the encoding or the delimiter is not one.
    """
    utf8 = check_encoding(path, source, name, duck.folder / f"{name}.csv")
    columns, separator = read_header(utf8, source, name)
    _load_text(duck, name, path, utf8, columns, separator)
    types = _types(duck, name, columns)
    chosen = ", ".join(_cast(column, types[column]) for column in columns)
    duck.run(f"CREATE TABLE {quoted(name)} AS SELECT {chosen} FROM {quoted(name + ' text')}")
    duck.run(f"DROP TABLE {quoted(name + ' text')}")


def _load_text(duck: Duck, name: str, path: Path, utf8: Path, columns: list[str], separator: str) -> None:
    fields = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    missing = ", ".join(literal(text) for text in MISSING)
    packing = "gzip" if utf8.suffix == ".gz" else "none"
    try:
        duck.run(
            f"CREATE TABLE {quoted(name + ' text')} AS SELECT * FROM read_csv({literal(str(utf8))},"
            f" auto_detect=false, header=true, delim={literal(separator)}, quote='\"', escape='\"', comment='',"
            f" skip=0, strict_mode=true, null_padding=false, ignore_errors=false, nullstr=[{missing}],"
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
    """The type of each column. A first look at some rows rules out most types cheaply; what is left, all rows decide."""
    text = quoted(name + " text")
    likely = _fitting(duck, f"(FROM {text} LIMIT {FIRST_LOOK_ROWS})", {column: tuple(_PATTERNS) for column in columns})
    fitting = _fitting(duck, text, likely)
    filled = duck.run(
        f"SELECT {', '.join(f'count({quoted(column)}) > 0' for column in columns)} FROM {text}"
    ).fetchone()
    return {
        column: fitting[column][0] if holds and fitting[column] else "VARCHAR"
        for column, holds in zip(columns, filled, strict=True)
    }


def _fitting(duck: Duck, rows: str, asked: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Of the types asked of each column, those that every value of it fits; all of them where it holds nothing."""
    pairs = [(column, kind) for column, kinds in asked.items() for kind in kinds]
    tests = [
        f"bool_and(regexp_full_match({quoted(column)}, {literal(_PATTERNS[kind])}) AND"
        f" TRY_CAST({quoted(column)} AS {kind}) IS NOT NULL) FILTER (WHERE {quoted(column)} IS NOT NULL)"
        for column, kind in pairs
    ]
    found = duck.run(f"SELECT {', '.join(tests)} FROM {rows}").fetchone() if tests else ()
    holding = {pair for pair, holds in zip(pairs, found, strict=True) if holds is not False}
    return {column: tuple(kind for kind in kinds if (column, kind) in holding) for column, kinds in asked.items()}


def _cast(column: str, kind: str) -> str:
    if kind == "TIMESTAMPTZ":
        return f"timezone('UTC', CAST({quoted(column)} AS TIMESTAMPTZ)) AS {quoted(column)}"
    return f"CAST({quoted(column)} AS {kind}) AS {quoted(column)}"
