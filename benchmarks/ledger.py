"""How long verification takes for a long ledger: python benchmarks/ledger.py [ENTRIES].

Beside the bare baseline, that many Ed25519 signatures checked by `cryptography` with nothing around it. CPU seconds,
which others on the machine do not change.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from signoff.audit.verify import Report, Story, _ledger, canonical
from signoff.core.decision import Decision, Entry, ReviewState
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.settings import Data, FileSource, GatePolicy, Project, Task
from signoff.ledger import Ledger, entry_bytes, verify
from signoff.ledger.keys import open_signer, public_pem, signature_holds
from signoff.store import open_store


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="signoff-ledger-") as folder:
        paths = Paths(Path(folder))
        data = Data(sources={"rows": FileSource(file="rows.csv")})
        project = Project(project="long", question="How long?", task=Task.BINARY, target="y", data=data)
        with closing(open_store(project, paths)) as store:
            entries = fill(Ledger(store, paths), count)
            for entry in entries:
                (paths.decisions / f"{entry.sequence:04d}-{entry.kind}.json").write_bytes(entry_bytes(entry))
            signer = open_signer(paths, make=False)
            bare = timed(lambda: [signature_holds(signer.public, one.hash, one.signature) for one in entries])
            both = timed(lambda: verify(paths, store))
            files = timed(lambda: verify(paths))
        members = {
            "ledger.jsonl": b"".join(canonical(entry.as_json()) + b"\n" for entry in entries),
            f"keys/{signer.key_id}.pub": public_pem(signer.public),
        }
        report = Report()
        alone = timed(lambda: _ledger(Story(members), None, report))
        assert not report.findings
    seconds = {"bare": bare, "verify": both, "verify_clone": files, "audit_ledger": alone}
    print(json.dumps({"entries": count, **{name: round(value, 2) for name, value in seconds.items()}}))


def fill(ledger: Ledger, count: int) -> tuple[Entry, ...]:
    """Closed reviews, each with one approval, in one transaction."""
    facts = {"project": "long", "gate": "release", "evidence_sha256": "e" * 64, "verdict": "approve", "actor": "bo"}
    with ledger.store.transaction():
        for number in range(1, count + 1):
            decision = Decision(
                review=f"release-{number}",
                digest=f"{number:064x}",
                roles=("reviewer",),
                reasons="measured",
                policy=GatePolicy(),
                decided=now(),
                outcome=ReviewState.APPROVED,
                **facts,
            )
            ledger.append("decision", decision.as_json())
    return ledger.entries()


def timed(work: object) -> float:
    began = time.process_time()
    found = work()  # type: ignore[operator]
    assert found is None or isinstance(found, list)
    assert not found or found[0] is True, found[:1]
    return time.process_time() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
