"""Plotly figures as plain JSON: mid-tone colours that stand on light and on dark; fonts and grid are the page's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MAIN, SECOND, QUIET = "#3f7cc4", "#d9822b", "#8a8f98"
POINTS = 200
"""Points kept of a curve: more are not seen."""


def numbers(values: Iterable[float]) -> list[float | None]:
    """Plain floats of five significant digits; what is not finite becomes a gap."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]


def line(x: Iterable[float], y: Iterable[float], name: str, colour: str = MAIN, **more: Any) -> dict[str, Any]:
    """A line without markers."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": numbers(x),
        "y": numbers(y),
        "name": name,
        "line": {"color": colour, "width": 2},
        **more,
    }


def dashed(x: Iterable[float], y: Iterable[float], name: str) -> dict[str, Any]:
    """A reference to compare with."""
    quiet = line(x, y, name, QUIET)
    return {**quiet, "line": {"color": QUIET, "width": 1.5, "dash": "dot"}, "hoverinfo": "skip"}


def points(x: Iterable[float], y: Iterable[float], name: str, colour: str = MAIN, **more: Any) -> dict[str, Any]:
    """Markers joined by a line when `mode` says so."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(x),
        "y": numbers(y),
        "name": name,
        "marker": {"color": colour, "size": 8},
        **more,
    }


def lying_bars(labels: Sequence[str], values: Sequence[float], lows: Sequence[float], highs: Sequence[float],
               colours: Sequence[str] | str = MAIN) -> dict[str, Any]:  # fmt: skip
    """Bars from left to right with intervals, the first label on top."""
    reach = {
        "type": "data",
        "symmetric": False,
        "array": numbers(np.subtract(highs, values)[::-1]),
        "arrayminus": numbers(np.subtract(values, lows)[::-1]),
        "color": QUIET,
        "thickness": 1.2,
        "width": 3,
    }
    colour = colours if isinstance(colours, str) else list(colours)[::-1]
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(labels)[::-1],
        "x": numbers(list(values)[::-1]),
        "error_x": reach,
        "marker": {"color": colour},
    }


def figure(data: Sequence[dict[str, Any]], x: str, y: str, **layout: Any) -> dict[str, Any]:
    """A figure with named axes; the legend shows only where there is more than one name."""
    axes: dict[str, Any] = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}, "automargin": True}}
    merged = {**axes, "showlegend": sum(bool(trace.get("name")) for trace in data) > 1}
    for key, value in layout.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    found: dict[str, Any] = plain({"data": list(data), "layout": merged})
    return found


def plain(value: Any) -> Any:
    """Plotly reads some HTML in labels; what comes from data must be shown and never read."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.replace("&", "&amp;").replace("<", "&lt;") if isinstance(value, str) else value


def thinned(size: int, most: int = POINTS) -> np.ndarray:
    """At most `most` positions of `size`, the first and the last among them."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).astype(int))
