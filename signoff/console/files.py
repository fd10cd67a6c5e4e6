"""Static files: our own style and script, and plotly.js from its package; each address carries its digest."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from signoff.console.access import Access, guard, register
from signoff.core.account import Permission
from signoff.core.digest import sha256_bytes
from signoff.core.errors import NotFoundError

router = APIRouter()
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
PLOTLY = "plotly.js"


@cache
def content(name: str) -> tuple[bytes, bytes]:
    """The bytes of a static file, and the same packed.

    Raises:
        NotFoundError: there is no such file; only names of the folder itself are looked for.
    """
    if name == PLOTLY:
        data = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    elif name in _names():
        data = (files("signoff.console") / "static" / name).read_bytes()
    else:
        raise NotFoundError(f"there is no static file {name[:80]}")
    return data, gzip.compress(data, compresslevel=6, mtime=0)


@cache
def address(name: str) -> str:
    """Where a page finds a static file; another content has another address."""
    return f"/static/{name}?v={digest_of(name)}"


def static(
    request: Request, name: Annotated[str, Path(max_length=80)], v: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """One static file; kept for ever by browsers when it was asked for by its digest."""
    data, packed = content(name)
    digest = digest_of(name)
    headers = {
        "Cache-Control": FOR_EVER if v == digest else "no-cache",
        "ETag": f'"{digest}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == f'"{digest}"':
        return Response(status_code=304, headers=headers)
    kind = KINDS[f".{name.rpartition('.')[2]}"]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
    return Response(data, headers=headers, media_type=kind)


@cache
def _names() -> frozenset[str]:
    folder = files("signoff.console") / "static"
    return frozenset(one.name for one in folder.iterdir() if f".{one.name.rpartition('.')[2]}" in KINDS)


@cache
def digest_of(name: str) -> str:
    """What names a file's content in its address."""
    if name == PLOTLY:
        # Known without reading 4 MB at the first page: the package's own version names its content.
        return sha256_bytes(f"plotly {version('plotly')}".encode())[:16]
    return sha256_bytes(content(name)[0])[:16]


static.access = register(  # type: ignore[attr-defined]
    Access(method="GET", path="/static/{name}", kind="page", needs=Permission.PUBLIC)
)
router.add_api_route("/static/{name}", static, methods=["GET"], dependencies=[Depends(guard)], include_in_schema=False)
