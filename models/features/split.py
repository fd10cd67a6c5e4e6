"""Cut the holdout off, and the folds of the search: by time, by group, or with the classes in proportion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features.target_checks import check_parts, check_target, strata
from signoff.core.errors import DataError
from signoff.core.settings import Project

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]


def split_rows(frame: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Training part, holdout, and one sentence that says how it was cut.

    By time, equal timestamps never part, and a row whose outcome was known only after the cut is in neither part
    (López de Prado 2018, chapter 7, calls it purging). Groups stay whole. The same rows give the same parts.

    Raises:
        DataError: the target cannot be learned from, or the parts would be empty or lack a class.
        SettingsError: `positive` is not one of the labels.
    """
    check_target(frame, project)
    if project.split.kind == "time":
        train, holdout, sentence = _by_time(frame, project)
    elif project.data.group_column:
        train, holdout, sentence = _by_group(frame, project)
    else:
        train, holdout = _stratified(frame, project)
        how = "spread like the target" if project.task == "regression" else "with the classes in proportion"
        sentence = f"{len(holdout)} of {len(frame)} rows drawn at random, {how} (seed {project.split.seed})"
    parts = frame.iloc[train].reset_index(drop=True), frame.iloc[holdout].reset_index(drop=True)
    check_parts(*parts, project)
    return *parts, sentence


def folds(train: pd.DataFrame, project: Project) -> list[Fold]:
    """Positions (training, test) of each fold of the search, cut in the same way as the holdout.

    By time the window expands: with k folds the rows make k + 2 blocks in time order, and fold i is tested on block
    i + 2 after learning from all before it. A fold whose training part lacks a class is left out.

    Raises:
        DataError: there are too few different times, groups or rows for the folds.
    """
    count = project.search.folds
    if project.split.kind == "time":
        found = _time_folds(train, project, count)
    elif project.data.group_column:
        found = _group_folds(train, project, count)
    else:
        found = _parted(_spread(strata(train, project), count, project.search.seed), count)
    usable = [fold for fold in found if _can_learn(train, project, fold)]
    if not usable:
        raise DataError(
            f"no fold of the search holds all classes of {project.target} on both sides",
            got=f"{len(train)} training rows, {count} folds",
            next_step="lower search.folds in signoff.yaml, or bring more rows",
        )
    return usable


def _can_learn(train: pd.DataFrame, project: Project, fold: Fold) -> bool:
    if not len(fold[0]) or not len(fold[1]):
        return False
    if project.task == "regression":
        return True
    values = train[project.target]
    every = values.nunique()
    return bool(values.iloc[fold[0]].nunique() == every and values.iloc[fold[1]].nunique() >= 2)


def _moments(frame: pd.DataFrame, column: str) -> Rows:
    """Times as whole numbers of shape (n,)."""
    values = frame[column]
    if values.isna().any():
        raise DataError(
            f"{int(values.isna().sum())} rows have no {column}, so they cannot be put in time order",
            where=f"column {column}, row {int(np.flatnonzero(values.isna())[0]) + 1}",
            next_step="leave these rows out in the project's SQL, or choose another split.kind",
        )
    if not pd.api.types.is_datetime64_any_dtype(values.dtype) and not pd.api.types.is_numeric_dtype(values.dtype):
        raise DataError(
            f"{column} is no time, so rows cannot be split by it", got=str(values.dtype), allowed="timestamps"
        )
    ranks: Rows = np.unique(values.to_numpy(), return_inverse=True)[1].astype(np.int64)
    return ranks


def _by_time(frame: pd.DataFrame, project: Project) -> tuple[Rows, Rows, str]:
    column = project.data.time_column or ""
    order = _moments(frame, column)
    newest = np.sort(order)[min(len(order) - 1, int(len(order) * (1 - project.split.holdout)))]
    boundary = _nearer(order, newest, len(order) * (1 - project.split.holdout))
    if boundary is None:
        raise DataError(
            f"all rows have the same {column}, so there is no newest part to hold out",
            got=str(frame[column].iloc[0]),
            next_step="choose split.kind: stratified in signoff.yaml",
        )
    train, holdout = np.flatnonzero(order < boundary), np.flatnonzero(order >= boundary)
    cut = frame[column].iloc[holdout].min()
    train, late = _known_before(frame, project, train, cut)
    sentence = f"the newest {len(holdout)} of {len(frame)} rows, from {cut} on, are the holdout"
    if late:
        sentence += f"; {late} rows whose outcome was not yet known then are in neither part"
    if project.data.group_column:
        kept = holdout[~frame[project.data.group_column].iloc[holdout].isin(_groups(frame, project, train))]
        if not len(kept):
            raise DataError(
                f"every {project.data.group_column} of the newest rows is also in the older ones",
                next_step="choose split.kind: group, or remove data.group_column in signoff.yaml",
            )
        if len(kept) < len(holdout):
            sentence += f"; {len(holdout) - len(kept)} rows of groups that training has seen are in neither part"
        holdout = kept
    return train, holdout, sentence


