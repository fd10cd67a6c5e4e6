"""One sentence a reader may rely on: who is better, by how much, on how many rows, and which checks fail."""

from __future__ import annotations

import pytest

from signoff.core.decision import Review, ReviewState
from signoff.core.evidence import Evidence, EvidenceSet, Value
from signoff.core.numbers import number
from signoff.core.policy import run_checks
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import Check, GatePolicy
from signoff.report import business_line, verdict_line

CHECKS = (
    Check(metric="holdout.roc_auc", at_least=0.6),
    Check(metric="champion.delta", at_least=-1),
    Check(metric="data.holdout_rows", at_least=100),
    Check(metric="holdout.calibration_gap", at_most=0.001),
)


def evidence(delta: Value | None, *more: Value, champion: str | None = "c" * 64, metric: str = "roc_auc",
             kinds: tuple[str, ...] = ()) -> EvidenceSet:  # fmt: skip
    head = Evidence(
        kind="holdout",
        title="Quality",
        business="On these 27,000 rows ROC AUC is not defined: only one class occurs.",
        expert="e",
        values=(
            Value(name=f"holdout.{metric}", value=0.7),
            Value(name="holdout.calibration_gap", value=0.02),
            Value(name="data.holdout_rows", value=27000, unit="flights"),
            *((delta,) if delta else ()),
            *more,
        ),
    )
    others = tuple(Evidence(kind=kind, title=kind, business="b", expert="e") for kind in kinds)
    return EvidenceSet(project="p", made=now(), champion=champion, records=(head, *others))


def delta(value: float, low: float | None, high: float | None, unit: str = "") -> Value:
    return Value(name="champion.delta", value=value, low=low, high=high, unit=unit)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (evidence(delta(0.03, 0.021, 0.034)),
         "Better than the champion on the same 27,000 flights by 0.0210 to 0.0340 ROC AUC"),
        (evidence(delta(-0.03, -0.034, -0.021)),
         "Worse than the champion on the same 27,000 flights by 0.0210 to 0.0340 ROC AUC"),
        (evidence(delta(0.01, -0.02, 0.03)),
         "Neither better nor worse than the champion on the same 27,000 flights beyond chance (-0.0200 to "
         "0.0300 ROC AUC)"),
        (evidence(delta(0, 0, 0)), "No different from the champion on the same 27,000 flights"),
        (evidence(delta(0.2, 0.1, 0.3, "over the baseline"), champion=None),
         "There is no champion yet; better than a constant answer on 27,000 flights by 0.100 to 0.300 ROC AUC"),
        (evidence(delta(2, 1, 3, "minutes over the baseline"), metric="rmse"),
         "The champion cannot be compared; better than a constant answer on 27,000 flights by 1 to 3 minutes RMSE"),
        (evidence(delta(2, 1, 3, "minutes"), metric="rmse"),
         "Better than the champion on the same 27,000 flights by 1 to 3 minutes RMSE"),
        (evidence(delta(0.1, None, None)),
         "Better than the champion on the same 27,000 flights by 0.100 ROC AUC, without an interval"),
        (evidence(None), "On these 27,000 rows ROC AUC is not defined: only one class occurs"),
        (evidence(delta(0.3, 0.2, 0.4), kinds=("leak_suspicion",)),
         "Better than the champion on the same 27,000 flights by 0.200 to 0.400 ROC AUC; a leak is suspected"),
    ],
)  # fmt: skip
def test_the_comparison(found: EvidenceSet, line: str) -> None:
    assert verdict_line(found, ()) == f"{line}; no checks are set."


def test_the_checks_are_counted_and_the_broken_named() -> None:
    found = evidence(delta(0.03, 0.021, 0.034))
    checks = run_checks(CHECKS, found.values())
    assert verdict_line(found, checks).endswith("; three checks hold, one fails: calibration gap.")
    assert business_line(found, checks).endswith("; three checks hold, one fails: how far stated chances are off.")
    assert verdict_line(found, checks[:3]).endswith("; all three checks hold.")
    assert verdict_line(found, checks[:1]).endswith("; the one check holds.")
    assert verdict_line(found, checks[3:]).endswith("; the one check fails: calibration gap.")
    both = (checks[3], *run_checks((Check(metric="fairness.worst_gap", at_most=0.1),), found.values()))
    assert verdict_line(found, both).endswith("; both checks fail: calibration gap, widest gap.")


@pytest.mark.parametrize(
    ("money", "line"),
    [
        ((300.0, 210.0, 480.0),
         "The new model saves 210 to 480 USD per 1,000 flights against the model that answers now"),
        ((-300.0, -480.0, -210.0),
         "The new model costs 210 to 480 USD per 1,000 flights more against the model that answers now"),
        ((10.0, -30.0, 40.0),
         "Whether the new model saves anything against the model that answers now cannot be told: between "
         "30 USD per 1,000 flights lost and 40 saved"),
    ],
)  # fmt: skip
def test_the_business_hears_of_money(money: tuple[float, float, float], line: str) -> None:
    value = Value(name="champion.saving", value=money[0], low=money[1], high=money[2], unit="USD per 1,000 flights")
    assert business_line(evidence(delta(0.03, 0.02, 0.04), value), ()) == f"{line}; no checks are set."


def test_mistakes_without_a_price_are_no_verdict() -> None:
    value = Value(name="baseline.saving", value=-100, low=-205, high=-9.6, unit="errors per 1,000 rows")
    alone = evidence(delta(0.2, 0.1, 0.3, "over the baseline"), value, champion=None)
    assert business_line(alone, ()).startswith("The new model is better than giving every row the same answer by")


def test_the_constant_answer_counts_only_where_it_stands_in() -> None:
    value = Value(name="baseline.saving", value=300, low=200, high=400, unit="USD per 1,000 flights")
    assert "the model that answers now does; no checks" in business_line(evidence(delta(0, 0, 0), value), ())
    alone = evidence(delta(0.2, 0.1, 0.3, "over the baseline"), value, champion=None)
    assert "saves 200 to 400 USD per 1,000 flights against giving every row the same answer" in business_line(alone, ())


def test_without_money_it_hears_no_metric() -> None:
    line = business_line(evidence(delta(0.03, 0.02, 0.04)), ())
    assert line == (
        "The new model is better than the model that answers now by 0.0200 to 0.0400 in ranking quality; "
        "no checks are set."
    )
    worse = business_line(evidence(delta(-2, -3, -1, "minutes"), metric="rmse"), ())
    assert "is worse than the model that answers now by 1 to 3 minutes in typical error" in worse


def test_an_alert_and_a_decided_review_speak_for_themselves() -> None:
    review = Review(
        id="alert-1", project="p", gate="alert", digest="d", evidence_sha256="e", run="r1", cause=Cause(actor="a"),
        policy=GatePolicy(), opened=now(), subject="calibration broke in September.", state=ReviewState.APPROVED,
    )  # fmt: skip
    assert verdict_line(EvidenceSet(project="p", made=now(), records=()), (), review) == (
        "calibration broke in September; no checks are set; decided: approved."
    )
    assert (
        verdict_line(EvidenceSet(project="p", made=now(), records=()), ()) == "There is no evidence; no checks are set."
    )


@pytest.mark.parametrize(
    ("value", "shown"), [(0.12345, "0.123"), (27_000, "27,000"), (9.9e14, "990,000,000,000,000"), (-1e300, "-1e+300")]
)
def test_a_number_of_a_hundred_digits_is_not_written_out(value: float, shown: str) -> None:
    assert number(value) == shown
