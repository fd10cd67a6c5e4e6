"""Look at a window of traffic: read it, hold it against the champion's reference, write record and page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring.answers import Answers, answers_of
from monitoring.columns import typed
from monitoring.history import moment_of, read_history, write_history
from monitoring.outcomes import read_outcomes
from monitoring.page import render_page
from monitoring.served import read_served
from monitoring.windows import Traffic, compared_pairs, watch_window, watched
from signoff.core.digest import sha256_file
from signoff.core.errors import IntegrityError, NotFoundError, UsageError
from signoff.core.files import read_json, write_json, write_text
from signoff.core.labels import label_texts
from signoff.core.monitoring import Origin, Window, WindowReport, WindowRequest
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.search import ModelRecord, Recipe
from signoff.core.settings import Project
from signoff.core.stage import StageContext
from signoff.core.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from models.serving.parcel import Parcel
    from signoff.core.data import FailedExpectation

REFERENCE = "reference.parquet"


@dataclass(frozen=True)
class Champion:
    """What answers now: its verified package, its recipe, and the reference that was kept when it was released."""

    parcel: Parcel
    recipe: Recipe
    reference: pd.DataFrame

    @property
    def inputs(self) -> dict[str, str]:
        return self.parcel.model.inputs

    @property
    def digest(self) -> str:
        return self.parcel.model.digest

    def answer(self, rows: pd.DataFrame) -> Answers:
        """Load the model and let it answer; the served log needs none of that."""
        return answers_of(self.parcel.load().answer(rows), self.recipe.classes, rows.index)


def monitor(context: StageContext, *, window: WindowRequest) -> WindowReport:
    """Look at one window and write reports/monitoring/WINDOW/window.json and report.html.

    The answer carries the alert, if a check broke, and whether the policy starts a retrain; opening the alert in the
    store (once: its id is the same for the same window and model) is the flow's.

    Raises:
        NotFoundError: nothing has been released, or the champion has no reference.
        UsageError: a replay of a project without a clock, or a file that is not there.
        DataError: the rows cannot be read or scored.
        IntegrityError: the champion's bytes are not those that were signed.
    """
    project, paths = context.project, context.paths
    context.progress.step("checking the champion", 0.0)
    champion = load_champion(paths)
    context.progress.step("reading the window", 0.1)
    looked_at, traffic = _read(context, window, champion)
    context.progress.step(f"{looked_at.rows} rows: drift and performance", 0.4)
    report = watch_window(champion.reference, traffic, window=looked_at, project=project, inputs=champion.inputs)
    evidently = None
    if window.html and report.drift:
        report, evidently = _drawn(context, report, champion, traffic)
    _write(paths, project, report, evidently)
    context.progress.step("no alert" if report.alert is None else f"alert: {report.alert.finding}", 1.0)
    return report


def _drawn(
    context: StageContext, report: WindowReport, champion: Champion, traffic: Traffic
) -> tuple[WindowReport, str | None]:
    """Evidently's page of the window. Without it the window still counts: one odd value that a caller sent would else
    keep every alert away."""
    from monitoring.evidently_report import PageError, evidently_html

    context.progress.step("Evidently's report", 0.6)
    kinds = watched(context.project, champion.inputs, champion.reference)
    try:
        return report, evidently_html(*compared_pairs(report, champion.reference, traffic, kinds))
    except PageError as error:
        note = f"Evidently's charts are left out, it cannot draw these values: {error.got}"
        return report.model_copy(update={"notes": (*report.notes, note)}), None


def load_champion(paths: Paths) -> Champion:
    """The champion after its signature and bytes were checked; its model is not unpickled yet.

    Raises:
        NotFoundError: there is none, or it has no reference.
        IntegrityError: a part is not the one that was signed.
    """
    from models.serving.manifest import check_manifest
    from models.serving.parcel import open_parcel
    from signoff.ledger import champion

    if not (paths.champion / "model").is_dir():
        raise NotFoundError(
            "nothing has been released, so there is nothing to monitor", next_step="signoff review list"
        )
    parcel = open_parcel(paths.champion, paths.public_keys)
    released = champion(paths)
    if released is None or released.digest != parcel.digest:
        raise IntegrityError(
            "the champion's place holds another package than the newest release",
            where=str(paths.champion),
            got=f"candidate {parcel.digest[:16]}…",
            allowed=f"candidate {released.digest[:16]}… of {released.tag}" if released else "no release in decisions/",
            next_step="signoff verify",
        )
    if released.package_sha256 is not None:
        check_manifest(paths.champion.resolve(), released.package_sha256)
    elif not (paths.champion / REFERENCE).exists() and _is_current(paths, parcel.model.digest):
        keep_reference(paths, parcel.model.digest)  # of a time when the switch came first
    if not (paths.champion / REFERENCE).exists():
        raise NotFoundError(
            "the champion has no reference data", where=str(paths.champion / REFERENCE), next_step="signoff run"
        )
    recipe = Recipe.model_validate(read_json(paths.champion / "model" / "recipe.json"))
    return Champion(parcel, recipe, read_table(paths.champion / REFERENCE))


def _is_current(paths: Paths, digest: str) -> bool:
    record = paths.model / "model.json"
    return record.exists() and ModelRecord.model_validate(read_json(record)).digest == digest


def keep_reference(paths: Paths, digest: str, folder: Path | None = None) -> Path:
    """Write the reference of the model in artifacts/model beside the champion, for later windows.

    Args:
        paths: of the workspace, whose train and holdout are those of the model.
        digest: of the released model; other bytes are never unpickled.
        folder: where the released package stands; the champion's folder when not given.
    """
    from models.search.model_file import load_model
    from monitoring.reference import make_reference
    from signoff.core.tables import write_table

    holdout = read_table(paths.holdout) if paths.holdout.exists() else None
    target = (folder or paths.champion) / REFERENCE
    write_table(target, make_reference(read_table(paths.train), load_model(paths.model, digest), holdout))
    return target


def _read(context: StageContext, request: WindowRequest, champion: Champion) -> tuple[Window, Traffic]:
    end = request.as_of or _next_hour(now())
    start = _days_before(end, request.days or context.project.monitoring.window_days)
    if request.file is not None:
        return _from_file(context, Path(request.file), champion)
    origin: Origin | None = request.origin
    if origin in (None, "served"):
        looked_at, traffic = _from_log(context, start, end, champion)
        if looked_at.rows or origin == "served" or request.as_of is None:
            return looked_at, traffic
        window, replayed = _from_sources(context, start, end, champion)
        return window, replace(replayed, notes=(*traffic.notes, *_instead(traffic), *replayed.notes))
    return _from_sources(context, start, end, champion)


def _instead(served: Traffic) -> tuple[str, ...]:
    """Whoever serves must not take rows of the sources for what callers sent."""
    return ("so the rows of the sources were answered instead",) if served.notes else ()


def _from_log(context: StageContext, start: datetime, end: datetime, champion: Champion) -> tuple[Window, Traffic]:
    import pandas as pd

    served = read_served(context.paths.predictions, start, end, champion.digest)
    ids = pd.Index([prediction.id for prediction in served.predictions], dtype="str")
    rows = typed(pd.DataFrame([prediction.inputs for prediction in served.predictions], index=ids), champion.inputs)
    said = ((prediction.probability, prediction.label) for prediction in served.predictions)
    outcomes = read_outcomes(context.paths.outcomes).reindex(ids)
    answers = answers_of(said, champion.recipe.classes, ids)
    window = Window(start=start, end=end, rows=len(rows), origin="served", model=champion.digest)
    return window, Traffic(rows, answers, outcomes, _invalid(context, rows, champion.inputs), served.notes)


def _from_file(context: StageContext, file: Path, champion: Champion) -> tuple[Window, Traffic]:
    import pandas as pd

    from tasks.given_file import read_given_file

    project = context.project
    frame = read_given_file(file, project.data)
    start, end = _span(frame, project)
    outcomes = frame[project.target] if project.target in frame else _outcomes_by_id(context, frame)
    if outcomes is None:
        outcomes = pd.Series(None, index=frame.index, dtype="object")
    window = Window(
        start=start, end=end, rows=len(frame), origin="file", model=champion.digest, file_sha256=sha256_file(file)
    )
    rows = frame[[name for name in champion.inputs if name in frame]]
    answers = champion.answer(frame)
    return window, Traffic(rows, answers, outcomes, _invalid(context, rows, champion.inputs))


def _from_sources(context: StageContext, start: datetime, end: datetime, champion: Champion) -> tuple[Window, Traffic]:
    import pandas as pd

    from signoff.sources import read_rows

    project = context.project
    clock = project.data.time_column
    if clock is None:
        raise UsageError(
            "a replay needs to know when each row was asked",
            where="signoff.yaml",
            allowed="data.time_column",
            next_step="signoff monitor --file FILE",
        )
    read = read_rows(project, context.paths.root, end, start=start, progress=context.progress)
    asked = pd.to_datetime(read.frame[clock], utc=True)
    frame = read.frame[(asked >= start) & (asked < end)].reset_index(drop=True)
    notes = tuple(f"{left.rows} rows left out: {left.reason}" for left in read.left_out if left.rows)
    rows = frame[[name for name in champion.inputs if name in frame]]
    window = Window(start=start, end=end, rows=len(frame), origin="replay", model=champion.digest)
    answers = champion.answer(frame) if len(frame) else answers_of([], champion.recipe.classes, frame.index)
    return window, Traffic(rows, answers, frame[project.target], _invalid(context, rows, champion.inputs), notes)


def _invalid(context: StageContext, rows: pd.DataFrame, inputs: dict[str, str]) -> tuple[FailedExpectation, ...] | None:
    """What the project's suite says of the inputs; of a window too small to be judged nothing is asked.

    Only expectations on an input count: a window has no target, no identifiers, and its own number of rows.
    """
    suite = context.paths.suite(context.project.project)
    if len(rows) < context.project.monitoring.minimum_rows or not suite.exists():
        return None
    from expectations import run_suite

    context.progress.step("checking the inputs", 0.25)
    return run_suite(rows, suite, None, only=inputs).failures


def _outcomes_by_id(context: StageContext, frame: pd.DataFrame) -> pd.Series | None:
    names = ("id",) if "id" in frame else context.project.data.id_columns
    if not names or any(name not in frame for name in names):
        return None
    ids: Any = label_texts(frame[names[0]])
    for name in names[1:]:
        ids = ids + ":" + label_texts(frame[name])
    return read_outcomes(context.paths.outcomes).reindex(ids).set_axis(frame.index)


def _span(frame: pd.DataFrame, project: Project) -> tuple[datetime | None, datetime | None]:
    import pandas as pd

    clock = project.data.time_column
    if clock is None or clock not in frame:
        return None, None
    asked = pd.to_datetime(frame[clock], errors="coerce", utc=True).dropna()
    return (None, None) if asked.empty else (asked.min().to_pydatetime(), asked.max().to_pydatetime())


def _days_before(moment: datetime, days: int) -> datetime:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _next_hour(moment: datetime) -> datetime:
    """All traffic up to now, and within the hour the same window again."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _write(paths: Paths, project: Project, report: WindowReport, evidently: str | None) -> None:
    folder = paths.monitoring / report.window.name
    earlier = [
        seen for seen in read_history(paths.monitoring, report.window.model) if seen.window != report.window.name
    ]
    history = sorted([*earlier, moment_of(report)], key=lambda seen: seen.end or "")
    page = render_page(report, history, question=project.question, evidently=evidently)
    write_text(folder / "report.html", page)
    write_json(folder / "window.json", report.as_json())
    write_history(paths.monitoring)
