"""`signoff drill`."""

from __future__ import annotations

from typing import Annotated

import typer

from signoff.cli.options import HERE, Actor, Json, PasswordStdin, Workspace


def drill(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="leaked-column, shuffled-labels, unfair-slice, stale-data, too-slow, overfitted or "
            "worse-than-champion; or report, for the drills that are over; or prepare, once and early, so that the "
            "first drill cannot be told from other reviews.",
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Say what each kind is.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Repeats a drill; drawn when not given.")] = None,
    note: Annotated[str, typer.Option("--note", help="The reason that the review shows for its run.")] = "",
    seconds: Annotated[float | None, typer.Option("--seconds", help="Budget of the search.")] = None,
    trials: Annotated[int | None, typer.Option("--trials", help="Budget of the search in trials.")] = None,
    workspace: Workspace = HERE,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Put a bad candidate before the reviewers. It can never be released, and they are told when they have decided."""
    from signoff.commands import drill as commands

    if listing:
        commands.list_kinds(json)
    elif kind == "report":
        commands.report(workspace, json)
    elif kind == "prepare":
        commands.prepare(workspace, json)
    else:
        commands.start(workspace, kind, seed, note, seconds, trials, actor, password_stdin, json)
