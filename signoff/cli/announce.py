"""`signoff announce ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from signoff.cli.options import HERE, Json, Workspace

announce = typer.Typer(help="Who hears of reviews: look, test, send what is due.", no_args_is_help=True)


@announce.command("test")
def announce_test(workspace: Workspace = HERE, json: Json = False) -> None:
    """Send one test message to each address, and say what came back."""
    from signoff.commands.announcements import send_test

    raise typer.Exit(send_test(workspace, json))


@announce.command("list")
def announce_list(
    workspace: Workspace = HERE,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    json: Json = False,
) -> None:
    """What was told, what waits for its next try, and what was given up."""
    from signoff.commands.announcements import list_notices

    list_notices(workspace, limit, json)


@announce.command("send")
def announce_send(
    workspace: Workspace = HERE,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Begin no try after so long.")] = 60,
    json: Json = False,
) -> None:
    """Send what is due now, as the console and each run do; for a cron line where neither is there."""
    from signoff.commands.announcements import send_now

    raise typer.Exit(send_now(workspace, seconds, json))
