"""Dossiers: by the digest of a candidate that the caller sees, exactly the bytes that it binds, in a sandbox."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from signoff.commands.dossiers import dossier_of
from signoff.core.digest import sha256_bytes
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline
from tests.consoles import Consoled, a_console, candidate

PAGE = b"<!doctype html><title>dossier</title><script>fetch('/account')</script>"


@pytest.fixture
def console(tmp_path: Path) -> Consoled:
    made = a_console(tmp_path, projects=("demo", "other"))
    made.person("ana", "reviewer")
    made.person("oda", "reviewer", project="other")
    return made


def keep(console: Consoled, page: bytes = PAGE) -> str:
    """A candidate whose dossier is that page; its digest."""
    made = candidate("demo", "a", "e" * 64).model_copy(update={"dossier_sha256": sha256_bytes(page)})
    desk = console.desk("demo")
    desk.store.add_candidate(made, tag="demo/c1", run="run-a")
    desk.paths.dossier.parent.mkdir(parents=True, exist_ok=True)
    desk.paths.dossier.write_bytes(page)
    return made.digest


def test_the_dossier_is_the_bound_bytes_and_can_reach_nothing(console: Consoled) -> None:
    answer = console.browser("ana").get(f"/dossier/{keep(console)}")
    assert (answer.status_code, answer.content) == (200, PAGE)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_other_bytes_are_not_shown(console: Consoled) -> None:
    digest = keep(console)
    console.desk("demo").paths.dossier.write_bytes(PAGE + b"<!-- more -->")
    answer = console.browser("ana").get(f"/dossier/{digest}")
    assert answer.status_code == 404
    assert "is not on this machine" in answer.text
    assert b"<!-- more -->" not in answer.content


def test_it_is_for_those_who_see_the_project(console: Consoled) -> None:
    digest = keep(console)
    assert console.browser("oda").get(f"/dossier/{digest}").status_code == 404
    assert console.browser().get(f"/dossier/{digest}").headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsignoff.yaml", "%2fetc%2fpasswd", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "%00", "reports"]
)
def test_only_digests_are_names(console: Consoled, name: str) -> None:
    keep(console)
    answer = console.browser("ana").get(f"/dossier/{name}")
    assert answer.status_code in (404, 422)
    assert "project:" not in answer.text


def test_the_dossier_of_an_old_candidate_comes_from_its_tag_and_the_remote(tmp_path: Path) -> None:
    console = a_console(tmp_path, projects=("demo",))
    console.person("ana", "reviewer")
    desk = console.desk("demo")
    root = desk.paths.root
    git, pipeline = Git(root), Pipeline(root)
    git.init()
    pipeline.init(tmp_path / "remote")
    digest = keep(console)
    root.joinpath(".gitignore").write_text(".signoff/\n")
    pipeline.add("reports/dossier.html")
    git.run("add", ".")
    git.run("commit", "-m", "a candidate")
    git.tag("demo/c1", "a candidate")
    pipeline.push()
    desk.paths.dossier.write_bytes(b"<title>the next candidate's</title>")
    shutil.rmtree(root / ".dvc" / "cache")
    answer = console.browser("ana").get(f"/dossier/{digest}")
    assert (answer.status_code, answer.content) == (200, PAGE), answer.text
    shutil.rmtree(tmp_path / "remote")
    found = dossier_of(desk, digest)
    assert found is not None, "a copy was kept"
    assert found.read_bytes() == PAGE
    found.unlink()
    assert dossier_of(desk, digest) is None
    assert console.browser("ana").get(f"/dossier/{digest}").status_code == 404
