"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="Folder of the workspace.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Actor = Annotated[str | None, typer.Option("--as", help="Who acts; the operating system's user when not given.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="The clock, such as 2013-04-01: nothing after it is seen; 'now' unsets it."),
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for another run in this workspace.")]
HERE = Path()
