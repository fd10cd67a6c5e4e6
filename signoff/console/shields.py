"""What stands around the application: headers on every answer, a limit on every body, time for every client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("signoff.console.access")
MOST_BYTES = 1_000_000
"""A decision with its reasons is some kilobytes."""

BODY_SECONDS = 20

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # plotly.js sets inline styles on what it draws; no style can start a script or send anything away.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "private, no-store",
}
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


class SecurityHeaders:
    """Sets each header that an answer does not set itself."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self.app = app
        self.headers = {**HEADERS, **(TLS_ONLY if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    found.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class AccessLog:
    """One line a request: who, what, how it ended, how long it took. Never a query, a body or a header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            actor = scope.get("state", {}).get("actor", "-")
            # A path is the client's own text: nothing in it may begin a line of the log.
            path = scope["path"][:300].encode("unicode_escape").decode("ascii")
            client = scope["client"][0] if scope.get("client") else "-"
            spent = 1000 * (time.monotonic() - began)
            log.info("%s %r %s %s %d %.0f ms", client, actor, scope["method"], path, status, spent)


class Defects:
    """Answers what nobody expected, inside the headers: the framework's own handler would stand outside of them."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            # Also logs it with its traceback; half an answer can only be cut off.
            response = await run_in_threadpool(self.answer, Request(scope), error)
            if begun:
                raise
            await response(scope, receive, send)


class BodyLimit:
    """Reads a body whole before the application sees it: neither its size nor its slowness reaches a handler."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "0")
        if not stated.isdigit() or int(stated) > self.most_bytes:
            await _refuse(scope, receive, send, 413, "the body is too large", f"{self.most_bytes:,} bytes")
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._read(receive)
        except TimeoutError:
            await _refuse(scope, receive, send, 408, "the body did not arrive in time", f"{self.seconds:g} seconds")
            return
        if body is None:
            await _refuse(scope, receive, send, 413, "the body is too large", f"{self.most_bytes:,} bytes")
            return
        await self.app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.most_bytes:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, what: str, allowed: str) -> None:
    body: dict[str, Any] = {"error": "TooLargeError" if status == 413 else "TooSlowError", "what": what}
    # The rest of the body is not read, so the connection cannot be used again.
    answer = JSONResponse({**body, "allowed": allowed}, status, headers={"Connection": "close"})
    await answer(scope, receive, send)
