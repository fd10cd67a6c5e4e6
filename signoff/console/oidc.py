"""Log-in by an identity provider: there, and back again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff.access import end_session, open_session
from signoff.console.cookies import drop_state, read_state, set_session, set_state
from signoff.console.page import raw
from signoff.console.visit import Visit, VisitDep, safe_next
from signoff.core.account import Permission
from signoff.core.errors import NotFoundError
from signoff.core.settings import Oidc

router = APIRouter()
RETURN = "/login/oidc/back"
LONGEST_BYTES = 1000
"""Of the way on after the log-in: browsers drop a cookie of more than 4 kB, and it stands there in hex digits."""


@raw(router, "/login/oidc", needs=Permission.PUBLIC)
def leave(
    request: Request,
    visit: VisitDep,
    next: Annotated[str, Query(max_length=2000)] = "/",
    anew: Annotated[bool, Query()] = False,
) -> Response:
    """Send the browser to the provider; what has to come back stays in a signed cookie of this browser.

    With `anew` the provider has to make them log in again, which stands for a password where none is kept here.
    """
    from signoff.access.oidc import begin

    public = visit.home.settings.public_url or str(request.base_url)
    address, kept = begin(_settings(visit), public.rstrip("/") + RETURN, anew=anew)
    response = RedirectResponse(address, status_code=303)
    to = safe_next(next)
    to = to if len(to.encode()) <= LONGEST_BYTES else "/"
    set_state(visit.home, response, f"{to} {kept.model_dump_json()}")
    return response


@raw(router, RETURN, needs=Permission.PUBLIC)
def back(request: Request, visit: VisitDep) -> Response:
    """Take what the provider says of whoever comes back, and open a new session."""
    from signoff.access.oidc import LoginState, finish

    home = visit.home
    found = read_state(home, request)
    if found is None:
        raise NotFoundError("this log-in was not begun in this browser, or too long ago", next_step="open /login")
    to, _, state = found.partition(" ")
    kept = LoginState.model_validate_json(state)
    account = finish(home.accounts, _settings(visit), kept, dict(request.query_params))
    if visit.session:
        end_session(home.accounts, visit.session)
    response = RedirectResponse(safe_next(to), status_code=303)
    hours, proved = home.settings.session_hours, kept.anew is not None
    set_session(home, response, open_session(home.accounts, account, hours, proved=proved))
    drop_state(home, response)
    return response


def _settings(visit: Visit) -> Oidc:
    settings = visit.home.settings.oidc
    if settings is None:
        raise NotFoundError("no identity provider is configured", next_step="set console.oidc in signoff.yaml")
    return settings
