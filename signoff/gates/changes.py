"""What differs between two reviews about the same question: what somebody saw, and what is asked now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from signoff.core.decision import CheckResult, Review
from signoff.core.errors import ConflictError
from signoff.core.evidence import Value, kept_evidence
from signoff.core.record import Record

FEW = 5
"""Differences that an error's sentence names; the record holds all."""


class ValueChange(Record):
    """One number of the evidence; None where one of the two has none."""

    name: str
    unit: str = ""
    before: float | None
    after: float | None


class CheckChange(Record):
    """One check of the gate; None where one of the two policies does not have it."""

    label: str
    before: bool | None
    after: bool | None


class Changes(Record):
    """All that differs. `compared` is false where the evidence of one of them is not kept here."""

    before: str
    after: str
    values: tuple[ValueChange, ...] = ()
    checks: tuple[CheckChange, ...] = ()
    policy: tuple[str, ...] = ()
    digest: bool = False
    compared: bool = True

    def sentence(self) -> str:
        """The checks first, then the largest few numbers."""
        said = [f"{one.label} {_held(one.before)} before and {_held(one.after)} now" for one in self.checks]
        said += [f"{one.name} was {_number(one.before)} and is {_number(one.after)}" for one in self.values]
        said += [f"the policy's {name} changed" for name in self.policy]
        if not said:
            return "another candidate" if self.digest else "the evidence was made again"
        more = f" and {len(said) - FEW} more" if len(said) > FEW else ""
        return "; ".join(said[:FEW]) + more


class ChangedError(ConflictError):
    """What was seen is not what is asked now; `changes` says what differs."""

    def __init__(self, what: str, changes: Changes, *, where: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what, where=where, got=changes.sentence(), next_step=next_step)
        self.changes = changes


def changed_since(before: Review, after: Review, evidence: Callable[[str], str | None]) -> Changes:
    """What differs between what was seen and what is asked now.

    Args:
        before: the review that was looked at.
        after: the one that took its place.
        evidence: the kept text behind a digest, or None, such as `store.evidence`.
    """
    old, new = (kept_evidence(evidence(one.evidence_sha256)) for one in (before, after))
    fields = type(after.policy).model_fields
    return Changes(
        before=before.id,
        after=after.id,
        values=_value_changes(old.values(), new.values()) if old is not None and new is not None else (),
        checks=_check_changes(before.checks, after.checks),
        policy=tuple(name for name in fields if getattr(before.policy, name) != getattr(after.policy, name)),
        digest=before.digest != after.digest,
        compared=old is not None and new is not None,
    )


def _value_changes(old: Mapping[str, Value], new: Mapping[str, Value]) -> tuple[ValueChange, ...]:
    found = []
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        before, after = one.value if one else None, other.value if other else None
        if before != after:
            found.append(ValueChange(name=name, unit=(other or one).unit, before=before, after=after))  # type: ignore[union-attr]
    return tuple(sorted(found, key=_size, reverse=True))


def _size(change: ValueChange) -> float:
    """How large a change is beside the number itself; one that came or went is the largest."""
    if change.before is None or change.after is None:
        return float("inf")
    return abs(change.after - change.before) / max(abs(change.before), abs(change.after))


def _check_changes(old: tuple[CheckResult, ...], new: tuple[CheckResult, ...]) -> tuple[CheckChange, ...]:
    before = {_key(one): one for one in old}
    after = {_key(one): one for one in new}
    found = []
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        before_held, after_held = one.holds if one else None, other.holds if other else None
        if before_held != after_held:
            found.append(CheckChange(label=key, before=before_held, after=after_held))
    return tuple(found)


def _key(result: CheckResult) -> str:
    return f"{result.check.label} {result.limit}"


def _held(holds: bool | None) -> str:
    return "was not asked" if holds is None else "held" if holds else "broke"


def _number(value: float | None) -> str:
    return "not there" if value is None else f"{value:.4g}"
