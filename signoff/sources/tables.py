"""Every source of the project as a table or view in DuckDB, and a fact about each."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.data import SourceFact
from signoff.core.digest import sha256_file
from signoff.core.errors import DataError, SettingsError, did_you_mean
from signoff.core.progress import Progress
from signoff.core.settings import Data, FileSource, Source
from signoff.sources.csv_files import load_csv
from signoff.sources.duck import Duck, Problem, explain, literal, quoted

if TYPE_CHECKING:
    import pandas as pd

IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet")


def load_sources(
    duck: Duck, data: Data, root: Path, clocks: dict[str, datetime], progress: Progress
) -> tuple[SourceFact, ...]:
    """Make one table or view a source, in the order of signoff.yaml.

    Raises:
        SettingsError: a name is not an identifier, a file lies outside the data folder, an address is not one.
        DataError: a file or database cannot be read.
    """
    _check_names(data.sources)
    facts = []
    for index, (name, source) in enumerate(data.sources.items()):
        progress.step(f"reading {name}", 0.6 * index / len(data.sources))
        if isinstance(source, FileSource):
            path = source_path(data, root, name, source)
            load_file(duck, name, path, source, data.missing)
            digest: str | None = sha256_file(path)
            file: str | None = source.file
            size: int | None = path.stat().st_size
        else:
            # Deferred: SQLAlchemy is a third of a second, and most projects read files.
            from signoff.sources.database import read_query

            load_frame(duck, name, read_query(name, source, root, clocks))
            digest = file = size = None
        rows = duck.run(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]
        columns = len(duck.run(f"DESCRIBE {quoted(name)}").fetchall())
        facts.append(SourceFact(name=name, rows=rows, columns=columns, sha256=digest, file=file, bytes=size))
    return tuple(facts)


def load_file(duck: Duck, name: str, path: Path, source: FileSource, missing: tuple[str, ...] = ()) -> None:
    """Make `name` from a CSV or Parquet file; `missing` are texts of a CSV file that mean "not known".

    Raises:
        DataError: the file is missing, empty, cut off, or not what its ending says.
        SettingsError: the ending, the encoding or the delimiter is not one that can be read.
    """
    lower = path.name.lower()
    if not lower.endswith(ENDINGS):
        raise SettingsError(
            f"data.sources.{name}.file has an ending that cannot be read",
            where="signoff.yaml",
            got=path.name,
            allowed=", ".join(ENDINGS),
        )
    _check_file(path)
    try:
        if lower.endswith(".parquet"):
            _view_parquet(duck, name, path)
        else:
            with duck.all_cores():
                load_csv(duck, name, path, source, missing)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read", where=str(path), got=error.strerror or error) from error


def load_frame(duck: Duck, name: str, frame: pd.DataFrame) -> None:
    """Make the table `name` from a frame; columns that hold nothing become text."""
    empty = [column for column in frame.columns if frame[column].isna().all()]
    frame = frame.astype(dict.fromkeys(empty, "str"))
    try:
        duck.connection.register("frame given", frame)
        duck.run(f'CREATE TABLE {quoted(name)} AS SELECT * FROM "frame given"')
        duck.connection.unregister("frame given")
    except Problem as error:
        raise DataError(
            f"the answer of source {name!r} cannot be used as a table",
            where=name,
            got=explain(error).message,
            next_step="give each column of the query one type and a name of its own",
        ) from error


def source_path(data: Data, root: Path, name: str, source: FileSource) -> Path:
    """Where the file of a source stands.

    Raises:
        SettingsError: the path leaves data.folder, which is what DVC watches.
    """
    if Path(source.file).is_absolute() or ".." in Path(source.file).parts:
        raise SettingsError(
            f"data.sources.{name}.file leaves the data folder",
            where="signoff.yaml",
            got=source.file,
            allowed=f"a path below {data.folder}",
            next_step="move the file there, or change data.folder",
        )
    return root / data.folder / source.file


def _check_names(sources: dict[str, Source]) -> None:
    seen: set[str] = set()
    for name in sources:
        if not IDENTIFIER.match(name) or name.lower() in seen:
            raise SettingsError(
                f"the name of source {name!r} cannot be used in SQL",
                where="signoff.yaml, data.sources",
                got=name,
                allowed="letters, digits and _, not starting with a digit, each name once",
                next_step="rename the source",
            )
        seen.add(name.lower())


def _check_file(path: Path) -> None:
    if not path.is_file():
        folder = path.parent
        files = [other.name for other in folder.iterdir() if other.is_file()] if folder.is_dir() else []
        raise DataError(
            f"{path.name} is missing" if folder.is_dir() else f"the folder of {path.name} is missing",
            where=str(path),
            allowed=did_you_mean(path.name, files) if files else None,
            next_step="put the file there, or correct data.folder and data.sources in signoff.yaml",
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty", where=str(path), got="0 bytes", next_step="copy the file again")


def _view_parquet(duck: Duck, name: str, path: Path) -> None:
    try:
        duck.run(f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet({literal(str(path))})")
    except Problem as error:
        raise DataError(
            f"{path.name} is not a whole Parquet file",
            where=str(path),
            got=explain(error).message,
            next_step="copy the file again",
        ) from error
