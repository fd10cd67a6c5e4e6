"""The OpenAPI document: every JSON route with its schemas, its problems and how to prove who asks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from signoff.console.page import api
from signoff.console.visit import CSRF_HEADER
from signoff.core.account import Permission

router = APIRouter()

SCHEMES: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sgn_...",
        "description": "Printed once by `signoff user token NAME --scope SCOPE`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "signoff-session",
        "description": f"The console's own cookie; what changes something needs the header {CSRF_HEADER} too.",
    },
}


@api(router, "GET", "/openapi.json", needs=Permission.PUBLIC, title="This document")
def document(request: Request) -> Response:
    """The OpenAPI document of this console; needs no log-in."""
    app = request.app
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        found.setdefault("components", {})["securitySchemes"] = SCHEMES
        app.openapi_schema = found
    return JSONResponse(app.openapi_schema)
