"""Drills: a bad candidate, made on purpose, is put before the reviewers to see whether somebody notices.

A drill is asked at the real gate under the real policy. Where the machine would let the candidate pass alone there is
none: it is people whose vigilance is tried, and a policy of its own would betray it. The ledger is told when the review
opens, by a seal that says nothing: the SHA-256 of a random salt, the kind and the digest. When the review closes, a
second entry opens the seal, so that nobody can call an approval a drill afterwards, nor a drill an approval.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Literal

from pydantic import Field

from signoff.core.digest import sha256_json
from signoff.core.policy_names import name_key
from signoff.core.record import Moment, Record


class DrillKind(StrEnum):
    """What is wrong with the candidate of a drill."""

    LEAKED_COLUMN = "leaked-column"
    SHUFFLED_LABELS = "shuffled-labels"
    UNFAIR_SLICE = "unfair-slice"
    STALE_DATA = "stale-data"
    TOO_SLOW = "too-slow"
    OVERFITTED = "overfitted"
    WORSE_THAN_CHAMPION = "worse-than-champion"


DRILL_SENTENCES: dict[DrillKind, str] = {
    DrillKind.LEAKED_COLUMN: "a column that tells the answer is among the features",
    DrillKind.SHUFFLED_LABELS: "the model learned from answers that were shuffled",
    DrillKind.UNFAIR_SLICE: "one group of rows is answered much worse than the others",
    DrillKind.STALE_DATA: "the data end long before the present",
    DrillKind.TOO_SLOW: "one answer takes many times as long as before",
    DrillKind.OVERFITTED: "the model knows its training rows by heart and little else",
    DrillKind.WORSE_THAN_CHAMPION: "the model that answers now is better",
}

DrillState = Literal["open", "caught", "missed", "void"]
"""caught: rejected, or changes requested. missed: approved, or nobody answered in time. void: neither can be said."""


class Drill(Record):
    """One drill, as only the state database knows it until its review is closed."""

    project: str
    review: str
    kind: DrillKind
    seed: int
    digest: str = Field(description="of the bad candidate; what no release may ever name")
    model_digest: str
    salt: str = Field(description="64 hex digits; opens the seal")
    seal: str = Field(description="hash of the ledger entry that holds the commitment")
    actor: str = Field(description="who started it")
    opened: Moment
    shown: str = Field(description="name of the number in the evidence that is off")
    sentence: str = Field(description="how far it is off, for people")
    recipe: str = Field("", description="recipe.json of the bad candidate, which no tag of git holds")
    snapshot: str = Field("", description="snapshot.json of the rows that it was made from")
    state: DrillState = "open"
    closed: Moment | None = None
    by: tuple[str, ...] = Field((), description="whose decisions closed it")
    verdict: str = ""
    reasons: str = ""

    @property
    def seconds(self) -> float | None:
        """From the opening of the review to its end; None while it is open."""
        return (self.closed - self.opened).total_seconds() if self.closed is not None else None

    @property
    def own(self) -> bool:
        """Whether it was whoever started it who answered: they knew, so it says little."""
        return bool(self.by) and all(name_key(name) == name_key(self.actor) for name in self.by)

    def told(self) -> str:
        """What is said when it is over."""
        ends = {"caught": "It was caught", "missed": "It was missed", "void": "It ended without an answer", "open": ""}
        who = f" by {', '.join(self.by)}" if self.by and self.state != "void" else ""
        who += ", who had started it" if self.own else ""
        return f"{self.review} was a drill: {DRILL_SENTENCES[self.kind]}. {self.sentence} {ends[self.state]}{who}."


class Seal(Record):
    """Body of a ledger entry that commits to something it does not tell."""

    commitment: str = Field(pattern=r"^[0-9a-f]{64}$")


class DrillTold(Record):
    """Body of the ledger entry that opens the seal of a drill, when its review is closed."""

    project: str
    review: str
    drill: DrillKind
    digest: str
    salt: str = Field(pattern=r"^[0-9a-f]{64}$")
    seal: str = Field(description="hash of the entry that it opens")
    told: Moment


def new_salt() -> str:
    """32 random bytes, hex."""
    return secrets.token_hex(32)


def commitment_of(salt: str, kind: DrillKind, digest: str) -> str:
    """What a seal holds: SHA-256 of the canonical JSON of salt, kind and digest."""
    return sha256_json({"salt": salt, "kind": kind.value, "digest": digest})
