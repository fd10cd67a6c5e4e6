"""Great Expectations: propose, store, run, explain."""

from __future__ import annotations

from expectations.proposal import propose
from expectations.run import run_suite
from expectations.suite import Expectation, Suite, load_suite, save_suite

__all__ = ["Expectation", "Suite", "load_suite", "propose", "run_suite", "save_suite"]
