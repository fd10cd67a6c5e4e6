"""Play the year of the flights example, month by month and unattended: each served digest has its decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signoff.workspace.git import Git
from tests.chain import WHOLE, prefect_api, signoff, signoff_json, with_settings

MONTHS = [f"2013-{month:02d}-01" for month in (range(4, 13) if WHOLE else range(4, 6))]
SETTINGS = {
    "search": {"budget": {"trials": 2}, "families": ["baseline", "hist_boosting"], "folds": 2},
    "evaluate": {"bootstrap": 20},
    "gates": {
        "data": {"mode": "auto"},
        "release": {"mode": "guarded", "checks": [{"metric": "champion.delta", "at_least": 0.0}]},
    },
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_year_of_retraining_runs_unattended(tmp_path: Path) -> None:
    root = tmp_path / "year"
    signoff("demo", root, "--trials", 2, "--no-run")
    with_settings(root, SETTINGS)
    endings = []
    with prefect_api(tmp_path) as url:
        for month in MONTHS:
            endings.append(signoff_json("run", "--as-of", month, root=root, code=None, PREFECT_API_URL=url))
    states = [ending["state"] for ending in endings]
    assert set(states) <= {"released", "waiting"}
    assert states[0] == "released"
    assert states.count("released") >= 2
    git = Git(root)
    assert len(git.tags("flights/c")) == len(MONTHS)
    assert len(git.tags("flights/v")) == states.count("released")
    assert signoff_json("verify", root=root) == {"ok": True, "findings": []}
    entries = [json.loads(path.read_text()) for path in sorted((root / "decisions").glob("0*.json"))]
    approved = {entry["body"]["digest"] for entry in entries if entry["body"].get("outcome") == "approved"}
    released = [entry["body"]["digest"] for entry in entries if entry["kind"] == "release"]
    assert len(released) == len(set(released)) == states.count("released")
    assert set(released) <= approved
    champion = signoff_json("status", root=root)["champion"]
    assert champion["tag"] == git.tags("flights/v")[-1]
