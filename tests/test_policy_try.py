"""`signoff policy show` and `try`: past reviews under another policy."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from signoff.cli import app
from signoff.core.digest import sha256_bytes
from signoff.core.errors import SettingsError, UsageError
from signoff.core.evidence import Evidence, EvidenceSet, Value
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode
from signoff.core.policy_words import sentences_of
from signoff.core.record import now
from signoff.core.settings import Gates
from signoff.core.settings_file import load_project
from signoff.gates import Desk, act_on_silence, decide
from signoff.gates.trying import Trial, try_policy
from tests.ledger_cases import CHECKS, GOOD, POOR, approve, ask, desk_at

PROJECT = {
    "project": "demo",
    "question": "Is it?",
    "task": "binary",
    "target": "y",
    "data": {"sources": {"rows": {"file": "rows.csv"}}},
    "gates": {"release": {"checks": [{"metric": "holdout.roc_auc", "at_least": 0.7}]}},
}


def history(desk: Desk) -> None:
    """A good one approved by the person who started it, a poor one rejected, one superseded, one left open."""
    ask(desk)
    approve(desk, actor="ada")
    ask(desk, "b", values=POOR)
    decide(desk, "release-2", "reject", actor="bo", reasons="too poor")
    ask(desk, "c")
    ask(desk, "d", values=POOR)


def under(desk: Desk, **policy: Any) -> dict[str, Trial]:
    gates = Gates(release=GatePolicy.model_validate({"checks": CHECKS} | policy))
    return {trial.review: trial for trial in try_policy(desk, gates)}


def test_the_policy_in_force_differs_in_nothing(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    history(desk)
    trials = under(desk)
    assert [trial.differs for trial in trials.values()] == [False] * 4
    assert [trial.happened.sentence() for trial in trials.values()] == [
        "approved by ada",
        "rejected by bo",
        "superseded",
        "open",
    ]


def test_a_stricter_policy_says_who_would_not_have_counted(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    history(desk)
    first = under(desk, four_eyes=True)["release-1"]
    assert (first.differs, first.would.sentence()) == (True, "open")
    assert first.why[0] == "1 more approval by a reviewer"
    assert first.why[1].startswith("ada's answer would not count: four eyes: ada started")
    two = under(desk, approvals=(Approvals(count=2),))
    assert [trial.differs for trial in two.values()] == [True, False, False, False]


def test_a_looser_policy_says_what_the_machine_would_have_done(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    history(desk)
    trials = under(desk, mode=Mode.GUARDED)
    assert trials["release-1"].would.sentence() == "approved by policy"
    assert trials["release-2"].differs is False, "a broken check still asks people"
    assert trials["release-3"].would.sentence() == "approved by policy", "it was superseded before anybody answered"
    waiting = under(desk, mode=Mode.GUARDED, veto_hours=4)
    assert waiting["release-1"].would.sentence() == "approved by ada"
    assert waiting["release-3"].differs is False
    reckless = under(desk, mode=Mode.AUTO)
    assert {name for name, trial in reckless.items() if trial.differs} == set(trials)


def test_silence_and_windows_are_replayed_at_their_time(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(checks=CHECKS, expires_days=3))
    ask(desk)
    act_on_silence(desk, now() + timedelta(days=4))
    later = now() + timedelta(days=5)
    gates = Gates(release=GatePolicy(checks=CHECKS, mode=Mode.GUARDED, veto_hours=24))
    (trial,) = try_policy(desk, gates, later)
    assert trial.happened.sentence() == "expired by policy"
    assert trial.would.sentence() == "approved by policy"
    assert trial.would.moment == trial.opened + timedelta(hours=24)


def test_a_freeze_would_have_held_a_release(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    history(desk)
    today = datetime.now(UTC).date()
    span = f"{today - timedelta(days=1)}..{today + timedelta(days=1)}"
    trial = under(desk, freeze=[{"dates": [span]}])["release-1"]
    assert trial.differs
    assert trial.would.sentence() == f"approved by ada, held until {today + timedelta(days=2)} 00:00"


def test_a_check_of_which_nothing_is_kept_is_said_to_be_unknown(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    values = (*GOOD, Value(name="fairness.gap", value=0.3))
    record = Evidence(kind="holdout", title="t", business="b", expert="e", values=values)
    text = EvidenceSet(project="demo", made=now(), records=(record,)).model_dump_json().encode()
    ask(desk, values=values, evidence_sha256=desk.store.keep_evidence(text))
    assert sha256_bytes(text) == desk.store.review("release-1").evidence_sha256
    approve(desk)
    ask(desk, "b")
    fair = (*CHECKS, Check(metric="fairness.gap", at_most=0.1))
    trials = under(desk, mode=Mode.GUARDED, checks=fair)
    assert trials["release-1"].certain
    assert not trials["release-2"].certain
    assert "fairness.gap is not known here: its evidence is not kept" in trials["release-2"].why


def test_a_clone_replays_what_its_ledger_says(tmp_path: Path) -> None:
    first = desk_at(tmp_path / "one")
    history(first)
    shutil.copytree(tmp_path / "one" / "decisions", tmp_path / "two" / "decisions")
    clone = desk_at(tmp_path / "two")
    trials = under(clone, four_eyes=True)
    assert {name: trial.differs for name, trial in trials.items()} == {"release-1": True, "release-2": False}


def workspace(tmp_path: Path) -> Path:
    (tmp_path / "signoff.yaml").write_text(yaml.safe_dump(PROJECT))
    desk = desk_at(tmp_path)
    history(desk)
    desk.store.close()
    return tmp_path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_try_prints_what_would_have_differed(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    before = sorted((root / "decisions").rglob("*"))
    file = tmp_path / "strict.yaml"
    strict = {"four_eyes": True, "checks": PROJECT["gates"]["release"]["checks"]}  # type: ignore[index]
    file.write_text(yaml.safe_dump({"gates": {"release": strict}}))
    out = run("policy", "try", str(file), "--workspace", str(root))
    assert "release-1" in out
    assert "ada's answer would not count: four eyes" in out
    assert out.strip().endswith("4 reviews replayed: 1 would have ended otherwise")
    told = json.loads(run("policy", "try", str(file), "--workspace", str(root), "--json"))
    assert (told["differ"], len(told["reviews"])) == (1, 4)
    whole = json.loads(run("policy", "try", str(root / "signoff.yaml"), "-w", str(root), "--json"))
    assert whole["differ"] == 0
    assert sorted((root / "decisions").rglob("*")) == before, "trying writes nothing"


def test_try_refuses_what_is_no_policy(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    with pytest.raises(UsageError, match="there is no such file"):
        run("policy", "try", str(tmp_path / "none.yaml"), "-w", str(root))
    bad = tmp_path / "bad.yaml"
    bad.write_text("gates:\n  release:\n    four_eye: true\n")
    with pytest.raises(SettingsError, match=r"four_eye is not a setting.*bad.yaml:3.*did you mean 'four_eyes'"):
        run("policy", "try", str(bad), "-w", str(root))
    bad.write_text("- 1\n")
    with pytest.raises(SettingsError, match="must be a mapping"):
        run("policy", "try", str(bad), "-w", str(root))
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        run("policy", "try", str(bad), "-w", str(root))


def test_the_guide_shows_a_policy_that_is_allowed() -> None:
    guide = (Path(__file__).parents[1] / "docs" / "policy.md").read_text(encoding="utf-8")
    gates = Gates.model_validate(yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0])["gates"])
    unused = {name for name in GatePolicy.model_fields if name not in gates.release.model_fields_set}
    assert unused == set(), "the guide names every setting"
    assert len(sentences_of(gates.release)) == 11


def test_show_says_every_rule(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    out = run("policy", "show", "-w", str(root))
    assert (
        "release:\n  mode manual: people decide, whatever the checks say\n  check holdout.roc_auc at least 0.7" in out
    )
    told = json.loads(run("policy", "show", "-w", str(root), "--json"))
    project = load_project(root)
    assert tuple(told["gates"]["release"]["sentences"]) == sentences_of(project.gates.release)
    policy = GatePolicy.model_validate(
        {
            "mode": "guarded",
            "checks": [{"metric": "a.b", "at_most": 1, "name": "small"}],
            "approvals": [{"role": "reviewer"}, {"role": "business owner"}],
            "four_eyes": True,
            "veto_hours": 4,
            "expires_days": 7,
            "remind_days": [3, 1],
            "stand_ins": [{"role": "reviewer", "name": "eve", "from": "2026-12-01"}],
            "freeze": [{"days": ["fri"], "reason": "weekend"}],
            "override": {"role": "reviewer", "count": 2},
        }
    )
    assert sentences_of(policy) == (
        "mode guarded: the policy approves alone while every check holds, else people decide",
        "check small (a.b) at most 1",
        "approvals 1 by a reviewer and 1 by a business owner, each person once",
        "four eyes: whoever started or steered what led here may not approve it",
        "veto window: the policy acts after 4 hours unless somebody refuses",
        "without an answer within 7 days it expires and nothing follows",
        "those who are wanted are reminded 3, 1 days before the end",
        "eve may stand in as reviewer from 2026-12-01",
        "freeze: no releases on fri (UTC): weekend",
        "override of a freeze: 2 by a reviewer, each saying so",
    )
