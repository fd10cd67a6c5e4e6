"""`signoff audit ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signoff.cli.options import HERE, Json, Workspace

audit = typer.Typer(help="One file that proves a decision to anybody.", no_args_is_help=True)


@audit.command("export")
def audit_export(
    name: Annotated[str, typer.Argument(metavar="TAG", help="A release (flights/v3), a candidate, a review.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Also the model's bytes, not only the hash.")
    ] = False,
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Write all about one decision into one file: ledger, keys, evidence, dossier, policy, recipe, data record."""
    from signoff.commands.audit import export

    export(workspace, name, out, with_model, json)


@audit.command("verify")
def audit_verify(
    file: Annotated[Path, typer.Argument(help="What `signoff audit export` wrote.")],
    root: Annotated[
        str | None, typer.Option("--root", help="Fingerprint that the ledger's first key must have.")
    ] = None,
    json: Json = False,
) -> None:
    """Check such a file; needs no workspace. Exit code 0, or 4 with what is wrong."""
    from signoff.commands.audit import verify

    raise typer.Exit(verify(file, root, json))
