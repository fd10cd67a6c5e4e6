"""Prefect flows: order, branches, schedules. Each reads like a table of contents."""
