"""Windows from end to end on a small real champion: replayed, served, from a file; quiet, broken, small, damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from expectations import propose, save_suite
from monitoring.history import read_history
from signoff.core.errors import DataError, IntegrityError, NotFoundError, SettingsError, UsageError
from signoff.core.monitoring import WindowReport, WindowRequest, already_open
from signoff.core.stage import StageContext
from signoff.core.tables import read_table
from tasks.monitor import keep_reference, load_champion, monitor
from tests.monitored import make_rows, make_workspace, serve

FEBRUARY_ENDS = datetime(2024, 3, 1, tzinfo=UTC)
MARCH_ENDS = datetime(2024, 3, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    return make_workspace(tmp_path_factory.mktemp("binary"), retrain_on_alert=True)


def look(context: StageContext, **asked: object) -> WindowReport:
    return monitor(context, window=WindowRequest.model_validate({"html": False} | asked))


def test_a_month_like_the_training_is_quiet(binary: StageContext) -> None:
    report = look(binary, as_of=FEBRUARY_ENDS)
    assert report.window.origin == "replay"
    assert report.window.rows > 800
    assert report.drifted_columns == ()
    assert report.alert is None
    assert not report.retrain
    assert report.performance.rows == report.window.rows
    assert not report.not_judged


def test_a_moved_month_is_an_alert_that_wants_a_retrain(binary: StageContext) -> None:
    report = look(binary, as_of=MARCH_ENDS)
    assert report.drifted_columns == ("size",)
    assert report.prediction is not None
    assert report.prediction.drifted
    assert report.alert is not None
    assert report.retrain
    assert [result.check.metric for result in report.alert.checks] == ["performance.calibration_gap"]
    assert "calibration gap" in report.alert.finding
    assert "drifted: size" in report.alert.finding
    assert report.alert.opened == MARCH_ENDS


def test_the_same_window_twice_gives_the_same_bytes_and_one_alert(binary: StageContext) -> None:
    first = look(binary, as_of=MARCH_ENDS)
    folder = binary.paths.monitoring / first.window.name
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second = look(binary, as_of=MARCH_ENDS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert first.alert is not None
    assert second.alert is not None
    assert already_open(second.alert, [first.alert]) == first.alert
    overlapping = second.alert.model_copy(update={"id": "a-next-morning"})
    assert already_open(overlapping, [first.alert]) == first.alert
    assert already_open(overlapping, [first.alert.model_copy(update={"state": "closed"})]) is None
    assert already_open(overlapping.model_copy(update={"model": "another"}), [first.alert]) is None


def test_the_record_is_on_disk_and_in_the_history(binary: StageContext) -> None:
    report = look(binary, as_of=MARCH_ENDS)
    folder = binary.paths.monitoring / report.window.name
    assert WindowReport.model_validate_json((folder / "window.json").read_bytes()) == report
    history = read_history(binary.paths.monitoring, report.window.model)
    assert history[-1].alert == report.alert.id  # type: ignore[union-attr]
    assert len((binary.paths.monitoring / "history.jsonl").read_text().splitlines()) == len(history)
    page = (folder / "report.html").read_text()
    assert "A retrain starts" in page
    assert "What comes of a row?" in page
    assert "http" not in page.replace("http-equiv", ""), "the page asks nobody for anything"


@pytest.mark.slow
def test_the_page_holds_evidentlys_report(binary: StageContext) -> None:
    report = look(binary, as_of=MARCH_ENDS, html=True)
    page = (binary.paths.monitoring / report.window.name / "report.html").read_text()
    assert "All distributions" in page
    assert 2_000_000 < len(page) < 8_000_000
    assert page.count("</script>") == 1
    held = page.partition('id="evidently">')[2].partition("</script>")[0]
    assert "<" not in held, "no markup of Evidently's page can open or end anything in ours"
    assert json.loads(held).lstrip().startswith("<")


@pytest.mark.slow
def test_inputs_that_break_the_suite_are_named(tmp_path: Path) -> None:
    limit = {"metric": "invalid.failed", "at_most": 0}
    context = make_workspace(tmp_path, checks=[limit])
    suite = propose(read_table(context.paths.train), context.project)
    save_suite(context.paths.suite("small"), suite)
    quiet = look(context, as_of=FEBRUARY_ENDS)
    assert quiet.invalid == (), "a window has another number of rows, and no target, and may"
    assert quiet.alert is None
    rows = make_rows("binary", 400, 9, begin="2024-03-01", days=20)
    serve(context, rows.assign(size=rows["size"] * 1000))
    report = look(context, as_of=datetime(2024, 3, 25, tzinfo=UTC))
    assert {failure.column for failure in report.invalid} == {"size"}
    assert report.alert is not None
    assert "failed expectations on the inputs" in report.alert.finding


def test_served_traffic_waits_for_outcomes_without_alarm(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    march = make_rows("binary", 600, 9, begin="2024-03-01", moved=1.0, days=20)
    serve(context, march)
    report = look(context, as_of=datetime(2024, 3, 25, tzinfo=UTC))
    assert report.window.origin == "served"
    assert report.window.rows == 600
    assert report.drifted_columns == ("size",)
    assert report.performance.rows == 0
    assert [left.reason.split(";")[0] for left in report.not_judged] == ["no outcomes are known yet"]
    assert report.alert is None, "drift of one column in three is allowed"


def test_damage_in_the_log_is_counted_and_told(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    path = serve(context, make_rows("binary", 300, 9, begin="2024-03-01", days=20))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:10], lines[10][:40] + "\n", *lines[11:], lines[0][:50]]))
    other = context.paths.predictions / "2024-02-02-2.jsonl"
    other.write_text(lines[20] + lines[21].replace('"model": "', '"model": "another').replace("r9-21", "x"))
    report = look(context, as_of=datetime(2024, 3, 25, tzinfo=UTC))
    assert report.window.rows == 299
    notes = "; ".join(report.notes)
    assert "line 11 of 2024-02-01-1.jsonl is damaged" in notes
    assert "1 lines were cut off at the end" in notes
    assert "1 predictions were asked for again" in notes
    assert "1 predictions of the window are another model's" in notes


def test_a_small_window_is_not_judged(binary: StageContext) -> None:
    report = look(binary, as_of=FEBRUARY_ENDS, days=3)
    assert 0 < report.window.rows < 200
    assert report.checks == ()
    assert {left.reason for left in report.not_judged} == {
        f"the window has {report.window.rows} rows, fewer than monitoring.minimum_rows (200)"
    }
    assert report.alert is None
    assert report.drift == ()


def test_a_window_without_a_row_is_not_judged(binary: StageContext) -> None:
    report = look(binary, as_of=datetime(2023, 6, 1, tzinfo=UTC), origin="served")
    assert report.window.rows == 0
    assert report.alert is None


def test_traffic_outside_the_window_is_told_with_the_way_to_it(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    serve(context, make_rows("binary", 300, 9, begin="2024-03-01", days=20))
    now_empty = look(context)
    assert now_empty.window.rows == 0
    assert any("all 300 predictions of this model lie outside the window" in note for note in now_empty.notes)
    assert any("2024-03-01 to 2024-03-2" in note for note in now_empty.notes)
    replayed = look(context, as_of=FEBRUARY_ENDS)
    assert replayed.window.origin == "replay"
    assert "so the rows of the sources were answered instead" in replayed.notes


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_is_scored_and_judged_without_a_clock(task: str, ending: str, tmp_path: Path) -> None:
    context = make_workspace(tmp_path / "w", task, clock=False)
    rows = make_rows(task, 700, 5, moved=1.0)
    file = tmp_path / f"window.{ending}"
    rows.to_csv(file, index=False) if ending == "csv" else rows.to_parquet(file, index=False)
    report = look(context, file=str(file))
    assert report.window.origin == "file"
    assert report.window.start is None
    assert report.drifted_columns == ("size",)
    assert report.performance.rows == 700
    assert report.alert is not None
    named = {value.name for value in report.values}
    expected = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    assert {f"performance.{expected}", "performance.calibration_gap", "prediction.drift"} <= named
    without = tmp_path / f"unknown.{ending}"
    rows = rows.drop(columns="came")
    rows.to_csv(without, index=False) if ending == "csv" else rows.to_parquet(without, index=False)
    assert look(context, file=str(without)).performance.rows == 0


def test_a_replay_needs_a_clock(tmp_path: Path) -> None:
    context = make_workspace(tmp_path, clock=False)
    with pytest.raises(UsageError, match=r"a replay needs to know when.*data\.time_column"):
        look(context, as_of=MARCH_ENDS)


def test_a_file_that_lacks_an_input_is_refused(binary: StageContext, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    make_rows("binary", 300, 5).drop(columns="size").rename(columns={"gap": "size "}).to_csv(file, index=False)
    with pytest.raises(DataError, match="size"):
        look(binary, file=str(file))
    with pytest.raises(UsageError, match="there is no such file"):
        look(binary, file=str(tmp_path / "nothing.csv"))
    (tmp_path / "rows.xlsx").write_text("x")
    with pytest.raises(UsageError, match="this ending cannot be read"):
        look(binary, file=str(tmp_path / "rows.xlsx"))


def test_a_champion_that_was_touched_is_refused(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    model = context.paths.champion / "model" / "model.bin"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="the model file is not the one that was signed"):
        look(context, as_of=MARCH_ENDS)


def test_nothing_released_and_a_lost_reference(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    (context.paths.champion / "reference.parquet").unlink()
    assert look(context, as_of=MARCH_ENDS).drift, "made again while the workspace still holds the champion's data"
    (context.paths.champion / "reference.parquet").unlink()
    (context.paths.model / "model.json").unlink()
    with pytest.raises(NotFoundError, match="the champion has no reference data"):
        look(context, as_of=MARCH_ENDS)
    (context.paths.champion / "reference.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match=r"reference\.parquet is not a whole Parquet file"):
        look(context, as_of=MARCH_ENDS)
    (context.paths.champion / "model" / "model.json").unlink()
    with pytest.raises(IntegrityError, match="the model record is missing"):
        look(context, as_of=MARCH_ENDS)


@pytest.mark.parametrize(
    ("monitoring", "message"),
    [
        ({"checks": [{"metric": "drift.shar", "at_most": 1}]}, r"drift\.shar.*did you mean 'drift\.share'"),
        ({"checks": [{"metric": "performance.rmse", "at_most": 1}]}, "which no window of a binary task has"),
        ({"columns": ["sise"]}, r"monitoring\.columns names 'sise'.*did you mean 'size'"),
    ],
)
def test_settings_that_name_nothing_are_refused(
    binary: StageContext, tmp_path: Path, monitoring: dict[str, object], message: str
) -> None:
    changed = binary.project.model_copy(
        update={
            "monitoring": binary.project.monitoring.model_validate(binary.project.monitoring.as_json() | monitoring)
        }
    )
    context = StageContext(binary.paths, changed, binary.run)
    with pytest.raises(SettingsError, match=message):
        look(context, as_of=MARCH_ENDS)


def test_only_the_newest_release_is_monitored_and_only_its_bytes_are_unpickled(tmp_path: Path) -> None:
    context = make_workspace(tmp_path)
    with pytest.raises(IntegrityError, match="the model is not the one that was signed"):
        keep_reference(context.paths, "0" * 64)
    assert load_champion(context.paths).digest
    next(context.paths.decisions.glob("*-release.json")).unlink()
    with pytest.raises(IntegrityError, match="another package than the newest release"):
        load_champion(context.paths)


@pytest.mark.parametrize("odd", [[1e308, -1e308], [1.7e308] * 400, [-1e300], [1.8e18] * 400])
def test_no_value_that_a_caller_sends_keeps_the_alert_away(tmp_path: Path, odd: list[float]) -> None:
    context = make_workspace(tmp_path, checks=[{"metric": "drift.share", "at_most": 0.1}])
    rows = make_rows("binary", 400, 9, begin="2024-03-01", moved=2.0, days=20)
    rows.loc[rows.index[: len(odd)], "gap"] = odd
    serve(context, rows)
    report = look(context, as_of=datetime(2024, 3, 25, tzinfo=UTC), html=True)
    folder = context.paths.monitoring / report.window.name
    assert report.alert is not None
    assert "size" in report.drifted_columns
    assert json.loads((folder / "window.json").read_text())["window"]["rows"] == 400
    page = (folder / "report.html").read_text()
    assert any("charts are left out" in note for note in report.notes) == ("evidently" not in page)


def test_a_clock_before_all_calendars_has_an_empty_window(binary: StageContext) -> None:
    assert look(binary, as_of=datetime(1, 1, 2, tzinfo=UTC), origin="served").window.rows == 0
