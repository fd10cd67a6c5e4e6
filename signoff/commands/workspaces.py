"""`signoff init` and `signoff demo`: make a workspace, and for the demo run it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from signoff.commands.clock import clock_request
from signoff.commands.output import Terminal, actor_or_user
from signoff.core.errors import SettingsError, UsageError
from signoff.core.files import write_text
from signoff.core.run import Cause
from signoff.workspace.create import create_workspace

CLONE = Path(__file__).parents[2]
INSTALLED = Path(__file__).parents[1] / "example"


def init_workspace(file: Path, target: str, name: str | None, folder: Path | None) -> None:
    """Propose signoff.yaml for one table and make a workspace around it."""
    from signoff.commands.init_project import propose

    if not file.is_file():
        raise UsageError("there is no such file", where=str(file), next_step="signoff init FILE --target COLUMN")
    project = name or _project_name(file)
    root = (folder or Path(project)).resolve()
    if (root / "signoff.yaml").exists():
        raise UsageError("this is a workspace already", where=str(root), next_step=f"signoff run --workspace {root}")
    proposal = propose(file, target, project)
    settings = proposal.text
    source = {f"sources/{file.name}": file.resolve()}
    create_workspace(root, settings, _pipeline(), source, {"rows.sql": ROWS_SQL.format(table=_table(settings))})
    sys.stdout.write("".join(f"look: {remark}\n" for remark in proposal.remarks))
    sys.stdout.write(
        f"{root}: a workspace for {project}, read signoff.yaml there\nnext: signoff run --workspace {_shown(root)}\n"
    )


def run_demo(
    folder: Path, as_of: str | None, seconds: float | None, trials: int | None, run_it: bool, as_json: bool
) -> None:
    """Make the flights workspace where it is not, run it, say what was found and what to type next."""
    root = folder.resolve()
    if not run_it:
        make_demo(root, seconds, trials)
        return
    from flows.launch import run_retrain
    from signoff.commands.running import print_ending

    with Terminal() as terminal:
        there = (root / "signoff.yaml").exists()
        terminal.step(f"{folder} is there: going on with it" if there else f"making {folder}")
        make_demo(root, seconds, trials)
        cause = Cause(kind="hand", actor=actor_or_user(None), note="demo")
        request = clock_request(None if (root / ".signoff" / "signoff.db").exists() else as_of)
        ending = run_retrain(root, cause, request, terminal)
    print_ending(root, ending, as_json)


def make_demo(root: Path, seconds: float | None = None, trials: int | None = None) -> None:
    """The flights workspace, with the budget that was asked for; a second call changes nothing else."""
    base = CLONE if (CLONE / "examples" / "flights").is_dir() else INSTALLED
    example = CLONE / "examples" / "flights" if base is CLONE else INSTALLED / "flights"
    tables = {f"examples/flights/data/{path.name}": path for path in sorted((example / "data").glob("*.parquet"))}
    if not tables:
        raise SettingsError(
            "the tables of the example are missing", where=str(example), next_step="git checkout examples/flights"
        )
    settings = (base / "signoff.yaml").read_text(encoding="utf-8")
    texts = {f"examples/flights/{name}": (example / name).read_text(encoding="utf-8") for name in EXAMPLE_TEXTS}
    if not (root / "signoff.yaml").exists():
        create_workspace(root, _with_budget(settings, seconds, trials), _pipeline(), tables, texts)
    elif seconds or trials:
        path = root / "signoff.yaml"
        write_text(path, _with_budget(path.read_text(encoding="utf-8"), seconds, trials))


EXAMPLE_TEXTS = ("flights.sql", "row.json")
ROWS_SQL = """\
-- The rows of this project, in DuckDB's SQL. Join further sources here; $as_of is the run's clock (UTC).
SELECT * FROM {table}
"""


def _with_budget(settings: str, seconds: float | None, trials: int | None) -> str:
    if seconds and trials:
        raise UsageError("give either --seconds or --trials")
    if not seconds and not trials:
        return settings
    budget = f"budget: {{trials: {trials}}}" if trials else f"budget: {{seconds: {seconds:g}}}"
    return re.sub(r"budget: \{[^}]*\}", budget, settings, count=1)


def _pipeline() -> str:
    path = CLONE / "dvc.yaml" if (CLONE / "dvc.yaml").exists() else INSTALLED / "dvc.yaml"
    return path.read_text(encoding="utf-8")


def _project_name(file: Path) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", file.name.split(".")[0].lower()).strip("-")
    return name if re.match(r"[a-z]", name) else f"project-{name}".rstrip("-")


def _table(settings: str) -> str:
    import yaml

    return str(next(iter(yaml.safe_load(settings)["data"]["sources"])))


def _shown(root: Path) -> str:
    here = Path.cwd()
    return str(root.relative_to(here)) if root.is_relative_to(here) else str(root)
