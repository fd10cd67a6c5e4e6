"""One's own account: password, tokens, lens, sessions."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response

from signoff.access import (
    LogInError,
    change_password,
    make_token,
    open_session,
    prove_again,
    proved_lately,
    revoke_token,
    set_email,
    tokens_in_force,
)
from signoff.console.cookies import set_session
from signoff.console.deps import CallerDep, HomeDep, VisitDep
from signoff.console.home import Home
from signoff.console.page import Go, action, lead, page
from signoff.console.problems import InvalidError, NotAllowedError
from signoff.console.templating import render
from signoff.console.visit import Visit
from signoff.core.account import EVERYWHERE, Account, ApiToken, Caller, Grant, Scope
from signoff.core.errors import NotFoundError, SignoffError, UsageError
from signoff.core.record import Moment, Record, now

router = APIRouter()
LENSES = ("business", "science", "operations", "audit")


class ShownToken(Record):
    """A token without what opens anything."""

    id: str
    scopes: tuple[Scope, ...]
    project: str
    made: Moment
    expires: Moment
    last_used: Moment | None
    state: Literal["in force", "expired", "revoked"]


class AccountContext(Record):
    """An account as its owner sees it."""

    name: str
    grants: tuple[Grant, ...]
    email: str
    lens: str
    lenses: tuple[str, ...]
    local: bool
    """Whether it has a password here; else an identity provider vouches for it."""
    proof: Literal["password", "given", "log in anew", "none here"]
    """What a new token asks for beside the session: the account's password; nothing more, where the identity provider
    made them log in anew just now; that; or it cannot be made here, as no identity provider is configured."""
    tokens: tuple[ShownToken, ...]
    scopes: tuple[Scope, ...]
    projects: tuple[str, ...]
    made_token: str | None = None
    """A token that was made just now: shown this once."""


class PasswordContext(Record):
    """The page on which a password is changed."""

    must: bool
    tokens: int = 0
    """How many tokens of the account are in force."""
    problem: str = ""


@page(router, "/account", template="account.html", needs=None, title="Your account")
def account_page(visit: VisitDep, caller: CallerDep) -> AccountContext:
    """Roles, tokens, lens and sessions of whoever asks."""
    return account_context(visit, caller)


@page(router, "/account/password", template="password.html", needs=None, title="Change your password", api=False)
def password_page(home: HomeDep, caller: CallerDep) -> PasswordContext:
    """The form; after a one-time password the only page there is."""
    return PasswordContext(must=caller.account.one_time, tokens=len(tokens_in_force(home.accounts, caller.name)))


@action(router, "/account/password", needs=None)
def change(
    visit: VisitDep,
    home: HomeDep,
    caller: CallerDep,
    old: Annotated[str, Form(max_length=1000)] = "",
    new: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
    end_tokens: Annotated[bool, Form()] = False,
) -> Response:
    """Change the password; every other session of the account ends, and its tokens where that is asked for."""
    tokens = len(tokens_in_force(home.accounts, caller.name))
    try:
        if new != again:
            raise UsageError("the two new passwords differ")
        changed = change_password(home.accounts, caller.name, old, new, end_tokens=end_tokens)
    except SignoffError as error:
        allowed = f" (allowed: {error.allowed})" if error.allowed else ""
        context = PasswordContext(must=caller.account.one_time, tokens=tokens, problem=error.what + allowed)
        return render(visit, "password.html", context, "Change your password", 422)
    said = "Your password is changed; every other session has ended."
    if tokens:
        said += f" Tokens of yours {'that were revoked' if end_tokens else 'that stay in force'}: {tokens}."
    response = lead(visit, Go("/", said))
    set_session(home, response, open_session(home.accounts, changed, home.settings.session_hours))
    return response


@action(router, "/account/tokens", needs=None)
def new_token(
    visit: VisitDep,
    home: HomeDep,
    caller: CallerDep,
    scopes: Annotated[list[str] | None, Form(max_length=10)] = None,
    days: Annotated[float, Form(gt=0, le=366)] = 90,
    project: Annotated[str, Form(max_length=80)] = EVERYWHERE,
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Make a token and show it once; it is in no log and in no later page.

    A token outlives the session that makes it, so whoever has a password here gives it once more; whoever an identity
    provider vouches for was made to log in anew there just now.
    """
    if project != EVERYWHERE and project not in home.names_seen_by(caller):
        raise NotFoundError(f"there is no project {project}")
    if caller.account.password is not None:
        try:
            prove_again(home.accounts, caller.name, password, "token made")
        except LogInError as error:
            raise InvalidError(error.what, where="password", allowed="your own password") from error
    elif _proof(visit, caller.account) != "given":
        raise NotAllowedError(
            "a token asks for a fresh log-in at the identity provider",
            allowed="one within the last five minutes",
            next_step="log in again from the page /account, then make the token",
        )
    made = make_token(home.accounts, caller.account, tuple(scopes or ()), days, project)
    return render(visit, "account.html", account_context(visit, caller, made), "Your account")


