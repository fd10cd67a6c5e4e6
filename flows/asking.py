"""A command's side of the resident: hand it a run, pass its progress on. Loads no Prefect."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from signoff.core import errors
from signoff.core.errors import ServiceError, SignoffError
from signoff.core.files import read_json
from signoff.core.installed import fingerprint
from signoff.core.paths import Paths
from signoff.core.progress import Progress

CONNECT_SECONDS = 2.0


def ask(paths: Paths, question: dict[str, Any], progress: Progress) -> dict[str, Any] | None:
    """The ending of a run that the resident of `signoff up` did; None where there is none, or it has other code.

    Raises:
        SignoffError: what the run refuses.
        RuntimeError: the run broke; the message carries its traceback.
        KeyboardInterrupt: it was stopped by Ctrl-C here.
    """
    address = _address(paths)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(CONNECT_SECONDS)
        try:
            line.connect(address)
            line.sendall(_asked(question))
            answers = line.makefile("rb")
            if b'"taken"' not in answers.readline():
                return None
        except OSError:
            return None
        line.settimeout(None)
        try:
            return _listen(answers, progress)
        except KeyboardInterrupt:
            line.sendall(b"c")
            return _listen(answers, progress)


def _address(paths: Paths) -> str | None:
    state = paths.state / "up.json"
    path = read_json(state).get("resident") if state.exists() else None
    return path if path and Path(path).exists() else None


def _asked(question: dict[str, Any]) -> bytes:
    whole = {
        "question": question,
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "fingerprint": fingerprint(),
    }
    return json.dumps(whole).encode() + b"\n"


def _listen(answers: Any, progress: Progress) -> dict[str, Any]:
    for text in answers:
        said: dict[str, Any] = json.loads(text)
        if "step" in said:
            progress.step(said["step"], said["done"])
        elif "ending" in said:
            return dict(said["ending"])
        elif "error" in said:
            raise _refused(said["error"], said["parts"])
        elif "stopped" in said:
            raise KeyboardInterrupt
        else:
            raise RuntimeError(f"the run broke: {said['crash']}\n{said['traceback']}")
    raise ServiceError(
        "the run's process ended without an answer",
        got="killed, as the kernel does when memory runs out",
        next_step="signoff run: it goes on where this one was",
    )


def _refused(kind: str, parts: dict[str, str]) -> SignoffError:
    """The error as the run raised it."""
    named = {key: parts.get(key) for key in ("where", "got", "allowed")}
    error: SignoffError = getattr(errors, kind)(parts["what"], next_step=parts.get("next"), **named)
    return error
