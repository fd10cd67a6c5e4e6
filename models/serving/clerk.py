"""From request bodies to response bodies: check, answer, log. Plain functions of bytes, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from models.serving.log import PredictionLog, line_of
from models.serving.rows import CheckedRows, RowError, Shape, check_rows, decode_body
from signoff.core.errors import DataError, ServiceError, SignoffError
from signoff.core.record import now

Answer = tuple[float | dict[str, float] | None, str | float]


class Model(Protocol):
    """What answers: pairs of probability and label, one a row."""

    @property
    def digest(self) -> str: ...

    def answer(self, frame: pd.DataFrame) -> list[Answer]: ...


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes


class Clerk:
    """Answers requests with one model; used by one thread at a time.

    Args:
        model: answers frames with the columns of `shape.inputs`.
        shape: what rows must look like.
        log: where answers are recorded before they are given; None records nothing.
    """

    def __init__(self, model: Model, shape: Shape, log: PredictionLog | None) -> None:
        self.model = model
        self.shape = shape
        self.log = log

    def reply_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """One reply a body, in order. Good requests are answered together: the fixed cost of a frame is paid once.

        A bad request gets its own error and harms none beside it.
        """
        checked = [self._checked(body) for body in bodies]
        good = [rows for rows in checked if isinstance(rows, CheckedRows) and len(rows)]
        try:
            answered = iter(self._answered(good))
        except SignoffError as error:
            if len(good) > 1:
                return [reply for body in bodies for reply in self.reply_all([body])]
            return [_failed(rows if isinstance(rows, SignoffError) else error) for rows in checked]
        return [
            _failed(rows) if isinstance(rows, SignoffError) else _done(next(answered) if len(rows) else [])
            for rows in checked
        ]

    def _checked(self, body: bytes) -> CheckedRows | SignoffError:
        try:
            return check_rows(decode_body(body, self.shape.max_rows), self.shape, now())
        except SignoffError as error:
            return error

    def _answered(self, requests: Sequence[CheckedRows]) -> list[list[dict[str, Any]]]:
        if not requests:
            return []
        columns = {name: [v for rows in requests for v in rows.columns[name]] for name in self.shape.inputs}
        count = sum(map(len, requests))
        try:
            answers = self.model.answer(pd.DataFrame(columns, index=range(count)))
        except DataError as error:
            raise RowError(
                error.what, where=error.where, got=error.got, allowed=error.allowed, next_step=error.next_step
            ) from error
        except Exception as error:
            raise ServiceError(
                "the model could not answer these rows", got=f"{type(error).__name__}: {error}"
            ) from error
        ends = iter(answers)
        lines = [
            [
                line_of(identifier, time, self.model.digest, inputs, next(ends))
                for identifier, time, inputs in zip(rows.ids, rows.times, rows.logged, strict=True)
            ]
            for rows in requests
        ]
        if self.log is not None:
            self.log.append([line for request in lines for line in request])
        return lines


def _done(lines: Sequence[dict[str, Any]]) -> Reply:
    told = [{name: line[name] for name in ("id", "probability", "label", "model")} for line in lines]
    return Reply(200, json.dumps({"predictions": told}, separators=(",", ":"), allow_nan=False).encode())


def _failed(error: SignoffError) -> Reply:
    return Reply(error.http_status, json.dumps(error.as_record(), ensure_ascii=False).encode("utf-8", "replace"))
