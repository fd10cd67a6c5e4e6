"""The dossier: one HTML file that opens anywhere, offline, and asks nobody for anything."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from signoff.core.decision import CheckResult
from signoff.core.evidence import Evidence, EvidenceSet, Value
from signoff.core.vocabulary import vocabulary
from signoff.report.filters import environment
from signoff.report.subject import Subject
from signoff.report.verdict import business_line, verdict_line

SHOWN_VALUES, SHOWN_ROWS = 8, 8
"""Numbers and table rows shown at once; more stand behind a click."""


def render_dossier(evidence: EvidenceSet, checks: Sequence[CheckResult], subject: Subject) -> str:
    """A self-contained page of about 2 MB: verdict, checks, every record by one template, glossary.

    Charts in view are drawn as the page opens, the others right after.
    The page forbids itself any request (content security policy).

    Args:
        evidence: in the order in which it is shown.
        checks: of the release gate, held against this evidence.
        subject: what the evidence is about.
    """
    template = environment(autoescape=True).get_template("dossier.html")
    return template.render(
        evidence=evidence,
        checks=checks,
        subject=subject,
        verdict=verdict_line(evidence, checks),
        business=business_line(evidence, checks),
        headline=_headline(evidence, checks),
        checks_of={index: _checks_of(record, checks) for index, record in enumerate(evidence.records)},
        words=_words(evidence, checks),
        shown_values=SHOWN_VALUES,
        shown_rows=SHOWN_ROWS,
        style=_asset("dossier.css"),
        script=_asset("dossier.js"),
        plotly=_plotly() if any(record.chart for record in evidence.records) else "",
    )


def _headline(evidence: EvidenceSet, checks: Sequence[CheckResult]) -> list[Value]:
    """Up to four numbers: the project's metric, then those that checks name."""
    values = evidence.values()
    leading = [one for one in evidence.records if one.kind in ("holdout", "champion") and one.values]
    first = [one.values[0].name for one in leading]
    names = dict.fromkeys((*first, *(check.check.metric for check in checks)))
    return [values[name] for name in names if name in values][:4]


def _checks_of(record: Evidence, checks: Sequence[CheckResult]) -> list[CheckResult]:
    names = {value.name for value in record.values}
    return [check for check in checks if check.check.metric in names]


def _words(evidence: EvidenceSet, checks: Sequence[CheckResult]) -> dict[str, str]:
    """The words of the vocabulary that this page uses, in alphabetical order."""
    texts = [" ".join((one.title, one.business, one.expert, one.matters)) for one in evidence.records]
    texts += [" ".join(one.table.columns) for one in evidence.records if one.table]
    texts += [vocabulary().label(value.name) for one in evidence.records for value in one.values]
    texts += [vocabulary().label(check.check.metric) for check in checks]
    page = " ".join(texts).casefold()
    found = {
        word: sentence
        for word, sentence in vocabulary().words.items()
        if re.search(rf"\b{re.escape(word.casefold())}s?\b", page)
    }
    return dict(sorted(found.items(), key=lambda pair: pair[0].casefold()))


def _asset(name: str) -> Markup:
    return Markup((files("signoff.report") / "templates" / name).read_text(encoding="utf-8"))


@cache
def _plotly() -> str:
    """plotly.js, packed to a third; the browser unpacks it."""
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, compresslevel=6, mtime=0)).decode()
