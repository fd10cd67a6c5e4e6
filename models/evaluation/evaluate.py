"""From a case to the evidence: which records there are, in the order in which a reviewer reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.evaluation.case import Case
from models.evaluation.contest import champion
from models.evaluation.headline import baseline, holdout
from models.evaluation.importance import importance, leak
from models.evaluation.origins import data, validation
from models.evaluation.ranking import confusion, precision_recall, roc
from models.evaluation.reliability import calibration
from models.evaluation.residuals import errors
from models.evaluation.slices import fairness, slices
from models.evaluation.thresholds import threshold
from models.evaluation.workings import operations, search
from signoff.core.evidence import Evidence, EvidenceSet
from signoff.core.progress import Progress, Silent
from signoff.core.record import now
from signoff.core.settings import Task

BY_TASK: dict[Task, tuple[Callable[[Case], Evidence | None], ...]] = {
    Task.BINARY: (calibration, threshold, roc, precision_recall),
    Task.MULTICLASS: (calibration, confusion, roc),
    Task.REGRESSION: (calibration, errors),
}


def evaluate(case: Case, progress: Progress | None = None) -> EvidenceSet:
    """All evidence about one model on one holdout.

    Everything but `made` and the operations record is repeatable: the same case gives the same numbers.

    Raises:
        DataError: an answer of the model is not a finite number.
    """
    listener = progress or Silent()
    records = []
    for record in _records(case):
        records.append(record)
        listener.step(record.title, min(0.95, 0.2 + 0.06 * len(records)))
    return EvidenceSet(project=case.project.project, made=now(), champion=case.champion.digest, records=tuple(records))


def metrics_of_evidence(evidence: EvidenceSet) -> dict[str, float]:
    """Numbers by name for `dvc metrics diff`: all that are repeatable, so no timings.

    Ten significant digits: the last bits of a sum depend on the number of threads.
    """
    timed = {"operations.latency_p50", "operations.latency_p95", "operations.batch_speed"}
    return {name: float(f"{value.value:.10g}") for name, value in evidence.values().items() if name not in timed}


def _records(case: Case) -> Iterator[Evidence]:
    yield holdout(case)
    yield champion(case)
    yield baseline(case)
    for record in (make(case) for make in BY_TASK[case.task]):
        if record is not None:
            yield record
    found = importance(case)
    if (suspicion := leak(found)) is not None:
        yield suspicion
    yield found
    for column in dict.fromkeys((*case.project.evaluate.slices, *case.project.data.sensitive)):
        yield slices(case, column)
    if (gaps := fairness(case)) is not None:
        yield gaps
    yield data(case)
    yield validation(case.validation)
    yield search(case.leaderboard)
    yield operations(case)
