"""A file of rows in, a file of answers out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.serving import open_parcel
from models.serving.batch import _as_learned, score_table
from signoff.commands.serving import score
from signoff.core.errors import DataError, IntegrityError, UsageError
from signoff.core.paths import Paths
from signoff.core.settings import Task
from tests.serving_workspace import copy_of_released, rows


@pytest.fixture
def paths(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return copy_of_released(tmp_path_factory, tmp_path / "workspace")


@pytest.mark.parametrize("task", [Task.BINARY, pytest.param(Task.MULTICLASS), pytest.param(Task.REGRESSION)])
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".tsv.gz"])
def test_each_row_gets_the_models_own_answer(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, task: Task, ending: str
) -> None:
    paths = copy_of_released(tmp_path_factory, tmp_path / "workspace", task)
    parcel = open_parcel(paths.champion, paths.public_keys)
    frame = rows(53, task, seed=4).drop(columns="y")
    frame.loc[3, "size"] = None
    source, target = tmp_path / f"in{ending}", tmp_path / "out.parquet"
    if ending == ".parquet":
        frame.to_parquet(source)
    else:
        frame.to_csv(source, index=False, sep="\t" if "tsv" in ending else ",")
    done: list[int] = []
    assert score_table(parcel, source, target, chunk_rows=20, progress=done.append).rows == 53
    assert done == [20, 40, 53]
    scored, answers = pd.read_parquet(target), parcel.load().answer(frame)
    assert list(scored["label"]) == [label for _, label in answers]
    assert set(scored["model"]) == {parcel.model.digest}
    if task is Task.MULTICLASS:
        shares = [answer[0] for answer in answers]
        assert list(scored["probability.red"]) == pytest.approx([share["red"] for share in shares])
        assert list(scored["probability"]) == pytest.approx([share[label] for share, label in answers])
    elif task is Task.BINARY:
        assert list(scored["probability"]) == pytest.approx([probability for probability, _ in answers])
        assert list(scored["shop"]) == list(frame["shop"])
    else:
        assert scored["probability"].isna().all()


def test_the_command_tells_what_it_did_and_logs_nothing(paths: Paths, tmp_path: Path) -> None:
    rows(5, Task.BINARY).to_csv(tmp_path / "in.csv", index=False)
    facts = score(paths.root, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (facts["rows"], facts["tag"]) == (5, "toy/v1")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[0].endswith("y,probability,label,model")
    assert not paths.predictions.exists()


def test_a_changed_model_scores_nothing(paths: Paths, tmp_path: Path) -> None:
    rows(5, Task.BINARY).to_csv(tmp_path / "in.csv", index=False)
    with (paths.champion / "model" / "model.bin").open("ab") as file:
        file.write(b"!")
    with pytest.raises(IntegrityError, match="the model file"):
        score(paths.root, tmp_path / "in.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_bad_files_are_named_and_nothing_is_left_behind(paths: Paths, tmp_path: Path) -> None:
    parcel, frame = open_parcel(paths.champion), rows(30, Task.BINARY).drop(columns="y")
    whole = tmp_path / "whole.parquet"
    frame.to_parquet(whole)
    cases: dict[str, tuple[bytes, str]] = {
        "empty.csv": (b"", "the file is empty"),
        "header.csv": (b"size,shop,open,seen\n", "no rows"),
        "latin.csv": ("size,shop,open,seen\n1,caf\xe9,1,2026-01-01\n".encode("latin-1"), "not UTF-8"),
        "missing.csv": (b"sise,shop,open,seen\n1,a,1,2026-01-01\n", "'size' is missing.*did you mean 'sise'"),
        "wrong.csv": (b"size,shop,open,seen\n1,a,1,2026-01-01\nbig,a,1,2026-01-01\n", "size.*row 2.*big"),
        "ragged.csv": (b"size,shop,open,seen\n1,a,1,2026-01-01\n1,a,1,2026-01-01,5,6\n", "cannot be read as a table"),
        "taken.csv": (b"size,shop,open,seen,label\n1,a,1,2026-01-01,x\n", "has a column 'label' already"),
        "half.parquet": (whole.read_bytes()[:900], "not a whole Parquet file"),
        "text.parquet": (b"size\n1\n", "not a whole Parquet file"),
    }
    target = tmp_path / "out" / "scored.parquet"
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words):
            score_table(parcel, tmp_path / name, target)
        assert list(target.parent.iterdir()) == []


def test_names_that_cannot_be_meant_are_refused(paths: Paths, tmp_path: Path) -> None:
    parcel = open_parcel(paths.champion)
    rows(5, Task.BINARY).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(UsageError, match=r"ending of out\.xlsx is not known"):
        score_table(parcel, tmp_path / "in.csv", tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match="the same file"):
        score_table(parcel, tmp_path / "in.csv", tmp_path / "in.csv")
    with pytest.raises(UsageError, match=r"there is no such file.*signoff score IN OUT"):
        score_table(parcel, tmp_path / "no.csv", tmp_path / "out.csv")


def test_markers_of_missing_cells_are_read_as_in_training_and_written_back(paths: Paths, tmp_path: Path) -> None:
    parcel = open_parcel(paths.champion, paths.public_keys)
    told = replace(parcel, serving=parcel.serving.model_copy(update={"missing": ("n/a",)}))
    frame = rows(4, Task.BINARY, seed=4).drop(columns="y").astype({"size": "str", "shop": "str"})
    blank = frame.copy()
    for at, (size, shop) in enumerate((("n/a", "a"), ("NA", "n/a"), ("1.5", "NULL"))):
        frame.loc[at, ["size", "shop"]] = [size, shop]
        blank.loc[at, ["size", "shop"]] = ["1.5" if size == "1.5" else "", "a" if shop == "a" else ""]
    for name, table in (("marked", frame), ("blank", blank)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        score_table(told, tmp_path / f"{name}.csv", tmp_path / f"{name}.out.csv")
    marked, empty = (pd.read_csv(tmp_path / f"{name}.out.csv", keep_default_na=False) for name in ("marked", "blank"))
    assert list(marked["probability"]) == list(empty["probability"])
    assert list(marked["size"])[:2] == ["n/a", "NA"], "cells stay as they were given"
    with pytest.raises(DataError, match="size"):
        score_table(parcel, tmp_path / "marked.csv", tmp_path / "no.csv")


def test_a_file_is_scored_in_the_encoding_and_with_the_separator_of_the_projects_own(
    paths: Paths, tmp_path: Path
) -> None:
    frame = rows(40, Task.BINARY, seed=4).drop(columns="y")
    frame["shop"] = frame["shop"].replace("b", "Käse;Brot")
    frame["open"] = frame["open"].astype("str").str.upper()
    frame.to_csv(tmp_path / "plain.csv", index=False)
    frame.to_csv(tmp_path / "given.csv", index=False, sep=";", encoding="cp1252")
    frame.to_csv(tmp_path / "marked.csv.gz", index=False, sep="|", encoding="utf-8-sig")
    with pytest.raises(DataError, match=r"is not UTF-8 text.*line 2.*save it as UTF-8"):
        score(paths.root, tmp_path / "given.csv", tmp_path / "out.csv")
    settings = paths.root / "signoff.yaml"
    settings.write_text(settings.read_text().replace("file: rows.csv", "{file: rows.csv, encoding: cp1252}"))
    answers = []
    for name in ("plain.csv", "given.csv", "marked.csv.gz"):
        score(paths.root, tmp_path / name, tmp_path / "out.csv")
        answers.append(pd.read_csv(tmp_path / "out.csv", dtype="str").to_dict("list"))
    (tmp_path / "both.csv").write_bytes((tmp_path / "plain.csv").read_bytes() + "1,Käse,,\n".encode("cp1252"))
    with pytest.raises(DataError, match="mixes encodings"):
        score(paths.root, tmp_path / "both.csv", tmp_path / "out.csv")
    assert answers[0]["shop"].count("Käse;Brot") > 5
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


@pytest.mark.parametrize("written", ["true", "TRUE", "False"])
def test_true_and_false_with_gaps_are_the_numbers_that_they_were_in_training(written: str) -> None:
    cells = pd.Series([written, "NA", "false", None], dtype="str")
    read = _as_learned(cells, "number", frozenset(("NA",)))
    assert [None if pd.isna(value) else value for value in read] == [float(written.lower() == "true"), None, 0.0, None]
    mixed = pd.Series([written, "3"], dtype="str")
    assert list(_as_learned(mixed, "number", frozenset())) == [written, "3"], "the model refuses it by name"


def test_columns_of_a_parquet_file_keep_their_types_and_digits(paths: Paths, tmp_path: Path) -> None:
    """Whatever the first piece shows of them: dates that begin late, gaps that do, and identifiers of 19 digits."""
    parcel, frame = open_parcel(paths.champion), rows(40, Task.BINARY, seed=4).drop(columns="y")
    late: list[object] = [None] * 25
    given = pa.Table.from_pandas(frame, preserve_index=False)
    further = {
        "day": pa.array([*late, *[date(2026, 1, 2)] * 15], pa.date32()),
        "money": pa.array([*late, *[Decimal("1.50")] * 15], pa.decimal128(9, 2)),
        "parts": pa.array([*late, *[[1, 2]] * 15], pa.list_(pa.int64())),
        "account": pa.array([2**62 + 1] * 39 + [None], pa.int64()),
        "open again": pa.array([*[True] * 39, None], pa.bool_()),
        "kind": pa.array([*late, *["a"] * 15], pa.dictionary(pa.int32(), pa.string())),
    }
    for name, column in further.items():
        given = given.append_column(name, column)
    pq.write_table(given, tmp_path / "in.parquet")
    score_table(parcel, tmp_path / "in.parquet", tmp_path / "out.parquet", chunk_rows=20)
    scored = pq.read_table(tmp_path / "out.parquet")
    for name, column in further.items():
        assert scored.column(name).to_pylist() == column.to_pylist()
        assert scored.schema.field(name).type == column.type
    score_table(parcel, tmp_path / "in.parquet", tmp_path / "out.csv", chunk_rows=20)
    assert set(pd.read_csv(tmp_path / "out.csv", dtype="str")["account"].dropna()) == {str(2**62 + 1)}
