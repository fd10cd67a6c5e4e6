"""Load before it is asked for what fitting and judging load on use."""

from __future__ import annotations

import importlib

from signoff.core.settings import FAMILIES


def load_tools() -> None:
    """Import every library that a pipeline or its evidence may need; takes seconds."""
    from models.search.workers import load_meanwhile

    for name in (
        "skrub",
        "optuna",
        "plotly",
        "models.features",
        "models.evaluation.evaluate",
        "models.evaluation.curves",
    ):
        importlib.import_module(name)
    load_meanwhile(FAMILIES)
