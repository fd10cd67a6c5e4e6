"""What a caller sends: JSON rows, checked cell by cell before a model sees any of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import uuid4

from signoff.core.errors import DataError, UsageError, did_you_mean
from signoff.core.labels import label_text

SHOWN_CHARACTERS = 80
SHOWN_COLUMNS = 10
LARGEST = 1.7976931348623157e308


class RowError(DataError):
    """A request's rows cannot be answered: which row, which column, what was got, what is allowed."""

    http_status = 400


class TooManyRowsError(UsageError):
    """A request is larger than this endpoint takes at once."""

    http_status = 413


@dataclass(frozen=True)
class Shape:
    """What rows must look like: the model's inputs, and the columns that only name a row."""

    inputs: Mapping[str, str]
    id_columns: tuple[str, ...]
    time_column: str | None
    max_rows: int
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CheckedRows:
    """Rows that a model may see, column by column, and how each is called. All lists have one length."""

    columns: dict[str, list[Any]]
    ids: list[str]
    times: list[datetime]
    logged: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.ids)


def decode_body(body: bytes, max_rows: int) -> list[dict[str, Any]]:
    """The rows of a request body `{"rows": [{...}, ...]}`.

    Raises:
        RowError: the body is not JSON, or not of this form.
        TooManyRowsError: more than `max_rows` rows.
    """
    form = '{"rows": [{"column": value, ...}, ...]}'
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RowError("the body is not JSON", where="body", got=_shown(str(error)), allowed=form) from error
    if not isinstance(value, dict):
        raise RowError("the body is not a JSON object", where="body", got=_kind(value), allowed=form)
    unknown = sorted(set(value) - {"rows"})
    if unknown:
        raise RowError(
            f"{_shown(unknown[0])} is not a key of a request", where="body", allowed=did_you_mean(unknown[0], ["rows"])
        )
    rows = value.get("rows")
    if not isinstance(rows, list):
        got = "nothing" if "rows" not in value else _kind(rows)
        raise RowError("rows must be a list", where="rows", got=got, allowed=form)
    if len(rows) > max_rows:
        raise TooManyRowsError(
            "too many rows in one request",
            where="rows",
            got=len(rows),
            allowed=f"at most {max_rows}",
            next_step="send them in parts, or raise serving.max_rows in signoff.yaml",
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RowError(
                "a row must be an object", where=f"rows[{number}]", got=_shown(row), allowed='{"column": value, ...}'
            )
    return rows


def _kind(value: Any) -> str:
    """JSON's own word for what a caller sent."""
    named = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return named.get(type(value), "a number")


def check_rows(rows: Sequence[Mapping[str, Any]], shape: Shape, moment: datetime) -> CheckedRows:
    """Check every cell; rows without identifiers get a new id, rows without a time get `moment`.

    Missing values are null, NaN, or a text that meant "not known" where the model learned. Columns that are no input,
    identifier or time are ignored.

    Raises:
        RowError: a column is absent from a row, or a cell has a value that its kind does not allow.
    """
    _refuse_missing(rows, shape.inputs)
    rows = [_without(row, shape) for row in rows] if shape.missing else rows
    columns = {name: _column(rows, name, kind) for name, kind in shape.inputs.items()}
    times = [moment] * len(rows)
    if shape.time_column and any(shape.time_column in row for row in rows):
        given = [_to_time(row.get(shape.time_column), n, shape.time_column) for n, row in enumerate(rows)]
        times = [(time.replace(tzinfo=UTC) if time else moment) for time in given]
    known = [*shape.inputs, *(name for name in (*shape.id_columns, shape.time_column) if name)]
    named = list(dict.fromkeys(known))
    logged = [{name: _plain(row[name]) for name in named if name in row} for row in rows]
    ids = [_row_id(row, shape.id_columns, number) for number, row in enumerate(rows)]
    return CheckedRows(columns, ids, times, logged)


def _without(row: Mapping[str, Any], shape: Shape) -> Mapping[str, Any]:
    """The row with null for the texts that training took as not known; names of rows stay."""
    gone = {name: None for name in shape.inputs if isinstance(row[name], str) and row[name] in shape.missing}
    return {**row, **gone} if gone else row


def _refuse_missing(rows: Sequence[Mapping[str, Any]], inputs: Mapping[str, str]) -> None:
    """All that a row lacks is told at once: a caller who mends one column a request gives up."""
    for number, row in enumerate(rows):
        missing = [name for name in inputs if name not in row]
        if not missing:
            continue
        many = len(missing) > 1
        shown = ", ".join(missing[:SHOWN_COLUMNS])
        more = f" and {len(missing) - SHOWN_COLUMNS} more" if len(missing) > SHOWN_COLUMNS else ""
        near = did_you_mean(missing[0], row)
        raise RowError(
            f"the columns {shown}{more} are missing" if many else f"the column {shown} is missing",
            where=f"rows[{number}]" if many else f"rows[{number}].{missing[0]}",
            got=_shown(f"the columns {near}") if row else "an empty row",
            allowed="null says that a value is not known"
            if many
            else f"{_ALLOWED.get(inputs[missing[0]], 'a value')}; null says that it is not known",
            next_step="GET /model names every column and its kind",
        )


def _column(rows: Sequence[Mapping[str, Any]], name: str, kind: str) -> list[Any]:
    convert: Callable[[Any, int, str], Any] = _CONVERT.get(kind, _to_category)
    return [convert(row[name], number, name) for number, row in enumerate(rows)]


def _to_number(value: Any, number: int, name: str) -> float | None:
    if value is None or (type(value) is float and math.isnan(value)):
        return None
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        _refuse(value, number, name, "truth" if isinstance(value, bool) else "number")
    return float(value)


def _to_category(value: Any, number: int, name: str) -> str | None:
    """Text already here: in a column of mixed cells true and 1 are one value to pandas, and requests share columns."""
    if isinstance(value, str):
        return value if _is_text(value) else _refuse(value, number, name, "category")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float) and -LARGEST <= value <= LARGEST:
        return label_text(value)
    return _refuse(value, number, name, "category")


