"""The command line: names the commands and defers every import, so that help comes at once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import typer

from signoff.cli.app import app
from signoff.core.environment import be_quick, be_quiet
from signoff.core.errors import SignoffError

__all__ = ["app", "main"]

STOPPED = 130
ENOUGH = 141
"""As for whoever is ended by SIGPIPE: the reader of standard output closed it, as `head` does."""
GO_ON = "stopped; run the same command again to go on\n"


def main() -> None:
    """Entry point: every error is one readable block and an exit code, never a traceback."""
    _have_standard_streams()
    be_quiet()
    be_quick()
    try:
        _main()
    finally:
        _let_go_of_output()


def _have_standard_streams() -> None:
    """What was closed (`>&-`, some schedulers) goes nowhere: its number would else become a database or a lock, into
    which whatever a child process prints would be written."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _let_go_of_output() -> None:
    """What cannot be written at the very end would be told by a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _main() -> None:
    try:
        code = app(standalone_mode=False)
        # Typer makes this code of Ctrl-C, without a word.
        if code == STOPPED:
            sys.stderr.write(GO_ON)
        # Here, where it is still an error like any other.
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except SignoffError as error:
        from signoff.commands.output import let_go, print_error

        print_error(error, "--json" in sys.argv)
        let_go(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write(GO_ON)
        sys.exit(STOPPED)
    except BrokenPipeError:
        sys.exit(ENOUGH)
    except Exception as error:
        from signoff.commands.output import exit_with_unexpected

        exit_with_unexpected(error, "--json" in sys.argv)
