"""Dossiers: by the digest of a candidate that the caller sees, exactly the bytes that it binds, in a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.core.digest import sha256_bytes
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