def _to_text(value: Any, number: int, name: str) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if isinstance(value, str) and _is_text(value) else _refuse(value, number, name, "text")


def _to_boolean(value: Any, number: int, name: str) -> bool | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return bool(value) if isinstance(value, int) and value in (0, 1) else _refuse(value, number, name, "boolean")


def _to_time(value: Any, number: int, name: str) -> datetime | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (TypeError, ValueError, OverflowError):
        return _refuse(value, number, name, "datetime")


_CONVERT: dict[str, Callable[[Any, int, str], Any]] = {
    "number": _to_number,
    "category": _to_category,
    "text": _to_text,
    "boolean": _to_boolean,
    "datetime": _to_time,
}
_ALLOWED = {
    "number": "a finite number",
    "truth": "a finite number (1 for true, 0 for false)",
    "category": "text, a number or a boolean",
    "text": "text",
    "boolean": "true or false",
    "datetime": 'a time such as "2013-04-01T12:00:00" (UTC where no zone is given)',
}


def _refuse(value: Any, number: int, name: str, kind: str) -> NoReturn:
    raise RowError(
        f"a value of {name} cannot be used",
        where=f"rows[{number}].{name}",
        got=_shown(value),
        allowed=f"{_ALLOWED[kind]}, or null when it is not known",
    )


def _row_id(row: Mapping[str, Any], id_columns: tuple[str, ...], number: int) -> str:
    parts = [_to_category(row.get(name), number, name) for name in id_columns]
    known = [part for part in parts if part is not None]
    return ":".join(known) if known and len(known) == len(parts) else uuid4().hex


def _plain(value: Any) -> Any:
    """Fit for JSON: what is not a number becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_text(value: str) -> bool:
    """JSON can spell half a surrogate pair, which no encoding can write down."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
