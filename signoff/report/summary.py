"""The evidence in a few lines of plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from signoff.core.decision import CheckResult
from signoff.core.evidence import Evidence, EvidenceSet
from signoff.core.numbers import number, told
from signoff.core.vocabulary import vocabulary
from signoff.report.verdict import business_line, verdict_line


def render_summary(evidence: EvidenceSet, checks: Sequence[CheckResult]) -> list[str]:
    """The verdict in both wordings, the headline with its interval, what to know, why it was chosen, the checks."""
    expert, business = verdict_line(evidence, checks), business_line(evidence, checks)
    # How many checks hold is said once, where both say it in the same words.
    counted = "; " + expert.rpartition("; ")[2]
    lines = [expert, f"{business.removesuffix(counted).rstrip('.')}."]
    by_kind = {record.kind: record for record in evidence.records}
    headline = by_kind.get("holdout")
    if headline and headline.values:
        first = headline.values[0]
        lines.append(f"{vocabulary().label(first.name)} {told(first)}")
    lines += [by_kind[kind].business for kind in ("champion_data", "leak_suspicion") if kind in by_kind]
    if (searched := by_kind.get("search")) is not None:
        lines.append(why_taken(searched))
    lines += [check_line(check) for check in checks]
    return lines


def check_line(check: CheckResult) -> str:
    """'holds  holdout.roc_auc 0.712, asked for >= 0.62'."""
    got = "no such number" if check.value is None else number(check.value)
    return f"{'holds' if check.holds else 'FAILS'}  {check.check.metric} {got}, asked for {check.limit}"


def why_taken(searched: Evidence) -> str:
    """The sentence of the search record that says which contender was taken and why, without the rule behind it."""
    first, _, _ = searched.business.partition(". ")
    return f"{first.rstrip('.')}."
