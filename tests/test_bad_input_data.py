"""Bad data and bad settings, met by the real command: one error, nothing written, and the repaired workspace works.

`signoff run` shows the same errors by the same function; here they cost no Prefect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from expectations.proposal import propose
from signoff.core.files import read_json
from signoff.core.settings import Project
from tests.chain import late_table, signoff, small_workspace, with_settings
from tests.untouched import refused, tree

Table = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one good snapshot: what a refusal must leave as it is."""
    root = small_workspace(tmp_path_factory.mktemp("bad_input"))
    signoff("stage", "ingest", root=root)
    return root


@pytest.fixture
def source(workspace: Path) -> Iterator[Path]:
    """The file of the rows; whole again after the test."""
    path = workspace / "sources" / "trips.csv"
    whole = path.read_bytes()
    yield path
    path.write_bytes(whole)


def infinite(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(wind=frame["wind"].where(frame["trip"] != 3, np.inf))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda frame: frame.drop(columns="late"), "no column 'late', which target in signoff.yaml names"),
        (lambda frame: frame.assign(asked_at="soon"), "'asked_at' holds text that is not a date or time.*got *'soon'"),
        (lambda frame: frame.assign(late="no"), "has one class in all 900 rows"),
        (lambda frame: frame.assign(late=None), "no rows are left.*900 rows: the target late is missing"),
        (lambda frame: pd.concat([frame, frame.head(3)]), "3 rows repeat the identifier.*got *trip=0; trip=1; trip=2"),
        (infinite, "column 'wind' holds 1 infinite values.*row 4"),
    ],
    ids=["no target", "wrong type", "one class", "empty target", "duplicate keys", "infinity"],
)
def test_a_table_that_cannot_be_used(workspace: Path, source: Path, change: Table, match: str) -> None:
    change(late_table()).to_csv(source, index=False)
    refused("stage", "ingest", root=workspace, code=5, match=match)


def other_word(content: bytes, word: str, encoding: str, count: int = -1) -> bytes:
    return content.replace(b"north", word.encode(encoding), count)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda content: b"", "trips.csv is empty.*got *0 bytes"),
        (lambda content: content[: content.index(b"\n450,") + 27], "has 3 fields.*line 452.*copy it again"),
        (lambda content: other_word(content, "nörd", "latin-1"), "is not utf-8 text\n.*line 2.*cp1252"),
        (
            lambda content: other_word(other_word(content, "nörd", "latin-1", 50), "nörd", "utf-8"),
            "mixes encodings.*line 2.*save the whole file in one encoding",
        ),
    ],
    ids=["empty", "cut in half", "not UTF-8", "mixed encodings"],
)
def test_a_file_that_cannot_be_read(
    workspace: Path, source: Path, change: Callable[[bytes], bytes], match: str
) -> None:
    content = source.read_bytes()
    assert content.splitlines()[1].find(b"north") > 0, "the second line holds what is spoilt"
    source.write_bytes(change(content))
    refused("stage", "ingest", root=workspace, code=5, match=match)


def test_sql_that_fails(workspace: Path) -> None:
    path = workspace / "rows.sql"
    whole = path.read_text()
    path.write_text("SELECT *\nFROM tripz\n")
    refused("stage", "ingest", root=workspace, code=5, match=r'rows.sql:2\n.*tripz.*Did you mean "trips"')
    path.write_text(whole)


def test_a_clock_before_the_first_row(workspace: Path) -> None:
    path = workspace / "run.yaml"
    whole = path.read_text()
    path.write_text(whole.replace("as_of: null", "as_of: 2020-01-01T00:00:00"))
    match = "no rows are left at the clock 2020-01-01 00:00.*900 rows: asked_at lies after the clock"
    refused("stage", "ingest", root=workspace, code=5, match=match)
    path.write_text(whole)


def test_an_unknown_key(workspace: Path) -> None:
    path = workspace / "signoff.yaml"
    whole = path.read_text()
    path.write_text(whole.replace("budget:", "budgte:"))
    match = r"search.budgte is not a setting\n *where .*signoff.yaml:\d+\n.*did you mean 'budget'"
    for command in (("run",), ("stage", "ingest"), ("verify",)):
        refused(*command, root=workspace, code=2, match=match)
    path.write_text(whole)


def test_settings_that_are_not_yaml(workspace: Path) -> None:
    path = workspace / "signoff.yaml"
    whole = path.read_bytes()
    for content, match in ((whole + b"\n  - x: [", "not valid YAML.*signoff.yaml:"), (b"\xff\xfe\x00", "UTF-8 text")):
        path.write_bytes(content)
        refused("run", root=workspace, code=2, match=match)
    path.write_bytes(whole)


def test_a_database_that_is_not_there(workspace: Path, tmp_path: Path) -> None:
    path = workspace / "signoff.yaml"
    whole = path.read_text()
    source = {"database": f"sqlite:///{tmp_path}/nowhere/rows.db", "query": "SELECT * FROM trips"}
    with_settings(workspace, {"data": {"sources": {"trips": source}}})
    refused(
        "stage",
        "ingest",
        root=workspace,
        code=5,
        match="database file of data.sources.trips is missing.*nowhere/rows.db",
    )
    assert not (tmp_path / "nowhere").exists()
    path.write_text(whole)


@pytest.mark.slow
def test_what_can_be_lived_with_is_told(workspace: Path, tmp_path: Path) -> None:
    """An empty column, 10,000 categories, a column that nobody named: no error, and each is said with its reason."""
    table = tmp_path / "odd.csv"
    odd = pd.concat([late_table()] * 12, ignore_index=True)
    odd["trip"] = np.arange(len(odd))
    odd["carrier"] = [f"carrier {number % 10_000}" for number in odd["trip"]]
    odd.assign(wind=np.nan).to_csv(table, index=False)
    root = tmp_path / "odd"
    signoff("init", table, "--target", "late", "--workspace", root)
    with_settings(root, {"search": {"budget": {"trials": 3}, "families": ["baseline", "linear", "hist_boosting"]}})
    for stage in ("ingest", "validate", "prepare", "search"):
        signoff("stage", stage, root=root)
    steps = {step["column"]: step for step in yaml.safe_load((root / "features.yaml").read_text())["steps"]}
    assert steps["wind"]["action"] == "drop"
    assert steps["wind"]["reason"] == "missing in all training rows"
    assert steps["carrier"] == {"column": "carrier", "action": "category", "reason": "8020 different values"}
    assert read_json(root / "reports" / "validation.json")["failures"] == []
    trials = read_json(root / "reports" / "leaderboard.json")["trials"]
    assert [trial["state"] for trial in trials] == ["complete"] * 3


def test_after_all_of_it_the_workspace_works(workspace: Path) -> None:
    before = tree(workspace)
    (workspace / "data" / "raw.parquet").unlink()
    signoff("stage", "ingest", root=workspace)
    assert tree(workspace) == before, "the same rows give the same bytes"


def test_half_a_file_cut_between_two_rows_breaks_the_suite_where_no_clock_explains_it() -> None:
    settings = {"project": "trips", "question": "?", "task": "binary", "target": "late"}
    project = Project.model_validate({**settings, "data": {"sources": {"trips": {"file": "trips.csv"}}}})
    frame = late_table().drop(columns="asked_at")
    (rows,) = [one for one in propose(frame, project).expectations if "row_count" in one.type]
    assert len(frame) // 2 < rows.kwargs["min_value"] < len(frame)
