"""Plan, splits and preprocessing on tables with everything that real ones have."""

from __future__ import annotations

import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.features import (
    apply_steering,
    build_preprocessor,
    coerce_inputs,
    folds,
    input_kinds,
    load_plan,
    profile_rows,
    propose_plan,
    split_rows,
)
from models.features.plan_file import append_steps, check_plan, write_plan
from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.errors import DataError, SettingsError
from signoff.core.run import Steering
from signoff.core.settings import Project

TASKS = ("binary", "multiclass", "regression")
FLAVOURS = ((True, True), (True, False), (False, False))
WORDS = np.array(["late", "crew", "storm", "snow", "gate", "fuel", "queue", "radar", "slot", "wind"])


def make_project(task: str = "binary", kind: str = "stratified", **data: Any) -> Project:
    positive = "yes" if task == "binary" else None
    columns = {"time_column": "asked", "id_columns": ["row"], "group_column": "team" if kind == "group" else None}
    return Project.model_validate(
        {
            "project": "demo",
            "question": "What comes next?",
            "task": task,
            "target": "y",
            "positive": positive,
            "data": {"sources": {"rows": {"file": "rows.csv"}}, **columns, **data},
            "split": {"kind": kind},
        }
    )


def make_rows(rows: int = 600, task: str = "binary", seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "row": np.arange(rows),
            "asked": pd.date_range("2024-01-01", periods=rows, freq="37min"),
            "team": draw.integers(0, 40, rows),
            "age": draw.normal(40, 10, rows),
            "kids": draw.integers(0, 5, rows).astype("float64"),
            "code": draw.integers(0, 10_000, rows).astype(str),
            "color": draw.choice(["red", "green", "blue"], rows),
            "flag": draw.random(rows) < 0.5,
            "maybe": pd.Series(draw.choice(np.array([True, False, None], dtype=object), rows), dtype=object),
            "born": pd.Timestamp("1980-01-01") + pd.to_timedelta(draw.integers(0, 9_000, rows), unit="D"),
            "note": [" ".join(words) for words in draw.choice(WORDS, (rows, 6))],
            "empty": np.full(rows, np.nan),
            "same": 1,
        }
    )
    frame.loc[draw.random(rows) < 0.1, "kids"] = np.nan
    frame.loc[draw.random(rows) < 0.1, "color"] = None
    score = frame["age"] / 10 + (frame["color"] == "red") + draw.normal(0, 1, rows)
    if task == "regression":
        frame["y"] = score
    elif task == "binary":
        frame["y"] = np.where(score > 4.3, "yes", "no")
    else:
        frame["y"] = pd.cut(score, [-99, 3.5, 5, 99], labels=["a", "b", "c"]).astype("str")
    return frame


def encoded(frame: pd.DataFrame, task: str) -> np.ndarray[Any, Any]:
    return frame["y"].to_numpy() if task == "regression" else pd.factorize(frame["y"], sort=True)[0]


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_each_column_gets_a_step_and_a_reason() -> None:
    frame = make_rows()
    frame["name"] = [f"n{number}" for number in range(len(frame))]
    frame["counter"] = np.arange(len(frame)) + 500
    frame["answer"] = frame["y"].map({"yes": 7, "no": 3})
    frame["lists"] = [[1]] * len(frame)
    frame["price"] = [Decimal(number % 7) for number in range(len(frame))]
    steps = {step.column: step for step in propose_plan(frame, make_project(pseudonymise=["code"])).steps}
    assert list(steps) == [name for name in frame.columns if name != "y"]
    kept = {name: step.action for name, step in steps.items() if step.action != "drop"}
    assert kept == {
        "team": "keep", "age": "keep", "kids": "keep", "color": "category", "flag": "keep", "maybe": "keep",
        "born": "datetime", "note": "text", "price": "keep",
    }  # fmt: skip
    assert "missing in all" in steps["empty"].reason
    assert "the same in all" in steps["same"].reason
    assert "nearly every row" in steps["name"].reason
    assert "numbers the rows" in steps["counter"].reason
    assert "same as the target" in steps["answer"].reason
    assert "pseudonym" in steps["code"].reason
    assert "no model can use" in steps["lists"].reason
    assert "identifies a row" in steps["row"].reason


