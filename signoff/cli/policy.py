"""`signoff policy ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signoff.cli.options import HERE, Json, Workspace

policy = typer.Typer(help="The gates' policies: what is in force, what others would do.", no_args_is_help=True)


@policy.command("show")
def policy_show(workspace: Workspace = HERE, json: Json = False) -> None:
    """The rules of every gate, one sentence a rule."""
    from signoff.commands.policy import show_policy

    show_policy(workspace, json)


@policy.command("try")
def policy_try(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signoff.yaml, or a file with gates: alone.")],
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Replay past reviews under the policies of a file, and print what would have differed."""
    from signoff.commands.policy import try_policy

    try_policy(workspace, file, json)
