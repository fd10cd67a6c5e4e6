"""What every command prints: one error block, one JSON object, progress on standard error."""

from __future__ import annotations

import errno
import getpass
import json
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from signoff.core.errors import SettingsError, SignoffError, UsageError
from signoff.core.files import explain_os_error

LOG = Path(".signoff") / "logs" / "last-error.log"


def at_workspace(root: Path) -> str:
    """What the next command needs to be about this workspace from here: ' --workspace DIR', or nothing in it."""
    here = Path.cwd()
    if root == here:
        return ""
    return f" --workspace {root.relative_to(here) if root.is_relative_to(here) else root}"


def print_json(value: Mapping[str, Any]) -> None:
    """One object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_error(error: SignoffError, as_json: bool) -> None:
    """The parts of an error, one a line, on standard error; with `--json` the object on standard output too."""
    if as_json:
        # Where standard output takes nothing, standard error still tells.
        with suppress(OSError):
            print_json(error.as_record())
    labels = (("where", error.where), ("got", error.got), ("allowed", error.allowed), ("next", error.next_step))
    lines = [f"error: {error.what}", *(f"  {label:8} {text}" for label, text in labels if text)]
    with suppress(OSError):
        sys.stderr.write("\n".join(lines) + "\n")


def exit_with_unexpected(error: Exception, as_json: bool) -> NoReturn:
    """A defect of ours, or wrong use found by the parser of the command line: no traceback on the screen."""
    message = getattr(error, "format_message", None)
    if message is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(f"{message()}\n")
        else:
            command = getattr(getattr(error, "ctx", None), "command_path", "signoff")
            print_error(UsageError(str(message()), next_step=f"{command} --help"), as_json)
        sys.exit(2)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        explained = explain_os_error(error, Path(error.filename or tempfile.gettempdir()))
        print_error(explained, as_json)
        sys.exit(explained.exit_code)
    place = keep_traceback(error)
    where = str(place) if place else None
    print_error(SignoffError(f"unexpected {type(error).__name__}: {error}", where=where), as_json)
    let_go(error)
    sys.exit(5)


def let_go(error: BaseException | None) -> None:
    """Forget the frames of an error that was told.

    Prefect keeps a failed run's error until the process ends, and with it every object of those frames; DuckDB's
    bindings would complain about theirs on the screen.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def keep_traceback(error: BaseException) -> Path | None:
    """Write the traceback where a bug report can find it; None where no place can be written."""
    text = "".join(traceback.format_exception(error))
    for place in (_log_of_workspace, _private_file):
        try:
            path = place()
            if path is not None:
                path.write_text(text, encoding="utf-8")
                return path
        except OSError:
            continue
    return None


def _log_of_workspace() -> Path | None:
    if not LOG.parents[1].is_dir():
        return None
    LOG.parent.mkdir(exist_ok=True)
    return LOG


def _private_file() -> Path:
    """A new file of mode 0600: under a name that can be guessed, others could have laid a link there before."""
    handle, name = tempfile.mkstemp(prefix="signoff-error-", suffix=".log")
    os.close(handle)
    return Path(name)


def root_of(workspace: Path) -> Path:
    """The absolute folder of a workspace.

    Raises:
        SettingsError: there is none.
    """
    root = workspace.resolve()
    if not (root / "signoff.yaml").exists():
        raise SettingsError(
            "this is not a workspace", where=str(root), next_step="signoff init FILE --target COLUMN, or signoff demo"
        )
    return root


def actor_or_user(actor: str | None) -> str:
    """Who acts: the name given, else the operating system's user."""
    if actor is not None and not actor.strip():
        raise UsageError("--as needs a name")
    return actor or getpass.getuser()


CHANGE_SECONDS, REPEAT_SECONDS = 1.0, 10.0
"""Least time between two plain lines: the first for what says something new, the second for new numbers alone."""


def stem(message: str) -> str:
    """A message without its numbers: '7 trials, 30 s left' and '8 trials, 29 s left' say the same."""
    return re.sub(r"[0-9]+([.,][0-9]+)*", "#", message)


class Terminal:
    """Progress on standard error: one line that moves on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._live: Any = None
        self._task: Any = None
        self._last = ("", 0.0)

    def __enter__(self) -> Terminal:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task("starting", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def step(self, message: str, done: float | None = None) -> None:
        """Show what happens now.

        Without a terminal: a line when the message says something new, at most one a second, and one every ten seconds
        while only its numbers move, so that a log neither fills nor falls silent.
        """
        if self._live is not None:
            share = None if done is None else round(100 * done)
            self._live.update(
                self._task, description=message[:90], total=None if share is None else 100, completed=share or 0
            )
            return
        moment = time.monotonic()
        told, since = self._last
        wait = REPEAT_SECONDS if stem(message) == stem(told) else CHANGE_SECONDS
        if told and moment - since < wait:
            return
        self._last = (message, moment)
        sys.stderr.write(f"{moment - self._started:7.1f}s  {message}\n")

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._live is not None:
            self._live.console.print(line, highlight=False, markup=False)
        else:
            sys.stderr.write(line + "\n")
