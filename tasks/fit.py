"""The stage that fits the recipe on all training rows."""

from __future__ import annotations

from pydantic import ValidationError

from signoff.core.errors import WorkspaceError
from signoff.core.files import read_json
from signoff.core.search import Recipe
from signoff.core.stage import StageContext, StageReport
from signoff.core.tables import read_table


def fit(context: StageContext) -> StageReport:
    """Write artifacts/model: model.bin, model.json and a copy of the recipe.

    Raises:
        SignoffError: the recipe does not fit the rows, or the model cannot be written.
    """
    from models.search.fitting import fit as fit_recipe
    from models.search.model_file import save_model

    paths = context.paths
    recipe = _recipe(context)
    train = read_table(paths.train)
    context.progress.step(f"fitting {recipe.family} on {len(train):,} rows", 0.1)
    pipeline = fit_recipe(train, recipe)
    context.progress.step("writing the model", 0.9)
    record = save_model(pipeline, paths.model, recipe, train)
    megabytes = (paths.model / "model.bin").stat().st_size / 1e6
    return StageReport(
        stage="fit",
        summary=f"{recipe.family} fitted on {record.rows:,} rows, {megabytes:.1f} MB, digest {record.digest[:12]}",
        facts={"digest": record.digest, "rows": record.rows, "megabytes": round(megabytes, 3)},
    )


def _recipe(context: StageContext) -> Recipe:
    path = context.paths.recipe
    try:
        return Recipe.model_validate(read_json(path))
    except ValidationError as error:
        problem = error.errors()[0]
        raise WorkspaceError(
            "the recipe is damaged",
            where=f"{path}: {'.'.join(map(str, problem['loc']))}",
            got=problem["msg"],
            next_step="signoff run",
        ) from error
