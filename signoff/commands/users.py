"""`signoff user`: who may come in, and as what.

These commands need the state database and nothing else: whoever may write it owns the deployment, and could write
any account into it by hand. So they ask for no proof, and note in the access log who ran them: the account of a token
in SIGNOFF_TOKEN that may administer, else the operating system's user.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from signoff.commands.output import print_json, root_of
from signoff.commands.proof import new_password, token_holder
from signoff.core.account import EVERYWHERE, PERMISSIONS, Account, ApiToken, Grant, Permission
from signoff.core.errors import NotFoundError, SignoffError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.settings import Project
from signoff.core.settings_file import load_project
from signoff.store import Store, open_store


class House(NamedTuple):
    """A state database, the projects in it, and who runs the command."""

    store: Store
    project: Project
    places: dict[str, Path | None]
    by: str


def add_user(
    workspace: Path,
    name: str,
    roles: Sequence[str],
    project: str | None,
    email: str,
    password_stdin: bool,
    one_time: bool,
    as_json: bool,
) -> None:
    """Make an account; with the first one accounts are in force, which is said."""
    from signoff.access import make_account
    from signoff.access.first_account import what_it_changes
    from signoff.access.passwords import check_password

    with _house(workspace) as house:
        grants = _grants(house, roles, project)
        before = house.store.accounts_in_force()
        password = new_password(password_stdin, name, check_password)
        made = make_account(house.store, name, password, grants, by=house.by, email=email, one_time=one_time)
        _tell(made, as_json)
        if not before and house.store.accounts_in_force():
            sys.stderr.write(
                "accounts are in force from now on: a decision needs a token or a password, and the roles in"
                " signoff.yaml's people count no more\n"
            )
            sys.stderr.write("".join(f"{said}\n" for said in what_it_changes(house.store)))
        if not any(Grant(role="admin") in account.grants for account in house.store.accounts()):
            sys.stderr.write("nobody is admin everywhere yet\nnext: signoff user role NAME --grant admin\n")


def list_users(workspace: Path, as_json: bool) -> None:
    """Print a line an account, by name."""
    with _house(workspace) as house:
        accounts = house.store.accounts()
    if as_json:
        print_json({"accounts": [_shown(account) for account in accounts]})
        return
    if not accounts:
        sys.stdout.write("there are no accounts: everybody may decide\nnext: signoff user add NAME --role reviewer\n")
    for account in accounts:
        marks = [
            word for word, holds in (("disabled", account.disabled), ("one-time password", account.one_time)) if holds
        ]
        marks += ["no password"] if account.password is None else []
        sys.stdout.write(f"{account.name:20} {_roles(account)}{''.join(f'; {mark}' for mark in marks)}\n")


def change_user_roles(
    workspace: Path, name: str, grant: Sequence[str], revoke: Sequence[str], project: str | None, as_json: bool
) -> None:
    """Give and take roles; the account's sessions end."""
    from signoff.access import change_roles
    from signoff.core.errors import UsageError

    if not grant and not revoke:
        raise UsageError("no role was named", allowed="--grant ROLE, --revoke ROLE", next_step="signoff user list")
    with _house(workspace) as house:
        taken = [Grant.model_construct(role=role, project=project or EVERYWHERE) for role in revoke]
        given = _grants(house, grant, project)
        _tell(change_roles(house.store, name, grant=given, revoke=taken, by=house.by), as_json)


def disable_user(workspace: Path, name: str, as_json: bool) -> None:
    """Take away log-in, sessions and, for good, tokens."""
    from signoff.access import disable_account

    with _house(workspace) as house:
        _tell(disable_account(house.store, name, by=house.by), as_json)


def enable_user(workspace: Path, name: str, as_json: bool) -> None:
    """Let the account log in again."""
    from signoff.access import enable_account

    with _house(workspace) as house:
        _tell(enable_account(house.store, name, by=house.by), as_json)


def set_user_password(
    workspace: Path, name: str, password_stdin: bool, one_time: bool, end_tokens: bool, as_json: bool
) -> None:
    """Set a password; the account's sessions end, its tokens if asked, and those that stay are told."""
    from signoff.access import set_password, tokens_in_force
    from signoff.access.passwords import check_password

    with _house(workspace) as house:
        account = house.store.account(name)
        password = new_password(password_stdin, account.name, check_password)
        more = {"one_time": one_time, "end_tokens": end_tokens}
        _tell(set_password(house.store, name, password, by=house.by, **more), as_json)
        kept = len(tokens_in_force(house.store, name))
        if kept:
            sys.stderr.write(f"tokens of {account.name} that stay in force: {kept}\nnext: signoff user tokens {name}\n")


