"""A file of rows in, a file of answers out: in pieces, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from models.serving.parcel import Parcel
from signoff.core.data import MISSING_TEXTS
from signoff.core.errors import DataError, UsageError, did_you_mean
from signoff.core.files import replacing
from signoff.core.settings import FileSource

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from models.search.model_file import LoadedModel

CHUNK_ROWS = 50_000
CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet")
ADDED = ("probability", "label", "model")


@dataclass(frozen=True)
class Scored:
    """How many rows were answered."""

    rows: int


class Writer(Protocol):
    """Takes pieces of a table in order."""

    def write(self, piece: pd.DataFrame) -> None: ...

    def close(self) -> None: ...


def score_table(
    parcel: Parcel,
    source: Path,
    target: Path,
    form: FileSource | None = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    progress: Callable[[int], None] | None = None,
) -> Scored:
    """Answer every row of `source` and write all its columns with the answer to `target`, whole or not at all.

    Added columns: `probability` (of yes for a binary task, of the label for a multiclass task, empty for a regression),
    `label`, `model` (the model digest), and for a multiclass task `probability.CLASS` for each class.

    Args:
        parcel: checked by `open_parcel`.
        source: CSV, TSV (also .gz) or Parquet with a header.
        target: of one of the same formats; text is written as UTF-8 with the separator of its ending.
        form: encoding and separator of a CSV file; UTF-8 and that of the ending when None.
        chunk_rows: rows in memory at a time.
        progress: called with the number of rows done.

    Raises:
        UsageError: an ending that is not known, or source and target are one file.
        DataError: the file cannot be read, lacks a column, has a value that its kind does not allow, or no rows.
        WorkspaceError: the target cannot be written.
    """
    _check_names(source, target)
    model = parcel.load()
    pieces = _read_parquet(source, chunk_rows) if _ending(source) == ".parquet" else _read_csv(source, form, chunk_rows)
    missing = {} if _ending(source) == ".parquet" else _missing(parcel)
    done = 0
    with replacing(target) as temporary:
        writer: Writer | None = None
        try:
            for piece in pieces:
                if writer is None:
                    _check_columns(piece, parcel, source)
                    writer = _writer(temporary, source, target)
                if piece.empty:
                    continue
                writer.write(_answered(piece, model, done, source, missing))
                done += len(piece)
                if progress is not None:
                    progress(done)
        finally:
            if writer is not None:
                writer.close()
        if not done:
            raise DataError("the file has no rows", where=str(source))
    return Scored(done)


def _ending(path: Path) -> str:
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")


def _check_names(source: Path, target: Path) -> None:
    for path in (source, target):
        if not _ending(path):
            raise UsageError(f"the ending of {path.name} is not known", got=path.suffix, allowed=", ".join(ENDINGS))
    if not source.is_file():
        raise UsageError(
            "there is no such file",
            where=str(source),
            allowed="a CSV or Parquet file",
            next_step="signoff score IN OUT",
        )
    if source.resolve() == target.resolve():
        raise UsageError("source and target are the same file", where=str(source), next_step="name another target")


def _check_columns(piece: pd.DataFrame, parcel: Parcel, source: Path) -> None:
    missing = [name for name in parcel.model.inputs if name not in piece.columns]
    if missing:
        rest = f" (and {len(missing) - 1} more: {', '.join(missing[1:6])})" if len(missing) > 1 else ""
        raise DataError(
            f"the column {missing[0]!r} is missing{rest}",
            where=str(source),
            got=did_you_mean(missing[0], map(str, piece.columns)),
            allowed=f"all of {', '.join(parcel.model.inputs)}",
        )
    taken = [name for name in ADDED if name in piece.columns]
    if taken:
        raise DataError(
            f"the file has a column {taken[0]!r} already", where=str(source), next_step="rename that column, then again"
        )


def _missing(parcel: Parcel) -> dict[str, frozenset[str]]:
    """What means "not known" in each input of a CSV file, as it did in those that the model learned from."""
    texts = frozenset((*MISSING_TEXTS, *parcel.serving.missing))
    return {name: texts | {"None"} if kind == "number" else texts for name, kind in parcel.model.inputs.items()}


def _answered(
    piece: pd.DataFrame, model: LoadedModel, before: int, source: Path, missing: Mapping[str, frozenset[str]]
) -> pd.DataFrame:
    """The rows as they were given, with the answers beside them."""
    known = {name: _as_learned(piece[name], model.record.inputs[name], texts) for name, texts in missing.items()}
    try:
        answers = model.answer(piece.assign(**known))
    except DataError as error:
        where = f"{source}, {error.where or 'columns'}" + (f", counted from row {before + 1}" if before else "")
        raise DataError(error.what, where=where, got=error.got, allowed=error.allowed) from error
    frame = piece.copy()
    probabilities: list[Any] = [probability for probability, _ in answers]
    labels = [label for _, label in answers]
    if probabilities and isinstance(probabilities[0], dict):
        best = [shares[str(label)] for shares, label in zip(probabilities, labels, strict=True)]
        frame["probability"] = best
    else:
        frame["probability"] = pd.Series(probabilities, index=frame.index, dtype="float64")
    frame["label"] = labels
    frame["model"] = model.digest
    if probabilities and isinstance(probabilities[0], dict):
        for name in model.classes:
            frame[f"probability.{name}"] = [shares[name] for shares in probabilities]
    return frame


def _as_learned(cells: pd.Series, kind: str, missing: frozenset[str]) -> pd.Series:
    """Cells of text as the values that ingestion makes of them: a column of true and false with gaps is 1, 0, none."""
    known = cells.where(~cells.isin(missing))
    if kind == "number":
        truths = known.str.lower()
        if known.notna().any() and truths.dropna().isin(("true", "false")).all():
            return truths.map({"true": 1.0, "false": 0.0}).astype("float64")
    return known


def _read_csv(source: Path, form: FileSource | None, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Every cell as text: leading zeros of a category survive, and the model reads numbers by its own rules."""
    separator = (form.delimiter if form else None) or ("\t" if ".tsv" in source.name.lower() else ",")
    encoding = form.encoding if form else "utf-8"
    row = 0
    try:
        with pd.read_csv(
            source,
            sep=separator,
            encoding=encoding,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            chunksize=chunk_rows,
        ) as reader:
            for piece in reader:
                row += len(piece)
                yield piece
    except pd.errors.EmptyDataError as error:
        raise DataError("the file is empty", where=str(source)) from error
    except UnicodeDecodeError as error:
        raise DataError(
            "the file is not UTF-8 text",
            where=f"{source}, after row {row}",
            got=f"byte 0x{error.object[error.start]:02x}",
            next_step="save it as UTF-8",
        ) from error
    except (pd.errors.ParserError, EOFError, OSError, ValueError) as error:
        raise DataError(
            "the file cannot be read as a table", where=f"{source}, after row {row}", got=str(error).strip()
        ) from error


