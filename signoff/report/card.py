"""The model card in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from signoff.core.decision import CheckResult
from signoff.core.evidence import EvidenceSet
from signoff.report.filters import environment
from signoff.report.subject import Subject
from signoff.report.verdict import verdict_line

TIMED = "operations"
"""Left out: its timings differ from run to run, and the card is kept in git."""


def render_card(evidence: EvidenceSet, checks: Sequence[CheckResult], subject: Subject) -> str:
    """The sections of Mitchell et al., Model Cards for Model Reporting, 2019; the same evidence gives the same card."""
    template = environment(autoescape=False).get_template("model_card.md")
    records = {
        record.kind: [one for one in evidence.records if one.kind == record.kind]
        for record in evidence.records
        if record.kind != TIMED
    }
    return template.render(
        records=records, checks=checks, subject=subject, project=subject.project, verdict=verdict_line(evidence, checks)
    )
