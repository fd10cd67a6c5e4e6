"""The metrics a project may name: task, direction, label. Computing them is the work of models/."""

from __future__ import annotations

from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.record import Record
from signoff.core.settings import Task


class Metric(Record):
    """One metric by its standard name."""

    name: str
    label: str
    greater_is_better: bool
    tasks: tuple[Task, ...]
    sentence: str


_CLASSES = (Task.BINARY, Task.MULTICLASS)
METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="roc_auc", label="ROC AUC", greater_is_better=True, tasks=(Task.BINARY,),
               sentence="how often a random yes is ranked above a random no; 0.5 is a coin, 1 is perfect"),
        Metric(name="average_precision", label="average precision", greater_is_better=True, tasks=(Task.BINARY,),
               sentence="mean share of true alarms over all thresholds; the share of yes is the floor"),
        Metric(name="brier", label="Brier score", greater_is_better=False, tasks=(Task.BINARY,),
               sentence="mean squared distance between the stated probability and what happened; 0 is perfect"),
        Metric(name="log_loss", label="log loss", greater_is_better=False, tasks=_CLASSES,
               sentence="how surprised the stated probabilities are by what happened; 0 is perfect"),
        Metric(name="accuracy", label="accuracy", greater_is_better=True, tasks=_CLASSES,
               sentence="share of right answers"),
        Metric(name="balanced_accuracy", label="balanced accuracy", greater_is_better=True, tasks=_CLASSES,
               sentence="share of right answers, each class weighing the same"),
        Metric(name="rmse", label="RMSE", greater_is_better=False, tasks=(Task.REGRESSION,),
               sentence="typical size of an error, large ones weighing more, in the target's unit"),
        Metric(name="mae", label="MAE", greater_is_better=False, tasks=(Task.REGRESSION,),
               sentence="mean size of an error in the target's unit"),
        Metric(name="r2", label="R²", greater_is_better=True, tasks=(Task.REGRESSION,),
               sentence="share of the target's variation that the model explains"),
    )
}  # fmt: skip
DEFAULTS = {Task.BINARY: "roc_auc", Task.MULTICLASS: "log_loss", Task.REGRESSION: "rmse"}


def metric_for(task: Task, name: str | None) -> Metric:
    """The metric of that name, or the task's default.

    Raises:
        SettingsError: there is no such metric, or it does not fit the task.
    """
    name = name or DEFAULTS[task]
    fitting = {metric.name: metric for metric in METRICS.values() if task in metric.tasks}
    if name not in fitting:
        raise SettingsError(
            f"search.metric {name!r} does not fit a {task} task",
            where="signoff.yaml",
            allowed=did_you_mean(name, fitting),
        )
    return fitting[name]
