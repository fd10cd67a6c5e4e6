"""The console says of a ledger what `signoff verify` says: also of tags, and of the bytes that serve."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from signoff.commands.console import open_home
from signoff.commands.verification import findings_of
from signoff.console.home import Home
from signoff.console.ledger_state import Checked, Watch
from signoff.core.paths import Paths
from signoff.core.settings_file import load_project
from signoff.store.overview import ledger_head
from signoff.workspace.git import Git
from tests.audit_workspace import copy_of_audited
from tests.waiting import eventually


@pytest.fixture
def paths(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Paths:
    """toy/v1 and toy/v2: entries 1 to 6."""
    return copy_of_audited(tmp_path_factory, tmp_path / "workspace")


def looked(home: Home) -> Checked:
    """What a page shows after it was loaded for the first time, and again when the check was made."""
    watch = Watch()
    home.accounts.remember_place(home.paths.root)
    head = ledger_head(home.accounts.database, "toy")
    return eventually(lambda: watch.look(home, "toy", head))


def test_a_removed_tag_and_a_bent_champion_are_no_whole_ledger(paths: Paths) -> None:
    home, _ = open_home(paths, load_project(paths.root))
    with closing(home):
        assert looked(home).whole
        Git(paths.root).run("tag", "--delete", "toy/v1")
        (paths.champion / "src" / "models" / "sitecustomize.py").write_text("print('hello')\n", encoding="utf-8")
        found = looked(home)
    assert not found.whole
    said = [finding.what for finding in found.findings]
    assert any("toy/v1 has no tag" in what for what in said)
    assert any("was added" in what for what in said)
    assert list(found.findings) == findings_of(paths.root)
