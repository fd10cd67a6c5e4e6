"""`signoff up`: Prefect server, schedules, endpoint and console under one supervisor; one signal ends all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flows.prefect_login import login_file
from flows.server import Server, client_environment, free_port, server_environment
from signoff.commands.doors import refuse_open_door, tell_first_admin, usable_tls
from signoff.commands.endpoint import RESTARTS, STEADY_SECONDS, Endpoint, end_group
from signoff.commands.output import root_of
from signoff.core.errors import ServiceError
from signoff.core.files import write_json
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.core.settings_file import load_project

POLL_SECONDS = 1.0


@dataclass
class Child:
    """One process and how to start it again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    needed: bool = True
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    since: float = field(default_factory=time.monotonic)
    given_up: bool = False

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts the children, keeps them up, ends them together."""

    def __init__(self, root: Path, port: int | None, prefect_port: int, console_port: int | None = None) -> None:
        self.paths = Paths(root)
        self.project: Project = load_project(root)
        self.port = self.project.serving.port if port is None else port or free_port()
        self.prefect_port = prefect_port or free_port()
        wished = self.project.console.port if console_port is None else console_port
        self.console_port = wished or free_port()
        # A short name in a folder for its owner alone: the address of a socket has at most 107 bytes.
        self.resident = Path(tempfile.mkdtemp(prefix="signoff-")) / "runs.sock"
        self.stopping = False
        url = f"http://127.0.0.1:{self.prefect_port}/api"
        environment = client_environment(self.paths, url, own=True)
        self.environment = {**os.environ, **environment, "PREFECT_LOGGING_LEVEL": "INFO"}
        self.environment["PREFECT_LOGGING_TO_API_ENABLED"] = "true"
        self.server = Server(url, self.paths.state / "logs" / "prefect-server.log")
        self.children = [
            Child("prefect-server", self._start_server),
            Child("schedules", self._start_schedules),
            Child("resident", self._start_resident, needed=False),
            Child("console", self._start_console),
        ]
        self.endpoint = Endpoint(
            self.project, self.paths, self.port, self.resident.parent, self._spawn_endpoint, self._say
        )

    def run(self) -> int:
        """Until a signal: start what is down, hand the endpoint over when there is a new champion."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._stop)
        try:
            refuse_open_door(self.project.console.host, usable_tls(self.project.console, self.paths.root))
            self._refuse_taken_ports()
            self._bring_up(self.children[0])
            self.server.process = self.children[0].process
            self.server.wait()
            self._write_state()
            self._say(f"Prefect on http://127.0.0.1:{self.prefect_port}, its log-in in {login_file(self.paths)}")
            self._say(f"console on {self._console_address()}")
            self._tell_first_admin()
            while not self.stopping:
                self._look_after()
                time.sleep(POLL_SECONDS)
        finally:
            self._end_all()
            (self.paths.state / "up.json").unlink(missing_ok=True)
        return 0

    def _look_after(self) -> None:
        self.endpoint.look_after()
        for child in self.children:
            if not (child.alive() or child.given_up or self.stopping):
                self._bring_up(child)

    def _bring_up(self, child: Child) -> None:
        if child.process is not None:
            steady = time.monotonic() - child.since > STEADY_SECONDS
            child.restarts = 1 if steady else child.restarts + 1
            if child.restarts > RESTARTS:
                self._do_without(child)
                return
        child.process, child.since = child.start(), time.monotonic()

    def _do_without(self, child: Child) -> None:
        """Runs load their tools themselves where no resident does; without the others nothing is left to supervise."""
        log = str(self.paths.state / "logs" / f"{child.name}.log")
        if child.needed:
            raise ServiceError(f"{child.name} ended {RESTARTS} times", where=log, next_step="signoff doctor")
        child.given_up = True
        self._say(f"{child.name} ended {RESTARTS} times and is not started again, see {log}")

    def _start_server(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.prefect_port),
        ]
        return self._spawn("prefect-server", command, server_environment(self.project, self.paths, self.prefect_port))

    def _start_schedules(self) -> subprocess.Popen[bytes]:
        return self._spawn("schedules", [sys.executable, "-m", "flows.deploy", str(self.paths.root)], self.environment)

    def _spawn_endpoint(
        self, command: list[str], further: dict[str, str], sockets: tuple[int, ...]
    ) -> subprocess.Popen[bytes]:
        return self._spawn("endpoint", command, {**self.environment, **further}, sockets)

    def _start_resident(self) -> subprocess.Popen[bytes]:
        # The socket of one that ended would refuse its successor the address.
        self.resident.unlink(missing_ok=True)
        return self._spawn("resident", [sys.executable, "-m", "flows.resident", str(self.resident)], self.environment)

    def _start_console(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "signoff.cli", "console", "--workspace", str(self.paths.root)]
        return self._spawn(
            "console-output", [*command, "--port", str(self.console_port), "--with-up"], self.environment
        )

    def _console_address(self) -> str:
        settings = self.project.console
        scheme = "https" if settings.tls_certificate else "http"
        return settings.public_url or f"{scheme}://{settings.host}:{self.console_port}"

    def _tell_first_admin(self) -> None:
        """Here and not in the console: what that one prints goes into a file."""
        from signoff.store import open_store

        store = open_store(self.project, self.paths)
        tell_first_admin(store)
        store.close()

    def _spawn(
        self, name: str, command: list[str], environment: dict[str, str], sockets: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        log = self.paths.state / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # A group of its own: Ctrl-C reaches only the supervisor, which ends its children in order.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                pass_fds=sockets,
                cwd=self.paths.root,
            )

    def _refuse_taken_ports(self) -> None:
        import socket

        for name, port in (
            ("--prefect-port", self.prefect_port),
            ("--port", self.port),
            ("--console-port", self.console_port),
        ):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise ServiceError(
                        f"port {port} is in use", where="127.0.0.1", next_step=f"signoff up {name} OTHER"
                    ) from error

    def _write_state(self) -> None:
        state = {
            "pid": str(os.getpid()),
            "prefect": self.server.url,
            "endpoint": f"http://127.0.0.1:{self.port}",
            "console": self._console_address(),
            "deployments": "yes",
            "resident": str(self.resident),
        }
        write_json(self.paths.state / "up.json", state)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _end_all(self) -> None:
        for child in reversed(self.children[2:]):
            end_group(child.process)
        self.endpoint.end()
        for child in reversed(self.children[:2]):
            end_group(child.process)
        shutil.rmtree(self.resident.parent, ignore_errors=True)
        self._say("all ended")

    def _say(self, line: str) -> None:
        sys.stderr.write(line + "\n")


def supervise(workspace: Path, port: int | None, prefect_port: int, console_port: int | None = None) -> int:
    """Run the supervisor for a workspace."""
    return Supervisor(root_of(workspace), port, prefect_port, console_port).run()
