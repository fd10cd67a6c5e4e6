"""Tags and ledger against each other, and the champion's package against its release: whatever moved is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from signoff.audit.anchors import CUT, tag_findings
from signoff.commands.serving import open_champion
from signoff.commands.verification import findings_of
from signoff.core.errors import IntegrityError
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request
from signoff.core.settings_file import load_project
from signoff.ledger.journal import entry_files
from signoff.workspace.git import Git
from signoff.workspace.objects import read_tags
from tasks import releasing
from tasks.candidate import load_candidate, recorded
from tasks.monitor import load_champion
from tasks.passage import passage
from tests.audit_workspace import copy_of_audited


@pytest.fixture
def paths(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Paths:
    """toy/v1 and toy/v2: entries 1 to 6."""
    return copy_of_audited(tmp_path_factory, tmp_path / "workspace")


def told(paths: Paths) -> list[tuple[str, str]]:
    return [(finding.what, finding.where) for finding in findings_of(paths.root)]


def cut(paths: Paths, after: int) -> None:
    """The end of the story taken away from the table, the files and the reviews alike."""
    with sqlite3.connect(paths.state / "signoff.db") as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        guards = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM signoff_ledger WHERE sequence > ?", (after,))
        connection.execute("DELETE FROM signoff_reviews WHERE id = 'release-2'")
        for guard in guards:
            connection.execute(guard)
    connection.close()
    for file in entry_files(paths.decisions):
        if file.sequence > after:
            file.path.unlink()
    shutil.copyfile(paths.decisions / "0002-decision.json", paths.release_decision)


def retag(git: Git, name: str, commit: str, message: str | None = None) -> None:
    git.run("tag", "--force", "--annotate", name, commit, "--message", message or git.tag_message(name) or "")


def test_what_the_release_path_tags_holds(paths: Paths) -> None:
    assert told(paths) == []
    tags = read_tags(Git(paths.root), "toy/")
    last = entry_files(paths.decisions)[-1].entry()
    assert last is not None
    assert tags["toy/v2"].line("Ledger") == f"6 {last.hash}"
    assert tags["toy/v2"].line("Digest") == last.release().digest
    assert str(tags["toy/c2"].line("Ledger")).startswith("3 ")
    assert tags["toy/c1"].line("Ledger") == "0"


def test_an_end_that_was_cut_off_everywhere_is_told_by_the_tags(paths: Paths) -> None:
    cut(paths, 3)
    found = told(paths)
    assert any(
        "names a release that the ledger does not have" in what and where == "tag toy/v2" for what, where in found
    )
    assert any("names entry 6, and the ledger has another or none" in what for what, _ in found)
    clone = paths.root.parent / "clone"
    Git(paths.root).run("clone", "--quiet", str(paths.root), str(clone))
    shutil.rmtree(clone / "decisions")
    shutil.copytree(paths.decisions, clone / "decisions")
    assert any(where == "tag toy/v2" for _, where in told(Paths(clone)))


def test_an_end_without_a_release_is_told_by_the_next_candidates_tag(paths: Paths) -> None:
    Git(paths.root).run("tag", "--delete", "toy/v1", "toy/v2")
    cut(paths, 2)
    assert any("the tag toy/c2 names entry 3" in what for what, _ in told(paths))


def test_a_tag_without_release_a_release_without_tag_and_one_that_says_nothing(paths: Paths) -> None:
    git = Git(paths.root)
    git.run("tag", "--annotate", "toy/v3", "--message", "made by hand")
    git.run("tag", "--delete", "toy/v1")
    git.run("tag", "--force", "toy/v2", "HEAD")
    assert told(paths) == [
        ("the tag toy/v2 says nothing: it is not the one that the release set", "tag toy/v2"),
        (
            f"the tag toy/v3 names a release that the ledger does not have: {CUT}",
            "tag toy/v3",
        ),
        ("entry 3: toy/v1 has no tag (git fetch --tags; after a kill, `signoff run` sets it)", "tag toy/v1"),
    ]


def test_a_tag_that_was_moved_or_rewritten_is_named(paths: Paths) -> None:
    git = Git(paths.root)
    first = read_tags(git, "toy/v")["toy/v1"]
    retag(git, "toy/v2", first.commit)
    assert [what for what, _ in told(paths)] == [
        "the tag toy/v2 was moved: its commit holds another candidate",
        "the tag toy/v2 was moved: its commit does not hold the release's entry 6",
    ]
    retag(git, "toy/v2", "HEAD", first.message)
    assert [what for what, _ in told(paths)] == [
        "the tag toy/v2 names another digest than its release",
        "the tag toy/v2 names another decision than its release",
    ]


def test_a_candidates_tag_that_was_moved_is_named_by_what_the_release_signed(paths: Paths) -> None:
    git = Git(paths.root)
    (paths.root / "reports" / "model_card.md").write_text("# a nicer card\n", encoding="utf-8")
    git.run("commit", "--quiet", "--all", "--message", "nicer")
    retag(git, "toy/c2", "HEAD")
    assert ("reports/model_card.md at toy/c2 is not the one that toy/v2 signed", "tag toy/c2") in told(paths)


def test_other_tags_and_other_projects_say_nothing(paths: Paths) -> None:
    git = Git(paths.root)
    for name in ("other/v7", "toy/vintage", "v1"):
        git.run("tag", name)
    assert told(paths) == []
    assert tag_findings(git, "other", ()) != []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def plant(folder: Path) -> None:
    (folder / "src" / "models" / "sitecustomize.py").write_text("print('hello')\n", encoding="utf-8")


def relabel(folder: Path) -> None:
    path = folder / "serving.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_rows": 1}), encoding="utf-8")


def own_key(folder: Path) -> None:
    (key,) = (folder / "keys").iterdir()
    shutil.copyfile(key, folder / "keys" / "more.pub")


@pytest.mark.parametrize(
    ("bend", "name", "fate"),
    [
        (
            lambda folder: flip(folder / "src" / "signoff" / "ledger" / "verify.py"),
            "verify.py",
            "is not the one signed",
        ),
        (lambda folder: flip(folder / "bento.yaml"), "bento.yaml", "is not the one signed"),
        (lambda folder: flip(folder / "reference.parquet"), "reference.parquet", "is not the one signed"),
        (lambda folder: (folder / "reference.parquet").unlink(), "reference.parquet", "is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json", "manifest is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json", "not the one that was signed"),
        (plant, "sitecustomize.py", "was added"),
        (relabel, "serving.json", "is not the one signed"),
        (own_key, "more.pub", "was added"),
        (lambda folder: (folder / "src" / "extra").symlink_to("/tmp"), "extra", "was added"),
    ],
    ids=["code", "bento", "reference", "no reference", "no manifest", "manifest", "planted", "serving", "key", "link"],
)
def test_each_file_of_the_champions_package_is_bound(
    paths: Paths, bend: Callable[[Path], object], name: str, fate: str
) -> None:
    bend(paths.champion)
    (finding,) = findings_of(paths.root)
    assert fate in finding.what
    assert finding.where.endswith(name)
    with pytest.raises(IntegrityError, match=fate):
        open_champion(load_project(paths.root), paths)
    with pytest.raises(IntegrityError, match=fate):
        load_champion(paths)


def test_the_champion_is_opened_as_it_was_released(paths: Paths) -> None:
    parcel, release = open_champion(load_project(paths.root), paths)
    assert (release.tag, parcel.digest) == ("toy/v2", release.digest)
    assert len(load_champion(paths).reference) > 0


class KilledError(Exception):
    """Stands for kill -9 between two steps."""


def switch_again(paths: Paths) -> str:
    """What the next run does with an approved candidate."""
    with passage(paths.root, "retrain", Cause(actor="ada"), Request()) as run:
        candidate = load_candidate(paths)
        assert candidate is not None
        tagged = recorded(run.context(), run.git, [])
        (approval,) = [
            entry
            for entry in run.desk.ledger.entries(about="release-2")
            if entry.body["outcome"] == "approved" and entry.body["digest"] == candidate.digest
        ]
        return releasing.switch(run, tagged, approval)


def undo_release(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Back to the moment when the second candidate was approved and packaged, and nothing else."""
    Git(paths.root).run("tag", "--delete", "toy/v2")
    champions = paths.state / "champions"
    (first,) = [f for f in champions.iterdir() if f.resolve() == (paths.state / "champion-previous").resolve()]
    paths.champion.unlink()
    paths.champion.symlink_to(f"champions/{first.name}")
    for folder in champions.iterdir():
        if folder != first:
            shutil.rmtree(folder)
    with sqlite3.connect(paths.state / "signoff.db") as connection:
        connection.execute("DROP TRIGGER signoff_ledger_no_delete")
        connection.execute("DELETE FROM signoff_ledger WHERE sequence = 6")
        connection.execute(
            "CREATE TRIGGER signoff_ledger_no_delete BEFORE DELETE ON signoff_ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    connection.close()
    (paths.decisions / "0006-release.json").unlink()
    monkeypatch.setattr("models.serving.smoke_test", lambda bento: None)


@pytest.mark.parametrize("step", ["_lay_out", "_record", "point_champion", "_tag_message"])
def test_a_release_that_is_killed_between_two_steps_is_finished_by_the_next_run(
    paths: Paths, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo_release(paths, monkeypatch)

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("models.serving.point_champion" if step == "point_champion" else f"tasks.releasing.{step}", die)
        with pytest.raises(KilledError):
            switch_again(paths)
    before = {folder.name for folder in (paths.state / "champions").iterdir()}
    if step == "point_champion":
        with pytest.raises(IntegrityError, match="the champion's package is not toy/v2"):
            open_champion(load_project(paths.root), paths)
    assert switch_again(paths) == "toy/v2"
    assert told(paths) == []
    open_champion(load_project(paths.root), paths)
    kinds = [file.kind for file in entry_files(paths.decisions)]
    assert kinds == ["decision", "decision", "release"] * 2
    after = {folder.name for folder in (paths.state / "champions").iterdir()}
    assert len(after) == 2
    assert step != "point_champion" or after == before, "the copy that was signed is the one that serves"


def test_a_champion_whose_file_was_bent_is_installed_again_by_the_next_run(paths: Paths) -> None:
    flip(paths.champion / "bento.yaml")
    assert told(paths) != []
    assert switch_again(paths) == "toy/v2"
    assert told(paths) == []
    assert len(entry_files(paths.decisions)) == 6
