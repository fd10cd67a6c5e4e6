"""Feature steps, splits and the preprocessing in front of a model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from signoff.core.data import FeaturePlan

if TYPE_CHECKING:
    from models.features.inputs import coerce_inputs, input_kinds
    from models.features.plan import apply_steering, propose_plan
    from models.features.plan_file import load_plan
    from models.features.profile import profile_rows
    from models.features.proposal import ensure_plan
    from models.features.split import folds, split_rows

__all__ = [
    "apply_steering",
    "build_preprocessor",
    "coerce_inputs",
    "ensure_plan",
    "folds",
    "input_kinds",
    "load_plan",
    "profile_rows",
    "propose_plan",
    "split_rows",
]


_HOMES = {
    "apply_steering": "plan",
    "coerce_inputs": "inputs",
    "ensure_plan": "proposal",
    "folds": "split",
    "input_kinds": "inputs",
    "load_plan": "plan_file",
    "profile_rows": "profile",
    "propose_plan": "plan",
    "split_rows": "split",
}


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for: whoever only checks features.yaml needs no pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def build_preprocessor(plan: FeaturePlan, *, for_trees: bool, categorical_native: bool) -> Any:
    """The unfitted preprocessing of a plan: a scikit-learn transformer, to be fitted inside folds only.

    Args:
        plan: its used columns, in order.
        for_trees: missing values stay NaN and nothing is scaled; else numbers are squashed to about -3..3 and filled.
        categorical_native: small categories come out as pandas categories (a DataFrame); else an array comes out.
    """
    # scikit-learn and skrub take seconds to import; cutting a holdout needs neither.
    from models.features.preprocess import TablePreprocessor

    columns = tuple((step.column, step.action) for step in plan.steps if step.action != "drop")
    return TablePreprocessor(columns, for_trees=for_trees, categorical_native=categorical_native)
