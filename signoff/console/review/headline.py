"""The first line of a review: what a person should know before anything else."""

from __future__ import annotations

from typing import Literal

from signoff.console.review.found import Found
from signoff.console.review.lenses import Lens
from signoff.core.decision import Review, ReviewState
from signoff.core.record import Record
from signoff.report.verdict import business_line, verdict_line

Mood = Literal["good", "bad", "plain"]


class Headline(Record):
    """One sentence, and whether it is good news: every check holds, one fails, or there are none."""

    sentence: str
    mood: Mood


def headline_of(review: Review, found: Found, lens: Lens) -> Headline:
    """The verdict of evidence and checks, in the words of the lens."""
    mood: Mood = "plain" if not review.checks else "good" if all(check.holds for check in review.checks) else "bad"
    if found.state != "kept":
        found = found.model_copy(update={"records": ()})
    line = business_line if lens.explains else verdict_line
    # A closed review says at its state and its decisions what became of it: the line is about the evidence.
    asked = review.model_copy(update={"state": ReviewState.OPEN})
    return Headline(sentence=line(found, review.checks, asked), mood=mood)
