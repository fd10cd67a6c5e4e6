"""The console as an ASGI application."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from signoff import __version__
from signoff.console import (
    account,
    alerts,
    answers,
    decisions,
    dossier,
    files,
    inbox,
    ledger,
    login,
    oidc,
    openapi,
    people,
    policy,
    policy_try,
    projects,
    run_orders,
    runs,
    search,
    versions,
)
from signoff.console.access import REGISTRY
from signoff.console.home import Home
from signoff.console.review import pages as review_pages
from signoff.console.shields import AccessLog, BodyLimit, Defects, SecurityHeaders
from signoff.core.errors import SignoffError

ROUTERS: tuple[APIRouter, ...] = (
    files.router,
    login.router,
    oidc.router,
    account.router,
    people.router,
    dossier.router,
    openapi.router,
    decisions.router,
    runs.router,
    run_orders.router,
    versions.router,
    search.router,
    projects.router,
    alerts.router,
    ledger.router,
    policy.router,
    policy_try.router,
    review_pages.router,
    inbox.router,
)
"""One line a module that declares routes. The first route that fits a path answers."""


def create_app(home: Home) -> FastAPI:
    """The application of one console.

    Raises:
        RuntimeError: a route was added around the declaring functions of `page`, so nobody said who may use it.
    """
    app = FastAPI(
        title="Signoff",
        version=__version__,
        description="Reviews, decisions and the ledger. Errors are one record: what, where, got, allowed, next.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.home = home
    for router in ROUTERS:
        # The routes themselves, not the router: app.routes is then the whole list, which the tests go through.
        app.router.routes.extend(router.routes)
    _refuse_undeclared(app.routes)
    app.add_exception_handler(SignoffError, answers.on_error)
    app.add_exception_handler(RequestValidationError, answers.on_invalid)
    app.add_exception_handler(HTTPException, answers.on_http)
    app.add_middleware(Defects, answer=answers.on_defect)
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(SecurityHeaders, secure=home.secure)
    app.add_middleware(AccessLog)
    return app


def _refuse_undeclared(routes: Iterable[object]) -> None:
    for route in routes:
        methods = getattr(route, "methods", None) or set()
        path = getattr(route, "path", repr(route))
        declared = isinstance(route, APIRoute) and all((method, path) in REGISTRY for method in methods)
        if not declared or getattr(route.endpoint, "access", None) is None:  # type: ignore[attr-defined]
            raise RuntimeError(f"{', '.join(sorted(methods))} {path} does not say what it needs")
