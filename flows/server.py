"""The Prefect server of a run: the one that is up, else a private one that ends with the run. Loads no Prefect."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.prefect_home import furnish, keep_template
from flows.prefect_login import login
from signoff.core.environment import QUIET, resolve
from signoff.core.errors import ServiceError
from signoff.core.paths import Paths
from signoff.core.settings import Project

START_SECONDS = 90
POLL_SECONDS = 0.05


class Server:
    """A server that is coming up or is up; `wait` before the first flow."""

    def __init__(
        self,
        url: str,
        log: Path | None = None,
        process: subprocess.Popen[bytes] | None = None,
        new_home: Path | None = None,
    ) -> None:
        self.url = url
        self.log = log
        self.process = process
        self.new_home = new_home

    def ready(self) -> bool:
        """Whether there is nothing to wait for: the API answers, or its process has ended."""
        return self.process is None or self.process.poll() is not None or answers(self.url)

    def wait(self) -> None:
        """Return when the API answers.

        Raises:
            ServiceError: it ended, or did not answer within START_SECONDS.
        """
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.url):
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise ServiceError(
                    "the Prefect server did not start",
                    where=str(self.log) if self.log else self.url,
                    got=_last_line(self.log),
                    next_step="signoff doctor",
                )
            time.sleep(POLL_SECONDS)
        if self.new_home is not None:
            keep_template(self.new_home)

    def stop(self) -> None:
        """End a private server; leave any other."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def prefect_server(project: Project, paths: Paths) -> Iterator[Server]:
    """The server for one run, named in this process's environment while the block runs."""
    running = server_that_is_up(paths)
    server = Server(running) if running else start_private(project, paths)
    before = dict(os.environ)
    os.environ.update(client_environment(paths, server.url, own=server.process is not None or is_of_up(paths, running)))
    refresh_settings()
    try:
        yield server
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)


def server_that_is_up(paths: Paths) -> str | None:
    """The address of a Prefect server that answers: PREFECT_API_URL, or that of `signoff up`."""
    candidates = [os.environ.get("PREFECT_API_URL"), read_up(paths).get("prefect")]
    return next((url for url in candidates if url and answers(url)), None)


def is_of_up(paths: Paths, url: str | None) -> bool:
    """Whether that is the server of `signoff up`."""
    return url is not None and url == read_up(paths).get("prefect")


def refresh_settings() -> None:
    """Where Prefect was loaded before, it has read its settings from an environment that said something else."""
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


def read_up(paths: Paths) -> dict[str, str]:
    """What `signoff up` wrote about itself; empty where it does not run."""
    try:
        found: dict[str, str] = json.loads((paths.state / "up.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def start_private(project: Project, paths: Paths) -> Server:
    """Start a server with its own home on a free loopback port; it ends when this process does, however that ends."""
    port = free_port()
    log = paths.state / "logs" / "prefect-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = server_environment(project, paths, port) | {"PREFECT_SERVER_UI_ENABLED": "false"}
    home = paths.state / "prefect"
    new = project.state.prefect_database is None and furnish(home)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.private_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=paths.state,
            # Ctrl-C is for the run, which still has to tell the server how it ended; the closed pipe ends the server.
            start_new_session=True,
        )
    return Server(f"http://127.0.0.1:{port}/api", log, process, home if new else None)


def server_environment(project: Project, paths: Paths, port: int) -> dict[str, str]:
    """Environment of a Prefect server whose home is this workspace's.

    A server that answers whoever comes could be told to run by any page that is open in a browser here: it wants a
    log-in, and lets no other origin read its answers.
    """
    environment = {
        **os.environ,
        **QUIET,
        "PREFECT_SERVER_API_AUTH_STRING": login(paths),
        "PREFECT_API_AUTH_STRING": login(paths),
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_HOME": str(paths.state / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    environment.pop("PREFECT_API_URL", None)
    if project.state.prefect_database:
        environment["PREFECT_API_DATABASE_CONNECTION_URL"] = resolve(project.state.prefect_database) or ""
    return environment


def client_environment(paths: Paths, url: str, *, own: bool) -> dict[str, str]:
    """Environment of a process that runs flows: our screens tell what happens, Prefect's log goes to its server.

    Args:
        paths: the workspace.
        url: of the API.
        own: whether Signoff started it. The log-in of any other is the one that stands in the environment.
    """
    return {
        **({"PREFECT_API_AUTH_STRING": login(paths)} if own else {}),
        **QUIET,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(paths.state / "prefect"),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }


def answers(url: str) -> bool:
    """Whether a Prefect API is healthy at `url`."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_line(log: Path | None) -> str | None:
    if log is None or not log.exists():
        return None
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else None
