"""How errors are answered: one page or one JSON record, never a traceback."""

from __future__ import annotations

import logging

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from signoff.console.cookies import before_login, set_before
from signoff.console.problems import InvalidError, LoginNeededError, Problem, problem_of
from signoff.console.templating import render
from signoff.console.visit import API, PASSWORD_PAGE, Visit, home_of, login_address, visit_of
from signoff.core.errors import SignoffError

log = logging.getLogger("signoff.console")
CHALLENGE = 'Bearer realm="signoff"'


def on_error(request: Request, error: Exception) -> Response:
    """Any error of ours."""
    assert isinstance(error, SignoffError)
    if error.inner or error.http_status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error.sentence(), exc_info=error)
    return answer(request, problem_of(error), error.http_status, needs_login=isinstance(error, LoginNeededError))


def on_invalid(request: Request, error: Exception) -> Response:
    """A field that is missing or not allowed; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {"msg": "it cannot be read", "loc": ("body",)}
    where = ".".join(str(part) for part in first["loc"])
    found = InvalidError("the request cannot be taken", where=where, allowed=str(first["msg"]))
    return answer(request, problem_of(found), 422)


def on_http(request: Request, error: Exception) -> Response:
    """What the framework refuses: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)
    names = {404: "NotFoundError", 405: "UsageError", 400: "InvalidError"}
    what = {404: "there is no such page", 405: "this page takes no such method", 400: "the request cannot be read"}
    problem = Problem(
        error=names.get(error.status_code, "SignoffError"),
        what=what.get(error.status_code, str(error.detail)),
        where=request.url.path,
    )
    # A body that is no text at all is refused like one that says what is not allowed, as the document tells it.
    response = answer(request, problem, 422 if error.status_code == 400 else error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def on_defect(request: Request, error: Exception) -> Response:
    """A defect of ours: its traceback is in the log, and nowhere else."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    problem = Problem(
        error="SignoffError", what="the console met a defect of its own", next="see .signoff/logs/console.log"
    )
    # Who asked is not looked up again: that may be what broke.
    return answer(request, problem, 500, visit=Visit(request, home_of(request)))


def answer(
    request: Request, problem: Problem, status: int, *, needs_login: bool = False, visit: Visit | None = None
) -> Response:
    """A problem as a page, or as JSON under /api/v1."""
    headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else {}
    if request.url.path.startswith(f"{API}/"):
        body = problem.model_dump_json(exclude_none=True)
        return Response(body, status, headers, media_type="application/json")
    if needs_login:
        return RedirectResponse(login_address(request), status_code=303)
    visit = visit or _visit(request)
    if visit.caller is not None and visit.caller.account.one_time and status == 403:
        return RedirectResponse(PASSWORD_PAGE, status_code=303)
    response = render(visit, "error.html", problem, _title(status), status)
    response.headers.update(headers)
    return response


def _visit(request: Request) -> Visit:
    """The frame of an error page must not fail by the error that it tells of."""
    try:
        return visit_of(request)
    except SignoffError:
        return Visit(request, home_of(request))


def _title(status: int) -> str:
    titles: dict[int, str] = {403: "Not allowed", 404: "Not found", 409: "It has changed", 422: "Not taken"}
    return titles.get(status, "It did not work")


def with_before(request: Request, response: Response) -> Response:
    """Tie a page with a form for nobody to this browser."""
    home = home_of(request)
    _, signed = before_login(home, request)
    if signed:
        set_before(home, response, signed)
    return response
