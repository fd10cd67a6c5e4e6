"""A CSV or Parquet file that a person names on the command line, read with the care that sources get."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from signoff.core.errors import DataError, UsageError
from signoff.core.settings import Data, FileSource
from signoff.sources.duck import open_duck
from signoff.sources.given import form_of
from signoff.sources.query import answer
from signoff.sources.storage import plain_frame
from signoff.sources.tables import ENDINGS, load_file


def read_given_file(path: Path, data: Data | None = None) -> pd.DataFrame:
    """All rows, in their order, in the types that a snapshot would give them.

    Args:
        path: of the file.
        data: the project's: texts that mean "not known", and the encodings of its own files.

    Raises:
        UsageError: there is no such file, or its ending is none that can be read.
        DataError: the file is empty, cut off, or not what its ending says.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path), allowed="a CSV or Parquet file")
    if not path.name.lower().endswith(ENDINGS):
        raise UsageError("this ending cannot be read", where=str(path), got=path.suffix, allowed=", ".join(ENDINGS))
    with open_duck() as duck:
        form = form_of(path, data) if path.stat().st_size else FileSource(file=path.name)
        load_file(duck, "rows", path, form, data.missing if data else ())
        frame = plain_frame(answer(duck, 'SELECT * FROM "rows"', None, {}), str(path))
    if frame.empty:
        raise DataError("the file has no rows", where=str(path))
    return frame
