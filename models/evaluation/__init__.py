"""Metrics, intervals and evidence records about one fitted model."""
