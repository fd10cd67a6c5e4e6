"""Waiting for what comes about by itself: a server that listens, a row that is written, a process that ends."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 200
"""For a busy machine; nothing is slower because of it."""


def eventually(
    ask: Callable[[], T | None],
    process: subprocess.Popen[Any] | None = None,
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.1,
) -> T:
    """The first true answer; a port that is closed or a file that is not whole yet is no answer.

    Args:
        ask: asked again and again.
        process: has to live meanwhile.
        seconds: after which it is a failure.
        pause: seconds between two questions.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        assert process is None or process.poll() is None, "the process ended by itself"
        try:
            if answer := ask():
                return answer
            last = answer
        except (OSError, ValueError) as error:
            last = error
        time.sleep(pause)
    raise AssertionError(f"it did not come about in {seconds} s: {last!r}")
