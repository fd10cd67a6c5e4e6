"""`signoff key`: who may sign the ledger, and since when."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from signoff.commands.output import print_json, root_of
from signoff.commands.proof import named
from signoff.core.account import Permission
from signoff.core.decision import Entry
from signoff.core.paths import Paths
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from signoff.ledger import Ledger


def list_keys(workspace: Path, as_json: bool) -> None:
    """Print every key with its fingerprint and its part of the ledger."""
    from signoff.ledger.rotation import key_states
    from signoff.ledger.trust import read_public_keys

    paths = Paths(root_of(workspace))
    ring = read_public_keys(paths.public_keys)
    states = key_states(ring, paths)
    if as_json:
        print_json({"root": ring.root_fingerprint, "keys": [state.as_json() for state in states]})
        return
    for state in states:
        span = f"entries {state.first} to {state.last or 'now'}" if state.first else "trusted for nothing"
        here = "  signs here" if state.signs_here else ""
        sys.stdout.write(f"{state.key}  {state.state:10}  {span}{here}\n    fingerprint {state.fingerprint}\n")
    if not states:
        sys.stdout.write("no key yet; the first decision makes one\n")


def make_own_key(workspace: Path, as_json: bool) -> None:
    """Make the deployment's key where it has none; write its public half beside it."""
    from signoff.ledger.keys import fingerprint, key_place, publish_key, read_signer
    from signoff.ledger.rotation import own_key

    paths = Paths(root_of(workspace))
    signer = own_key(paths) or read_signer(key_place(paths))
    file = key_place(paths).with_name(f"{signer.key_id}.pub")
    publish_key(signer.public, file)
    if as_json:
        print_json({"key": signer.key_id, "fingerprint": fingerprint(signer.public), "file": str(file)})
    else:
        sys.stdout.write(
            f"{signer.key_id}  fingerprint {fingerprint(signer.public)}\n"
            f"next: where a trusted key signs: signoff key introduce {file} --reason TEXT\n"
        )


def introduce_key(
    workspace: Path, file: Path, reason: str, since: int | None, actor: str | None, as_json: bool
) -> None:
    """Sign a key's introduction."""
    from signoff.ledger.rotation import introduce

    with _ledger(workspace) as ledger:
        entry = introduce(ledger, file, actor=_named(ledger, actor), reason=reason, since=since)
    _say([entry], as_json)


def rotate_key(workspace: Path, reason: str, actor: str | None, as_json: bool) -> None:
    """Replace the deployment's key."""
    from signoff.ledger.rotation import rotate

    with _ledger(workspace) as ledger:
        entries = rotate(ledger, actor=_named(ledger, actor), reason=reason)
    _say(entries, as_json)


def retire_key(workspace: Path, identity: str, reason: str, actor: str | None, as_json: bool) -> None:
    """Sign a key's end."""
    from signoff.ledger.rotation import retire

    with _ledger(workspace) as ledger:
        entry = retire(ledger, identity, actor=_named(ledger, actor), reason=reason)
    _say([entry], as_json)


def _named(ledger: Ledger, actor: str | None) -> str:
    """The ledger keeps this name for ever, so that with `--as` it is proven."""
    return named(ledger.store, ledger.store.project, actor, Permission.ADMIN)


@contextmanager
def _ledger(workspace: Path) -> Iterator[Ledger]:
    """The workspace's ledger, after its chain was found whole: no key is changed in a story that does not hold.

    Files that nobody vouches for stand in the way of nothing here: to introduce them is what may be wanted.
    """
    from signoff.ledger import open_ledger
    from signoff.store import open_store

    root = root_of(workspace)
    with closing(open_store(load_project(root), Paths(root))) as store:
        yield open_ledger(store, Paths(root))


def _say(entries: list[Entry] | tuple[Entry, ...], as_json: bool) -> None:
    if as_json:
        print_json({"entries": [entry.as_json() for entry in entries]})
        return
    for entry in entries:
        change = entry.key_change()
        sys.stdout.write(f"entry {entry.sequence}: key {change.key} {change.action}d by key {entry.key}\n")
    sys.stdout.write("next: commit decisions/ (the next run does), so that clones know\n")
