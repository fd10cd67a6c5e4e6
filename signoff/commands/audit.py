"""`signoff audit`: write the file that proves a decision, and check one."""

from __future__ import annotations

import sys
from contextlib import closing, nullcontext
from pathlib import Path

from signoff.commands.output import print_json, root_of
from signoff.core.errors import UsageError
from signoff.core.files import write_bytes
from signoff.core.paths import Paths
from signoff.core.settings_file import load_project


def export(workspace: Path, name: str, out: Path, with_model: bool, as_json: bool) -> None:
    """Write the audit file of a release, a candidate or a review.

    Raises:
        IntegrityError: the ledger or a part does not hold; nothing is written then.
    """
    from signoff.audit.export import Archive, export_audit
    from signoff.audit.verify import sha256
    from signoff.ledger import expect_whole
    from signoff.ledger.journal import entry_files
    from signoff.store import open_store
    from signoff.workspace.git import Git
    from signoff.workspace.pipeline import Pipeline

    root = root_of(workspace)
    paths, project = Paths(root), load_project(root)
    if out.is_dir():
        raise UsageError("--out is a folder", where=str(out), allowed="the name of a file to write")
    store = open_store(project, paths) if paths.state.exists() else None
    with closing(store) if store is not None else nullcontext():
        expect_whole(paths, store)
        entries = store.entries() if store is not None else ()
        if not entries:
            entries = tuple(entry for file in entry_files(paths.decisions) if (entry := file.entry()) is not None)
        archive = Archive(paths, project.project, entries, store, Git(root), Pipeline(root))
        data = export_audit(archive, name, with_model=with_model)
    write_bytes(out, data)
    if as_json:
        print_json({"file": str(out), "bytes": len(data), "sha256": sha256(data)})
    else:
        sys.stdout.write(
            f"{out}: {len(data):,} bytes, sha256 {sha256(data)}\nnext: signoff audit verify {out}, anywhere\n"
        )


def verify(file: Path, root: str | None, as_json: bool) -> int:
    """Check an audit file; 0 when everything holds, 4 when something does not.

    Raises:
        UsageError: there is no such file.
    """
    from signoff.audit.verify import check_audit, told

    if not file.is_file():
        raise UsageError("there is no such file", where=str(file), next_step="signoff audit export TAG --out FILE")
    report = check_audit(file, root)
    if as_json:
        findings = [{"where": where, "what": what} for where, what in report.findings]
        print_json({"ok": not findings, "findings": findings, **report.facts})
    else:
        sys.stdout.write(told(report))
    return 4 if report.findings else 0
