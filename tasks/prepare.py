"""prepare: cut the holdout off, look at the training part, and hold features.yaml against it."""

from __future__ import annotations

from models.features import ensure_plan, load_plan, profile_rows, split_rows
from models.features.inputs import refuse_infinities
from signoff.core.files import write_json
from signoff.core.stage import StageContext, StageReport
from signoff.core.tables import read_table, write_table


def prepare(context: StageContext) -> StageReport:
    """Write data/train.parquet, data/holdout.parquet and reports/profile.json.

    Raises:
        DataError: the rows cannot be learned from or cut in two, or a feature holds an infinity.
        SettingsError: features.yaml or signoff.yaml does not fit the data.
    """
    paths, project = context.paths, context.project
    context.progress.step("reading the snapshot", 0.0)
    frame = read_table(paths.raw)
    context.progress.step("cutting the holdout off", 0.2)
    train, holdout, sentence = split_rows(frame, project)
    ensure_plan(context, train)
    plan = load_plan(paths.features)
    refuse_infinities(frame, plan.used())
    context.progress.step("looking at each column", 0.4)
    profile = profile_rows(train, holdout, sentence, project, plan)
    context.progress.step("writing the parts", 0.8)
    write_table(paths.train, train)
    write_table(paths.holdout, holdout)
    write_json(paths.profile, profile.as_json())
    used = len(plan.used())
    many = len(profile.warnings)
    warned = f"; {many} warning{'s' * (many > 1)}" if many else ""
    return StageReport(
        stage="prepare",
        summary=f"{len(train)} rows to learn from, {len(holdout)} held out, {used} features{warned}",
        facts={
            "train_rows": len(train),
            "holdout_rows": len(holdout),
            "features": used,
            "dropped": len(plan.steps) - used,
            "warnings": len(profile.warnings),
        },
    )
