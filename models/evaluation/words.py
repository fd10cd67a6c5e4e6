"""Names that gate checks can refer to, lists in sentences, and values with their intervals."""

from __future__ import annotations

import math
import re

import numpy as np

from signoff.core.evidence import Value


def sentence(text: str) -> str:
    """With a capital at the beginning and one full stop at the end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def part_of_name(text: str) -> str:
    """`text` with only what `Value.name` allows: other characters become a hyphen."""
    return re.sub(r"[^A-Za-z0-9_<>=:\- ]", "-", text)[:60] or "-"


def listed(names: list[str], most: int = 5) -> str:
    """'a, b and c', or 'a, b, c and 4 more'."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def measured(name: str, value: float, draws: np.ndarray | None, interval: float, unit: str = "") -> Value | None:
    """A value with its percentile interval from resampled draws; None where the number is not defined.

    Percentile intervals: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not math.isfinite(value):
        return None
    low = high = None
    if draws is not None:
        kept = draws[np.isfinite(draws)]
        if kept.size >= 10:
            tail = (1 - interval) / 2
            low, high = (float(edge) for edge in np.quantile(kept, [tail, 1 - tail]))
    return Value(name=name, value=float(value), low=low, high=high, unit=unit)
