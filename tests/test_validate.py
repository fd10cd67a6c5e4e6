"""The validate stage on real files: proposed once, never raised, said in numbers that gates know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from signoff.core.data import Validation
from signoff.core.digest import sha256_file
from signoff.core.errors import DataError, SettingsError
from signoff.core.files import read_json
from signoff.core.policy import run_checks
from signoff.core.settings import Check
from signoff.core.stage import StageContext, open_context
from signoff.core.tables import write_table
from tasks.validate import ensure_suite, validate, validation_values
from tests.untouched import sha256_tree


def make_days(rows: int = 200) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {"day": np.arange(rows), "cloud": draw.random(rows), "town": draw.choice(["Bern", "Genève"], rows)}
    ).assign(rain=lambda f: f["cloud"] > 0.5)


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    settings = {
        "project": "rain",
        "question": "Will it rain?",
        "task": "binary",
        "target": "rain",
        "data": {"sources": {"days": {"file": "days.csv"}}, "id_columns": ["day"]},
    }
    (tmp_path / "signoff.yaml").write_text(yaml.safe_dump(settings))
    write_table(tmp_path / "data" / "raw.parquet", make_days())
    return open_context(tmp_path)


def test_a_first_run_proposes_and_holds(context: StageContext) -> None:
    report = validate(context)
    assert report.facts["failed"] == 0
    assert report.facts["expectations"] > 10
    assert Validation.model_validate(read_json(context.paths.validation)).success
    assert (context.paths.data_docs / "index.html").is_file()
    assert (context.paths.root / "expectations" / "rain.json").is_file()


def test_a_suite_that_is_there_is_never_touched(context: StageContext) -> None:
    assert ensure_suite(context)
    path = context.paths.suite("rain")
    path.write_text(path.read_text().replace("Genève", "Genf"))
    edited = path.read_bytes()
    assert not ensure_suite(context)
    report = validate(context)
    assert path.read_bytes() == edited
    assert report.facts["failed"] == 1
    assert "town" in report.summary


def test_broken_expectations_are_numbers_for_the_gate(context: StageContext) -> None:
    ensure_suite(context)
    frame = make_days().drop(columns="cloud")
    frame.loc[:49, "town"] = "Atlantis"
    write_table(context.paths.raw, frame)
    report = validate(context)
    validation = Validation.model_validate(read_json(context.paths.validation))
    values = {value.name: value for value in validation_values(validation)}
    assert values["validation.failed"].value == len(validation.failures) == report.facts["failed"] > 1
    assert values["validation.expectations"].value == validation.expectations
    assert values["validation.worst_share"].value == 1.0
    (check,) = run_checks((Check(metric="validation.failed", at_most=0),), values)
    assert not check.holds
    town = next(failure for failure in validation.failures if failure.column == "town")
    assert town.unexpected_share == pytest.approx(0.25)
    assert town.examples[0] == "Atlantis (day=0)"


def test_the_same_snapshot_gives_the_same_bytes(context: StageContext) -> None:
    seen = set()
    for _ in range(2):
        validate(context)
        seen.add((sha256_file(context.paths.validation), sha256_tree(context.paths.data_docs)))
    assert len(seen) == 1


def test_what_holds_has_no_worst_share() -> None:
    values = validation_values(Validation(suite="rain", rows=3, expectations=7))
    assert [(value.name, value.value) for value in values] == [
        ("validation.failed", 0.0),
        ("validation.expectations", 7.0),
        ("validation.worst_share", 0.0),
    ]


def test_errors_leave_the_last_report_whole(context: StageContext) -> None:
    validate(context)
    before = sha256_file(context.paths.validation), sha256_tree(context.paths.data_docs)
    suite = context.paths.suite("rain")
    good = suite.read_text()
    suite.write_text(good.replace("expect_column_values_to_be_unique", "expect_column_values_to_be_uniqe"))
    with pytest.raises(SettingsError, match="'expect_column_values_to_be_uniqe' is not an expectation"):
        validate(context)
    suite.write_text(good)
    context.paths.raw.write_bytes(context.paths.raw.read_bytes()[:100])
    with pytest.raises(DataError, match=r"raw\.parquet is not a whole Parquet file"):
        validate(context)
    assert (sha256_file(context.paths.validation), sha256_tree(context.paths.data_docs)) == before
