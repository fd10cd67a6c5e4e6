"""A CSV file that somebody hands over: in UTF-8, or in an encoding that the project's own files have."""

from __future__ import annotations

import tempfile
from pathlib import Path

from signoff.core.errors import DataError
from signoff.core.settings import Data, FileSource
from signoff.sources.tables import CSV_ENDINGS
from signoff.sources.text import EncodingError, check_encoding, read_header


def form_of(path: Path, data: Data | None = None) -> FileSource:
    """How to read the file: with which encoding and which separator. Parquet files say so themselves.

    Args:
        path: of a file that is there.
        data: whose sources name further encodings; a file must be whole in one of them.

    Raises:
        DataError: empty, in no such encoding or in several, a cut gzip file, or with a header that no table has.
    """
    source = FileSource(file=path.name)
    if not path.name.lower().endswith(CSV_ENDINGS):
        return source
    own = [one.encoding for one in data.sources.values() if isinstance(one, FileSource)] if data else []
    with tempfile.TemporaryDirectory(prefix="signoff-") as folder:
        for encoding in dict.fromkeys((source.encoding, *own)):
            tried = source.model_copy(update={"encoding": encoding})
            try:
                text = check_encoding(path, tried, "given", Path(folder) / "given.csv")
            except EncodingError as error:
                if error.mixed:
                    raise  # Another encoding would take it, and spoil the lines that are right.
                refused = error
                continue
            return tried.model_copy(update={"delimiter": read_header(text, tried, "given")[1]})
    raise DataError(
        f"{path.name} is not UTF-8 text" + (f", nor {' or '.join(sorted({*own} - {'utf-8'}))}" if own else ""),
        where=refused.where,
        got=refused.got,
        allowed="UTF-8, or an encoding that data.sources in signoff.yaml name",
        next_step="save it as UTF-8",
    ) from refused
