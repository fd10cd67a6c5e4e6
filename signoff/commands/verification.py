"""`signoff verify`: everything that was signed, held against everything that is there."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from signoff.commands.output import print_json, root_of
from signoff.core.decision import Finding
from signoff.core.digest import expect_file, model_digest
from signoff.core.errors import IntegrityError, WorkspaceError
from signoff.core.files import read_json
from signoff.core.paths import Paths
from signoff.core.search import ModelRecord
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from signoff.store import Store


MENDING = (
    "next: git status and git diff say what was changed here; git checkout -- decisions brings its files back from git,"
    " signoff verify --restore the rows that are only in files, signoff run lays an approved package out again"
)


def verify_workspace(workspace: Path, as_json: bool, pinned_root: str | None = None) -> int:
    """Print every finding; exit code 0 when there is none, else 1."""
    root = root_of(workspace)
    findings = findings_of(root, pinned_root)
    if as_json:
        print_json({"ok": not findings, "findings": [finding.as_json() for finding in findings]})
    elif not findings:
        sys.stdout.write(f"the chain, every signature and every served digest hold\nchecked {counted(root)}\n")
    else:
        for finding in findings:
            detail = f": got {finding.got}, expected {finding.expected}" if finding.got or finding.expected else ""
            sys.stdout.write(f"BAD  {finding.where}: {finding.what}{detail}\n")
        sys.stdout.write(f"checked {counted(root)}\n{MENDING}\n")
    if not as_json:
        _say_root(root)
    return 1 if findings else 0


def counted(root: Path) -> str:
    """How much there was to check: '9 entries (5 decisions, 2 releases, 2 others), 2 tags, 31 files ...'."""
    from signoff.ledger.journal import entry_files
    from signoff.workspace.git import Git
    from signoff.workspace.objects import is_tracked

    paths, git = Paths(root), Git(root)
    kinds = Counter(file.kind for file in entry_files(paths.decisions))
    others = kinds.total() - kinds["decision"] - kinds["release"]
    named = [_count(kinds["decision"], "decision"), _count(kinds["release"], "release")]
    named += [_count(others, "other")] if others else []
    files = sum(path.is_file() for path in paths.champion.resolve().rglob("*")) if paths.champion.exists() else 0
    tags = len(git.run("tag", "--list").split()) if is_tracked(git) else 0
    entries = f"{kinds.total()} entr{'y' if kinds.total() == 1 else 'ies'} ({', '.join(named)})"
    return f"{entries}, {_count(tags, 'tag')}, {_count(files, 'file')} of the champion"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say_root(root: Path) -> None:
    """What two people compare to know that they look at one ledger."""
    from signoff.ledger import read_public_keys

    fingerprint = read_public_keys(Paths(root).public_keys).root_fingerprint
    if fingerprint is not None:
        sys.stdout.write(f"root {fingerprint}\n")


def restore_ledger(workspace: Path) -> None:
    """Take over the entries that git brought into decisions/, if they verify and go on where the table ends.

    Raises:
        IntegrityError: they do not, and nothing was changed.
    """
    from signoff.ledger import Ledger
    from signoff.store import open_store

    root = root_of(workspace)
    paths = Paths(root)
    with closing(open_store(load_project(root), paths)) as store:
        added = Ledger(store, paths).restore()
    sys.stderr.write(f"{len(added)} entries were added to the ledger's table\n")


def findings_of(root: Path, pinned_root: str | None = None) -> list[Finding]:
    """What is wrong with ledger, decisions, tags and the champion's bytes; works on a bare clone too."""
    from monitoring.served import served_models
    from signoff.store import open_store

    paths, project = Paths(root), load_project(root)
    store = open_store(project, paths) if paths.state.exists() else None
    served = served_models(paths.predictions)
    try:
        return [*_found(paths, project.project, store, served, pinned_root), *_model_findings(paths)]
    finally:
        if store is not None:
            store.close()


def _found(
    paths: Paths, project: str, store: Store | None, served: Collection[str], pinned_root: str | None
) -> list[Finding]:
    from signoff.ledger import verify
    from tasks.releasing import champion_findings

    try:
        found = verify(paths, store, served=served, root=pinned_root)
        return [*found, *_tags(paths.root, project, store), *champion_findings(paths, store)]
    except IntegrityError as error:
        # A table that cannot be read is a finding, and no reason to leave the files and the champion unread.
        damaged = Finding(what=error.what, where=error.where or str(paths.state), got=error.got or "")
        found = [damaged, *verify(paths, served=served, root=pinned_root)]
        return [*found, *_tags(paths.root, project, None), *champion_findings(paths, None)]


def _model_findings(paths: Paths) -> list[Finding]:
    """The model in artifacts/ against its own record: it is not what serves, but what is packaged and replayed next."""
    from signoff.workspace.lock import holder_of

    # Of a fit that is under way the record comes last.
    if not (paths.model / "model.json").is_file() or holder_of(paths.state) is not None:
        return []
    try:
        record = ModelRecord.model_validate(read_json(paths.model / "model.json"))
        expect_file(paths.model / "recipe.json", record.recipe_sha256, "the model's recipe")
        expect_file(paths.model / "model.bin", record.model_sha256, "the model file")
    except (IntegrityError, WorkspaceError) as error:
        where = error.where or str(paths.model)
        return [Finding(what=error.what, where=where, got=error.got or "", expected=error.allowed or "")]
    except ValidationError as error:
        return [Finding(what="the model record is damaged", where=str(paths.model), got=error.errors()[0]["msg"])]
    digest = model_digest(record.recipe_sha256, record.model_sha256)
    if digest != record.digest:
        where = str(paths.model / "model.json")
        return [Finding(what="the model record names another digest", where=where, got=record.digest, expected=digest)]
    return []


def _tags(root: Path, project: str, store: Store | None) -> list[Finding]:
    """Tags against the ledger; nothing where the workspace is in no repository."""
    from signoff.audit.anchors import tag_findings
    from signoff.ledger.journal import entry_files
    from signoff.workspace.git import Git
    from signoff.workspace.objects import is_tracked

    git = Git(root)
    if not is_tracked(git):
        return []
    entries = store.entries() if store is not None else ()
    if not entries:
        read = (file.entry() for file in entry_files(Paths(root).decisions))
        entries = tuple(entry for entry in read if entry is not None)
    return tag_findings(git, project, entries)
