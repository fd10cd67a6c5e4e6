"""report.html of a window: the verdict first, then what it rests on; Evidently's report folded in behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring.checks import label_of
from monitoring.history import Moment, series_of
from signoff.core.monitoring import WindowReport

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH, HEIGHT = 320, 120


def render_page(report: WindowReport, history: Sequence[Moment], *, question: str, evidently: str | None) -> str:
    """One self-contained page, light and dark.

    Args:
        report: the window.
        history: earlier windows of the same model and this one, oldest first.
        question: what the model answers, as the project says it.
        evidently: a whole HTML page, or None.
    """
    return _template().render(
        report=report,
        question=question,
        label=label_of,
        chance=_chance,
        drift=sorted(report.drift, key=lambda found: (not found.drifted, -found.score)),
        lines=[(label_of(name), _line([m.values[name] for m in seen])) for name, seen in series_of(report, history)],
        calibration=_calibration(report),
        # "</" inside a script element would end it.
        evidently=None if evidently is None else json.dumps(evidently).replace("<", "\\u003c"),
    )


def _chance(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return "< 1e-6" if p_value < 1e-6 else f"{p_value:.1e}" if p_value < 0.001 else f"{p_value:.3f}"


def _line(values: Sequence[float]) -> dict[str, Any]:
    """An SVG line through values at even distances, with its extremes."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (WIDTH - 20) / max(1, len(values) - 1)
    points = [
        (10 + place * step, HEIGHT - 15 - (value - low) / span * (HEIGHT - 30)) for place, value in enumerate(values)
    ]
    return {"points": points, "low": low, "high": high, "last": values[-1], "width": WIDTH, "height": HEIGHT}


def _calibration(report: WindowReport) -> dict[str, Any] | None:
    """Dots of foretold against observed on one scale for both, so that the diagonal is what should be."""
    table = report.performance.calibration
    if table is None:
        return None
    bins = [(float(row[0] or 0), float(row[1] or 0), int(row[2] or 0)) for row in table.rows]
    low = min(min(p, o) for p, o, _ in bins)
    high = max(max(p, o) for p, o, _ in bins)
    span = (high - low) or 1.0
    dots = [(20 + 200 * (p - low) / span, 220 - 200 * (o - low) / span, p, o, rows) for p, o, rows in bins]
    return {"dots": dots, "low": low, "high": high}


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("window.html")
