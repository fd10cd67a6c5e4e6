"""`signoff review ...`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from signoff.cli.options import HERE, Actor, Json, PasswordStdin, Workspace

review = typer.Typer(help="Open reviews: look, approve, reject, ask for changes.", no_args_is_help=True)


@review.command("list")
def review_list(
    workspace: Workspace = HERE,
    all_states: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    json: Json = False,
) -> None:
    """What waits for a decision."""
    from signoff.commands.reviews import list_reviews

    list_reviews(workspace, all_states, json)


@review.command("show")
def review_show(
    identity: Annotated[str, typer.Argument(metavar="ID")], workspace: Workspace = HERE, json: Json = False
) -> None:
    """One review: what is asked, its checks, who may decide, what was said."""
    from signoff.commands.reviews import show_review

    show_review(workspace, identity, json)


Identity = Annotated[str, typer.Argument(metavar="ID", help="The review, as `signoff review list` names it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is signed with the decision.")]
Continue = Annotated[
    bool, typer.Option("--continue/--no-continue", help="Let the decision start what follows from it.")
]


@review.command()
def approve(
    identity: Identity,
    reason: Reason,
    workspace: Workspace = HERE,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    override: Annotated[
        bool, typer.Option("--override", help="Release in spite of a freeze; needs as many as the policy says.")
    ] = False,
    go_on: Continue = True,
    json: Json = False,
) -> None:
    """Say yes to exactly the digest of this review."""
    from signoff.commands.reviews import decide

    code = decide(
        workspace, identity, "approve", reason, actor, go_on, json, password_stdin=password_stdin, override=override
    )
    raise typer.Exit(code)


def _command_for(verdict: Literal["reject", "acknowledge"], sentence: str) -> None:
    """A verdict that takes a reason and no more."""

    @review.command(verdict, help=sentence)
    def give(
        identity: Identity,
        reason: Reason,
        workspace: Workspace = HERE,
        actor: Actor = None,
        password_stdin: PasswordStdin = False,
        go_on: Continue = True,
        json: Json = False,
    ) -> None:
        from signoff.commands.reviews import decide

        code = decide(workspace, identity, verdict, reason, actor, go_on, json, password_stdin=password_stdin)
        raise typer.Exit(code)


_command_for("reject", "Say no.")
_command_for("acknowledge", "Say that an alert was seen and needs no run.")


@review.command("request-changes")
def request_changes(
    identity: Identity,
    reason: Reason = "",
    exclude_feature: Annotated[
        list[str] | None, typer.Option("--exclude-feature", help="A column no model may use.")
    ] = None,
    ban_family: Annotated[
        list[str] | None, typer.Option("--ban-family", help="A family the search may not try.")
    ] = None,
    pin_family: Annotated[
        str | None, typer.Option("--pin-family", help="The only family the search may choose.")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Budget of the next search.")] = None,
    trials: Annotated[int | None, typer.Option("--trials", help="Budget of the next search in trials.")] = None,
    workspace: Workspace = HERE,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
    go_on: Continue = True,
    json: Json = False,
) -> None:
    """Ask for another run, done differently; its cause names this decision."""
    from signoff.commands.reviews import ask_for_changes

    wishes: dict[str, Any] = {
        "exclude_features": exclude_feature or [],
        "ban_families": ban_family or [],
        "pin_family": pin_family,
        "seconds": seconds,
        "trials": trials,
    }
    raise typer.Exit(ask_for_changes(workspace, identity, reason, wishes, actor, go_on, json, password_stdin))


@review.command()
def reopen(
    identity: Identity,
    reason: Reason,
    workspace: Workspace = HERE,
    actor: Actor = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Let an expired question be asked again by the next run."""
    from signoff.commands.reviews import reopen_review

    reopen_review(workspace, identity, reason, actor, password_stdin)
