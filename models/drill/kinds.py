"""Which fault a kind of drill is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.drill.fault import Bench, Fault
from models.drill.recipes import Overfitted, TooSlow, WorseThanChampion
from models.drill.rows import LeakedColumn, ShuffledLabels, StaleData, UnfairSlice
from signoff.core.drill import DrillKind

if TYPE_CHECKING:
    import pandas as pd

FAULTS: dict[DrillKind, type[Fault]] = {
    DrillKind.LEAKED_COLUMN: LeakedColumn,
    DrillKind.SHUFFLED_LABELS: ShuffledLabels,
    DrillKind.UNFAIR_SLICE: UnfairSlice,
    DrillKind.STALE_DATA: StaleData,
    DrillKind.TOO_SLOW: TooSlow,
    DrillKind.OVERFITTED: Overfitted,
    DrillKind.WORSE_THAN_CHAMPION: WorseThanChampion,
}


def fault_for(kind: DrillKind, bench: Bench, raw: pd.DataFrame) -> Fault:
    """The fault of a kind, made ready for these rows.

    Raises:
        RefusedError: this project cannot have a drill of this kind, and why.
    """
    return FAULTS[kind](bench, raw)
