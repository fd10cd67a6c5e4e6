"""What `signoff monitor` prints of a window: with moments and without, and large numbers readable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signoff.commands.summary import print_window
from signoff.core.run import RunState
from tasks.passage import Ending


def watched(start: str | None, end: str | None) -> dict[str, Any]:
    value = {"name": "performance.rmse", "value": 46823.7, "low": 45100.2, "high": 48000.9}
    return {
        "window": {"start": start, "end": end, "rows": 1400, "origin": "file"},
        "drift": [],
        "performance": {"values": [value]},
        "checks": [],
        "not_judged": [],
        "notes": [],
        "alerts": [],
        "why": "",
        "name": "file-1",
        "fresh": True,
    }


@pytest.mark.parametrize(
    ("start", "end", "head"),
    [
        (None, None, "window, no moments: 1,400 rows, file"),
        ("2012-10-28T00:00:00Z", "2012-12-31T00:00:00Z",
         "window 2012-10-28T00:00:00Z to 2012-12-31T00:00:00Z: 1,400 rows, file"),
    ],
)  # fmt: skip
def test_a_window_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], start: str | None, end: str | None, head: str
) -> None:
    print_window(tmp_path, Ending(run="r", state=RunState.DONE, message="", watched=watched(start, end)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == head
    assert "46,824 (45,100 to 48,001)" in lines[2]
