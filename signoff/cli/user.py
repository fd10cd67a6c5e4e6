"""`signoff user ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from signoff.cli.options import HERE, Json, PasswordStdin, Workspace

user = typer.Typer(
    help="Accounts and tokens. Whoever may write the state database owns them; each change is in the access log.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]
InProject = Annotated[
    str | None, typer.Option("--project", "-p", help="Only in this project; in all of them when not given.")
]
OneTime = Annotated[bool, typer.Option("--one-time", help="The password has to be changed at the first log-in.")]


@user.command()
def add(
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="viewer, operator, reviewer, admin, or one of the project's own.")
    ] = None,
    project: InProject = None,
    email: Annotated[str, typer.Option("--email", help="Where announcements go.")] = "",
    password_stdin: PasswordStdin = False,
    one_time: OneTime = False,
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Make an account; the password is typed, or the first line of standard input."""
    from signoff.commands.users import add_user

    add_user(workspace, name, role or [], project, email, password_stdin, one_time, json)


@user.command("list")
def user_list(workspace: Workspace = HERE, json: Json = False) -> None:
    """Every account and its roles."""
    from signoff.commands.users import list_users

    list_users(workspace, json)


@user.command()
def role(
    name: Name,
    grant: Annotated[list[str] | None, typer.Option("--grant", help="A role to give.")] = None,
    revoke: Annotated[list[str] | None, typer.Option("--revoke", help="A role to take away.")] = None,
    project: InProject = None,
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Give and take roles; the account's sessions end."""
    from signoff.commands.users import change_user_roles

    change_user_roles(workspace, name, grant or [], revoke or [], project, json)


@user.command()
def disable(name: Name, workspace: Workspace = HERE, json: Json = False) -> None:
    """End log-in, sessions and tokens of an account, for good; what it decided stands."""
    from signoff.commands.users import disable_user

    disable_user(workspace, name, json)


@user.command()
def enable(name: Name, workspace: Workspace = HERE, json: Json = False) -> None:
    """Let a disabled account in again; its tokens are made anew."""
    from signoff.commands.users import enable_user

    enable_user(workspace, name, json)


@user.command()
def password(
    name: Name,
    password_stdin: PasswordStdin = False,
    one_time: OneTime = False,
    revoke_tokens: Annotated[bool, typer.Option("--revoke-tokens", help="End the account's tokens too.")] = False,
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Set a password; sessions and pauses of the account end, its tokens stay unless --revoke-tokens is given."""
    from signoff.commands.users import set_user_password

    set_user_password(workspace, name, password_stdin, one_time, revoke_tokens, json)


@user.command()
def unlock(name: Name, workspace: Workspace = HERE, json: Json = False) -> None:
    """End the pause that failed log-ins brought."""
    from signoff.commands.users import unlock_user

    unlock_user(workspace, name, json)


@user.command()
def token(
    name: Name,
    scope: Annotated[list[str], typer.Option("--scope", help="read, comment, decide, run or admin; may be repeated.")],
    days: Annotated[float, typer.Option("--days", help="Until it expires; at most 366.")] = 90,
    project: InProject = None,
    workspace: Workspace = HERE,
    json: Json = False,
) -> None:
    """Print one API token, this once; it is sent as Authorization: Bearer TOKEN."""
    from signoff.commands.users import print_token

    print_token(workspace, name, scope, days, project, json)


@user.command()
def tokens(name: Name, workspace: Workspace = HERE, json: Json = False) -> None:
    """The tokens of an account, by id: scopes, expiry, last use."""
    from signoff.commands.users import list_tokens

    list_tokens(workspace, name, json)


@user.command()
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The token's id: sgn_ID_...")],
    workspace: Workspace = HERE,
) -> None:
    """End a token at once."""
    from signoff.commands.users import revoke_user_token

    revoke_user_token(workspace, identity)