def _read_parquet(source: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as file:
            start = 0
            for batch in file.iter_batches(batch_size=chunk_rows):
                # As floats, whole numbers beside a gap would lose digits, and so identifiers their rows.
                piece = batch.to_pandas(integer_object_nulls=True)
                piece.index = pd.RangeIndex(start, start + len(piece))
                start += len(piece)
                yield piece
    except (pa.ArrowException, OSError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError("the file is not a whole Parquet file", where=str(source), got=words) from error


class _Csv:
    def __init__(self, path: Path, ending: str) -> None:
        import gzip

        self._separator = "\t" if ending.startswith(".tsv") else ","
        # mtime 0: the same rows give the same bytes.
        self._file: Any = gzip.GzipFile(path, "wb", mtime=0) if ending.endswith(".gz") else path.open("wb")
        self._first = True

    def write(self, piece: pd.DataFrame) -> None:
        text = piece.to_csv(None, sep=self._separator, index=False, header=self._first)
        self._file.write(text.encode())
        self._first = False

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """Columns of a Parquet source keep their types, whatever the first piece shows of them."""

    def __init__(self, path: Path, given: pa.Schema | None) -> None:
        self._path, self._given = path, given
        self._writer: pq.ParquetWriter | None = None

    def write(self, piece: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None:
            known = {} if self._given is None else {field.name: field for field in self._given}
            added = pa.Schema.from_pandas(piece[[name for name in piece if name not in known]], preserve_index=False)
            fields = [known[name] if name in known else added.field(name) for name in piece]
            self._writer = pq.ParquetWriter(self._path, pa.schema(fields), compression="zstd")
        self._writer.write_table(pa.Table.from_pandas(piece, schema=self._writer.schema, preserve_index=False))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _writer(path: Path, source: Path, target: Path) -> Writer:
    if _ending(target) != ".parquet":
        return _Csv(path, _ending(target))
    if _ending(source) != ".parquet":
        return _Parquet(path, None)
    import pyarrow.parquet as pq

    return _Parquet(path, pq.read_schema(source))
