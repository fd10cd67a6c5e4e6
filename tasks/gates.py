"""The doors of a run: what is asked there, about which digest, on which numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signoff.core.data import Snapshot, Validation
from signoff.core.digest import sha256_json
from signoff.core.evidence import EvidenceSet
from signoff.core.files import read_json
from signoff.gates import GateOutcome, pass_gate

if TYPE_CHECKING:
    from tasks.candidate import Tagged
    from tasks.passage import Passage


def data_gate(run: Passage) -> GateOutcome:
    """May this snapshot be used? The digest is over the snapshot and what validation found in it."""
    from tasks.validate import validation_values

    snapshot = Snapshot.model_validate(read_json(run.paths.snapshot))
    validation = Validation.model_validate(read_json(run.paths.validation))
    evidence = run.store.keep_evidence(run.paths.validation.read_bytes())
    broken = len(validation.failures)
    found = f"{broken} of {validation.expectations} expectations are broken" if broken else "every expectation holds"
    return pass_gate(
        run.desk,
        "data",
        digest=sha256_json({"data": snapshot.md5, "validation": evidence}),
        evidence_sha256=evidence,
        values=validation_values(validation),
        run=run.run.id,
        cause=run.run.cause,
        subject=f"{snapshot.rows:,} rows: {found}",
    )


def release_gate(run: Passage, tagged: Tagged) -> GateOutcome:
    """May this candidate serve? The digest is the candidate's own."""
    evidence = EvidenceSet.model_validate(read_json(run.paths.evidence))
    run.store.keep_evidence(run.paths.evidence.read_bytes())
    return pass_gate(
        run.desk,
        "release",
        digest=tagged.candidate.digest,
        evidence_sha256=tagged.candidate.evidence_sha256,
        values=evidence.values().values(),
        run=run.run.id,
        cause=run.run.cause,
        subject=tagged.tag,
    )
