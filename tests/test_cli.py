"""The command line as a user meets it: help at once, one error block, exit codes, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain import SIGNOFF, signoff

HEAVY = (
    "prefect",
    "sklearn",
    "optuna",
    "dvc",
    "evidently",
    "great_expectations",
    "bentoml",
    "sqlalchemy",
    "duckdb",
    "pandas",
)


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "sys.argv = ['signoff', '--help']\n"
        "from signoff.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().endswith("LOADED []")
    for command in (
        "init",
        "demo",
        "run",
        "status",
        "review",
        "serve",
        "score",
        "monitor",
        "feedback",
        "replay",
        "verify",
        "doctor",
        "schema",
        "stage",
        "up",
    ):
        assert f"\n  {command} " in done.stdout


def refused(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run([SIGNOFF, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("runn",), 2, "Did you mean 'run'"),
        (("run", "--bad"), 2, "No such option"),
        (("status",), 2, "this is not a workspace"),
        (("run", "--as-of", "yesterday"), 2, "this is not a workspace"),
        (("init", "nothing.csv", "--target", "y"), 2, "there is no such file"),
        (("stage", "cook"), 2, "this is not a workspace"),
        (("review", "approve", "release-1"), 2, "--reason"),
        (("replay", "flights/v1"), 2, "this is not a workspace"),
    ],
)
def test_wrong_use_is_one_block_and_an_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    got, _, said = refused(*arguments, cwd=tmp_path)
    assert (got, said.startswith("error: ")) == (code, True)
    assert message in said


def test_an_error_with_json_is_one_object(tmp_path: Path) -> None:
    code, out, _ = refused("status", "--json", cwd=tmp_path)
    assert code == 2
    assert json.loads(out)["error"] == "SettingsError"


def test_the_schema_is_json_schema() -> None:
    schema = json.loads(signoff("schema"))
    assert schema["properties"]["search"]["$ref"] == "#/$defs/Search"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error_and_lend_their_numbers_to_no_file(tmp_path: Path, closed: str) -> None:
    done = subprocess.run(["sh", "-c", f"{SIGNOFF} schema {closed}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        ["sh", "-c", f"{SIGNOFF} status --json --workspace {tmp_path} {closed}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["schema", "status --json", "version", "nonsense --json", "--help"])
def test_a_full_disk_behind_standard_output_is_told_without_a_traceback(tmp_path: Path, command: str) -> None:
    where = "" if command == "--help" else f"--workspace {tmp_path}"
    done = subprocess.run(
        ["sh", "-c", f"{SIGNOFF} {command} {where} > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (2, 5)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.startswith("error: ")


def test_a_reader_that_has_enough_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {SIGNOFF} schema | true"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.stderr == ""
