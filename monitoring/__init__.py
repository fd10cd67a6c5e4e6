"""Evidently: windows, drift, performance, alerts."""