def test_unlike_numbers_are_not_taken_for_the_target() -> None:
    frame = make_rows(task="regression")
    frame["answer"] = frame["y"]
    steps = {step.column: step.action for step in propose_plan(frame, make_project("regression")).steps}
    assert (steps["age"], steps["answer"]) == ("keep", "drop")


def test_a_persons_line_survives_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "features.yaml"
    write_plan(path, FeaturePlan(steps=(FeatureStep(column="age", action="keep", reason="a number"),)))
    path.write_text(path.read_text().replace("action: keep", "action: category  # bands, says Ann"))
    append_steps(path, [FeatureStep(column="été: no", action="drop", reason="the same: 'x' # y")])
    assert "# bands, says Ann" in path.read_text()
    assert [(step.column, step.action) for step in load_plan(path).steps] == [("age", "category"), ("été: no", "drop")]
    assert load_plan(path).steps[1].reason == "the same: 'x' # y"


@pytest.mark.parametrize("indent", ["", "    "])
def test_lines_are_added_at_the_lists_own_depth(tmp_path: Path, indent: str) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(f"steps:\n{indent}- column: age\n{indent}  action: keep\n{indent}  reason: mine\n")
    append_steps(path, [FeatureStep(column="color", action="category", reason="three")])
    assert [step.column for step in load_plan(path).steps] == ["age", "color"]


def test_a_list_in_one_line_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "features.yaml"
    text = "steps: [{column: age, action: keep, reason: mine}]\n"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"cannot be added to line by line.*color"):
        append_steps(path, [FeatureStep(column="color", action="category", reason="three")])
    assert path.read_text() == text


def test_mistakes_in_the_plan_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "features.yaml"
    path.write_text("steps:\n  - {column: age, action: keeep, reason: x}\n")
    with pytest.raises(SettingsError, match=r"features\.yaml:2.*keep"):
        load_plan(path)
    path.write_text("steps:\n  - {column: a, action: keep, reason: x}\n  - {column: a, action: drop, reason: x}\n")
    with pytest.raises(SettingsError, match="'a' stands twice"):
        load_plan(path)


def test_the_plan_is_held_against_the_data(tmp_path: Path) -> None:
    def plan(column: str, action: str = "keep") -> FeaturePlan:
        return FeaturePlan.model_validate({"steps": [{"column": column, "action": action, "reason": "x"}]})

    columns, where = list(make_rows(30).columns), tmp_path / "features.yaml"
    with pytest.raises(SettingsError, match=r"line for colour.*did you mean 'color'"):
        check_plan(plan("colour"), columns, make_project(), where)
    with pytest.raises(SettingsError, match="y is the target"):
        check_plan(plan("y"), columns, make_project(), where)
    with pytest.raises(SettingsError, match=r"row may never be a feature; .*got: keep"):
        check_plan(plan("row"), columns, make_project(), where)
    with pytest.raises(SettingsError, match="no feature is left"):
        check_plan(plan("age", "drop"), columns, make_project(), where)


def test_steering_drops_by_request_and_refuses_typos() -> None:
    plan = propose_plan(make_rows(), make_project())
    steered = apply_steering(plan, Steering(exclude_features=("age",)))
    assert "age" not in steered.used()
    assert next(step.reason for step in steered.steps if step.column == "age") == "excluded by request"
    with pytest.raises(SettingsError, match=r"'agee'.*did you mean 'age'"):
        apply_steering(plan, Steering(exclude_features=("agee",)))
    with pytest.raises(SettingsError, match="no feature is left"):
        apply_steering(plan, Steering(exclude_features=plan.used()))


# --- splits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["time", "group", "stratified"])
def test_parts_and_folds_cover_and_never_overlap(task: str, kind: str) -> None:
    frame, project = make_rows(task=task), make_project(task, kind)
    train, holdout, sentence = split_rows(frame, project)
    assert sorted([*train["row"], *holdout["row"]]) == list(range(len(frame)))
    assert 0.15 < len(holdout) / len(frame) < 0.25
    assert str(len(holdout)) in sentence
    pd.testing.assert_frame_equal(split_rows(frame, project)[0], train)
    for learn, judge in folds(train, project):
        assert not set(learn) & set(judge)
        if kind == "time":
            assert train["asked"].iloc[learn].max() < train["asked"].iloc[judge].min()
        if kind == "group":
            assert not set(train["team"].iloc[learn]) & set(train["team"].iloc[judge])
        if kind == "stratified" and task == "binary":
            shares = [(train["y"].iloc[part] == "yes").mean() for part in (learn, judge)]
            assert abs(shares[0] - shares[1]) < 0.02
    if kind == "time":
        assert train["asked"].max() < holdout["asked"].min()
    if kind == "group":
        assert not set(train["team"]) & set(holdout["team"])


