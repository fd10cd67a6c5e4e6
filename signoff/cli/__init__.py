"""The command line: names the commands and defers every import, so that help comes at once."""

from __future__ import annotations

import sys

import typer

from signoff.cli.app import app
from signoff.core.environment import be_quick, be_quiet
from signoff.core.errors import SignoffError

__all__ = ["app", "main"]

STOPPED = 130
GO_ON = "stopped; run the same command again to go on\n"


def main() -> None:
    """Entry point: every error is one readable block and an exit code, never a traceback."""
    be_quiet()
    be_quick()
    try:
        code = app(standalone_mode=False)
        # Typer makes this code of Ctrl-C, without a word.
        if code == STOPPED:
            sys.stderr.write(GO_ON)
        sys.exit(code if isinstance(code, int) else 0)
    except SignoffError as error:
        from signoff.commands.output import let_go, print_error

        print_error(error, "--json" in sys.argv)
        let_go(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write(GO_ON)
        sys.exit(STOPPED)
    except Exception as error:
        from signoff.commands.output import exit_with_unexpected

        exit_with_unexpected(error, "--json" in sys.argv)
