"""What the templates call: numbers, cells and figures as text."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
from markupsafe import Markup

from signoff.core.evidence import Value
from signoff.core.numbers import number, signed, span
from signoff.core.vocabulary import vocabulary

Cell = str | float | int | bool | None


def environment(autoescape: bool, package: str = "signoff.report") -> jinja2.Environment:
    """A package's templates; a name that a template misspells is an error, never an empty place."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        number=number,
        cell=cell,
        amount=amount,
        figure=figure,
        markdown=markdown,
        interval=interval,
        bounds=bounds,
        code=code,
    )
    found.globals.update(label=vocabulary().label)
    return found


def cell(value: Cell) -> str:
    """One cell of a table as text; empty is a dash."""
    if value is None:
        return "–"  # noqa: RUF001
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)


def amount(value: Value) -> str:
    """The number alone, with a sign where it is a difference."""
    return signed(value.value) if value.name.endswith(".delta") else number(value.value)


def bounds(limit: str) -> str:
    """A check's limit with typographic signs."""
    return limit.replace(">=", "≥").replace("<=", "≤")


def interval(value: Value) -> str:
    """'0.70 to 0.72', or nothing."""
    return span(value).strip(" ()")


def figure(chart: dict[str, Any]) -> Markup:
    """A figure as JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(chart, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def code(text: object) -> str:
    """Text as a code span, also in a table's cell: nothing in it can end the span."""
    return "`" + " ".join(str(text).split()).replace("`", "'").replace("|", "\\|") + "`"


def markdown(text: object) -> str:
    """Text that Markdown shows as it is, also in a table's cell."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(str(text).split()))
