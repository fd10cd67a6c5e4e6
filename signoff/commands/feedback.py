"""`signoff feedback FILE`: take in what came true of served predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from signoff.core.errors import DataError, NotFoundError, did_you_mean
from signoff.core.files import read_json
from signoff.core.labels import label_text, label_texts
from signoff.core.paths import Paths
from signoff.core.search import Recipe
from signoff.core.settings import Project, Task
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "correct the file, then signoff feedback FILE again: nothing of it was kept"
SHOWN = 5
"""Examples of ids in an answer."""


def feedback(workspace: Path, file: Path) -> dict[str, Any]:
    """Join outcomes to served predictions by id and keep them; the same file again changes nothing.

    Args:
        workspace: root of the workspace.
        file: CSV or Parquet with the prediction's id, in a column `id` or in the project's id columns, and what came
        true, in a
            column named as the target or `outcome`.

    Returns:
        rows, new, same, changed (an id had another outcome: the newest counts), empty (no outcome yet), unknown (no
        such prediction), and up to five examples each of changed and unknown ids.

    Raises:
        UsageError: there is no such file.
        NotFoundError: nothing has been served.
        DataError: the file is damaged, lacks a column, gives one id two outcomes, has a label that the model does not
            know, or no id in it was ever served.
    """
    from monitoring.outcomes import add_outcomes
    from monitoring.served import served_ids
    from tasks.given_file import read_given_file

    paths, project = Paths(workspace), load_project(workspace)
    known = served_ids(paths.predictions)
    if not known:
        raise NotFoundError(
            "nothing has been served, so there is nothing that could have come true",
            where=str(paths.predictions),
            next_step="signoff serve",
        )
    frame = read_given_file(file, project.data)
    given = _outcomes(frame, project, paths, file)
    there = given.dropna()
    served = there[there.index.isin(known)]
    unknown = [str(name) for name in there.index[~there.index.isin(known)]]
    if there.size and not served.size:
        raise DataError(
            "no id in this file was ever served",
            where=str(file),
            got=", ".join(unknown[:SHOWN]),
            allowed=f"ids such as {min(known)}",
            next_step="look at the id in the answers of /predict",
        )
    taken = add_outcomes(paths.outcomes, served)
    return {
        "rows": len(frame),
        "new": taken.new,
        "same": taken.same,
        "changed": len(taken.changed),
        "changed_ids": list(taken.changed[:SHOWN]),
        "empty": int(given.isna().sum()),
        "unknown": len(unknown),
        "unknown_ids": unknown[:SHOWN],
    }


def _outcomes(frame: pd.DataFrame, project: Project, paths: Paths, file: Path) -> pd.Series:
    """Outcomes as text by id, in the order of the file; an id that stands twice with one outcome stands once."""
    values = frame[_outcome_column(frame, project, file)]
    texts = _numbers(values, file) if project.task is Task.REGRESSION else _labels(values, paths, file)
    given = texts.set_axis(_ids(frame, project, file)).rename_axis("id").reset_index(name="outcome").drop_duplicates()
    twice = given.loc[given["id"].duplicated(), "id"]
    if twice.size:
        raise DataError(
            f"{twice.nunique()} ids stand twice with different outcomes",
            where=str(file),
            got=", ".join(map(str, twice.unique()[:SHOWN])),
            allowed="one outcome an id",
            next_step=AGAIN,
        )
    return given.set_index("id")["outcome"]


def _ids(frame: pd.DataFrame, project: Project, file: Path) -> pd.Index:
    import pandas as pd

    columns = ["id"] if "id" in frame.columns else list(project.data.id_columns)
    missing = [name for name in columns if name not in frame.columns]
    if not columns or missing:
        wanted = " or ".join(["id", *([" and ".join(project.data.id_columns)] if project.data.id_columns else [])])
        raise DataError(
            "the file does not say which prediction a row is about",
            where=str(file),
            got="columns " + did_you_mean("id", map(str, frame.columns)),
            allowed=f"a column {wanted}",
        )
    empty = frame[columns].isna().any(axis=1)
    if empty.any():
        raise DataError("a row has no id", where=f"{file}, row {int(empty.to_numpy().argmax()) + 1}", got=columns)
    parts = [label_texts(frame[name]).astype(str) for name in columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + ":" + part
    return pd.Index(joined)


def _outcome_column(frame: pd.DataFrame, project: Project, file: Path) -> str:
    for name in (project.target, "outcome"):
        if name in frame.columns:
            return name
    raise DataError(
        "the file does not say what came true",
        where=str(file),
        got="columns " + did_you_mean(project.target, map(str, frame.columns)),
        allowed=f"a column {project.target} or outcome",
    )


def _numbers(values: pd.Series, file: Path) -> pd.Series:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").replace([float("inf"), float("-inf")], float("nan"))
    wrong = (values.notna() & numbers.isna()).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            "an outcome is no number", where=f"{file}, row {row + 1}, column {values.name}", got=values.iloc[row]
        )
    return numbers.map(lambda number: repr(float(number)), na_action="ignore")


def _labels(values: pd.Series, paths: Paths, file: Path) -> pd.Series:
    from monitoring.answers import label_positions

    recipe = Recipe.model_validate(read_json(paths.champion / "model" / "recipe.json"))
    positions = label_positions(values, recipe.classes)
    wrong = values.notna().to_numpy() & (positions < 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{int(wrong.sum())} {'outcome has' if wrong.sum() == 1 else 'outcomes have'} a label that the model"
            " does not know",
            where=f"{file}, row {row + 1}, column {values.name}",
            got=label_text(values.iloc[row]),
            allowed=did_you_mean(label_text(values.iloc[row]), recipe.classes),
            next_step=AGAIN,
        )
    names = dict(enumerate(recipe.classes))
    return values.where(values.isna(), [names.get(int(place), "") for place in positions])
