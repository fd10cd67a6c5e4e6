"""The command line: names the commands and defers every import, so that help comes at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from signoff.cli.announce import announce
from signoff.cli.audit import audit
from signoff.cli.console import console_command
from signoff.cli.drill import drill
from signoff.cli.key import key
from signoff.cli.options import HERE, Actor, AsOf, Json, PasswordStdin, Wait, Workspace
from signoff.cli.policy import policy
from signoff.cli.review import review
from signoff.cli.user import user

app = typer.Typer(
    name="signoff",
    help="AutoMLOps with people in the loop: nothing serves without a signature on exactly the bytes that serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.")],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the project; the file's name when not given.")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Folder to make; the project's name when not given.")
    ] = None,
) -> None:
    """Make a workspace from one table and the column to predict."""
    from signoff.commands.workspaces import init_workspace

    init_workspace(file, target, name, workspace)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of the demo workspace.")] = Path("demo-workspace"),
    as_of: AsOf = "2013-04-01",
    seconds: Annotated[float | None, typer.Option("--seconds", help="Budget of the search.")] = None,
    trials: Annotated[int | None, typer.Option("--trials", help="Budget of the search in trials: repeatable.")] = None,
    run_it: Annotated[bool, typer.Option("--run/--no-run", help="Only make the workspace.")] = True,
    json: Json = False,
) -> None:
    """Run the flights example up to a candidate that waits for review."""
    from signoff.commands.workspaces import run_demo

    run_demo(folder, as_of, seconds, trials, run_it, json)


@app.command()
def run(
    workspace: Workspace = HERE,
    as_of: AsOf = None,
    note: Annotated[str, typer.Option("--note", help="Why this run, in your words.")] = "",
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Budget of the search, from this run on until another is given.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", help="The same in trials, which makes the search repeatable.")
    ] = None,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Make a candidate and ask at its gates. What is done already is skipped."""
    from signoff.commands.running import run_retrain

    raise typer.Exit(run_retrain(workspace, as_of, note, actor, password_stdin, wait, json, seconds, trials))


@app.command()
def status(workspace: Workspace = HERE, json: Json = False) -> None:
    """Run, candidate, champion, open reviews and alerts."""
    from signoff.commands.status import show_status

    show_status(workspace, json)


@app.command()
def serve(
    workspace: Workspace = HERE,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one; signoff.yaml's when not given.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
) -> None:
    """Serve the champion. Ledger, decision, signature and bytes are checked before."""
    from signoff.commands.serving import serve as serve_champion

    raise typer.Exit(serve_champion(workspace, port, host) or 0)


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="CSV or Parquet rows.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="CSV or Parquet file to write.")],
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Let the champion answer a file of rows."""
    from signoff.commands.scoring import score_file

    score_file(workspace, source, target, json)


@app.command()
def monitor(
    workspace: Workspace = HERE,
    as_of: AsOf = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Look at the rows of this file instead of served traffic.")
    ] = None,
    html: Annotated[bool, typer.Option("--report/--no-report", help="Also make the HTML report.")] = True,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Look at a window of traffic, open an alert, maybe retrain. Inputs, drift and performance are looked at."""
    from signoff.commands.running import run_watch

    raise typer.Exit(run_watch(workspace, as_of, file, html, actor, password_stdin, wait, json))


@app.command()
def feedback(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: id and outcome.")],
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Take in what came true of served predictions."""
    from signoff.commands.scoring import take_feedback

    take_feedback(workspace, file, json)


@app.command()
def replay(
    tag: Annotated[str, typer.Argument(help="A candidate or release, such as flights/v1.")],
    workspace: Workspace = HERE,
    remote: Annotated[
        str | None, typer.Option("--remote", help="DVC remote to fetch from; the configured one when not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Build a model again from its tag, and compare digests. The data come from the DVC remote."""
    from signoff.commands.replay import replay_tag

    raise typer.Exit(replay_tag(workspace, tag, remote, json))


@app.command()
def rollback(
    tag: Annotated[
        str | None, typer.Argument(help="A release, such as flights/v1; the one before what serves when not given.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why, in your words: it stands in the review and in git.")
    ] = "",
    workspace: Workspace = HERE,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Ask for an earlier release again. It serves once it is approved."""
    from signoff.commands.rollback import roll_back

    raise typer.Exit(roll_back(workspace, tag, reason, actor, password_stdin, wait, json))


@app.command()
def verify(
    workspace: Workspace = HERE,
    restore: Annotated[
        bool, typer.Option("--restore", help="After a git pull: add to the table the entries that decisions/ brought.")
    ] = False,
    root: Annotated[
        str | None, typer.Option("--root", help="Fingerprint that the ledger's first key must have; for a clone.")
    ] = None,
    json: Json = False,
) -> None:
    """Check the ledger, every signature, and all that serves."""
    from signoff.commands.verification import restore_ledger, verify_workspace

    if restore:
        restore_ledger(workspace)
    raise typer.Exit(verify_workspace(workspace, json, root))


@app.command()
def doctor(workspace: Workspace = HERE, json: Json = False) -> None:
    """Look for what is broken here, and say how to mend it."""
    from signoff.commands.doctor import examine

    raise typer.Exit(examine(workspace, json))


@app.command()
def schema(workspace: Workspace = HERE) -> None:  # noqa: ARG001
    """Print the JSON Schema of signoff.yaml."""
    import json

    from signoff.core.settings import Project

    sys.stdout.write(json.dumps(Project.model_json_schema(), indent=2) + "\n")


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="ingest, validate, prepare, search, fit, evaluate or package.")],
    workspace: Workspace = HERE,
) -> None:
    """Run the function of one stage; what dvc.yaml calls. `dvc repro` records it."""
    from signoff.commands.running import run_stage

    run_stage(workspace, name)


@app.command()
def up(
    workspace: Workspace = HERE,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the endpoint.")] = None,
    prefect_port: Annotated[
        int, typer.Option("--prefect-port", min=0, max=65535, help="Port of the Prefect server; 0 takes a free one.")
    ] = 4200,
    console_port: Annotated[
        int | None, typer.Option("--console-port", min=0, max=65535, help="Port of the console; 0 takes a free one.")
    ] = None,
) -> None:
    """Start Prefect, schedules, endpoint and console. All listen on loopback; Ctrl-C ends all."""
    from signoff.commands.up import supervise

    raise typer.Exit(supervise(workspace, port, prefect_port, console_port))


@app.command()
def version(workspace: Workspace = HERE) -> None:  # noqa: ARG001
    """Print the version."""
    from signoff import __version__

    typer.echo(__version__)


app.command("console")(console_command)
app.command()(drill)
app.add_typer(review, name="review")
app.add_typer(policy, name="policy")
app.add_typer(user, name="user")
app.add_typer(key, name="key")
app.add_typer(audit, name="audit")
app.add_typer(announce, name="announce")
