"""`signoff console`."""

from __future__ import annotations

from typing import Annotated

import typer

from signoff.cli.options import HERE, Workspace


def console_command(
    workspace: Workspace = HERE,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one; signoff.yaml's when not given.")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; elsewhere than loopback only with TLS.")
    ] = None,
    with_up: Annotated[bool, typer.Option("--with-up", hidden=True)] = False,
) -> None:
    """Serve the review console: inbox, reviews, runs, ledger. Ctrl-C ends it."""
    from signoff.commands.console import serve_console

    raise typer.Exit(serve_console(workspace, host, port, with_up))
