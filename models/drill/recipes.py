"""Faults of the recipe: too slow, overfitted, worse than the champion."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Any

from models.drill.fault import Bench, Fault, Shown
from models.search.families import family_of
from models.search.fitting import fit
from signoff.core.data import FeaturePlan
from signoff.core.errors import RefusedError
from signoff.core.evidence import EvidenceSet
from signoff.core.numbers import number, percent, signed
from signoff.core.search import Recipe

if TYPE_CHECKING:
    import pandas as pd

TRIED_TREES, FEWEST_TREES, MOST_TREES = 100, 400, 8000
CALLS = 20
LEAST_SLOWER, LEAST_MILLISECONDS = 4.0, 20.0
LEARNED_ROWS = 2000
LOST = 0.3
"""Share of the gain on training rows that is lost on new ones, from which the evidence itself warns."""


class TooSlow(Fault):
    """A forest of very many small trees: as good as before, and each answer takes many times as long."""

    def __init__(self, bench: Bench, raw: pd.DataFrame) -> None:
        super().__init__(bench, raw)
        self.share = min(0.5, LEARNED_ROWS / len(raw))
        self.sample = raw.sample(min(len(raw), LEARNED_ROWS), random_state=bench.seed % 2**31).reset_index(drop=True)

    def recipes(self, recipe: Recipe) -> Iterator[Recipe]:
        normal = self.bench.normal("operations.latency_p95")
        usual = normal.value if normal is not None else 0.0
        wanted = max(LEAST_SLOWER * usual, usual + LEAST_MILLISECONDS)
        first = int(1.5 * wanted / self._milliseconds_a_tree(recipe))
        for trees in dict.fromkeys(min(max(first * more, FEWEST_TREES), MOST_TREES) for more in (1, 2, 4)):
            yield self._forest(recipe, trees, self.share)

    def _forest(self, recipe: Recipe, trees: int, share: float) -> Recipe:
        small = {"min_samples_leaf": 5, "max_features": 0.5, "bootstrap": True, "max_samples": share}
        return _forest(recipe, {"n_estimators": trees, **small}, self.bench.seed)

    def _milliseconds_a_tree(self, recipe: Recipe) -> float:
        """Tried on a small forest: how many trees are slow depends on the machine."""
        pipeline = fit(self.sample, self._forest(recipe, TRIED_TREES, 0.5))
        row = self.sample[list(recipe.features.used())].iloc[[0]]
        times = []
        for _ in range(CALLS):
            started = time.perf_counter()
            pipeline.predict(row)
            times.append((time.perf_counter() - started) * 1000)
        return max(median(times) / TRIED_TREES, 0.005)

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        name = "operations.latency_p95"
        slow, normal = evidence.values().get(name), self.bench.normal(name)
        if slow is None or normal is None:
            return None
        if slow.value < max(LEAST_SLOWER * normal.value, normal.value + LEAST_MILLISECONDS):
            return None
        return Shown(name, f"One answer takes {number(slow.value)} ms; before it took {number(normal.value)} ms.")


class Overfitted(Fault):
    """One tree that was grown until it knew every training row."""

    def recipes(self, recipe: Recipe) -> Iterator[Recipe]:
        grown = {"min_samples_leaf": 1, "max_features": 1.0, "bootstrap": False, "max_samples": None}
        yield _forest(recipe, {"n_estimators": 1, **grown}, self.bench.seed)

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        values, metric = evidence.values(), self.bench.metric
        heart, lost = values.get("overfit.gap"), values.get("overfit.gap_share")
        if heart is not None and heart.low is not None and heart.low > 0 and lost is not None and lost.value >= LOST:
            said = (
                f"{percent(min(lost.value, 9.99))} of what it gained on the rows it learned from is lost on new ones."
            )
            return Shown(heart.name, said)
        gap, normal = values.get("holdout.calibration_gap"), self.bench.normal("holdout.calibration_gap")
        if gap is not None and normal is not None and gap.low is not None and gap.low > max(2 * normal.value, 0.02):
            said = f"Its sureness is off by {number(gap.value)}; before by {number(normal.value)}."
            return Shown(gap.name, said)
        name = f"holdout.{metric.name}"
        value, before = values.get(name), self.bench.normal(name)
        if value is None or before is None or before.low is None or before.high is None:
            return None
        worse = value.value < before.low if metric.greater_is_better else value.value > before.high
        said = f"{metric.label} on rows it never saw is {number(value.value)}; before {number(before.value)}."
        return Shown(name, said) if worse else None


class WorseThanChampion(Fault):
    """The features that matter are left out, ever more of them."""

    def __init__(self, bench: Bench, raw: pd.DataFrame) -> None:
        super().__init__(bench, raw)
        if not bench.champion:
            raise RefusedError(
                "there is no champion that a candidate could be worse than",
                next_step="release a candidate first, or see signoff drill --list for another kind",
            )

    def recipes(self, recipe: Recipe) -> Iterator[Recipe]:
        found = next((record for record in self.bench.before.records if record.kind == "importance"), None)
        ranked = [str(row[0]) for row in found.table.rows] if found is not None and found.table is not None else []
        used = list(recipe.features.used())
        ranked = [name for name in ranked if name in used] + [name for name in used if name not in ranked]
        for left_out in dict.fromkeys((max(1, len(used) // 3), max(1, 2 * len(used) // 3), len(used) - 1)):
            if left_out < len(used):
                yield recipe.model_copy(update={"features": _without(recipe.features, set(ranked[:left_out]))})
        yield recipe.model_copy(update={"family": "baseline", "parameters": {}})

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        delta, normal = evidence.values().get("champion.delta"), self.bench.normal("champion.delta")
        if delta is None or delta.high is None or delta.high >= 0:
            return None
        if normal is not None and delta.value >= normal.value:
            return None
        said = f"{self.bench.metric.label} lies {signed(delta.value)} from the champion's on the same rows."
        return Shown(delta.name, said)


def _forest(recipe: Recipe, parameters: dict[str, Any], seed: int) -> Recipe:
    known = family_of("extra_trees").defaults
    merged = {**known, **parameters}
    return recipe.model_copy(update={"family": "extra_trees", "parameters": merged, "seed": seed % 2**31})


def _without(plan: FeaturePlan, names: set[str]) -> FeaturePlan:
    steps = [
        step.model_copy(update={"action": "drop", "reason": "excluded by request"}) if step.column in names else step
        for step in plan.steps
    ]
    return FeaturePlan(steps=tuple(steps))
