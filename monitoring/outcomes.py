"""What came true of served predictions: small Parquet files in .signoff/outcomes, read in the order of their
numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from signoff.core.digest import sha256_json
from signoff.core.tables import read_table, write_table

PATTERN = "[0-9]" * 6 + "-*.parquet"


class Taken(NamedTuple):
    """What became of a batch of outcomes, in rows."""

    new: int
    same: int
    changed: tuple[str, ...]


def read_outcomes(folder: Path) -> pd.Series:
    """The newest outcome of each prediction, as text, indexed by prediction id.

    Raises:
        DataError: a file is cut off.
    """
    frames = [read_table(path) for path in sorted(folder.glob(PATTERN))]
    if not frames:
        return pd.Series([], index=pd.Index([], dtype="str", name="id"), dtype="str", name="outcome")
    return pd.concat(frames).drop_duplicates("id", keep="last").set_index("id")["outcome"]


def add_outcomes(folder: Path, outcomes: pd.Series) -> Taken:
    """Keep those outcomes that say something new; of one id the newest wins. The same batch again writes nothing.

    Args:
        folder: .signoff/outcomes.
        outcomes: text, indexed by prediction id (text, unique).
    """
    before = read_outcomes(folder).reindex(outcomes.index)
    told = before.notna()
    same = told & (before == outcomes)
    fresh = outcomes[~same]
    if fresh.size:
        rows = fresh.rename("outcome").rename_axis("id").reset_index().astype("str")
        numbers = [int(path.name[:6]) for path in folder.glob(PATTERN)]
        content = sha256_json(rows.to_numpy().tolist())[:12]
        write_table(folder / f"{max(numbers, default=0) + 1:06d}-{content}.parquet", rows)
    changed = tuple(str(name) for name in outcomes.index[told & ~same])
    return Taken(new=int((~told).sum()), same=int(same.sum()), changed=changed)
