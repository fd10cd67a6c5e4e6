"""A process of `signoff up` that has loaded every tool, and does each run in a fork of itself: it starts at once.

Nothing depends on it: a run that finds no resident, or one of other code, loads what it needs by itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from signoff.core.environment import be_quick, be_quiet
from signoff.core.errors import SignoffError
from signoff.core.installed import fingerprint

TOOLS = (
    "flows.retrain",
    "flows.release",
    "flows.watch",
    "flows.launch",
    "tasks.ingest",
    "tasks.validate",
    "tasks.prepare",
    "tasks.search",
    "tasks.fit",
    "tasks.evaluate",
    "tasks.watching",
    "expectations.engine",
    "expectations.proposal",
    "signoff.report",
    "signoff.workspace.ahead",
    "signoff.workspace.pipeline",
)


def main() -> int:
    """`python -m flows.resident SOCKET`: load, then serve until a signal."""
    be_quiet()
    be_quick()
    mine = fingerprint()
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # What is loaded stays: the forks share its pages.
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        # Bound only now: who finds the address does not wait.
        listener.bind(sys.argv[1])
        listener.listen(16)
        while True:
            asker, _ = listener.accept()
            if os.fork() == 0:
                _child(listener, asker, mine)
            asker.close()


def load() -> None:
    """Import what runs import on use."""
    from models.ahead import load_tools

    for name in TOOLS:
        importlib.import_module(name)
    load_tools()


def _child(listener: socket.socket, asker: socket.socket, mine: str) -> None:
    """Answer one question, and never return to the loop."""
    code = 1
    try:
        listener.close()
        # Whoever ends the resident does not mean a run that is on its way.
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _answer(asker, mine)
        code = 0
    finally:
        os._exit(code)


def _answer(asker: socket.socket, mine: str) -> None:
    asked: dict[str, Any] = json.loads(asker.makefile("rb").readline())
    if asked["fingerprint"] != mine:
        _tell(asker, {"other": mine})
        return
    _tell(asker, {"taken": os.getpid()})
    sys.stderr.write(f"took a {asked['question']['flow']} of {asked['question']['workspace']}\n")
    sys.stderr.flush()
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()
    from flows.launch import Question, perform

    try:
        _tell(asker, {"ending": perform(Question.model_validate(asked["question"]), _Told(asker)).as_json()})
    except SignoffError as error:
        _tell(asker, {"error": type(error).__name__, "parts": error.as_record()})
    except KeyboardInterrupt:
        _tell(asker, {"stopped": True})
    except Exception as error:
        _tell(asker, {"crash": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})


class _Told:
    """Passes progress on to whoever asked."""

    def __init__(self, asker: socket.socket) -> None:
        self._asker = asker

    def step(self, message: str, done: float | None = None) -> None:
        """One line a step."""
        _tell(self._asker, {"step": message, "done": done})


def _tell(asker: socket.socket, what: dict[str, Any]) -> None:
    # Who asked may be gone; then _end_with ends this process.
    with contextlib.suppress(BrokenPipeError):
        asker.sendall(json.dumps(what).encode() + b"\n")


def _end_with(asker: socket.socket) -> None:
    """The run ends as its command does: by Ctrl-C in order, by a kill at once."""
    if asker.recv(1) == b"c":
        os.kill(os.getpid(), signal.SIGINT)
        asker.recv(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
