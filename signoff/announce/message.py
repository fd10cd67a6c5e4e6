"""What is said: one subject, a short text, the same as HTML, and the JSON of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from signoff.core.decision import CheckResult, Decision, Review, ReviewState
from signoff.core.evidence import kept_evidence
from signoff.core.notice import Notice
from signoff.core.policy import check_sentence, expires, judge, silence_sentence
from signoff.core.policy_votes import still_counting
from signoff.core.settings import Console, Project
from signoff.core.verdict import verdict_line

if TYPE_CHECKING:
    from jinja2 import Environment

    from signoff.store import Store

SHOWN_CHECKS = 8
WAITING = ("opened", "reminded")
SAID = {
    ReviewState.APPROVED: "approved",
    ReviewState.REJECTED: "rejected",
    ReviewState.CHANGES: "sent back with changes",
    ReviewState.ACKNOWLEDGED: "acknowledged",
    ReviewState.EXPIRED: "expired without an answer",
    ReviewState.SUPERSEDED: "superseded",
    ReviewState.OPEN: "open",
}


class DeliveryError(Exception):
    """One try that failed, in words that hold no secret. Never leaves this folder."""


@dataclass(frozen=True)
class Message:
    """One message to one address; `delivery` is the same in each of its tries."""

    delivery: str
    title: str
    text: str
    html: str
    payload: dict[str, Any]


def message_of(notice: Notice, project: Project, store: Store, moment: datetime) -> Message:
    """The message of a notice as things stand now: a review that was decided meanwhile no longer asks anybody.

    Says the same of every review of a gate: nothing in it is looked up by which one could be told from another.
    """
    review = store.review(notice.review) if notice.review else None
    facts: dict[str, Any] = {"notice": notice, "project": project.project, "question": project.question}
    facts |= {"link": link_to(project.console, project.project, notice.review), "text": notice.text}
    decision: Decision | None = None
    if review is not None:
        entries = [one for one in store.entries(about=review.id) if one.kind == "decision"]
        decisions = [one.decision() for one in entries]
        decision = decisions[-1] if decisions else None
        facts |= {"review": review, "verdict": _verdict(review, store), "checks": _checks(review.checks)}
        facts |= {"decision": decision, "until": expires(review), "silence": silence_sentence(review)}
        heard = [one.decision() for one in still_counting(review, entries, store.account_lookup())[0]]
        facts |= {"wanted": judge(review, heard, moment).reasons if review.state is ReviewState.OPEN else ()}
    title = _title(notice, project.project, review)
    facts |= {"title": title, "said": SAID, "waiting": notice.kind in WAITING}
    return Message(
        delivery=notice.id,
        title=title,
        text=_templates(False).get_template("notice.txt").render(facts).strip() + "\n",
        html=_templates(True).get_template("notice.html").render(facts),
        payload=_payload(notice, facts, review, decision),
    )


def link_to(console: Console, project: str, review: str | None) -> str:
    """The page of a review, or of the project, in the console."""
    scheme = "https" if console.tls_certificate else "http"
    host = f"[{console.host}]" if ":" in console.host else console.host
    base = (console.public_url or f"{scheme}://{host}:{console.port}").rstrip("/")
    return f"{base}/reviews/{project}:{review}" if review else f"{base}/?project={project}"


def _title(notice: Notice, project: str, review: Review | None) -> str:
    subject = " ".join((review.subject if review else notice.text or project).split())[:120]
    name = notice.review or notice.about
    if notice.kind == "decided" and review is not None:
        return f"[{project}] {name}: {SAID[review.state]}: {subject}"
    words = {
        "opened": f"{name} waits for a decision: {subject}",
        "reminded": f"{name} still waits: {subject}",
        "expired": f"{name} ended without an answer: {subject}",
        "released": f"{notice.about} serves",
        "freeze": notice.text,
        "drill-told": f"{name} was a drill",
    }
    # One line: it becomes the subject of a mail.
    return " ".join(f"[{project}] {words.get(notice.kind, notice.kind)}".split())


def _verdict(review: Review, store: Store) -> str:
    """The verdict line, as the reviewer will read it; the checks alone where the evidence is not here."""
    kept = kept_evidence(store.evidence(review.evidence_sha256))
    if kept is not None:
        return verdict_line(kept, review.checks)
    held = sum(check.holds for check in review.checks)
    return f"{held} of {len(review.checks)} checks hold." if review.checks else "No check is set for this gate."


def _checks(checks: Sequence[CheckResult]) -> list[str]:
    """Broken ones first; the page has the rest."""
    ordered = sorted(checks, key=lambda check: check.holds)
    lines = [check_sentence(check) for check in ordered[:SHOWN_CHECKS]]
    return lines + ([f"and {len(ordered) - SHOWN_CHECKS} more"] if len(ordered) > SHOWN_CHECKS else [])


def _payload(notice: Notice, facts: dict[str, Any], review: Review | None, decision: Decision | None) -> dict[str, Any]:
    """The JSON of a webhook: format 1, to which fields may be added and from which none is taken away."""
    body: dict[str, Any] = {
        "format": 1,
        "delivery": notice.id,
        "event": notice.kind if notice.review is None else f"review.{notice.kind}",
        "project": notice.project,
        "happened": notice.made.isoformat(),
        "title": facts["title"],
        "text": notice.text,
        "about": notice.about,
        "link": facts["link"],
    }
    if review is not None:
        until = facts["until"]
        body["review"] = {
            "id": review.id,
            "gate": review.gate,
            "state": review.state.value,
            "digest": review.digest,
            "subject": review.subject,
            "opened": review.opened.isoformat(),
            "expires": until.isoformat() if until else None,
            "verdict": facts["verdict"],
            "checks": [{"name": one.check.metric, "value": one.value, "holds": one.holds} for one in review.checks],
            "wanted": list(facts["wanted"]),
        }
    if decision is not None:
        said = ("actor", "verdict", "reasons", "automatic", "outcome")
        body["decision"] = {name: decision.as_json()[name] for name in said}
    return body


@cache
def _templates(autoescape: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("signoff.announce"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
