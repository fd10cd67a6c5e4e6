"""The door to Great Expectations: its objects and errors stay behind it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from expectations.docs import write_docs
from expectations.explain import explain
from expectations.frames import plain_frame
from expectations.suite import Suite
from signoff.core.data import FailedExpectation
from signoff.core.errors import SettingsError, did_you_mean

EXAMPLES = 5

# This module of theirs sets a level of its own, and so would speak on our screens in spite of the one set below.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.NOTSET)


def judge(
    frame: pd.DataFrame, suite: Suite, suite_path: Path, docs_folder: Path | None, ids: Sequence[str]
) -> list[FailedExpectation | None]:
    """The failure of each expectation, or None where it holds, in the suite's order.

    Raises:
        SettingsError: an expectation is unknown or takes other arguments.
    """
    table = plain_frame(frame)
    named = [name for name in ids if name in table.columns]
    form = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
    # It logs each expectation that cannot be computed, with its traceback; we say the same in one line.
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        foreign = gx.ExpectationSuite(name=suite.name, expectations=_build(suite, suite_path))
        result = _batch(table).validate(foreign, result_format=form)
        result.results.sort(key=lambda one: one.expectation_config.meta["position"])
        if docs_folder is not None:
            write_docs(docs_folder, result, foreign)
    finally:
        logger.setLevel(level)
    return [
        explain(expectation, one.success, one.result, one.exception_info, table, named)
        for expectation, one in zip(suite.expectations, result.results, strict=True)
    ]


def _batch(table: pd.DataFrame) -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("snapshot").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})


def _build(suite: Suite, path: Path) -> list[Any]:
    built = []
    for position, expectation in enumerate(suite.expectations):
        where = f"{path}: expectations[{position}]"
        try:
            kind = get_expectation_impl(expectation.type)
        except GreatExpectationsError as error:
            known = list_registered_expectation_implementations()
            raise SettingsError(
                f"{expectation.type!r} is not an expectation",
                where=where,
                allowed=_nearest(expectation.type, known),
            ) from error
        try:
            arguments = {**expectation.kwargs, "notes": expectation.notes, "severity": expectation.severity}
            built.append(kind(**arguments, meta={**(expectation.meta or {}), "position": position}))
        except (ValueError, TypeError, GreatExpectationsError) as error:
            raise SettingsError(
                f"{expectation.type} does not take these arguments",
                where=where,
                got=" ".join(str(error).split())[:300],
                next_step=f"correct {path.name}",
            ) from error
    return built


def _nearest(got: str, known: Sequence[str]) -> str:
    """The whole list is long: only the nearest name, or where to find them."""
    said = did_you_mean(got, known)
    return said[said.rindex("(") + 1 : -1] if "did you mean" in said else "the expectations of Great Expectations 1.x"
