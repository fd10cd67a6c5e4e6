"""When which trial is begun: by a number of trials, repeatably, or by the seconds that are left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Protocol

from models.search.families import Family
from models.search.history import Attempt
from models.search.orders import Order
from models.search.proposals import BATCH, Proposer


class Schedule(Protocol):
    """Gives the next trial as long as there is one."""

    def next_order(self, attempts: Sequence[Attempt], running: Sequence[Order]) -> Order | None:
        """The trial to begin now; None to wait for the running ones, or to end when there are none."""


class ByTrials:
    """`total` trials, the same ones in every passage, whatever was killed in between.

    Numbers are given in batches; a batch is proposed when all before it is finished, and from that alone.
    """

    def __init__(self, proposer: Proposer, total: int) -> None:
        self._proposer, self._total = proposer, total
        self._defaults = proposer.defaults()[:total]
        self._batches: dict[int, list[Order]] = {}

    def next_order(self, attempts: Sequence[Attempt], running: Sequence[Order]) -> Order | None:
        """See Schedule."""
        finished = {attempt.order.number for attempt in attempts}
        taken = finished | {order.number for order in running}
        for number, family in enumerate(self._defaults):
            if number not in taken:
                return self._proposer.default_order(number, family)
        for first in range(len(self._defaults), self._total, BATCH):
            numbers = range(first, min(first + BATCH, self._total))
            if finished.issuperset(numbers):
                continue
            if not finished.issuperset(range(first)):
                return None
            waiting = [order for order in self._batch(first, attempts, len(numbers)) if order.number not in taken]
            return waiting[0] if waiting else None
        return None

    def _batch(self, first: int, attempts: Sequence[Attempt], size: int) -> list[Order]:
        if first not in self._batches:
            known = [attempt for attempt in attempts if attempt.order.number < first]
            self._batches[first] = self._proposer.batch(first, known, size)
        return self._batches[first]


class BySeconds:
    """As many trials as fit before `deadline` (time.monotonic); none is begun that is known to take longer."""

    def __init__(self, proposer: Proposer, deadline: float) -> None:
        self._proposer, self._deadline = proposer, deadline

    def next_order(self, attempts: Sequence[Attempt], running: Sequence[Order]) -> Order | None:
        """See Schedule."""
        number = 1 + max((o.number for o in (*(a.order for a in attempts), *running)), default=-1)
        begun = {attempt.order.family for attempt in attempts if attempt.result.state != "timeout"}
        begun |= {order.family for order in running}
        for family in self._proposer.defaults():
            if family.name not in begun:
                return self._proposer.default_order(number, family)
        left = self._deadline - time.monotonic()
        chosen = self._proposer.next_family(
            attempts, [order.family for order in running], lambda family: expected_seconds(family, attempts) <= left
        )
        return None if chosen is None else self._proposer.tuned_order(number, chosen, attempts, running)


def expected_seconds(family: Family, attempts: Sequence[Attempt]) -> float:
    """Median duration of the family's complete trials; 0 when there is none."""
    known = [a.result.seconds for a in attempts if a.order.family == family.name and a.result.state == "complete"]
    return median(known) if known else 0.0
