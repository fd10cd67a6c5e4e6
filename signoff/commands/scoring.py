"""`signoff score` and `signoff feedback`."""

from __future__ import annotations

import sys
from pathlib import Path

from signoff.commands.output import print_json, root_of


def score_file(workspace: Path, source: Path, target: Path, as_json: bool) -> None:
    """Let the champion answer every row of a file."""
    from signoff.commands.serving import score

    facts = score(root_of(workspace), source, target)
    if as_json:
        print_json(facts)
    else:
        sys.stdout.write(f"{facts['rows']} rows answered by {facts['tag']} into {target}\n")


def take_feedback(workspace: Path, file: Path, as_json: bool) -> None:
    """Store what came true."""
    from signoff.commands.feedback import feedback

    facts = feedback(root_of(workspace), file)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if shown != "":
            sys.stdout.write(f"{name.replace('_', ' '):18} {shown}\n")
