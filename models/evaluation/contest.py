"""champion: the model against what answers now, on the same rows."""

from __future__ import annotations

from models.evaluation.case import Case
from models.evaluation.headline import paired
from models.evaluation.scores import score_of
from models.evaluation.words import measured, sentence
from signoff.core.evidence import Evidence, Value
from signoff.core.numbers import number, signed, span
from signoff.core.settings import Task


def champion(case: Case) -> Evidence:
    """champion.delta: positive when the model is better. Without a champion that can answer, the baseline stands in."""
    theirs = case.champion.answers
    stands_in = theirs is None
    delta = paired(case, "champion.delta", theirs if theirs is not None else case.baseline)
    metric = case.metric
    if delta and stands_in:
        delta = delta.model_copy(update={"unit": f"{delta.unit} over the baseline".strip()})
    values = [delta] if delta else []
    if theirs is not None:
        value = measured(f"champion.{metric.name}", case.resamples.value(score_of(metric.name, theirs)), None, 0.95)
        values += [value] if value else []
    verdict = _verdict(case, delta)
    if stands_in:
        reason = case.champion.why
        business = f"{sentence(f'{reason}; the constant baseline stands in for it')} {verdict}"
    elif case.champion.same:
        business = "The champion is this very model, byte for byte."
    else:
        business = verdict
    return Evidence(
        kind="champion",
        title="Against the champion",
        business=business,
        expert=_expert(case, delta, stands_in),
        values=tuple(values),
        matters="Release checks on champion.delta read this difference; positive means that the new model is better.",
    )


def _verdict(case: Case, delta: Value | None) -> str:
    other = "the constant baseline" if case.champion.answers is None else f"the champion ({case.champion.family})"
    if delta is None:
        return f"{case.metric.label} is not defined on these rows, so it cannot be compared with {other}."
    amount = f"{case.metric.label} by {number(abs(delta.value))}"
    if delta.low is not None and delta.low > 0:
        return f"The new model is better than {other}: {amount}."
    if delta.high is not None and delta.high < 0:
        return f"The new model is worse than {other}: {amount}."
    return f"The new model cannot be told apart from {other} on these rows."


def _expert(case: Case, delta: Value | None, stands_in: bool) -> str:
    difference = f"{signed(delta.value)}{span(delta)}" if delta else "not defined"
    what = "the constant baseline" if stands_in else f"champion {(case.champion.digest or '')[:12]}"
    caveat = ""
    if not stands_in and not case.champion.same and case.project.split.kind != "time":
        caveat = " The champion may have been trained on some of these rows, which flatters it."
    threshold = " Each answers by its own threshold." if case.task is Task.BINARY else ""
    return (
        f"Paired bootstrap difference of {case.metric.label} to {what}, in the metric's good direction, on the same "
        f"{len(case.answers):,} rows: {difference}.{threshold}{caveat}"
    )
