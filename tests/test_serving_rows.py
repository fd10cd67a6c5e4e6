"""Rows of a request: every cell is checked before a model sees it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from models.features import coerce_inputs
from models.serving.clerk import Clerk
from models.serving.log import LogError, PredictionLog, line_of
from models.serving.rows import RowError, Shape, TooManyRowsError, check_rows, decode_body
from signoff.core.monitoring import Prediction

INPUTS = {"size": "number", "shop": "category", "note": "text", "open": "boolean", "seen": "datetime"}
SHAPE = Shape(INPUTS, ("order", "line"), "at", 3)
GOOD = {"size": 1, "shop": "a", "note": "b", "open": True, "seen": "2026-01-01", "order": 7, "line": "x"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b'{"rows": [', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"row": []}', "did you mean 'rows'"),
        (b"{}", "rows must be a list"),
        (b'{"rows": 3}', "rows must be a list"),
        (b'{"rows": [{}, 3]}', r"rows\[1\]"),
    ],
)
def test_a_body_of_another_form_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(RowError, match=words) as caught:
        decode_body(body, 3)
    assert caught.value.http_status == 400


def test_more_rows_than_allowed_are_refused_with_the_limit() -> None:
    with pytest.raises(TooManyRowsError, match="at most 3") as caught:
        decode_body(json.dumps({"rows": [{}] * 4}).encode(), 3)
    assert caught.value.http_status == 413


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("size", "large"),
        ("size", True),
        ("size", float("inf")),
        ("size", 10**400),
        ("size", [1]),
        ("shop", {}),
        ("shop", "\ud800"),
        ("note", 3),
        ("open", "yes"),
        ("open", 2),
        ("seen", 20260101),
        ("seen", "tomorrow"),
        ("order", {}),
        ("at", "noon"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(column: str, value: Any) -> None:
    with pytest.raises(RowError, match=rf"rows\[1\]\.{column}") as caught:
        check_rows([GOOD, {**GOOD, column: value}], SHAPE, NOON)
    assert caught.value.allowed
    json.dumps(caught.value.as_record()).encode()


def test_an_absent_column_is_named_with_its_likely_misspelling() -> None:
    row = {("sise" if name == "size" else name): value for name, value in GOOD.items()}
    with pytest.raises(RowError, match=r"size is missing.*rows\[0\]\.size.*did you mean 'sise'"):
        check_rows([row], SHAPE, NOON)


def test_all_that_a_row_lacks_is_told_at_once() -> None:
    shape = Shape({f"c{number}": "number" for number in range(13)}, (), None, 10)
    with pytest.raises(RowError, match=r"columns c1, c2.*c9, c10 and 2 more are missing.*rows\[1\]"):
        check_rows([dict.fromkeys(shape.inputs, 1), {"c0": 1}], shape, NOON)


@pytest.mark.parametrize(
    ("sent", "said"), [(b"[]", "a list"), (b'{"rows": 3}', "a number"), (b'{"rows": null}', "null")]
)
def test_what_was_sent_is_named_in_jsons_own_words(sent: bytes, said: str) -> None:
    with pytest.raises(RowError, match=f"got: {said}"):
        decode_body(sent, 10)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_values_are_allowed_in_every_kind(missing: Any) -> None:
    checked = check_rows([{**GOOD, **dict.fromkeys(INPUTS, missing)}], SHAPE, NOON)
    assert all(values == [None] for values in checked.columns.values())
    assert checked.logged[0]["size"] is None


def test_ids_and_times_come_from_the_row_when_they_are_there() -> None:
    rows = [{**GOOD, "at": "2026-02-01T10:00:00+02:00"}, {**GOOD, "line": None}]
    checked = check_rows(rows, SHAPE, NOON)
    assert checked.ids[0] == "7:x"
    assert len(checked.ids[1]) == 32
    assert checked.times == [datetime(2026, 2, 1, 8, tzinfo=UTC), NOON]
    assert checked.logged[0]["at"] == "2026-02-01T10:00:00+02:00"


def test_unknown_columns_are_ignored_and_not_logged() -> None:
    checked = check_rows([{**GOOD, "colour": "red"}], SHAPE, NOON)
    assert "colour" not in checked.columns
    assert "colour" not in checked.logged[0]


def test_a_log_line_is_a_prediction(tmp_path: Any) -> None:
    log = PredictionLog(tmp_path / "predictions")
    log.append([line_of("7", NOON, "m" * 64, {"shop": "ä\ud800"}, ({"a": 0.25, "b": 0.75}, "b"))])
    log.append([line_of("8", NOON, "m" * 64, {}, (None, 1.5))])
    log.close()
    (file,) = (tmp_path / "predictions").glob("*.jsonl")
    lines = file.read_bytes().splitlines()
    assert Prediction.model_validate(json.loads(lines[0])).probability == {"a": 0.25, "b": 0.75}
    assert Prediction.model_validate_json(lines[1]).label == 1.5


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Any) -> None:
    (tmp_path / "predictions").write_text("a file stands in the way", encoding="utf-8")
    with pytest.raises(LogError, match="could not be logged"):
        PredictionLog(tmp_path / "predictions").append([line_of("7", NOON, "m", {}, (None, 1.0))])


class Echo:
    """Says the category that it was shown."""

    digest = "d" * 64

    def answer(self, frame: pd.DataFrame) -> list[Any]:
        return [(0.5, str(shop)) for shop in coerce_inputs(frame, {"shop": "category"})["shop"]]


@pytest.mark.parametrize("together", [[True, 1], [1, True], [1.0, "1", True], [False, 0, -0.0], [None, 0]])
def test_no_request_changes_what_another_is_answered_beside_it(together: list[Any]) -> None:
    clerk = Clerk(Echo(), Shape({"shop": "category"}, ("order",), None, 5), None)
    bodies = [json.dumps({"rows": [{"shop": value, "order": 7}]}).encode() for value in together]
    assert clerk.reply_all(bodies) == [clerk.reply_all([body])[0] for body in bodies]


@pytest.mark.parametrize(("column", "value"), [("shop", 10**400), ("order", float("inf")), ("order", 10**400)])
def test_a_number_beyond_all_numbers_is_no_name(column: str, value: Any) -> None:
    with pytest.raises(RowError, match=rf"rows\[0\]\.{column}"):
        check_rows([{**GOOD, column: value}], SHAPE, NOON)


def test_an_identifier_that_is_no_number_is_none() -> None:
    assert len(check_rows([{**GOOD, "order": float("nan")}], SHAPE, NOON).ids[0]) == 32


def test_whoever_sends_true_for_a_number_is_told_what_it_is() -> None:
    with pytest.raises(RowError, match="1 for true, 0 for false"):
        check_rows([{**GOOD, "size": True}], SHAPE, NOON)


def test_what_meant_not_known_in_training_means_it_in_a_request_too() -> None:
    shape = Shape({"size": "number", "shop": "category"}, ("order",), None, 5, frozenset({"n/a", "unknown"}))
    rows: list[dict[str, Any]] = [
        {"size": "n/a", "shop": "unknown", "order": "unknown"},
        {"size": 1, "shop": "a", "order": "7"},
    ]
    checked = check_rows(rows, shape, NOON)
    assert checked.columns == {"size": [None, 1.0], "shop": [None, "a"]}
    assert checked.ids == ["unknown", "7"], "the name of a row stays what it is"
    assert checked.logged[0] == {"size": None, "shop": None, "order": "unknown"}
    with pytest.raises(RowError, match="a value of size cannot be used"):
        check_rows([{"size": "N/A", "shop": "a"}], shape, NOON)