@action(router, "/account/tokens/revoke", needs=None)
def end_token(home: HomeDep, caller: CallerDep, id: Annotated[str, Form(max_length=80)] = "") -> Go:
    """End one's own token."""
    if id not in {token.id for token in home.accounts.tokens_of(caller.name)}:
        raise NotFoundError("you have no such token", got=id)
    revoke_token(home.accounts, id, caller.name)
    return Go("/account", f"The token {id} is revoked.")


@action(router, "/account/lens", needs=None)
def lens(home: HomeDep, caller: CallerDep, lens: Annotated[str, Form(max_length=20)] = "") -> Go:
    """Choose the order and the words in which reviews are shown."""
    if lens not in LENSES:
        raise UsageError("there is no such lens", got=lens, allowed=", ".join(LENSES))
    with home.accounts.transaction():
        mine = home.accounts.account(caller.name)
        home.accounts.save_account(mine.model_copy(update={"lens": lens}))
    return Go("/account", f"Reviews are shown by the lens {lens}.")


@action(router, "/account/email", needs=None)
def email(home: HomeDep, caller: CallerDep, email: Annotated[str, Form(max_length=254)] = "") -> Go:
    """Say where announcements go."""
    set_email(home.accounts, caller.name, email.strip(), by=caller.name)
    return Go("/account", "Your e-mail address is kept.")


@action(router, "/account/sessions/end", needs=None)
def end_sessions(visit: VisitDep, home: HomeDep, caller: CallerDep) -> Go:
    """Log out everywhere but here."""
    kept = hashlib.sha256((visit.session or "").encode()).hexdigest()
    ended = home.accounts.remove_sessions_of(caller.name, keep=kept)
    home.accounts.note_access(caller.name, "sessions ended", caller.name, f"{ended} ended")
    return Go("/account", f"{ended} other session{'s' * (ended != 1)} ended.")


def account_context(visit: Visit, caller: Caller, made: str | None = None) -> AccountContext:
    """What an account's owner sees."""
    home = visit.home
    account = home.accounts.account(caller.name)
    return AccountContext(
        name=account.name,
        grants=account.grants,
        email=account.email,
        lens=account.lens or LENSES[0],
        lenses=LENSES,
        local=account.password is not None,
        proof=_proof(visit, account),
        tokens=shown_tokens(home, account),
        scopes=tuple(Scope),
        projects=home.names_seen_by(caller),
        made_token=made,
    )


def _proof(visit: Visit, account: Account) -> Literal["password", "given", "log in anew", "none here"]:
    if account.password is not None:
        return "password"
    if visit.session and proved_lately(visit.home.accounts, visit.session):
        return "given"
    return "log in anew" if visit.home.settings.oidc else "none here"


def shown_tokens(home: Home, account: Account) -> tuple[ShownToken, ...]:
    """An account's tokens, the newest first."""
    return tuple(_shown(token) for token in reversed(home.accounts.tokens_of(account.name)))


def _shown(token: ApiToken) -> ShownToken:
    over = "revoked" if token.revoked else "expired" if now() >= token.expires else "in force"
    return ShownToken(
        id=token.id,
        scopes=token.scopes,
        project=token.project,
        made=token.made,
        expires=token.expires,
        last_used=token.last_used,
        state=over,
    )
