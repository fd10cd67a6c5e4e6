"""The gates: how a flow asks, how people and policies answer, and what is shown of it."""

from signoff.gates.deciding import decide, reopen
from signoff.gates.desk import Desk, GateOutcome, Ruling, open_desk
from signoff.gates.expiry import expire_reviews
from signoff.gates.following import Step, next_step, pending_steps
from signoff.gates.passing import pass_gate
from signoff.gates.showing import ReviewSummary, list_reviews, summarise

__all__ = [
    "Desk",
    "GateOutcome",
    "ReviewSummary",
    "Ruling",
    "Step",
    "decide",
    "expire_reviews",
    "list_reviews",
    "next_step",
    "open_desk",
    "pass_gate",
    "pending_steps",
    "reopen",
    "summarise",
]
