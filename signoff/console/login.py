"""Log-in and log-out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff.access import end_session, log_in, open_session
from signoff.console.access import Access, guard, register
from signoff.console.answers import with_before
from signoff.console.cookies import before_login, drop_session, set_session
from signoff.console.page import Go, action, lead, page
from signoff.console.problems import ForgedError
from signoff.console.templating import render
from signoff.console.visit import CSRF_FIELD, PASSWORD_PAGE, VisitDep, refuse_foreign, safe_next
from signoff.core.account import Permission
from signoff.core.errors import SignoffError
from signoff.core.record import Record, now

router = APIRouter()


class LoginContext(Record):
    """The log-in page."""

    next: str = "/"
    name: str = ""
    problem: str = ""
    provider: str | None = None
    """The identity provider's address, where one is configured."""


@page(router, "/login", template="login.html", needs=Permission.PUBLIC, title="Log in", api=False)
def login_page(request: Request, visit: VisitDep, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """The form; whoever is logged in is led on."""
    if visit.caller is not None:
        return RedirectResponse(safe_next(next), status_code=303)
    context = LoginContext(next=safe_next(next), provider=_provider(visit))
    return with_before(request, render(visit, "login.html", context, "Log in"))


def login(
    request: Request,
    visit: VisitDep,
    name: Annotated[str, Form(max_length=120)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
    token: Annotated[str, Form(max_length=400, alias=CSRF_FIELD)] = "",
) -> Response:
    """Check name and password; a new session under a new id, whatever the browser brought."""
    home = visit.home
    refuse_foreign(request)
    secret, fresh = before_login(home, request)
    if fresh is not None or not home.seal.fits(token, "before", secret):
        raise ForgedError(
            "the log-in form is too old, or cookies are off", where="/login", next_step="load /login again"
        )
    address = request.client.host if request.client else ""
    try:
        account = log_in(home.accounts, name, password, address, now())
    except SignoffError as error:
        context = LoginContext(next=safe_next(next), name=name, problem=error.what, provider=_provider(visit))
        return with_before(request, render(visit, "login.html", context, "Log in", error.http_status))
    if visit.session:
        end_session(home.accounts, visit.session)
    response = RedirectResponse(PASSWORD_PAGE if account.one_time else safe_next(next), status_code=303)
    set_session(home, response, open_session(home.accounts, account, home.settings.session_hours))
    return response


@action(router, "/logout", needs=None)
def logout(visit: VisitDep) -> Response:
    """End the session here and in the store: its cookie opens nothing any more."""
    if visit.session:
        end_session(visit.home.accounts, visit.session)
    response = lead(visit, Go("/login", "You are logged out."))
    drop_session(visit.home, response)
    return response


def _provider(visit: VisitDep) -> str | None:
    oidc = visit.home.settings.oidc
    return oidc.issuer if oidc else None


# Nobody has a session here, so the form's token hangs on a cookie of its own, and not on `action`.
login.access = register(  # type: ignore[attr-defined]
    Access(method="POST", path="/login", kind="action", needs=Permission.PUBLIC)
)
router.add_api_route("/login", login, methods=["POST"], dependencies=[Depends(guard)], include_in_schema=False)
