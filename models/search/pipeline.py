"""From a family, its parameters and the feature plan to an unfitted pipeline."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from models.features import build_preprocessor
from models.search.families import Family, Parameters
from signoff.core.data import FeaturePlan
from signoff.core.settings import Task


def build_features(family: Family, plan: FeaturePlan) -> Any | None:
    """The unfitted preprocessing of a family, or None for one that does not look at the features."""
    if family.flavour is None:
        return None
    flavour = family.flavour
    return build_preprocessor(plan, for_trees=flavour.for_trees, categorical_native=flavour.categorical_native)


def build_pipeline(family: Family, parameters: Parameters, plan: FeaturePlan, task: Task, seed: int) -> Pipeline:
    """Preprocessing and estimator in one, unfitted."""
    features = build_features(family, plan)
    steps = [] if features is None else [("features", features)]
    return Pipeline([*steps, ("model", family.estimator(parameters, task, seed))])
