"""The prediction log: one JSON line an answer, on disk before the answer is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from signoff.core.errors import ServiceError
from signoff.core.record import now


class LogError(ServiceError):
    """An answer that cannot be recorded is not given."""


class PredictionLog:
    """Appends to one file a day and process, `YYYY-MM-DD-PID.jsonl`; used by one thread at a time.

    Lines are in the page cache before `append` returns: they outlive a killed process, not a power cut.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._day = ""
        self._file: int | None = None

    def append(self, predictions: Sequence[dict[str, Any]]) -> None:
        """Write the lines (fields of `signoff.core.monitoring.Prediction`) whole, or none of them.

        Raises:
            LogError: the disk is full or the folder may not be written.
        """
        lines = "".join(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n" for line in predictions)
        data = lines.encode()
        try:
            file = self._open_today()
            before = os.fstat(file).st_size
            written = os.write(file, data)
            while written < len(data):
                written += os.write(file, data[written:])
        except OSError as error:
            self._cut_back(before if "before" in locals() else None)
            raise LogError(
                "the prediction could not be logged, so it is not given",
                where=str(self.folder),
                got=error.strerror,
                next_step="free some space or make the folder writable",
            ) from error

    def close(self) -> None:
        """Close the open file, if any."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._day = ""

    def _open_today(self) -> int:
        day = f"{now():%Y-%m-%d}"
        if self._file is None or day != self._day:
            self.close()
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{day}-{os.getpid()}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._day = day
        return self._file

    def _cut_back(self, size: int | None) -> None:
        """Half a line would hide the next one from every reader."""
        if self._file is not None and size is not None:
            os.ftruncate(self._file, size)


def line_of(
    identifier: str, time: datetime, model: str, inputs: dict[str, Any], answer: tuple[Any, Any]
) -> dict[str, Any]:
    """One prediction as its log line; a time without a zone is UTC."""
    probability, label = answer
    return {
        "id": identifier,
        "time": time.isoformat(),
        "model": model,
        "inputs": inputs,
        "probability": probability,
        "label": label,
    }
