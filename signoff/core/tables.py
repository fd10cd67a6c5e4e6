"""Tables on disk: Parquet, written the same way each time so that the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.errors import DataError
from signoff.core.files import replacing

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` as Parquet (zstd, no index), whole or not at all."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, engine="pyarrow", compression="zstd", index=False)


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file that Signoff wrote.

    Raises:
        DataError: the file is missing, empty or cut off.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path, engine="pyarrow", columns=columns)
    except FileNotFoundError as error:
        raise DataError(f"{path.name} is missing", where=str(path), next_step="signoff run") from error
    except Exception as error:
        raise DataError(
            f"{path.name} is not a whole Parquet file",
            where=str(path),
            got=type(error).__name__,
            next_step="signoff run",
        ) from error
