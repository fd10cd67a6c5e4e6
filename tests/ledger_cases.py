"""A small project with a desk, for the tests of store, ledger and gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signoff.core.account import Account, Caller, Grant
from signoff.core.candidate import Candidate, Code
from signoff.core.decision import GateName, Release
from signoff.core.evidence import Value
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import Check, Data, FileSource, GatePolicy, Gates, Mode, Project, State, Task
from signoff.gates import Desk, GateOutcome, Ruling, decide, open_desk, pass_gate

CHECKS = (Check(metric="holdout.roc_auc", at_least=0.7),)
GOOD = (Value(name="holdout.roc_auc", value=0.8),)
POOR = (Value(name="holdout.roc_auc", value=0.6),)
EVIDENCE = "e" * 64


def candidate(name: str = "a") -> Candidate:
    parts = dict.fromkeys(
        ("data_md5", "recipe_sha256", "model_sha256", "model_record_sha256", "dossier_sha256", "environment_sha256"),
        name,
    )
    code = Code(commit="0" * 40, dirty=False, signoff="0.1.0")
    return Candidate(project="demo", code=code, model_digest=f"model-{name}", evidence_sha256=EVIDENCE, **parts)


def project_at(address: str | None, name: str = "demo", **more: Any) -> Project:
    """A project whose state is in that database, or in its workspace."""
    return Project(
        project=name,
        question="Is it?",
        task=Task.BINARY,
        target="y",
        data=Data(sources={"rows": FileSource(file="rows.csv")}),
        state=State(database=address),
        **more,
    )


def desk_at(root: Path, policy: GatePolicy | None = None, *, address: str | None = None, **more: Any) -> Desk:
    gates = Gates(release=policy or GatePolicy(checks=CHECKS))
    return open_desk(project_at(address, gates=gates, **more), Paths(root))


def ask(desk: Desk, name: str = "a", *, gate: GateName = "release", **more: Any) -> GateOutcome:
    arguments: dict[str, Any] = {
        "digest": candidate(name).digest,
        "evidence_sha256": EVIDENCE,
        "values": GOOD,
        "run": f"run-{name}",
        "cause": Cause(actor="ada"),
        "subject": f"demo/{name}",
    }
    return pass_gate(desk, gate, **(arguments | more))


def approve(desk: Desk, review_id: str = "release-1", actor: str = "bo", **more: Any) -> Ruling:
    return decide(desk, review_id, "approve", actor=actor, **({"reasons": "it is good"} | more))


def caller(name: str, *roles: str) -> Caller:
    """Somebody who proved who they are."""
    grants = tuple(Grant(role=role) for role in roles)
    return Caller(name=name, account=Account(name=name, grants=grants, made=now()), via="session")


def release(desk: Desk, ruling: Ruling, name: str = "a", tag: str = "demo/v1") -> Release:
    made = Release(
        project="demo",
        tag=tag,
        candidate_tag=f"demo/{name}",
        digest=ruling.review.digest,
        model_digest=candidate(name).model_digest,
        decision=ruling.entry.hash,
        released=now(),
    )
    desk.ledger.record_release(made)
    return made


GUARDED = GatePolicy(mode=Mode.GUARDED, checks=CHECKS)
AUTO = GatePolicy(mode=Mode.AUTO, checks=CHECKS)