def _nearer(order: Rows, cut: int, wanted: float) -> int | None:
    """The cut or the next time after it, whichever leaves nearer to `wanted` rows before it, both sides filled."""
    last = int(order.max())
    choices = [time for time in (int(cut), int(cut) + 1) if 0 < time <= last]
    return min(choices, key=lambda time: abs(int((order < time).sum()) - wanted)) if choices else None


def _known_before(frame: pd.DataFrame, project: Project, train: Rows, cut: object) -> tuple[Rows, int]:
    column = project.data.known_column
    if not column or column not in frame.columns:
        return train, 0
    late = (frame[column].iloc[train] > cut).to_numpy()
    return train[~late], int(late.sum())


def _groups(frame: pd.DataFrame, project: Project, rows: Rows) -> NDArray[np.object_]:
    found: NDArray[np.object_] = frame[project.data.group_column].iloc[rows].dropna().unique()
    return found


def _group_codes(frame: pd.DataFrame, column: str) -> Rows:
    """A number for each group; a row without a group is a group of its own."""
    codes = pd.factorize(frame[column], sort=True)[0].astype(np.int64)
    alone = codes == -1
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return codes


def _by_group(frame: pd.DataFrame, project: Project) -> tuple[Rows, Rows, str]:
    column = project.data.group_column or ""
    codes = _group_codes(frame, column)
    sizes = np.bincount(codes)
    if len(sizes) < 2:
        raise DataError(f"all rows have the same {column}, so no group can be held out")
    wanted = project.split.holdout * len(frame)
    held: list[int] = []
    rows = 0
    for group in np.random.default_rng(project.split.seed).permutation(len(sizes)):
        if abs(rows + sizes[group] - wanted) < abs(rows - wanted) and len(held) < len(sizes) - 1:
            held.append(int(group))
            rows += int(sizes[group])
    if not held:
        held = [int(np.argmin(sizes))]
    inside = np.isin(codes, held)
    sentence = (
        f"{int(inside.sum())} of {len(frame)} rows: {len(held)} of {len(sizes)} values of {column} drawn at random, "
        f"each whole (seed {project.split.seed})"
    )
    return np.flatnonzero(~inside), np.flatnonzero(inside), sentence


def _stratified(frame: pd.DataFrame, project: Project) -> tuple[Rows, Rows]:
    """Each stratum gives its share, rounded, to the holdout."""
    classes = strata(frame, project)
    generator = np.random.default_rng(project.split.seed)
    inside = np.zeros(len(frame), dtype=bool)
    for stratum in np.unique(classes):
        rows = generator.permutation(np.flatnonzero(classes == stratum))
        inside[rows[: round(len(rows) * project.split.holdout)]] = True
    if not inside.any():
        inside[generator.integers(len(frame))] = True
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _spread(classes: Rows, count: int, seed: int) -> Rows:
    """The fold of each row, each stratum dealt out evenly."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(classes), dtype=np.int64)
    dealt = 0
    for stratum in np.unique(classes):
        rows = generator.permutation(np.flatnonzero(classes == stratum))
        fold[rows] = (dealt + np.arange(len(rows))) % count
        dealt += len(rows)
    return fold


def _parted(fold: Rows, count: int) -> list[Fold]:
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]


def _group_folds(train: pd.DataFrame, project: Project, count: int) -> list[Fold]:
    """Groups dealt to the fold with the fewest rows, largest first after a seeded shuffle."""
    codes = _group_codes(train, project.data.group_column or "")
    sizes = np.bincount(codes)
    if len(sizes) < count:
        raise DataError(
            f"there are fewer values of {project.data.group_column} than folds",
            got=f"{len(sizes)} groups, {count} folds",
            next_step="lower search.folds in signoff.yaml",
        )
    shuffled = np.random.default_rng(project.search.seed).permutation(len(sizes))
    rows, home = np.zeros(count, dtype=np.int64), np.empty(len(sizes), dtype=np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        home[group] = int(np.argmin(rows))
        rows[home[group]] += sizes[group]
    return _parted(home[codes], count)


def _time_folds(train: pd.DataFrame, project: Project, count: int) -> list[Fold]:
    column = project.data.time_column or ""
    order = _moments(train, column)
    ordered = np.sort(order)
    cuts = [int(ordered[len(ordered) * block // (count + 2)]) for block in range(2, count + 2)]
    if len(set(cuts)) < len(cuts) or cuts[0] == ordered[0]:
        raise DataError(
            f"there are too few different times in {column} for the folds of the search",
            got=f"{len(np.unique(ordered))} times, {count} folds",
            next_step="lower search.folds in signoff.yaml, or choose split.kind: stratified",
        )
    found = []
    for start, end in zip(cuts, [*cuts[1:], int(ordered[-1]) + 1], strict=True):
        test = np.flatnonzero((order >= start) & (order < end))
        before = _known_before(train, project, np.flatnonzero(order < start), train[column].iloc[test].min())[0]
        if project.data.group_column:
            test = test[~train[project.data.group_column].iloc[test].isin(_groups(train, project, before))]
        found.append((before, test))
    return found
