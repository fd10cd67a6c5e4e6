"""Every mistake in signoff.yaml names file, line, key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.core.errors import SettingsError
from signoff.core.settings import Project
from signoff.core.settings_file import load_project, load_record, require_tracked_keys

ROOT = Path(__file__).parents[1]
BASE = """\
project: flights
question: Late?
task: binary
target: late
data:
  sources:
    rows: {file: rows.csv}
"""

MISTAKES = [
    ("serach: {}\n", r"serach is not a setting.*signoff\.yaml:8.*did you mean 'search'"),
    ("search:\n  folds: 1\n", r"search\.folds is not allowed.*:9; got: 1; allowed: .*greater than or equal to 2"),
    ("search:\n  budget: {secnods: 3}\n", r"search\.budget\.secnods is not a setting.*:9.*did you mean 'seconds'"),
    ("search:\n  budget: {seconds: 3, trials: 4}\n", r"search\.budget is not allowed.*give either seconds or trials"),
    ("search:\n  families: [lightgmb]\n", r"search\.families\.0 is not allowed.*got: lightgmb.*'lightgbm'"),
    ("gates:\n  release:\n    modee: auto\n", r"gates\.release\.modee is not a setting.*:10.*did you mean 'mode'"),
    (
        "gates:\n  release:\n    checks:\n      - {metric: a}\n",
        r"gates\.release\.checks\.0 is not allowed.*:11.*at_least, at_most or both",
    ),
    ("task: x\n", r"the key 'task' stands twice.*:8"),
    ("split: {kind: time}\n", r"data\.time_column is needed"),
    ("split: {kind: group}\n", r"data\.group_column is needed"),
    ("a: [\n", r"not valid YAML.*signoff\.yaml:9"),
]


def write(folder: Path, text: str) -> Path:
    (folder / "signoff.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("extra", "message"), MISTAKES, ids=[extra.split(":")[0] + str(i) for i, (extra, _) in enumerate(MISTAKES)]
)
def test_a_mistake_is_explained(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_project(write(tmp_path, BASE + extra))


def test_a_missing_key_is_named_with_its_parent(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"question is missing"):
        load_project(write(tmp_path, BASE.replace("question: Late?\n", "")))


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no signoff\.yaml here.*signoff init"):
        load_project(tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signoff.yaml").write_bytes(b"project: fl\xfcge\n")
    with pytest.raises(SettingsError, match="cannot be read as UTF-8"):
        load_project(tmp_path)


def test_a_list_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be a mapping"):
        load_project(write(tmp_path, "- a\n- b\n"))


def test_the_target_may_not_be_an_identifier(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the target 'late' may not be dropped"):
        load_project(write(tmp_path, BASE + "  id_columns: [late]\n"))


def test_what_a_stage_depends_on_must_be_written_out(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {search: {params: [{signoff.yaml: [task, evaluate]}]}}\n")
    with pytest.raises(SettingsError, match=r"must say 'evaluate'.*search depends.*add 'evaluate: \{\}'"):
        require_tracked_keys(write(tmp_path, BASE))


def test_several_sources_need_sql(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"several sources need data\.sql"):
        load_project(write(tmp_path, BASE + "    more: {file: more.csv}\n"))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:hunter2@db.example/x",
        "postgresql+psycopg://ada:hun/ter2@db.example:5432/x",
        "postgresql://db.example/x?user=ada&password=hunter2",
    ],
)
@pytest.mark.parametrize("place", ["database", "optuna_database", "prefect_database", "source"])
def test_a_password_in_what_git_keeps_is_refused_and_not_shown(tmp_path: Path, address: str, place: str) -> None:
    state = f"state: {{{place}: '{address}'}}\n"
    source = BASE.replace("{file: rows.csv}", f"{{database: '{address}', query: SELECT 1}}")
    text = source if place == "source" else BASE + state
    assert address in text
    with pytest.raises(SettingsError, match=r"holds a password, and signoff\.yaml is kept in git.*env:NAME") as caught:
        load_project(write(tmp_path, text))
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("announce: {targets: ['mailto://ada:hunter2@mail.example?to=a@b.example']}", r"announce\.targets"),
        ("announce: {by_role: {clerk: ['mailtos://ada:hunter2@mail.example']}}", r"announce\.by_role\.clerk"),
        ("announce: {webhooks: [{url: 'https://h.example', secret: hunter2}]}", r"announce\.webhooks\[0\]\.secret"),
        ("console: {oidc: {issuer: 'https://i.example', client_id: c, client_secret: hunter2}}", "client_secret"),
    ],
)
def test_a_secret_in_what_git_keeps_is_refused_and_not_shown(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError, match=rf"{key} holds a (password|secret), and.*env:NAME") as caught:
        load_project(write(tmp_path, f"{BASE}{text}\n"))
    assert "ter2" not in str(caught.value)


def test_targets_without_a_password_and_secrets_elsewhere_are_allowed(tmp_path: Path) -> None:
    hook = "webhooks: [{url: 'https://h.example', secret: env:KEY}]"
    target = "mailto://127.0.0.1:25/?from=a@b.example&to=c@d.example"
    text = f"{BASE}announce: {{targets: ['{target}', env:MAIL], {hook}}}\n"
    assert load_project(write(tmp_path, text)).announce.targets == (target, "env:MAIL")


@pytest.mark.parametrize(
    "address", ["postgresql://ada@db.example:5432/x", "env:NAME", "sqlite:///a:b@c.db", "postgresql://db/x?host=/run"]
)
def test_an_address_without_a_password_is_allowed(tmp_path: Path, address: str) -> None:
    project = load_project(write(tmp_path, BASE + f"state: {{database: '{address}'}}\n"))
    assert project.state.database == address


def test_the_default_example_is_allowed_and_frozen() -> None:
    project = load_project(ROOT)
    assert project.project == "flights"
    assert project.never_features() >= {"late", "flight_id", "asked_at", "known_at", "tailnum"}
    with pytest.raises(ValueError, match="frozen"):
        project.project = "other"  # type: ignore[misc]


def test_every_setting_has_a_place_in_the_schema() -> None:
    schema = Project.model_json_schema()
    assert set(schema["properties"]) == set(Project.model_fields)
    assert schema["additionalProperties"] is False


def test_another_record_is_read_by_the_same_rules(tmp_path: Path) -> None:
    from signoff.core.run import RunSettings

    path = tmp_path / "run.yaml"
    path.write_text("as_off: 2013-04-01\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"as_off is not a setting.*did you mean 'as_of'"):
        load_record(path, RunSettings)
