"""Declaring routes: a page with its JSON twin, a form's target, a JSON route. Each says what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, get_type_hints

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from signoff.console.access import Access, guard, register
from signoff.console.problems import Problem
from signoff.console.templating import render
from signoff.console.visit import API, CSRF_FIELD, Visit, safe_next, visit_of
from signoff.core.account import Permission

Handler = TypeVar("Handler", bound=Callable[..., Any])
VISIT, TOKEN = "visit_", "csrf_"

PROBLEMS: dict[int, str] = {
    401: "Nobody has proved who asks.",
    403: "The caller, the policy or a signature forbids it.",
    404: "There is no such thing, or the caller may not see it.",
    409: "Somebody else was first, or what was asked about has changed.",
    413: "The body is too large.",
    422: "A field is missing or says what is not allowed.",
    503: "A server that is needed does not answer.",
}


@dataclass(frozen=True)
class Go:
    """Where a form leads after it was taken, and what is said there once."""

    to: str
    flash: str = ""


def page(
    router: APIRouter,
    path: str,
    *,
    template: str,
    needs: Permission | None,
    title: str,
    everywhere: bool = False,
    api: bool = True,
) -> Callable[[Handler], Handler]:
    """Declare a page: GET PATH renders its context with `template`, GET /api/v1PATH answers the same as JSON.

    The handler is a plain function that answers a frozen record; its parameters are FastAPI's. The template is
    given `context`, `caller` and `page`.

    Args:
        router: of the module.
        path: of the page; /api/v1 is put before it for the twin.
        template: file in templates/.
        needs: the permission; None for what every account may see about itself.
        title: of the page, when its template does not set one.
        everywhere: the permission must hold for all projects.
        api: whether there is a twin.
    """

    def declare(handler: Handler) -> Handler:
        def html(arguments: dict[str, Any], visit: Visit) -> Response:
            answer = handler(**arguments)
            return answer if isinstance(answer, Response) else render(visit, template, answer, title)

        _add(router, _endpoint(handler, html), Access(method="GET", path=path, kind="page", **_asks(needs, everywhere)))
        if api:
            twin = Access(method="GET", path=_twin(path), kind="api", **_asks(needs, everywhere))
            _add(router, _endpoint(handler, lambda arguments, _: as_json(handler(**arguments))), twin, title=title)
        return handler

    return declare


def action(
    router: APIRouter, path: str, *, needs: Permission | None, everywhere: bool = False
) -> Callable[[Handler], Handler]:
    """Declare where a form is posted: its token is checked first, and the answer leads to a page (303).

    The handler answers `Go`, or a response of its own such as the form again with what was wrong.
    """

    def declare(handler: Handler) -> Handler:
        def posted(arguments: dict[str, Any], visit: Visit) -> Response:
            visit.check_form(arguments.pop(TOKEN))
            answer = handler(**arguments)
            return lead(visit, answer) if isinstance(answer, Go) else answer

        access = Access(method="POST", path=path, kind="action", **_asks(needs, everywhere))
        _add(router, _endpoint(handler, posted, form=True), access)
        return handler

    return declare


def api(
    router: APIRouter,
    method: str,
    path: str,
    *,
    needs: Permission | None,
    status: int = 200,
    title: str = "",
    everywhere: bool = False,
    **more: Any,
) -> Callable[[Handler], Handler]:
    """Declare a JSON route below /api/v1. `more` goes to FastAPI: openapi_extra, responses, response_class."""

    def declare(handler: Handler) -> Handler:
        def answered(arguments: dict[str, Any], _: Visit) -> Response:
            return as_json(handler(**arguments), status)

        access = Access(method=method, path=f"{API}{path}", kind="api", **_asks(needs, everywhere))
        _add(router, _endpoint(handler, answered), access, title=title, status=status, more=more)
        return handler

    return declare


def raw(
    router: APIRouter, path: str, *, needs: Permission | None, everywhere: bool = False
) -> Callable[[Handler], Handler]:
    """Declare a GET route that answers a response of its own: a file, a dossier, a redirect."""

    def declare(handler: Handler) -> Handler:
        access = Access(method="GET", path=path, kind="page", **_asks(needs, everywhere))
        _add(router, _endpoint(handler, lambda arguments, _: handler(**arguments)), access)
        return handler

    return declare


def lead(visit: Visit, go: Go) -> Response:
    """Post, redirect, get: loading again sends nothing twice."""
    answer = RedirectResponse(safe_next(go.to), status_code=303)
    if go.flash:
        from signoff.console.cookies import set_flash

        set_flash(visit.home, answer, go.flash)
    return answer


def as_json(answer: Any, status: int = 200) -> Response:
    """A record as JSON, as it stands: nothing is left out or rounded."""
    if isinstance(answer, Response):
        return answer
    if not isinstance(answer, BaseModel):
        raise TypeError(f"a route answers a record, not {type(answer).__name__}")
    return Response(answer.model_dump_json(), status, media_type="application/json")


def _asks(needs: Permission | None, everywhere: bool) -> dict[str, Any]:
    return {"needs": needs, "everywhere": everywhere}


def _twin(path: str) -> str:
    return f"{API}{path}" if path != "/" else f"{API}/inbox"


def _endpoint(
    handler: Callable[..., Any], answer: Callable[[dict[str, Any], Visit], Response], form: bool = False
) -> Any:
    """A function with the handler's parameters and those that the answer needs."""
    hints = get_type_hints(handler, include_extras=True)
    own = inspect.signature(handler)
    parameters = [one.replace(annotation=hints.get(name, one.annotation)) for name, one in own.parameters.items()]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [one.replace(kind=keyword) for one in parameters]
    parameters.append(inspect.Parameter(VISIT, keyword, default=Depends(visit_of), annotation=Visit))
    if form:
        field = Form("", alias=CSRF_FIELD, max_length=400)
        parameters.append(inspect.Parameter(TOKEN, keyword, default=field, annotation=str))

    @wraps(handler)
    def endpoint(**arguments: Any) -> Response:
        visit: Visit = arguments.pop(VISIT)
        return answer(arguments, visit)

    del endpoint.__wrapped__
    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    endpoint.returns = hints.get("return")  # type: ignore[attr-defined]
    return endpoint


def _add(
    router: APIRouter,
    endpoint: Any,
    access: Access,
    *,
    title: str = "",
    status: int = 200,
    more: dict[str, Any] | None = None,
) -> None:
    endpoint.access = register(access)
    returns = endpoint.returns
    documented = access.kind == "api"
    model = returns if documented and isinstance(returns, type) and issubclass(returns, BaseModel) else None
    extra = dict(more or {})
    responses: dict[int | str, dict[str, Any]] = {}
    if documented:
        responses = {code: {"model": Problem, "description": text} for code, text in PROBLEMS.items()}
    if access.needs is not Permission.PUBLIC and documented:
        extra["openapi_extra"] = {"security": [{"token": []}, {"session": []}], **extra.get("openapi_extra", {})}
    router.add_api_route(
        access.path,
        endpoint,
        methods=[access.method],
        dependencies=[Depends(guard)],
        response_model=model,
        status_code=status,
        summary=title or None,
        responses={**responses, **extra.pop("responses", {})},
        include_in_schema=documented,
        name=f"{access.method} {access.path}",
        **extra,
    )
