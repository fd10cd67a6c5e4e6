"""Records of the search: trials, leaderboard, recipe, fitted model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from signoff.core.data import FeaturePlan
from signoff.core.record import Record
from signoff.core.settings import Task

ContenderKind = Literal["baseline", "glassbox", "manual", "automatic", "ensemble"]


class Recipe(Record):
    """The JSON from which `fit` builds the chosen pipeline again, bit for bit."""

    format: Literal[1] = 1
    task: Task
    target: str
    positive: str | int | float | bool | None = None
    classes: tuple[str, ...] = Field(
        (), description="labels as text, in the order of the model's outputs; empty for regression"
    )
    family: str
    parameters: dict[str, Any]
    features: FeaturePlan
    seed: int
    threshold: float | None = Field(None, description="probability from which a binary answer is yes")


class Trial(Record):
    """One attempt, whatever became of it."""

    number: int
    family: str
    state: Literal["complete", "failed", "timeout", "memory", "pruned"]
    parameters: dict[str, Any]
    fold_scores: tuple[float, ...] = ()
    score: float | None = Field(None, description="mean over folds, in the metric's own direction")
    seconds: float
    reason: str = ""


class Contender(Record):
    """One line of the leaderboard: the best trial of a family."""

    name: str
    kind: ContenderKind
    family: str
    trial: int
    score: float
    fold_scores: tuple[float, ...]
    chosen: bool = False


class Leaderboard(Record):
    """What the search did and which contender it took, by which rule."""

    metric: str
    greater_is_better: bool
    contenders: tuple[Contender, ...] = Field(description="best first")
    trials: tuple[Trial, ...]
    rule: str = Field(description="the rule by which one was chosen, in one sentence")
    budget: str
    seconds: float


class ModelRecord(Record):
    """artifacts/model/model.json, beside model.bin."""

    format: Literal[1] = 1
    recipe_sha256: str
    model_sha256: str
    digest: str = Field(description="over recipe and model bytes: digest.model_digest")
    rows: int
    inputs: dict[str, str] = Field(
        description="columns a caller must send: name: number, category, text, datetime or boolean"
    )
