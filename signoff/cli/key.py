"""`signoff key ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signoff.cli.options import HERE, Actor, Json, Workspace

key = typer.Typer(help="The ledger's keys: which may sign, and since when.", no_args_is_help=True)
Reason = Annotated[str, typer.Option("--reason", help="Why; it is signed with the change.")]


@key.command("list")
def key_list(workspace: Workspace = HERE, json: Json = False) -> None:
    """The root and its fingerprint, introduced and retired keys, and files that nobody vouches for."""
    from signoff.commands.keys import list_keys

    list_keys(workspace, json)


@key.command("make")
def key_make(workspace: Workspace = HERE, json: Json = False) -> None:
    """Make this deployment's key where it has none, and say which file to have introduced."""
    from signoff.commands.keys import make_own_key

    make_own_key(workspace, json)


@key.command("introduce")
def key_introduce(
    file: Annotated[Path, typer.Argument(help="The public key, as PEM.")],
    reason: Reason,
    since: Annotated[
        int | None, typer.Option("--since", min=1, help="The first entry that it may have signed already.")
    ] = None,
    workspace: Workspace = HERE,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Let the ledger trust another key; signed by the key of this deployment."""
    from signoff.commands.keys import introduce_key

    introduce_key(workspace, file, reason, since, actor, json)


@key.command("rotate")
def key_rotate(reason: Reason, workspace: Workspace = HERE, actor: Actor = None, json: Json = False) -> None:
    """Replace this deployment's key by a new one; what the old one signed stays valid."""
    from signoff.commands.keys import rotate_key

    rotate_key(workspace, reason, actor, json)


@key.command("retire")
def key_retire(
    identity: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `signoff key list` names it.")],
    reason: Reason,
    workspace: Workspace = HERE,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """End a key, for one that was lost or stolen: nothing that it signs from now on is valid."""
    from signoff.commands.keys import retire_key

    retire_key(workspace, identity, reason, actor, json)
