"""What a proposal says of columns that are nearly something else: numbers with words among them, dates as people write.

Nothing is mended unseen: a word that is known to mean "not known" is proposed for data.missing, whatever else is found
is a comment for a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signoff.sources.mixed import strays_of

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = frozenset(
    (
        *("n/a", "n.a.", "na", "unknown", "unk", "none", "null", "nil", "nan", "missing", "undefined", "tbd", "tba"),
        *("?", "??", "-", "--", "---", ".", "..", "*", "not available", "not applicable", "not known", "no data"),
        *("no answer", "k.a.", "k. a.", "keine angabe", "unbekannt"),
    )
)
"""Words, in small letters, that stand in a column of numbers where a number is not known."""
DATE = r"\s*\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?\s*"
SHOWN = 5


@dataclass(frozen=True)
class Strays:
    """What was found, by column."""

    missing: dict[str, tuple[str, ...]]
    """Column of numbers: the words in it, each of which says that the number is not known."""
    others: dict[str, tuple[str, ...]]
    """Column of numbers: texts in it that may mean something."""
    dates: dict[str, str]
    """Column of dates in a form that is not read: its first value."""

    @property
    def markers(self) -> tuple[str, ...]:
        """What to propose for data.missing."""
        return tuple(dict.fromkeys(word for words in self.missing.values() for word in words))


def find_strays(frame: pd.DataFrame) -> Strays:
    """Look through the text columns of a table, in its order."""
    missing: dict[str, tuple[str, ...]] = {}
    others: dict[str, tuple[str, ...]] = {}
    dates: dict[str, str] = {}
    for name in map(str, frame.select_dtypes(include="str").columns):
        strays = strays_of(frame[name])
        words = tuple(text for text in strays if text.strip().casefold() in UNKNOWN)
        if words and len(words) == len(strays):
            missing[name] = words
        elif strays:
            others[name] = tuple(strays)
        elif _are_dates(frame[name]):
            dates[name] = str(frame[name].dropna().iloc[0])
    return Strays(missing, others, dates)


def as_it_will_be_read(frame: pd.DataFrame, strays: Strays) -> pd.DataFrame:
    """The table with the proposed markers taken as missing, as ingest will read it."""
    import pandas as pd

    if not strays.markers:
        return frame
    read = frame.copy()
    for name in map(str, frame.select_dtypes(include="str").columns):
        known = frame[name].where(~frame[name].isin(strays.markers))
        read[name] = pd.to_numeric(known) if name in strays.missing else known
    return read


def missing_lines(strays: Strays) -> list[str]:
    """Lines below data: in signoff.yaml."""
    lines = []
    if strays.markers:
        markers = ", ".join(json.dumps(marker, ensure_ascii=False) for marker in strays.markers)
        named = ", ".join(map(repr, strays.missing))
        lines.append(f"  missing: [{markers}]  # not known, found among the numbers of {named}: check this")
    return lines + [f"  # {said}" for said in _comments(strays)]


def remarks(strays: Strays) -> Iterator[str]:
    """The same, for whoever runs `signoff init`."""
    for name, words in strays.missing.items():
        yield f"{name!r} holds numbers and {_shown(words)}: data.missing in signoff.yaml takes these as not known"
    yield from _comments(strays)


def _comments(strays: Strays) -> Iterator[str]:
    for name, texts in strays.others.items():
        yield f"{name!r} holds numbers but for {_shown(texts)}: if they mean 'not known', name them in data.missing"
    for name, value in strays.dates.items():
        yield f"{name!r} reads like a date ({value}) and is text here: strptime in rows.sql makes a moment of it"


def _are_dates(column: pd.Series) -> bool:
    known = column.dropna()
    return bool(len(known)) and bool(known.str.fullmatch(DATE).all())


def _shown(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(repr(text[:40]) for text in texts[:SHOWN]) + more