def test_equal_times_never_part() -> None:
    frame = make_rows()
    frame["asked"] = frame["asked"].dt.floor("4D")
    train, holdout, _ = split_rows(frame, make_project(kind="time"))
    assert not set(train["asked"]) & set(holdout["asked"])


def test_outcomes_known_after_the_cut_are_in_neither_part() -> None:
    frame = make_rows()
    frame["known"] = frame["asked"] + pd.Timedelta(days=1)
    project = make_project(kind="time", known_column="known")
    train, holdout, sentence = split_rows(frame, project)
    assert train["known"].max() <= holdout["asked"].min()
    late = len(frame) - len(train) - len(holdout)
    assert late > 0
    assert f"{late} rows whose outcome was not yet known" in sentence
    for learn, judge in folds(train, project):
        assert train["known"].iloc[learn].max() <= train["asked"].iloc[judge].min()


def test_time_and_groups_together_hold_out_new_groups_only() -> None:
    frame = make_rows()
    frame["team"] = np.where(frame.index < 540, frame.index % 40, 100 + frame.index % 40)
    train, holdout, sentence = split_rows(frame, make_project(kind="time", group_column="team"))
    assert not set(train["team"]) & set(holdout["team"])
    assert "groups that training has seen" in sentence
    frame["team"] = 1
    with pytest.raises(DataError, match="every team of the newest rows is also in the older"):
        split_rows(frame, make_project(kind="time", group_column="team"))


def test_what_cannot_be_split_is_refused() -> None:
    frame = make_rows()
    frame.loc[7, "asked"] = pd.NaT
    with pytest.raises(DataError, match=r"1 rows have no asked.*row 8"):
        split_rows(frame, make_project(kind="time"))
    frame["asked"] = pd.Timestamp("2024-01-01")
    with pytest.raises(DataError, match="all rows have the same asked"):
        split_rows(frame, make_project(kind="time"))
    frame["asked"] = "soon"
    with pytest.raises(DataError, match="asked is no time"):
        split_rows(frame, make_project(kind="time"))
    frame["team"] = 3
    with pytest.raises(DataError, match="all rows have the same team"):
        split_rows(frame, make_project(kind="group"))


