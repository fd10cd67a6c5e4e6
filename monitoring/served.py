"""The log of served predictions: JSON lines, one file a day and process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from signoff.core.errors import WorkspaceError
from signoff.core.monitoring import Prediction


@dataclass(frozen=True)
class Served:
    """Predictions of a slice of time, oldest first, and what a reader must know of the log."""

    predictions: tuple[Prediction, ...]
    damaged: int = 0
    notes: tuple[str, ...] = ()


def read_served(folder: Path, start: datetime, end: datetime, model: str) -> Served:
    """What one model answered in [start, end).

    A line that was cut off by a kill can only be the last of its file: it is left out and counted. Damage anywhere
    else is counted too and told with its place, as somebody has touched the log. Of one id the newest answer counts.

    Args:
        folder: .signoff/predictions.
        start: first moment of the slice.
        end: first moment after it.
        model: digest of the model whose answers are wanted.

    Raises:
        WorkspaceError: a file cannot be read.
    """
    found: dict[str, Prediction] = {}
    notes: list[str] = []
    outside: list[datetime] = []
    cut, damaged, others, again = 0, 0, 0, 0
    for path in sorted(folder.glob("*.jsonl")):
        for number, line, last in _lines(path):
            prediction = _parse(line)
            if prediction is None:
                cut += last
                damaged += not last
                if not last:
                    notes.append(f"line {number} of {path.name} is damaged and was left out")
            elif not start <= prediction.time < end:
                if prediction.model == model:
                    outside.append(prediction.time)
            elif prediction.model != model:
                others += 1
            else:
                again += prediction.id in found
                if prediction.id not in found or found[prediction.id].time <= prediction.time:
                    found[prediction.id] = prediction
    counted = (
        (cut, "lines were cut off at the end of a log file and left out"),
        (again, "predictions were asked for again; the newest counts"),
        (others, "predictions of the window are another model's and were left out"),
    )
    said = tuple(f"{count} {what}" for count, what in counted if count)
    if outside and not found:
        said += (_elsewhere(outside),)
    shown = (*notes[:5], f"{len(notes) - 5} more lines are damaged") if len(notes) > 6 else tuple(notes)
    ordered = sorted(found.values(), key=lambda prediction: (prediction.time, prediction.id))
    return Served(tuple(ordered), damaged, (*said, *shown))


def _elsewhere(times: Sequence[datetime]) -> str:
    first, last = min(times), max(times)
    return (
        f"all {len(times)} predictions of this model lie outside the window, {first:%Y-%m-%d} to {last:%Y-%m-%d}:"
        " a row's time is that of the project's time column where it has one; --as-of takes a day after them"
    )


def served_ids(folder: Path) -> set[str]:
    """Ids of all predictions that were ever served here, by whichever model."""
    return {prediction.id for prediction in _all(folder)}


def served_models(folder: Path) -> set[str]:
    """Digests of all models that ever answered here."""
    return {prediction.model for prediction in _all(folder)}


def _all(folder: Path) -> Iterator[Prediction]:
    lines = (line for path in sorted(folder.glob("*.jsonl")) for _, line, _ in _lines(path))
    return (prediction for prediction in map(_parse, lines) if prediction is not None)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Number, text, and whether it is the last of the file and has no line end, as after a kill."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkspaceError("the log of predictions cannot be read", where=str(path), got=error) from error
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line, number == len(lines)


def _parse(line: bytes) -> Prediction | None:
    try:
        return Prediction.model_validate_json(line)
    except ValidationError:
        return None
