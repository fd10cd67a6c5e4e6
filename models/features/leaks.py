"""Features that tell the outcome by themselves: more often a leak than luck."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features.columns import kind_of, texts
from signoff.core.data import FeaturePlan
from signoff.core.labels import label_texts
from signoff.core.settings import Project, Task

SUSPICIOUS_AUC = 0.98
SUSPICIOUS_R2 = 0.98
BINS = 64
SAMPLE_ROWS = 20_000


def suspects(train: pd.DataFrame, project: Project, plan: FeaturePlan) -> list[str]:
    """A loud sentence for each feature that alone ranks or explains the target almost perfectly.

    Values are put into at most 64 bins (missing is one), the target's mean of each bin is learned on one half of the
    rows and judged on the other half: ROC AUC of the best-told class above 0.98, or R² above 0.98 for a regression,
    where the square of Spearman's rank correlation counts too.
    """
    sample = train.sample(SAMPLE_ROWS, random_state=0) if len(train) > SAMPLE_ROWS else train
    half = np.random.default_rng(0).permutation(len(sample)) < len(sample) // 2
    outcomes = _outcomes(sample[project.target], project.task)
    found = []
    for name in plan.used():
        codes = _bins(sample[name])
        score = max(_score(codes, outcome, half, project.task) for outcome in outcomes)
        if project.task is Task.REGRESSION and kind_of(sample[name]) == "number" and sample[name].dtype != object:
            # Bins blur the ends of a long range; ranks do not.
            score = max(score, _rank_r2(sample[name], sample[project.target]))
        limit, said = (SUSPICIOUS_R2, "R²") if project.task is Task.REGRESSION else (SUSPICIOUS_AUC, "ROC AUC")
        if score > limit:
            found.append(
                f"LEAK? {name} alone tells {project.target} almost perfectly ({said} {score:.3f}): "
                "make sure that it is known when the question is asked, or drop it in features.yaml"
            )
    return found


def _outcomes(target: pd.Series, task: Task) -> list[NDArray[np.float64]]:
    if task is Task.REGRESSION:
        return [target.to_numpy(dtype=np.float64)]
    labels = label_texts(target)
    classes = sorted(labels.unique())
    wanted = classes[1:] if len(classes) == 2 else classes[:20]
    return [(labels == label).to_numpy(dtype=np.float64) for label in wanted]


def _bins(values: pd.Series) -> NDArray[np.int64]:
    """A bin for each row, of shape (n,); missing is bin 0."""
    kind = kind_of(values)
    if kind in ("category", "text", "boolean") or values.dtype == object:
        return pd.factorize(texts(values), sort=True)[0].astype(np.int64) + 1
    ranks = values.rank(method="dense").to_numpy(dtype=np.float64)
    most = np.nanmax(ranks, initial=1.0)
    if most > BINS:
        ranks = np.floor(values.rank(pct=True).to_numpy(dtype=np.float64) * (BINS - 1)) + 1
    return np.nan_to_num(ranks, nan=0.0).astype(np.int64)


def _score(codes: NDArray[np.int64], outcome: NDArray[np.float64], half: NDArray[np.bool_], task: Task) -> float:
    size = int(codes.max()) + 1
    rows = np.bincount(codes[half], minlength=size)
    sums = np.bincount(codes[half], weights=outcome[half], minlength=size)
    overall = float(outcome[half].mean())
    # One row of the overall mean keeps rare bins from looking sure; for amounts it would only blur.
    weight = 1e-9 if task is Task.REGRESSION else 1.0
    told = ((sums + weight * overall) / (rows + weight))[codes[~half]]
    judged = outcome[~half]
    if task is Task.REGRESSION:
        spread = float(((judged - judged.mean()) ** 2).sum())
        return 1.0 - float(((judged - told) ** 2).sum()) / spread if spread > 0 else 0.0
    return _auc(told, judged > 0.5)


def _rank_r2(values: pd.Series, target: pd.Series) -> float:
    known = values.notna()
    if values[known].nunique() < 2 or target[known].nunique() < 2:
        return 0.0
    share = float(known.mean())
    return share * float(np.corrcoef(values[known].rank(), target[known].rank())[0, 1]) ** 2


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney), ties counted half."""
    yes, no = int(positive.sum()), int((~positive).sum())
    if not yes or not no:
        return 0.0
    ranks = pd.Series(scores).rank().to_numpy(dtype=np.float64)
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))
