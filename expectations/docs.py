"""Data Docs: Great Expectations' own pages, made to open offline, to tell nobody, and to repeat byte for byte."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from great_expectations.render.renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from signoff.core.files import write_text

_STYLE = Path(__file__).with_name("data_docs.css")
_OUTSIDE = re.compile(r"<(script|style|footer)\b.*?</\1>|<link\b[^>]*>|<img\b[^>]*>", re.DOTALL | re.IGNORECASE)
_NAVIGATION = re.compile(r'<nav class="navbar navbar-expand-md.*?</div>\s*</nav>', re.DOTALL)
_DRAWN_AT_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PAGES = """<nav class="signoff-pages">
<a href="index.html">What was found</a><a href="suite.html">What is expected</a>
</nav>"""


def write_docs(folder: Path, result: Any, suite: Any) -> None:
    """Replace `folder` by index.html (what was found) and suite.html (what is expected), or leave it as it was.

    Args:
        folder: of Data Docs alone.
        result: a validation result of Great Expectations, in the suite's order.
        suite: its suite.
    """
    for one in result.results:
        one.result = _plain(one.result)
        # A traceback names folders of this machine and helps no reader; the message beside it stays.
        for entry in (one.exception_info or {}).values():
            if isinstance(entry, dict):
                entry["exception_traceback"] = ""
    # When it ran would make other bytes of the same facts; DVC and the run's own record know the time.
    result.meta = {**(result.meta or {}), "batch_markers": {}}
    view = DefaultJinjaPageView()
    pages = {
        "index.html": view.render(ValidationResultsPageRenderer().render(result)),
        "suite.html": view.render(ExpectationSuitePageRenderer().render(suite)),
    }
    beside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    try:
        for name, page in pages.items():
            write_text(beside / name, _quiet(page))
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _quiet(page: str) -> str:
    """The page without scripts, fonts and pictures from other machines (one tells its maker of every view)."""
    page = _NAVIGATION.sub(_PAGES, _OUTSIDE.sub("", page), count=1)
    style = f"<style>{_STYLE.read_text(encoding='utf-8')}</style>"
    page = page.replace("</head>", f"{style}</head>", 1).replace("Data asset: None<br>", "")
    page = re.sub(r'href="(\.\./)*expectations/[^"]*"', 'href="suite.html"', page)
    numbers: dict[str, str] = {}
    page = _DRAWN_AT_RANDOM.sub(lambda found: numbers.setdefault(found.group(), f"part-{len(numbers) + 1}"), page)
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip()) + "\n"


def _plain(value: Any) -> Any:
    """Python's own numbers: Great Expectations cannot write NumPy 2's scalars and loses the row."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
