"""Log-in by an identity provider: accounts are found by issuer and subject, and by nothing else."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from signoff.access.names import plain_name
from signoff.access.people import make_account
from signoff.access.problems import LogInError
from signoff.access.provider import LEEWAY_SECONDS, Provider
from signoff.core.account import Account, Grant
from signoff.core.errors import ConflictError, UsageError
from signoff.core.record import Moment, Record, now
from signoff.core.settings import Oidc
from signoff.store import Store


class LoginState(Record):
    """What the browser keeps, signed, until the provider sends it back."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    anew: Moment | None = None
    """When the provider was asked to make the user log in again; None where a log-in of before will do."""


def begin(settings: Oidc, redirect_uri: str, *, anew: bool = False) -> tuple[str, LoginState]:
    """Where to send the browser, and what to remember of it until it comes back.

    Args:
        settings: of the provider.
        redirect_uri: the address of ours that the provider sends it back to, as it is registered there.
        anew: the provider has to make the user log in again, whoever it knows already.

    Raises:
        ServiceError: the provider does not answer, or is another one.
        SettingsError: an address is not https.
    """
    kept = LoginState(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        redirect_uri=redirect_uri,
        anew=now() if anew else None,
    )
    return _provider(settings).address(redirect_uri, kept.state, kept.nonce, kept.verifier, anew=anew), kept


def finish(store: Store, settings: Oidc, kept: LoginState, query: Mapping[str, str]) -> Account:
    """The account of whoever the provider vouches for; made at the first log-in.

    A new account has no roles, unless the provider's groups give some (roles_claim). Its name is taken from name_claim;
    an account that bears the name already is another person's, and is never taken over.

    Args:
        store: of the deployment.
        settings: of the provider.
        kept: what `begin` gave this browser.
        query: of the request that came back: code and state, or error.

    Raises:
        LogInError: the state is another browser's, the provider refuses, its token does not hold, the account is
            disabled, or its name is taken or not allowed.
        ServiceError: the provider does not answer.
    """
    if not hmac.compare_digest(query.get("state", "").encode(), kept.state.encode()):
        raise LogInError("this log-in was not begun here", next_step="log in once more")
    provider = _provider(settings)
    # RFC 9207: an answer that names another issuer was mixed up with this one.
    if query.get("iss", provider.issuer).rstrip("/") != provider.issuer:
        raise LogInError("another identity provider answered", got=query["iss"][:200], allowed=provider.issuer)
    if "error" in query or not query.get("code"):
        raise LogInError(
            "the identity provider refuses", where=provider.issuer, got=query.get("error", "no code")[:200]
        )
    claims = provider.claims(query["code"], kept.redirect_uri, kept.nonce, kept.verifier)
    if kept.anew is not None:
        _check_anew(claims.get("auth_time"), kept.anew, provider.issuer)
    account = _account(store, settings, f"{provider.issuer} {claims['sub']}", claims)
    if account.disabled:
        store.note_access(account.name, "log-in by the identity provider", result="refused: disabled")
        raise LogInError(f"the account {account.name} is disabled", next_step="ask an admin")
    store.note_access(account.name, "log-in by the identity provider", result="done")
    return account


def _check_anew(auth_time: object, asked: Moment, issuer: str) -> None:
    """Providers may overlook that they were asked; the claim that then has to be there says when it was."""
    told = isinstance(auth_time, int | float)
    if not told or auth_time < asked.timestamp() - LEEWAY_SECONDS:  # type: ignore[operator]
        raise LogInError(
            "the identity provider did not make you log in again"
            if told
            else "the identity provider does not tell when you logged in",
            where=issuer,
            allowed="the claim auth_time, after a log-in with prompt=login and max_age=0",
            next_step="log in as before; an admin makes a token for you: signoff user token NAME --scope SCOPE",
        )


def _account(store: Store, settings: Oidc, subject: str, claims: Mapping[str, Any]) -> Account:
    given = None if settings.roles_claim is None else _roles(settings, claims.get(settings.roles_claim))
    account = store.account_of_subject(subject)
    if account is not None:
        return _with_roles(store, settings, account, given)
    name = claims.get(settings.name_claim)
    if not isinstance(name, str):
        raise LogInError(
            f"the identity provider tells no {settings.name_claim}",
            where=settings.issuer,
            next_step="set console.oidc.name_claim in signoff.yaml to a claim that it tells",
        )
    grants = [Grant(role=role) for role in given or ()]
    try:
        return make_account(
            store, plain_name(name), None, grants, by=settings.issuer, email=_email(claims), subject=subject
        )
    except ConflictError as error:
        raise LogInError(
            f"the name {name!r} belongs to another account", next_step="ask an admin: accounts are never joined by name"
        ) from error
    except UsageError as error:
        raise LogInError(f"the identity provider tells a {settings.name_claim} that is no name here") from error


def _with_roles(store: Store, settings: Oidc, account: Account, given: Sequence[str] | None) -> Account:
    """The roles that groups stand for follow the provider at each log-in; those that an admin granted stay."""
    if given is None:
        return account
    managed = {role for roles in settings.roles.values() for role in roles}
    with store.transaction():
        account = store.account(account.name)
        kept = {one for one in account.grants if one.project != "*" or one.role not in managed}
        grants = kept | {Grant(role=role) for role in given}
        if grants == set(account.grants):
            return account
        ordered = tuple(sorted(grants, key=lambda one: (one.project, one.role)))
        changed = store.save_account(account.model_copy(update={"grants": ordered}))
        store.note_access(settings.issuer, "roles changed", account.name, ", ".join(given) or "no role")
    return changed


def _roles(settings: Oidc, groups: Any) -> tuple[str, ...]:
    names = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return tuple(sorted({role for name in names if isinstance(name, str) for role in settings.roles.get(name, ())}))


def _email(claims: Mapping[str, Any]) -> str:
    """Only an address that the provider verified gets announcements."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else ""


_PROVIDERS: dict[str, Provider] = {}


def _provider(settings: Oidc) -> Provider:
    """One for each settings, so that what a provider publishes is not read at each log-in."""
    return _PROVIDERS.setdefault(settings.model_dump_json(), Provider(settings))
