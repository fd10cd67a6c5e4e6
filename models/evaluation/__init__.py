"""Metrics, intervals and evidence records about one fitted model."""

from models.evaluation.case import Case, Past, gather
from models.evaluation.evaluate import evaluate, metrics_of_evidence

__all__ = ["Case", "Past", "evaluate", "gather", "metrics_of_evidence"]
