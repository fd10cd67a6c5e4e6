"""Propose signoff.yaml for one table and a target: every line a guess that a person can read and correct."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from signoff.commands.init_strays import Strays, as_it_will_be_read, find_strays, missing_lines, remarks
from signoff.core.errors import DataError, UsageError, did_you_mean
from signoff.core.metrics import DEFAULTS
from signoff.core.settings import Task

if TYPE_CHECKING:
    import pandas as pd

FEW_LABELS = 10
"""A whole number with more distinct values than this is taken as a quantity, not as a class."""

MOST_LABELS = 100
YES = frozenset({"yes", "y", "true", "t", "positive", "ja", "oui", "si", "sí"})
ENOUGH_MOMENTS = 10
"""A column with fewer distinct moments cannot order rows well enough to cut a holdout by time."""

LONGEST_IDENTIFIER = 64
IDENTIFIER_ENDINGS = ("id", "key", "uuid", "guid", "index", "number", "code")
OTHER_ENCODINGS = ("utf-16", "cp1252", "latin-1")
"""Tried in this order when a file is not UTF-8; the last one allows every byte."""

RULES = {
    Task.BINARY: "two values",
    Task.MULTICLASS: f"several classes: text, or at most {FEW_LABELS} whole numbers",
    Task.REGRESSION: f"a number with more than {FEW_LABELS} values, or with fractions",
}


@dataclass(frozen=True)
class Guess:
    """What the table says about the problem."""

    task: Task
    positive: Any
    time_column: str | None
    other_moments: tuple[str, ...]
    id_columns: tuple[str, ...]
    encoding: str
    missing_targets: int
    strays: Strays


class Proposal(NamedTuple):
    """The text of signoff.yaml, and what of it a person has to hear at once."""

    text: str
    remarks: tuple[str, ...]


def propose_project(file: Path, target: str, name: str) -> str:
    """The text of `propose`."""
    return propose(file, target, name).text


def propose(file: Path, target: str, name: str) -> Proposal:
    """A commented signoff.yaml for one table.

    Args:
        file: CSV or Parquet; the workspace is to have it in `sources`, and `SELECT * FROM` its table in rows.sql.
        target: the column to predict.
        name: of the project.

    Raises:
        UsageError: the target is not a column.
        DataError: the file cannot be read, or the target has nothing to learn.
    """
    from signoff.sources.one_file import table_name

    frame, encoding = _read(file)
    if target not in frame.columns:
        raise UsageError(
            f"{file.name} has no column {target!r}",
            where=str(file),
            allowed=did_you_mean(target, [str(column) for column in frame.columns]),
            next_step=f"signoff init {file} --target COLUMN",
        )
    strays = find_strays(frame)
    guess = _guess(as_it_will_be_read(frame, strays), target, encoding, file, strays)
    return Proposal(_text(file, target, name, table_name(file.name), guess), tuple(remarks(strays)))


def _read(file: Path) -> tuple[pd.DataFrame, str]:
    """The table, and the first of the common encodings that fits a file which is not UTF-8."""
    from signoff.sources.one_file import read_file
    from signoff.sources.text import EncodingError

    try:
        return read_file(file), "utf-8"
    except EncodingError as error:
        if error.mixed:
            raise
    for encoding in OTHER_ENCODINGS[:-1]:
        try:
            return read_file(file, encoding=encoding), encoding
        except EncodingError:
            continue
    return read_file(file, encoding=OTHER_ENCODINGS[-1]), OTHER_ENCODINGS[-1]


def _guess(frame: pd.DataFrame, target: str, encoding: str, file: Path, strays: Strays) -> Guess:
    known = frame[target].dropna()
    task = _task(known, target, file)
    others = [str(column) for column in frame.columns if column != target]
    moments = _time_columns(frame, others)
    return Guess(
        task=task,
        positive=_yes(known) if task is Task.BINARY else None,
        time_column=moments[0] if moments else None,
        other_moments=tuple(moments[1:]),
        id_columns=tuple(column for column in others if _is_identifier(frame[column], column)),
        encoding=encoding,
        missing_targets=len(frame) - len(known),
        strays=strays,
    )


def _task(known: pd.Series, target: str, file: Path) -> Task:
    import pandas as pd

    distinct = known.nunique()
    if distinct < 2:
        raise DataError(
            f"the target {target!r} has nothing to learn",
            where=str(file),
            got="no value at all" if distinct == 0 else f"{known.iloc[0]} in all {len(known)} rows",
            next_step="name another column with --target",
        )
    if pd.api.types.is_datetime64_any_dtype(known):
        raise DataError(
            f"the target {target!r} is a moment",
            where=str(file),
            got=str(known.iloc[0]),
            allowed="classes or a number",
            next_step="make a number of it, such as days until then",
        )
    if distinct == 2:
        return Task.BINARY
    if not pd.api.types.is_numeric_dtype(known):
        if distinct > MOST_LABELS or distinct == len(known):
            raise DataError(
                f"the target {target!r} is text with {distinct} distinct values in {len(known)} rows",
                where=str(file),
                got=", ".join(str(value) for value in known.unique()[:3]),
                allowed=f"at most {MOST_LABELS} classes that repeat, or a number",
                next_step="if it is a number, repair the values that are text",
            )
        return Task.MULTICLASS
    whole = bool((known == known.round()).all())
    return Task.MULTICLASS if whole and distinct <= FEW_LABELS else Task.REGRESSION


def _yes(known: pd.Series) -> Any:
    """The label that says yes in words; else the rarer one, of two alike the larger (1, true)."""
    counts = known.value_counts()
    said = [label for label in counts.index if isinstance(label, str) and label.strip().casefold() in YES]
    value = said[0] if len(said) == 1 else max(counts.index, key=lambda label: (-counts[label], label))
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _time_columns(frame: pd.DataFrame, columns: list[str]) -> list[str]:
    """Columns of past moments without gaps, those with more distinct moments first."""
    import pandas as pd

    present = pd.Timestamp.now("UTC").tz_localize(None)
    found = {}
    for column in columns:
        moments = _moments(frame[column])
        if moments is not None and moments.notna().all() and moments.max() <= present:
            found[column] = moments
    found = {column: moments for column, moments in found.items() if moments.nunique() >= ENOUGH_MOMENTS}
    return sorted(found, key=lambda column: -found[column].nunique())


def _moments(column: pd.Series) -> pd.Series | None:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if not pd.api.types.is_string_dtype(column) or not column.notna().all() or not len(column):
        return None
    if not column.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return None
    return pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)


def _is_identifier(column: pd.Series, name: str) -> bool:
    """Unique and complete, and either short text or a whole number that is named or counted like one."""
    import pandas as pd

    if len(column) < ENOUGH_MOMENTS or column.isna().any() or column.nunique() < len(column):
        return False
    if pd.api.types.is_string_dtype(column):
        longest = column.str.len().max()
        spaced = column.str.contains(r"\s").any()
        return bool(longest <= LONGEST_IDENTIFIER and not spaced) and _moments(column) is None
    if not pd.api.types.is_integer_dtype(column):
        return False
    return name.lower().endswith(IDENTIFIER_ENDINGS) or bool(column.max() - column.min() + 1 == len(column))


def _text(file: Path, target: str, name: str, table: str, guess: Guess) -> str:
    return "\n".join(
        [
            "# Proposed from the table alone: read every line, correct what is wrong. `signoff schema` has all keys.",
            f"project: {_yaml(name)}",
            f"question: {_yaml(f'What will {target} be?')}  # say it as the business would",
            f"task: {guess.task.value}  # {RULES[guess.task]}; one of binary, multiclass, regression",
            f"target: {_yaml(target)}" + _gaps(guess),
            *_positive(guess),
            "",
            "data:",
            "  folder: sources",
            "  sources:",
            f"    {table}: {_source(file, guess)}",
            "  sql: rows.sql  # joins further sources, names columns; $as_of is the run's clock",
            *_columns(guess),
            "",
            *_split(guess),
            "",
            "search:",
            f"  metric: {DEFAULTS[guess.task]}",
            "  budget: {seconds: 60}  # or {trials: 30}, which makes the search repeatable",
            "",
            "evaluate: {}  # cost: {false_positive: 1, false_negative: 5, currency: EUR}, slices: [COLUMN]",
            "",
            *_gates(),
            "",
        ]
    )


def _gaps(guess: Guess) -> str:
    return f"  # missing in {guess.missing_targets} rows, which are left out" if guess.missing_targets else ""


def _positive(guess: Guess) -> list[str]:
    if guess.task is not Task.BINARY:
        return ["positive: null"]
    return [f"positive: {_yaml(guess.positive)}  # the label that counts as yes: check this"]


def _source(file: Path, guess: Guess) -> str:
    encoding = "" if guess.encoding == "utf-8" else f", encoding: {guess.encoding}"
    note = "" if guess.encoding == "utf-8" else "  # not UTF-8: look whether accents and umlauts read well"
    return f"{{file: {_yaml(file.name)}{encoding}}}{note}"


def _columns(guess: Guess) -> list[str]:
    lines = []
    if guess.time_column:
        lines += [f"  time_column: {_yaml(guess.time_column)}  # when the question is asked of a row{_others(guess)}"]
    else:
        lines += ["  # time_column: COLUMN   # when the question is asked of a row; makes the holdout the newest rows"]
    lines += ["  # known_column: COLUMN  # when the outcome of a row is known"]
    if guess.id_columns:
        lines += [f"  id_columns: [{', '.join(map(_yaml, guess.id_columns))}]  # unique in each row; never features"]
    lines += missing_lines(guess.strays)
    lines += [
        "  # drop: [COLUMN]          # not for models: above all what is known only after the question was asked",
        "  # pseudonymise: [COLUMN]  # names, addresses: replaced by a keyed hash",
        "  # sensitive: [COLUMN]     # groups by which fairness is looked at",
    ]
    return lines


def _others(guess: Guess) -> str:
    if not guess.other_moments:
        return ""
    return f": check this, other moments are {', '.join(map(_yaml, guess.other_moments))}"


def _split(guess: Guess) -> list[str]:
    if guess.time_column:
        return ["split: {kind: time, holdout: 0.2}  # the newest fifth is the holdout"]
    return ["split: {kind: stratified, holdout: 0.2}  # a random fifth; or group, by data.group_column"]


def _gates() -> list[str]:
    return [
        "gates:",
        "  data:",
        "    mode: guarded  # passes alone while every check holds, else asks",
        "    checks:",
        "      - {metric: validation.failed, at_most: 0}",
        "  release:",
        "    mode: manual  # a person decides; the checks are what they see",
        "    checks:",
        "      - {metric: baseline.delta, at_least: 0}  # no worse than a guess that knows no columns",
        "    approvals:",
        "      - {role: reviewer, count: 1}",
    ]


def _yaml(value: Any) -> str:
    """One value as YAML on one line, quoted where it must be."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )
