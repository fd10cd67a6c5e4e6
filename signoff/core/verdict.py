"""The verdict line: what the evidence says in one sentence, for the expert and for the business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from signoff.core.decision import CLOSED, CheckResult, Review
from signoff.core.evidence import Evidence, Value
from signoff.core.numbers import number
from signoff.core.vocabulary import vocabulary

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NEW, NOW = "The new model", "the model that answers now"
UNPRICED = "errors"
"""The currency of a project that names no prices: each mistake counts one, which is no measure of a model whose
threshold seeks balance and not the fewest mistakes."""


class Found(Protocol):
    """Evidence of any gate: an EvidenceSet, or one like it."""

    @property
    def champion(self) -> str | None:
        """Model digest of the champion that it was compared with."""

    @property
    def records(self) -> tuple[Evidence, ...]:
        """In the order in which they are read."""

    def values(self) -> Mapping[str, Value]:
        """All numbers by name."""


def verdict_line(evidence: Found, checks: Sequence[CheckResult], review: Review | None = None) -> str:
    """One sentence for people: the comparison, then the checks, then what was decided where a closed review is given.

    'Better than the champion on the same 27,000 flights by 0.021 to 0.034 ROC AUC; three checks hold, one fails:
    calibration gap.'
    """
    label = vocabulary().label
    parts = [
        _compared(evidence, review),
        *_suspicion(evidence),
        _counted(checks, [label(name) for name in _broken(checks)]),
    ]
    return _joined(parts, review)


def business_line(evidence: Found, checks: Sequence[CheckResult], review: Review | None = None) -> str:
    """The same in the words of the business: money where mistakes have a price, and no metric's name.

    'The new model saves 210 to 480 USD per 1,000 flights against the model that answers now; three checks hold, one
    fails: how far stated chances are off.'
    """
    said = vocabulary().plain
    values = evidence.values()
    delta = values.get("champion.delta")
    # Against a champion the constant answer is no news; it counts where it stands in for one.
    money = values.get("baseline.saving" if delta is None or _stands_in(evidence, delta) else "champion.saving")
    first = _saved(money) if money and _priced(money) else _plainly(evidence, review)
    return _joined([first, *_suspicion(evidence), _counted(checks, [said(name) for name in _broken(checks)])], review)


def _compared(evidence: Found, review: Review | None) -> str:
    values = evidence.values()
    delta = values.get("champion.delta")
    if delta is None:
        return _without_comparison(evidence, review)
    label, unit, rows = _metric(evidence, vocabulary().label), delta.unit, _rows(values)
    if _stands_in(evidence, delta):
        # The champion's place was taken by a constant answer: saying "the champion" here would be a lie.
        why = "There is no champion yet" if evidence.champion is None else "The champion cannot be compared"
        told = f"than a constant answer on {rows}"
        return f"{why}; {_side(delta, told, label, unit.removesuffix('over the baseline').strip())}"
    if delta.low == delta.high == delta.value == 0:
        return f"No different from the champion on the same {rows}"
    told = _side(delta, f"than the champion on the same {rows}", label, unit)
    return told[0].upper() + told[1:]


def _stands_in(evidence: Found, delta: Value) -> bool:
    return evidence.champion is None or delta.unit.endswith("over the baseline")


def _side(delta: Value, than: str, label: str, unit: str) -> str:
    measure = f"{unit} {label}".strip()
    if delta.low is None or delta.high is None:
        side = "better" if delta.value > 0 else "worse" if delta.value < 0 else "no better"
        return f"{side} {than} by {number(abs(delta.value))} {measure}, without an interval"
    if delta.low > 0:
        return f"better {than} by {number(delta.low)} to {number(delta.high)} {measure}"
    if delta.high < 0:
        return f"worse {than} by {number(-delta.high)} to {number(-delta.low)} {measure}"
    return f"neither better nor worse {than} beyond chance ({number(delta.low)} to {number(delta.high)} {measure})"


def _priced(money: Value) -> bool:
    return not f"{money.unit} ".startswith(f"{UNPRICED} ")


def _saved(money: Value) -> str:
    other = f"against {NOW}" if money.name == "champion.saving" else "against giving every row the same answer"
    if money.low is None or money.high is None:
        word = "saves" if money.value >= 0 else "costs"
        return f"{NEW} {word} {number(abs(money.value))} {money.unit} {other}"
    if money.low > 0:
        return f"{NEW} saves {number(money.low)} to {number(money.high)} {money.unit} {other}"
    if money.high < 0:
        return f"{NEW} costs {number(-money.high)} to {number(-money.low)} {money.unit} more {other}"
    return f"Whether {NEW[0].lower()}{NEW[1:]} saves anything {other} cannot be told: {_money_span(money)}"


def _money_span(money: Value) -> str:
    assert money.low is not None
    assert money.high is not None
    return f"between {number(-money.low)} {money.unit} lost and {number(money.high)} saved"


def _plainly(evidence: Found, review: Review | None) -> str:
    values = evidence.values()
    delta = values.get("champion.delta")
    if delta is None:
        return _without_comparison(evidence, review)
    measure = _metric(evidence, vocabulary().plain)
    stands_in = _stands_in(evidence, delta)
    other = "giving every row the same answer" if stands_in else NOW
    unit = delta.unit.removesuffix("over the baseline").strip()
    if delta.low == delta.high == delta.value == 0:
        return f"{NEW} answers as {NOW} does"
    if delta.low is None or delta.high is None or delta.low <= 0 <= delta.high:
        return f"{NEW} cannot be told apart from {other} on {_rows(values)}"
    low, high = sorted((abs(delta.low), abs(delta.high)))
    amount = f"{number(low)} to {number(high)} {unit}".strip()
    return f"{NEW} is {'better' if delta.low > 0 else 'worse'} than {other} by {amount} in {measure}"


def _without_comparison(evidence: Found, review: Review | None) -> str:
    """A gate without a model, or a metric that is not defined: its own first sentence is the verdict."""
    if review is not None and review.gate == "alert":
        return review.subject.rstrip(".")
    if not evidence.records:
        return "There is no evidence"
    return evidence.records[0].business.rstrip(".")


def _suspicion(evidence: Found) -> list[str]:
    return ["a leak is suspected"] if any(one.kind == "leak_suspicion" for one in evidence.records) else []


def _metric(evidence: Found, worded: object) -> str:
    assert callable(worded)
    first = next((one.values[0] for one in evidence.records if one.kind == "holdout" and one.values), None)
    return str(worded(first.name)) if first else "the project's metric"


def _rows(values: Mapping[str, Value]) -> str:
    rows = values.get("data.holdout_rows")
    return f"{rows.value:,.0f} {rows.unit or 'rows'}" if rows else "rows"


def _broken(checks: Sequence[CheckResult]) -> list[str]:
    return [check.check.metric for check in checks if not check.holds]


def _counted(checks: Sequence[CheckResult], broken: list[str]) -> str:
    """'three checks hold, one fails: calibration gap'."""
    hold, fail = len(checks) - len(broken), len(broken)
    if not checks:
        return "no checks are set"
    if not fail:
        return "the one check holds" if hold == 1 else f"{_all(hold)} checks hold"
    names = ", ".join(broken)
    if not hold:
        return f"the one check fails: {names}" if fail == 1 else f"{_all(fail)} checks fail: {names}"
    held = f"{_count(hold)} {'check holds' if hold == 1 else 'checks hold'}"
    return f"{held}, {_count(fail)} {'fails' if fail == 1 else 'fail'}: {names}"


def _count(how_many: int) -> str:
    return COUNTS[how_many] if how_many < len(COUNTS) else str(how_many)


def _all(how_many: int) -> str:
    return "both" if how_many == 2 else f"all {_count(how_many)}"


def _joined(parts: Sequence[str], review: Review | None) -> str:
    decided = [f"decided: {review.state}"] if review is not None and review.state in CLOSED else []
    return "; ".join([*parts, *decided]) + "."
