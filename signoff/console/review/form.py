"""The decision form: what may be said, what each answer does next, and what a wish may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import Field, ValidationError

from signoff.console.review.asked import LABELS, consequence
from signoff.core.decision import Review, Verdict
from signoff.core.errors import UsageError
from signoff.core.evidence import Evidence
from signoff.core.numbers import number
from signoff.core.policy_rules import Answer
from signoff.core.record import Record
from signoff.core.run import Steering
from signoff.core.settings import Budget, Family

MOST_FEATURES = 300
"""Columns offered as checkboxes; more are excluded by the command line."""


class Draft(Record):
    """What was typed so far, kept when the form has to be shown again."""

    verdict: Verdict | None = None
    reasons: str = ""
    exclude_features: tuple[str, ...] = ()
    ban_families: tuple[Family, ...] = ()
    pin_family: Family | None = None
    budget_seconds: str = ""
    budget_trials: str = ""
    override: bool = False

    def changes(self) -> Steering | None:
        """The typed wishes; None when there are none.

        Raises:
            UsageError: the budget is no number that a search can have.
        """
        steering = Steering(
            exclude_features=tuple(sorted(set(self.exclude_features))),
            ban_families=tuple(sorted(set(self.ban_families))),
            pin_family=self.pin_family,
            budget=self._budget(),
        )
        return steering if steering != Steering() else None

    def _budget(self) -> Budget | None:
        seconds, trials = self.budget_seconds.strip(), self.budget_trials.strip()
        if not seconds and not trials:
            return None
        given: dict[str, Any] = {"seconds": seconds or None, "trials": trials or None}
        try:
            return Budget.model_validate(given)
        except ValidationError as error:
            raise UsageError(
                "the budget cannot be used",
                got=", ".join(f"{name} {value}" for name, value in given.items() if value),
                allowed="either seconds above 0 or a whole number of trials",
            ) from error


class Choice(Record):
    """One verdict as a radio button."""

    verdict: Verdict
    label: str
    next: str
    forbidden: str


class Override(Record):
    """Releasing in spite of a freeze: as a tick beside an approval, or as the only approval that is left to say."""

    sentence: str
    forbidden: str
    only: bool


class Feature(Record):
    """A column that the next run may leave out."""

    name: str
    note: str


class Form(Record):
    """All that the form shows. Its fields: verdict, reasons, digest, exclude_features, ban_families, pin_family,
    budget_seconds, budget_trials, override."""

    about: str = Field(description="id of the review that it decides: the later one, where the page's own is closed")
    action: str
    digest: str
    choices: tuple[Choice, ...]
    open: bool = Field(description="whether the caller may give any verdict")
    features: tuple[Feature, ...]
    families: tuple[Family, ...]
    override: Override | None = Field(None, description="there while a freeze may be overridden")
    draft: Draft
    problem: str = ""


def form_of(
    review: Review,
    ref: str,
    answers: Sequence[Answer],
    records: Sequence[Evidence],
    *,
    draft: Draft | None = None,
    problem: str = "",
    freeze: str = "",
) -> Form:
    """The form of a review that somebody may answer.

    Args:
        review: what is decided.
        ref: how addresses name it.
        answers: what the caller may say, and what not and why.
        records: the evidence, from which the columns are read.
        draft: what was typed before.
        problem: why it has to be shown again.
        freeze: the freeze window in force, in words.
    """
    plain = [one for one in answers if not one.override]
    over = next((one for one in answers if one.override), None)
    approves = any(one.verdict == "approve" for one in plain)
    override = Override(sentence=freeze, forbidden=over.forbidden, only=not approves) if over is not None else None
    return Form(
        about=review.id,
        action=f"/reviews/{ref}/decide",
        digest=review.digest,
        choices=tuple(_choice(review, one) for one in (plain if approves else answers)),
        open=any(not one.forbidden for one in answers),
        features=features_of(records)[:MOST_FEATURES] if plain else (),
        families=get_args(Family),
        override=override,
        draft=draft or Draft(),
        problem=problem,
    )


def _choice(review: Review, answer: Answer) -> Choice:
    label, what = LABELS[answer.verdict], consequence(review.gate, answer.verdict)
    if answer.override:
        label, what = f"{label} in spite of the freeze", "When enough say so, the release no longer waits."
    return Choice(verdict=answer.verdict, label=label, next=what, forbidden=answer.forbidden)


def features_of(records: Sequence[Evidence]) -> tuple[Feature, ...]:
    """The columns that the evidence judges one by one: those of a table whose first column is 'column'."""
    tables = [one.table for one in records if one.table is not None and one.table.columns[:1] == ("column",)]
    leading = [one.table for one in records if one.kind == "importance" and one.table in tables]
    found: dict[str, Feature] = {}
    for table in leading or tables[:1]:
        for row in table.rows if table is not None else ():
            name = row[0]
            if isinstance(name, str) and name:
                found.setdefault(name, Feature(name=name, note=_note(table.columns, row)))
    return tuple(found.values())


def _note(columns: Sequence[str], row: Sequence[Any]) -> str:
    value = row[1] if len(row) > 1 else None
    return f"{columns[1]} {number(value)}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
