"""validate: hold the snapshot against the project's expectations; the data gate decides what a failure means."""

from __future__ import annotations

from signoff.core.data import Validation
from signoff.core.evidence import Value
from signoff.core.files import write_json
from signoff.core.stage import StageContext, StageReport
from signoff.core.tables import read_table


def ensure_suite(context: StageContext) -> bool:
    """Propose and store a suite where the project has none; one that is there is never touched, as people edit it.

    Returns:
        Whether a suite was written.

    Raises:
        DataError: there is no snapshot to propose it from.
        WorkspaceError: it cannot be written.
    """
    path = context.paths.suite(context.project.project)
    if path.exists():
        return False
    from expectations import propose, save_suite

    context.progress.step("proposing expectations from the first snapshot")
    save_suite(path, propose(read_table(context.paths.raw), context.project))
    return True


def validate(context: StageContext) -> StageReport:
    """Write reports/validation.json and reports/data_docs. Broken expectations do not raise.

    Raises:
        SettingsError: the suite holds what is not an expectation.
        DataError: the snapshot cannot be read.
    """
    from expectations import run_suite

    paths, project = context.paths, context.project
    ensure_suite(context)
    context.progress.step("reading the snapshot", 0.1)
    frame = read_table(paths.raw)
    context.progress.step("checking expectations", 0.2)
    validation = run_suite(frame, paths.suite(project.project), paths.data_docs, ids=project.data.id_columns)
    write_json(paths.validation, validation.as_json())
    failed = len(validation.failures)
    return StageReport(
        stage="validate",
        summary=_summary(validation),
        facts={"failed": failed, "expectations": validation.expectations, "rows": validation.rows},
    )


def validation_values(validation: Validation) -> tuple[Value, ...]:
    """The numbers that gate checks may name: validation.failed, validation.expectations, validation.worst_share.

    The worst share is the largest share of rows that one broken expectation found, 0 to 1; 1 for one that is not about
    rows (a lost column, a median).
    """
    shares = [1.0 if one.unexpected_share is None else one.unexpected_share for one in validation.failures]
    return (
        Value(name="validation.failed", value=float(len(shares))),
        Value(name="validation.expectations", value=float(validation.expectations)),
        Value(name="validation.worst_share", value=max(shares, default=0.0)),
    )


def _summary(validation: Validation) -> str:
    if validation.success:
        return f"all {validation.expectations} expectations hold on {validation.rows} rows"
    columns = sorted({one.column or "the table" for one in validation.failures})
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    failed = len(validation.failures)
    return f"{failed} of {validation.expectations} expectations are broken, in {', '.join(columns[:5])}{more}"