@pytest.mark.parametrize(
    ("task", "values", "match"),
    [
        ("binary", ["yes"] * 60, "one class only"),
        ("binary", ["yes", "no", "perhaps"] * 20, "has 3.*multiclass"),
        ("binary", ["yes"] * 58 + ["no"] * 2, r"too few rows.*no \(2\)"),
        ("binary", ["ja", "nein"] * 30, "positive 'yes' is not a label"),
        ("binary", ["yes", None] * 30, "30 rows have no value of the target"),
        ("multiclass", ["a"] * 59 + ["b"], r"too few rows.*b \(1\)"),
        ("regression", ["12"] * 60, "needs numbers"),
        ("regression", [1.0] * 60, "the same in all rows"),
        ("regression", [1.0] * 59 + [np.inf], r"infinite.*row 60"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(task: str, values: list[Any], match: str) -> None:
    frame = make_rows(60)
    frame["y"] = values
    with pytest.raises((DataError, SettingsError), match=match):
        split_rows(frame, make_project(task))


def test_a_target_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"'y' is not in the table.*allowed"):
        split_rows(make_rows().drop(columns="y"), make_project())


def test_a_holdout_without_a_class_is_refused() -> None:
    frame = make_rows()
    frame["y"] = np.where(frame.index < 100, "yes", "no")
    with pytest.raises(DataError, match=r"the holdout holds no row of class 'yes'"):
        split_rows(frame, make_project(kind="time"))


def test_boolean_targets_and_yaml_booleans_mean_the_same() -> None:
    frame = make_rows()
    frame["y"] = frame["y"] == "yes"
    project = make_project().model_copy(update={"positive": True})
    train, holdout, _ = split_rows(frame, project)
    assert train["y"].dtype == bool
    assert abs(train["y"].mean() - holdout["y"].mean()) < 0.01


# --- preprocessing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("for_trees", "native"), FLAVOURS)
def test_training_rows_callers_rows_and_json_give_the_same_features(task: str, for_trees: bool, native: bool) -> None:
    train = make_rows(task=task)
    plan = propose_plan(train, make_project(task))
    kinds = input_kinds(train, plan)
    features = build_preprocessor(plan, for_trees=for_trees, categorical_native=native)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = features.fit_transform(train, encoded(train, task))
        fresh = make_rows(40, task, seed=1)
        plain = np.asarray(features.transform(fresh), dtype=np.float64)
        sent = pd.DataFrame(pd.read_json(_stringio(fresh.to_json(orient="records", date_format="iso")), dtype=False))
        sent["extra"] = 1
        asked = np.asarray(features.transform(coerce_inputs(sent[sent.columns[::-1]], kinds)), dtype=np.float64)
    np.testing.assert_allclose(asked, plain, rtol=1e-6, equal_nan=True)
    assert fitted.shape == (len(train), len(features.get_feature_names_out()))
    assert isinstance(fitted, pd.DataFrame) is native
    if not for_trees:
        assert np.isfinite(fitted).all()


def _stringio(text: str) -> Any:
    from io import StringIO

    return StringIO(text)


@pytest.mark.parametrize(("for_trees", "native"), FLAVOURS)
def test_unseen_and_missing_values_are_served(for_trees: bool, native: bool) -> None:
    train = make_rows()
    plan = propose_plan(train, make_project())
    features = build_preprocessor(plan, for_trees=for_trees, categorical_native=native)
    features.fit(train, encoded(train, "binary"))
    kinds = input_kinds(train, plan)
    known = {"color": "mauve", "code": "never", "note": "", "maybe": None, "born": None, "age": None}
    row = coerce_inputs(pd.DataFrame([{**dict.fromkeys(kinds), **known}]), kinds)
    answer = np.asarray(features.transform(row), dtype=np.float64)
    assert answer.shape == (1, len(features.get_feature_names_out()))
    assert for_trees or np.isfinite(answer).all()


def test_ten_thousand_categories_become_one_number_that_tells() -> None:
    draw = np.random.default_rng(0)
    worth = draw.normal(size=10_000)
    codes = draw.integers(0, 10_000, 30_000)
    frame = pd.DataFrame({"code": [f"c{code}" for code in codes], "y": worth[codes] + draw.normal(size=30_000)})
    plan = FeaturePlan(steps=(FeatureStep(column="code", action="category", reason="x"),))
    features = build_preprocessor(plan, for_trees=True, categorical_native=True)
    fitted = features.fit_transform(frame, frame["y"].to_numpy())
    assert fitted.shape == (30_000, 1)
    told = np.corrcoef(fitted["f0"], worth[codes])[0, 1]
    own = np.corrcoef(fitted["f0"], frame["y"] - worth[codes])[0, 1]
    assert told > 0.5
    assert abs(own) < 0.03, "a row's own outcome must not be in its feature"


def test_a_number_that_a_person_calls_a_category_means_the_same_as_text_and_as_json() -> None:
    train = make_rows()
    plan = FeaturePlan(steps=(FeatureStep(column="kids", action="category", reason="bands"),))
    features = build_preprocessor(plan, for_trees=False, categorical_native=False)
    features.fit(train, encoded(train, "binary"))
    answers = [
        features.transform(coerce_inputs(pd.DataFrame({"kids": [value]}), {"kids": "category"}))
        for value in (3, 3.0, "3")
    ]
    assert all((answer == answers[0]).all() and answer.sum() == 1 for answer in answers)


def test_columns_with_odd_names_reach_lightgbm() -> None:
    from lightgbm import LGBMClassifier

    train = make_rows().rename(columns={"age": 'a"g{e}:[1]', "color": "colour, of: it"})
    plan = propose_plan(train, make_project())
    features = build_preprocessor(plan, for_trees=True, categorical_native=True)
    table = features.fit_transform(train, encoded(train, "binary"))
    model = LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(table, encoded(train, "binary"))
    assert model.predict_proba(features.transform(train)).shape == (len(train), 2)


@pytest.mark.parametrize(
    ("sent", "match"),
    [
        ({"age": "old"}, r"age cannot be read as a number; where: column age, row 1; got: 'old'"),
        ({"age": float("inf")}, r"age are infinite"),
        ({"flag": "perhaps"}, r"flag cannot be read as true or false"),
        ({"flag": 7}, r"flag cannot be read as true or false"),
        ({"born": "yesterday"}, r"born cannot be read as a date and time"),
        ({"born": 12345}, r"born cannot be read as a date and time"),
    ],
)
def test_values_of_another_kind_are_named(sent: dict[str, Any], match: str) -> None:
    kinds = {"age": "number", "flag": "boolean", "born": "datetime"}
    row = {"age": 1, "flag": True, "born": "2001-02-03T04:05:06Z", **sent}
    with pytest.raises(DataError, match=match):
        coerce_inputs(pd.DataFrame([row]), kinds)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"'color' is missing.*did you mean 'colour'"):
        coerce_inputs(pd.DataFrame({"colour": ["red"]}), {"color": "category"})


def test_times_of_any_zone_are_read_as_utc() -> None:
    frame = pd.DataFrame({"at": ["2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00", "2024-01-01"]})
    read = coerce_inputs(frame, {"at": "datetime"})["at"]
    expected = ["2024-01-01T10:00:00", "2024-01-01T10:00:00", "2024-01-01T00:00:00"]
    assert read.dt.tz is None
    assert [moment.isoformat() for moment in read] == expected


# --- profile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_leak_is_called_out_and_an_honest_table_is_not(task: str) -> None:
    frame, project = make_rows(1_500, task), make_project(task)
    plan = propose_plan(frame, project)
    honest = profile_rows(frame, frame[:0], "cut", project, plan)
    assert not [warning for warning in honest.warnings if "LEAK" in warning]
    answer = frame["y"] if task == "regression" else pd.factorize(frame["y"])[0]
    frame["told"] = answer + np.random.default_rng(1).normal(0, 0.01, len(frame))
    leaking = profile_rows(frame, frame[:0], "cut", project, propose_plan(frame, project))
    assert [warning for warning in leaking.warnings if warning.startswith("LEAK? told alone tells y")]


def test_a_handful_of_missing_values_is_not_told_as_none() -> None:
    frame = make_rows(3_000)
    frame.loc[0, "born"] = pd.NaT
    frame.loc[1, "team"] = None
    steps = {step.column: step.reason for step in propose_plan(frame, make_project()).steps}
    assert steps["born"].endswith("missing in under 0.1% of rows")


@pytest.mark.parametrize("task", TASKS)
def test_copies_on_both_sides_of_the_cut_are_told(task: str) -> None:
    frame, project = make_rows(400, task), make_project(task)
    plan = propose_plan(frame[:300], project)
    apart = profile_rows(frame[:300], frame[300:], "cut", project, plan)
    assert not [warning for warning in apart.warnings if "repeat" in warning]
    mixed = pd.concat([frame[300:], frame[:25]])
    found = [w for w in profile_rows(frame[:300], mixed, "cut", project, plan).warnings if "holdout rows repeat" in w]
    assert [warning.split(" in every")[0] for warning in found] == ["25 of 125 holdout rows repeat a training row"]


def test_a_coarse_table_has_no_copies() -> None:
    project = make_project()
    frame = pd.DataFrame({"city": ["a", "b", "c", "d"] * 100, "y": (["no"] * 200 + ["yes"] * 200)})
    warnings = profile_rows(frame[::2], frame[1::2], "cut", project, propose_plan(frame, project)).warnings
    assert not [warning for warning in warnings if "holdout rows repeat" in warning]


def test_the_profile_counts_what_is_there() -> None:
    frame, project = make_rows(), make_project()
    profile = profile_rows(frame, frame[:0], "cut", project, propose_plan(frame, project))
    columns = {column.name: column for column in profile.columns}
    assert columns["kids"].missing == pytest.approx(frame["kids"].isna().mean())
    assert columns["kids"].maximum == 4
    assert columns["color"].top[0][1] == pytest.approx(frame["color"].value_counts(normalize=True).iloc[0], abs=1e-6)
    assert {name: columns[name].kind for name in ("flag", "maybe", "note", "born", "code")} == {
        "flag": "boolean", "maybe": "boolean", "note": "text", "born": "datetime", "code": "category",
    }  # fmt: skip
    assert sum(profile.target.values()) == pytest.approx(1)
    assert "y" not in columns
