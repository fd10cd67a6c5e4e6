"""The server around the application: who waits too long is sent away."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from signoff.console.home import Home
from signoff.console.proxies import BehindProxies

HEADER_SECONDS = 15
"""Time for the first byte up to the end of the request's head."""
WRITE_SECONDS = 60
"""How long a client may take nothing of an answer."""
KEEP_ALIVE_SECONDS = 5
MOST_CONNECTIONS = 400
END_SECONDS = 5
HEAD_BYTES = 32 * 1024


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever: uvicorn itself only limits the time between two requests."""

    header_seconds: float = HEADER_SECONDS
    write_seconds: float = WRITE_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        # uvicorn ends its keep-alive timer at the first byte; from there on the time for a head runs.
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._clear_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._clear_stuck()
        self._stuck = self.loop.call_later(self.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._clear_stuck()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_head()
        self._clear_stuck()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.header_seconds, self._give_up)

    def _give_up(self) -> None:
        self._head = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def _clear_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
        self._head = None

    def _clear_stuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
        self._stuck = None


def server_of(app: FastAPI, home: Home, **more: Any) -> uvicorn.Server:
    """A server for the console; `more` is uvicorn's: host, port, fd.

    Proxies are believed only where settings name them: else anybody could choose the address in the log.
    """
    settings = home.settings
    proxies, own_tls = settings.trusted_proxies, settings.tls_certificate is not None
    config = uvicorn.Config(
        BehindProxies(app, proxies, own_tls) if proxies else app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        **more,
    )
    return uvicorn.Server(config)
