"""From a case to the evidence: which records there are, in the order in which a reviewer reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.evaluation.case import Case
from models.evaluation.contest import champion, disagreement
from models.evaluation.drivers import drivers
from models.evaluation.headline import baseline, holdout
from models.evaluation.importance import importance
from models.evaluation.leaks import leak_check, suspicion
from models.evaluation.lineage import lineage
from models.evaluation.origins import data, validation
from models.evaluation.overfit import overfit
from models.evaluation.past import champion_data
from models.evaluation.ranking import confusion, precision_recall, roc
from models.evaluation.reliability import calibration
from models.evaluation.residuals import distribution, errors
from models.evaluation.searching import search
from models.evaluation.slices import fairness, slices
from models.evaluation.thresholds import confusion_at, threshold
from models.evaluation.workings import operations
from signoff.core.evidence import Evidence, EvidenceSet
from signoff.core.progress import Progress, Silent
from signoff.core.record import now
from signoff.core.settings import Task

BY_TASK: dict[Task, tuple[Callable[[Case], Evidence | None], ...]] = {
    Task.BINARY: (threshold, confusion_at, calibration, roc, precision_recall),
    Task.MULTICLASS: (calibration, confusion, roc),
    Task.REGRESSION: (calibration, errors, distribution),
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
        listener.step(record.title, min(0.95, 0.2 + 0.035 * len(records)))
    return EvidenceSet(project=case.project.project, made=now(), champion=case.champion.digest, records=tuple(records))


def metrics_of_evidence(evidence: EvidenceSet) -> dict[str, float]:
    """Numbers by name for `dvc metrics diff`: all that are repeatable, so no timings.

    Ten significant digits: the last bits of a sum depend on the number of threads.
    """
    timed = {"operations.latency_p50", "operations.latency_p95", "operations.batch_speed", "search.seconds"}
    return {name: float(f"{value.value:.10g}") for name, value in evidence.values().items() if name not in timed}


def _records(case: Case) -> Iterator[Evidence]:
    yield holdout(case)
    yield champion(case)
    yield from _there(disagreement(case))
    yield baseline(case)
    for make in BY_TASK[case.task]:
        yield from _there(make(case))
    yield overfit(case)
    found, check = importance(case), leak_check(case)
    yield from _there(suspicion(case, check, found))
    yield found
    yield from _there(drivers(case, found))
    yield check
    for column in dict.fromkeys((*case.project.evaluate.slices, *case.project.data.sensitive)):
        yield slices(case, column)
    yield from _there(fairness(case))
    yield data(case)
    yield from _there(champion_data(case))
    yield validation(case.validation)
    yield search(case.leaderboard)
    yield operations(case)
    yield lineage(case)


def _there(record: Evidence | None) -> tuple[Evidence, ...]:
    return () if record is None else (record,)