def unlock_user(workspace: Path, name: str, as_json: bool) -> None:
    """End the pause after failed log-ins."""
    from signoff.access import unlock_account

    with _house(workspace) as house:
        unlock_account(house.store, name, by=house.by)
        _tell(house.store.account(name), as_json)


def print_token(
    workspace: Path, name: str, scopes: Sequence[str], days: float, project: str | None, as_json: bool
) -> None:
    """Make a token and print it, alone, on standard output."""
    from signoff.access import make_token

    with _house(workspace) as house:
        place = _checked_project(house, project)
        text = make_token(house.store, house.store.account(name), scopes, days, place, by=house.by)
    if as_json:
        print_json({"token": text})
    else:
        sys.stdout.write(text + "\n")


def list_tokens(workspace: Path, name: str, as_json: bool) -> None:
    """Print a line a token: its id, what it is for, and whether it still opens anything."""
    with _house(workspace) as house:
        tokens = house.store.tokens_of(house.store.account(name).name)
    if as_json:
        print_json({"tokens": [token.model_dump(mode="json", exclude={"sha256"}) for token in tokens]})
        return
    if not tokens:
        sys.stdout.write(f"{name} has no tokens\nnext: signoff user token {name} --scope read\n")
    for token in tokens:
        reach = "all projects" if token.project == EVERYWHERE else token.project
        used = f"last used {token.last_used:%Y-%m-%d %H:%M} UTC" if token.last_used else "never used"
        sys.stdout.write(f"{token.id}  {', '.join(token.scopes)}; {reach}; {_life(token)}; {used}\n")


def revoke_user_token(workspace: Path, identity: str) -> None:
    """End a token at once."""
    from signoff.access import revoke_token

    with _house(workspace) as house:
        token = revoke_token(house.store, identity, by=house.by)
    sys.stdout.write(f"{token.id} of {token.account} opens nothing any more\n")


@contextmanager
def _house(workspace: Path) -> Iterator[House]:
    from signoff.store.places import known_places

    root = root_of(workspace)
    project = load_project(root)
    store = open_store(project, Paths(root))
    try:
        yield House(store, project, {**known_places(store.database), project.project: root}, _by(store))
    finally:
        store.close()


def _named_roles(house: House, place: str) -> Iterator[str]:
    """The roles that projects name, this one's first: a hundred signoff.yaml are only read for a role unknown here."""
    from signoff.access import known_roles

    if place in (EVERYWHERE, house.project.project):
        yield from known_roles([house.project])
    for name, root in house.places.items():
        if root is not None and name != house.project.project and place in (EVERYWHERE, name):
            # One that cannot be read here names no roles; `signoff doctor` in its workspace says why.
            with suppress(SignoffError):
                yield from known_roles([load_project(root)])


def _by(store: Store) -> str:
    caller = token_holder(store)
    if caller is not None and caller.may_anywhere(Permission.ADMIN):
        return caller.name
    return f"{getpass.getuser()} at the terminal"


def _grants(house: House, roles: Sequence[str], project: str | None) -> tuple[Grant, ...]:
    from signoff.access import as_grant

    place = _checked_project(house, project)
    wanted, known = set(roles), set(PERMISSIONS)
    for name in _named_roles(house, place):
        if wanted <= known:
            break
        known.add(name)
    return tuple(as_grant(role, place, known) for role in roles)


def _checked_project(house: House, project: str | None) -> str:
    if project is None or project == EVERYWHERE:
        return EVERYWHERE
    if project not in house.places:
        raise NotFoundError(f"there is no project {project!r}", allowed=did_you_mean(project, house.places))
    return project


def _tell(account: Account, as_json: bool) -> None:
    if as_json:
        print_json(_shown(account))
    else:
        off = "; disabled" if account.disabled else ""
        sys.stdout.write(f"{account.name}: {_roles(account)}{off}\n")


def _roles(account: Account) -> str:
    said = (one.role + ("" if one.project == EVERYWHERE else f" in {one.project}") for one in account.grants)
    return ", ".join(said) or "no role"


def _shown(account: Account) -> dict[str, Any]:
    """An account without its hash."""
    return {**account.model_dump(mode="json", exclude={"password"}), "has_password": account.password is not None}


def _life(token: ApiToken) -> str:
    if token.revoked is not None:
        return f"revoked {token.revoked:%Y-%m-%d}"
    return f"{'expired' if now() >= token.expires else 'until'} {token.expires:%Y-%m-%d}"
