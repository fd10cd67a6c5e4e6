"""`signoff console`: the composition root of the console, its server, and its rounds."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from signoff.commands.doors import refuse_open_door, tell_first_admin, usable_tls
from signoff.commands.launching import Launcher
from signoff.commands.output import root_of
from signoff.commands.rounds import Rounds
from signoff.commands.verification import findings_of
from signoff.console.app import create_app
from signoff.console.home import Home
from signoff.console.serving import server_of
from signoff.core.errors import ServiceError
from signoff.core.files import write_json
from signoff.core.paths import Paths
from signoff.core.settings import Console, Project
from signoff.core.settings_file import load_project

STATE = "console.json"
"""In .signoff while the console runs: its process and its address."""


def serve_console(workspace: Path, host: str | None, port: int | None, with_up: bool = False) -> int:
    """Serve until a signal; 0 when it ended in order.

    Args:
        workspace: whose state database is shown; every project in it appears.
        host: to listen on; signoff.yaml's when not given.
        port: 0 takes a free one; signoff.yaml's when not given.
        with_up: `signoff up` runs it: runs that it started end with it, and the first password was printed already.

    Raises:
        UsageError: the address is not loopback, and neither TLS nor a trusted proxy is set.
        ServiceError: the port is taken.
    """
    paths = Paths(root_of(workspace))
    project = load_project(paths.root)
    settings = usable_tls(project.console, paths.root)
    project = project.model_copy(update={"console": settings})
    host = host or settings.host
    refuse_open_door(host, settings)
    _write_log(paths)
    listener = _listen(host, settings.port if port is None else port)
    home, launcher = open_home(paths, project)
    home.accounts.remember_place(paths.root)
    address = address_of(listener, settings)
    server = server_of(create_app(home), home)
    for signum in (signal.SIGINT, signal.SIGTERM):
        # uvicorn takes the signals only while it runs, and raises them again for these when it has ended.
        signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
    if not with_up:
        tell_first_admin(home.accounts)
    sys.stderr.write(f"console on {address}\n")
    write_json(paths.state / STATE, {"pid": os.getpid(), "address": address})
    rounds = Rounds(home, launcher)
    rounds.start()
    try:
        server.run(sockets=[listener])
    finally:
        rounds.stop()
        if with_up:
            launcher.end_all()
        home.close()
        (paths.state / STATE).unlink(missing_ok=True)
    sys.stderr.write("console ended\n")
    return 0


def open_home(paths: Paths, project: Project) -> tuple[Home, Launcher]:
    """What the console's pages reach, with what it starts and how it judges, which it is handed from here."""
    launcher = Launcher(lambda name: home.desk(name))
    home = Home(paths, project, launcher, judge=findings_of)
    return home, launcher


def address_of(listener: socket.socket, settings: Console) -> str:
    """What to type into a browser."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"port {port} is in use" if error.errno == errno.EADDRINUSE else "the console cannot listen there",
            where=host,
            got=None if error.errno == errno.EADDRINUSE else error,
            next_step="signoff console --port OTHER",
        ) from error
    return listener


def _write_log(paths: Paths) -> None:
    """Who asked for what, and every error with its traceback; no body, no query, no cookie is ever written."""
    file = paths.state / "logs" / "console.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(file, maxBytes=5_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in ("signoff.console", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
