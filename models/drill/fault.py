"""What a fault may change on the way from the rows to the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from signoff.core.evidence import EvidenceSet, Value
from signoff.core.metrics import Metric, metric_for
from signoff.core.search import Recipe
from signoff.core.settings import Project

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Bench:
    """What a drill starts from: the workspace's own candidate, which is only read.

    Args:
        recipe: of that candidate.
        before: its evidence, which tells what is normal here.
        champion: whether there is a champion to compare with.
        seed: of everything that is drawn.
    """

    project: Project
    recipe: Recipe
    before: EvidenceSet
    champion: bool
    seed: int

    @property
    def metric(self) -> Metric:
        """The metric by which the project judges."""
        return metric_for(self.project.task, self.project.search.metric)

    def normal(self, name: str) -> Value | None:
        """A number of the workspace's own candidate."""
        return self.before.values().get(name)


@dataclass(frozen=True)
class Shown:
    """The number in the evidence that is off, and a sentence about it."""

    name: str
    sentence: str


class Fault:
    """One way of making a bad candidate. Draws are repeatable: the same seed and rows give the same candidate.

    Attributes:
        searches: whether the search has to be run on the spoiled rows; else its recipe is spoiled.
    """

    searches = False

    def __init__(self, bench: Bench, raw: pd.DataFrame) -> None:
        """Choose what to spoil.

        Args:
            bench: what it starts from.
            raw: the snapshot's rows.

        Raises:
            RefusedError: this project cannot have a drill of this kind, and why.
        """
        self.bench = bench
        self.random = np.random.default_rng(bench.seed)

    def project(self) -> Project:
        """The settings under which the candidate is made."""
        return self.bench.project

    def raw(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that are cut in two."""
        return frame

    def train(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that are learned from."""
        return frame

    def recipes(self, recipe: Recipe) -> Iterator[Recipe]:
        """Recipes to try until the evidence shows the fault, each worse than the one before."""
        yield recipe

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        """Where the evidence shows the fault; None where it does not, or not clearly."""
        raise NotImplementedError
