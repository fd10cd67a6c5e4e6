"""Numbers as people read them: the same in the dossier, on the command line and in sentences of the evidence."""

from __future__ import annotations

import math

from signoff.core.evidence import Value


def number(value: float) -> str:
    """Three significant digits below 1000, thousands with commas above, an exponent where nobody counts the digits."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if abs(value) >= 1000 or (float(value).is_integer() and abs(value) >= 1):
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def closely(value: float) -> str:
    """Four significant digits, for values that lie near each other, without an exponent: 0.9245, 46,820."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def signed(value: float) -> str:
    """`number` with its sign, a plus too."""
    return f"+{number(value)}" if value > 0 else number(value)


def percent(share: float) -> str:
    """A share of 0 to 1 as a percentage."""
    return f"{share * 100:.1f} %" if 0 < share < 0.1 or 0.9 < share < 1 else f"{share * 100:.0f} %"


def span(value: Value) -> str:
    """' (0.70 to 0.72)', or nothing where there is no interval."""
    return "" if value.low is None or value.high is None else f" ({number(value.low)} to {number(value.high)})"


def told(value: Value) -> str:
    """The number, its unit and its interval."""
    return f"{number(value.value)}{' ' + value.unit if value.unit else ''}{span(value)}"
