"""Which trial comes next: first the defaults of every family, then tuning where it pays most."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import optuna

from models.search.families import Family, family_of
from models.search.history import STATES, Attempt, as_optuna, distributions
from models.search.orders import Order

BATCH = 4
"""Trials proposed from the same knowledge. A constant, so that the number of workers changes no proposal."""
STARTUP = 6
"""Attempts of a family before its sampler trusts what it has seen."""
PRUNE_AFTER = 4
"""Complete attempts of a family before a weak first fold ends one."""


@dataclass(frozen=True)
class Proposer:
    """Proposals that depend on seed, number and finished attempts alone, so a killed search goes on as it would have.

    Attributes:
        families: what may be tried.
        greater_is_better: direction of the metric.
        seed: of the samplers.
    """

    families: tuple[Family, ...]
    greater_is_better: bool
    seed: int

    def defaults(self) -> list[Family]:
        """The families in the order in which their defaults are tried: cheapest first."""
        return sorted(self.families, key=lambda family: family.cost)

    def default_order(self, number: int, family: Family) -> Order:
        """A family's first parameters; never pruned."""
        return Order(number=number, family=family.name, parameters=dict(family.defaults))

    def batch(self, first: int, attempts: Sequence[Attempt], size: int = BATCH) -> list[Order]:
        """Orders number `first` to `first + size - 1` from what `attempts` taught; empty when nothing can be tuned."""
        orders: list[Order] = []
        for number in range(first, first + size):
            family = self.next_family(attempts, [order.family for order in orders])
            if family is None:
                break
            orders.append(self.tuned_order(number, family, attempts, orders))
        return orders

    def next_family(
        self,
        attempts: Sequence[Attempt],
        under_way: Sequence[str] = (),
        fits: Callable[[Family], bool] = lambda _: True,
    ) -> Family | None:
        """The family whose turn it is: the best has twice the turns of the second, four times those of the third.

        Args:
            attempts: what is finished.
            under_way: families of trials that were begun and are not finished.
            fits: whether a trial of the family still fits into the time that is left.
        """
        best = self._best_scores(attempts)
        ranked = sorted(
            (family for family in self.families if family.name in best and family.space), key=lambda f: f.rank
        )
        ranked.sort(key=lambda family: best[family.name], reverse=self.greater_is_better)
        turns = Counter(attempt.order.family for attempt in attempts) + Counter(under_way)
        claims = {family.name: 0.5**place / turns[family.name] for place, family in enumerate(ranked) if fits(family)}
        return family_of(max(claims, key=lambda name: claims[name])) if claims else None

    def tuned_order(
        self, number: int, family: Family, attempts: Sequence[Attempt], under_way: Sequence[Order] = ()
    ) -> Order:
        """The family's next start, or when all were made, parameters by its sampler, begun anew for each number.

        Args:
            number: of the trial.
            family: whose turn it is.
            attempts: what is finished.
            under_way: trials that were begun, or are about to be, and are not finished.
        """
        own = sorted((a for a in attempts if a.order.family == family.name), key=lambda a: a.order.number)
        made = [order.parameters for order in (*(attempt.order for attempt in own), *under_way)]
        for start in family.starts:
            if (parameters := {**family.defaults, **start}) not in made:
                return Order(number=number, family=family.name, parameters=parameters, cutoff=self._cutoff(own))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=self._seed_of(number), multivariate=True, n_startup_trials=STARTUP, constant_liar=False
            )
        study = optuna.create_study(sampler=sampler, direction="maximize" if self.greater_is_better else "minimize")
        study.add_trials([as_optuna(attempt) for attempt in own if attempt.result.state in STATES])
        space = {f"{family.name}.{name}": kind for name, kind in distributions(family).items()}
        found = study.ask(space).params
        parameters = {**family.defaults, **{name.partition(".")[2]: value for name, value in found.items()}}
        return Order(number=number, family=family.name, parameters=parameters, cutoff=self._cutoff(own))

    def _cutoff(self, own: Sequence[Attempt]) -> float | None:
        """The median rule: a first fold below the median of the family's first folds is not worth the others."""
        firsts = [attempt.result.fold_scores[0] for attempt in own if attempt.result.state == "complete"]
        return median(firsts) if len(firsts) >= PRUNE_AFTER else None

    def _best_scores(self, attempts: Sequence[Attempt]) -> dict[str, float]:
        pick = max if self.greater_is_better else min
        best: dict[str, float] = {}
        for attempt in attempts:
            if (score := attempt.result.score) is not None:
                name = attempt.order.family
                best[name] = pick(best.get(name, score), score)
        return best

    def _seed_of(self, number: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{number}".encode()).digest()[:4])
