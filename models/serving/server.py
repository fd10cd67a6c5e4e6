"""Serve a package from this process: one uvicorn server around the BentoML service, without BentoML's supervisor."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.serving.parcel import Parcel, open_parcel
from signoff.core.environment import be_quiet
from signoff.core.errors import ServiceError, SignoffError

GRACE_SECONDS = 10
DRAIN_TICKS, DRAIN_TICK_SECONDS = 20, 0.1
"""How long open connections are waited for before the idle ones among them are closed."""


class Drained:
    """An ASGI application that, once `draining`, asks each caller to come back on a new connection.

    A kept connection that is closed just when its next request is on the way fails that request.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self.draining = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if self.draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._application(scope, receive, marked)


def serve_parcel(
    parcel: Parcel,
    host: str,
    port: int,
    log_folder: Path | None = None,
    ready: Callable[[str], None] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Answer until SIGINT or SIGTERM; requests under way, and those that open connections bring, are finished first.

    Args:
        parcel: checked by `open_parcel`.
        host: address to listen on.
        port: 0 takes a free one.
        log_folder: of the prediction log; see `models.serving.service.prediction_folder` when None.
        ready: called with the endpoint's address once it answers.
        listener: a socket that listens already, in place of host and port; others may accept from it too.

    Raises:
        ServiceError: the port is taken, or the host is not an address of this machine.
        IntegrityError: a byte changed since the parcel was opened.
    """
    be_quiet()
    listener = listener or listen(host, port)
    home = tempfile.mkdtemp(prefix="signoff-serving-")
    # BentoML makes its home when it is imported, and Prometheus reads its folder then: neither may be the user's.
    os.environ["BENTOML_HOME"] = home
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(home, "metrics"))
    Path(home, "metrics").mkdir()
    # BentoML makes a trace span for each request even where nothing collects them.
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    try:
        _run(parcel, listener, log_folder, ready)
    finally:
        listener.close()
        shutil.rmtree(home, ignore_errors=True)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket of ours, so that a taken port is known before anything is loaded.

    Raises:
        ServiceError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServiceError(f"port {port} is in use", where=host, next_step="signoff serve --port 0") from error
        raise ServiceError(
            "the endpoint cannot listen there",
            where=f"{host}:{port}",
            got=error.strerror or error,
            allowed="an address of this machine and a port of 1024 or more",
            next_step="signoff serve --host 127.0.0.1 --port 3000",
        ) from error
    return listener


def _run(parcel: Parcel, listener: socket.socket, log_folder: Path | None, ready: Callable[[str], None] | None) -> None:
    import uvicorn

    from models.serving.service import as_asgi, make_service

    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and ready is not None:
                ready(f"http://{shown}:{port}")

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for server in self.servers:
                server.close()
            application.draining = True
            for _ in range(DRAIN_TICKS):
                if not self.server_state.connections:
                    break
                await asyncio.sleep(DRAIN_TICK_SECONDS)
            await super().shutdown(sockets)

    # uvicorn raises the signal again once it has ended in order; that must not end us in disorder.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    application = Drained(as_asgi(make_service(parcel, log_folder, parcel.load())))
    config = uvicorn.Config(
        application, log_config=None, server_header=False, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = Server(config)
    server.run(sockets=[listener])
    if not server.started:
        raise ServiceError("the endpoint did not start", got="the reason stands above", next_step="signoff doctor")


def main(folder: Path) -> int:
    """For the smoke test: serve on a free port and say which, as `ready PORT` on standard output."""
    try:
        serve_parcel(
            open_parcel(folder),
            "127.0.0.1",
            0,
            ready=lambda url: print(f"ready {url.rsplit(':', 1)[1]}", flush=True),  # noqa: T201
        )
    except SignoffError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
