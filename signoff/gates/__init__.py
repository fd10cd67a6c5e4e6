"""The gates: how a flow asks, how people and policies answer, and what is shown of it."""

from signoff.gates.alerting import alerts_now, settle_alerts
from signoff.gates.changes import ChangedError, Changes, changed_since
from signoff.gates.deciding import decide, reopen
from signoff.gates.desk import Desk, GateOutcome, Ruling, open_desk
from signoff.gates.expiry import expire_reviews
from signoff.gates.following import Step, next_step, pending_steps
from signoff.gates.passing import pass_gate
from signoff.gates.showing import ReviewSummary, list_reviews, summarise
from signoff.gates.silence import act_on_silence

__all__ = [
    "ChangedError",
    "Changes",
    "Desk",
    "GateOutcome",
    "ReviewSummary",
    "Ruling",
    "Step",
    "act_on_silence",
    "alerts_now",
    "changed_since",
    "decide",
    "expire_reviews",
    "list_reviews",
    "next_step",
    "open_desk",
    "pass_gate",
    "pending_steps",
    "reopen",
    "settle_alerts",
    "summarise",
]
