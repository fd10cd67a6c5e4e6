"""One file by itself, read by the same rules as a project's sources: for proposals, and for files to be scored."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from signoff.core.settings import FileSource
from signoff.sources.duck import open_duck
from signoff.sources.query import answer
from signoff.sources.storage import plain_frame
from signoff.sources.tables import load_file


def read_file(path: Path, *, encoding: str = "utf-8", delimiter: str | None = None) -> pd.DataFrame:
    """A CSV or Parquet file as a frame in storage types, rows in the file's order.

    Raises:
        DataError: the file is missing, empty, cut off, or not text in that encoding.
        SettingsError: its ending, the encoding or the delimiter cannot be used.
    """
    with open_duck() as duck:
        load_file(duck, "file", path, FileSource(file=path.name, encoding=encoding, delimiter=delimiter))
        return plain_frame(answer(duck, 'SELECT * FROM "file"', None, {}), str(path))


def table_name(file_name: str) -> str:
    """A name for the table of a file that SQL takes without quotes."""
    name = re.sub(r"\W+", "_", file_name.split(".")[0].lower(), flags=re.ASCII).strip("_")
    with open_duck() as duck:
        reserved = duck.run("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")
        taken = {row[0] for row in reserved.fetchall()}
    if not name or name[0].isdigit() or name in taken:
        name = f"table_{name}".rstrip("_") if name else "rows_of_file"
    return name
