"""What every refusal owes its user: one readable block, an exit code, and a workspace as it was before."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from signoff.core.digest import sha256_file, sha256_json
from tests.chain import COMMAND_SECONDS, SIGNOFF

PROGRESS = re.compile(r" *\d+\.\ds  .+")
PART = re.compile(r"  (where|got|allowed|next) +\S.*")
BOOKKEEPING = re.compile(
    r"\.git/|\.dvc/(tmp|cache)/|\.signoff/(prefect|logs|runs)/"
    r"|\.signoff/[a-z]+\.db(-wal|-shm)?$|\.signoff/(run\.lock|place)$"
)
"""What may change though a command refuses: git's and DVC's own stores, the failed run's row and log, its lock."""


def tree(root: Path) -> dict[str, str]:
    """Path below `root`: SHA-256 of the bytes, for everything that is not bookkeeping."""
    names = ((path, path.relative_to(root).as_posix()) for path in root.rglob("*") if path.is_file())
    return {name: sha256_file(path) for path, name in names if not BOOKKEEPING.match(name)}


def sha256_tree(root: Path) -> str:
    """One digest over all of `tree`."""
    return sha256_json(tree(root))


def differences(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The paths that came, went or changed."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def refused(
    *arguments: object, root: Path, code: int, match: str, may_change: frozenset[str] = frozenset(), **environment: str
) -> str:
    """What a command said that had to refuse: checks exit code, its one error block and the untouched workspace."""
    before = tree(root)
    done = subprocess.run(
        [str(SIGNOFF), *map(str, arguments), "--workspace", str(root)],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env={**os.environ, **environment},
        check=False,
    )
    said = done.stderr
    assert done.returncode == code, f"exit {done.returncode}, not {code}\n{done.stdout}\n{said}"
    lines = said.splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    assert len(errors) == 1, said
    strange = [line for line in lines[: errors[0]] if not PROGRESS.fullmatch(line)]
    strange += [line for line in lines[errors[0] + 1 :] if not PART.fullmatch(line)]
    assert not strange, said
    assert "unexpected" not in lines[errors[0]], said
    assert re.search(match, said, re.DOTALL), said
    changed = differences(before, tree(root))
    assert changed <= may_change, changed
    assert not list(root.rglob("*.part"))
    return said
