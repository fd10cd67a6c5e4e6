"""The endpoint under `signoff up`: a new champion is up before the one before it goes, on one listening socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from signoff.core.errors import ServiceError, SettingsError, WorkspaceError
from signoff.core.paths import Paths
from signoff.core.settings import Project

LISTENER, READY = "SIGNOFF_LISTENER", "SIGNOFF_READY"
"""Environment of `signoff serve` under a supervisor: the socket to answer on, and the file that says that it does."""

START_SECONDS = 180
"""A successor that is not up by then is given up; the one before it goes on answering."""

END_SECONDS = 15
RESTARTS = 5
STEADY_SECONDS = 600
"""Whoever was up for so long ended for a new reason: its restarts are counted anew."""

REFUSED = (2, 4)
"""Exit codes of an endpoint that will not serve this champion, however often it is asked."""

Spawn = Callable[[list[str], dict[str, str], tuple[int, ...]], "subprocess.Popen[bytes]"]


class Endpoint:
    """Keeps the champion answering; all methods are called by one thread.

    Args:
        project: host, and the state database.
        paths: of the workspace.
        port: to answer on; not 0.
        folder: private and short-lived, for the files by which a process says that it answers.
        spawn: starts a process in a group of its own from command, further environment and sockets to hand on.
        say: told what happens, a line each.
    """

    def __init__(
        self, project: Project, paths: Paths, port: int, folder: Path, spawn: Spawn, say: Callable[[str], None]
    ) -> None:
        self._project, self._paths, self._port, self._folder = project, paths, port, folder
        self._spawn, self._say = spawn, say
        self._listener: socket.socket | None = None
        self._current: _Process | None = None
        self._successor: _Process | None = None
        self._known: str | None = None
        self._before: str | None = None
        self._unknown = False
        self._refused: str | None = None
        self._restarts = 0

    def look_after(self) -> None:
        """Called about once a second: starts what is missing, hands over to a new champion.

        Raises:
            ServiceError: the port is taken, or the endpoint ended too often.
            IntegrityError: the ledger is damaged.
        """
        champion = self._champion()
        if self._successor is not None:
            self._hand_over(self._successor)
        elif self._current is None or not self._current.alive():
            self._begin(champion)
        elif champion not in (None, self._current.champion, self._refused) and champion == self._before:
            # Seen twice: a release is written down a moment before its package is switched to.
            self._say(f"new champion {str(champion)[:12]}: its endpoint starts beside the one that answers")
            self._successor = self._start(str(champion))
        self._before = champion

    def end(self) -> None:
        """End every process; requests under way are finished first."""
        for process in (self._successor, self._current):
            if process is not None:
                end_group(process.process)
        self._let_go()

    def _begin(self, champion: str | None) -> None:
        """Nobody answers: before a release, and after a refusal, that stays visible until there is another champion."""
        ended = self._current
        if ended is not None and ended.process.returncode in REFUSED:
            self._refused = ended.champion
        if champion is None or champion == self._refused:
            self._let_go()
            return
        if ended is not None:
            self._restarts = 1 if ended.seconds() > STEADY_SECONDS else self._restarts + 1
            if self._restarts > RESTARTS:
                log = self._paths.state / "logs" / "endpoint.log"
                raise ServiceError(f"endpoint ended {RESTARTS} times", where=str(log), next_step="signoff doctor")
        self._current = self._start(champion)

    def _hand_over(self, successor: _Process) -> None:
        gone = not successor.alive()
        if not gone and not successor.ready() and successor.seconds() < START_SECONDS:
            return
        self._successor = None
        if not gone and successor.ready():
            if self._current is not None:
                end_group(self._current.process)
            self._current, self._refused, self._restarts = successor, None, 0
            self._say(f"endpoint: {successor.champion[:12]} answers now")
            return
        end_group(successor.process)
        self._refused = successor.champion
        self._say(
            f"champion {successor.champion[:12]} does not answer, see .signoff/logs/endpoint.log; the one before stays"
        )

    def _start(self, champion: str) -> _Process:
        from models.serving.server import listen

        if self._listener is None:
            self._listener = listen(self._project.serving.host, self._port)
        place = self._folder / f"{uuid4().hex[:8]}.ready"
        command = [sys.executable, "-m", "signoff.cli", "serve", "--workspace", str(self._paths.root)]
        number = self._listener.fileno()
        process = self._spawn(command, {LISTENER: str(number), READY: str(place)}, (number,))
        self._say(f"endpoint on http://127.0.0.1:{self._port} for {champion[:12]}, log in .signoff/logs/endpoint.log")
        return _Process(champion, process, place)

    def _champion(self) -> str | None:
        """Which package should answer: the newest release and the copy of it in the champion's place.

        While the state database does not answer, what is known stands: that is no reason to stop answering.
        """
        from signoff.ledger import champion
        from signoff.store import open_store

        try:
            with closing(open_store(self._project, self._paths)) as store:
                released = champion(self._paths, store)
        except (ServiceError, SettingsError, WorkspaceError) as error:
            if not self._unknown:
                self._say(f"who is champion cannot be read, so nothing changes: {error.sentence()}")
            self._unknown = True
            return self._known
        self._unknown = False
        # A release whose switch was cut short by a kill is refused until the next run has finished it.
        place = self._paths.champion.resolve().name
        self._known = f"{released.digest} {place}" if released else None
        return self._known

    def _let_go(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class _Process:
    """One `signoff serve` and the champion that it was started for."""

    def __init__(self, champion: str, process: subprocess.Popen[bytes], place: Path) -> None:
        self.champion, self.process, self._place = champion, process, place
        self._since = time.monotonic()

    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> bool:
        return self._place.exists()

    def seconds(self) -> float:
        return time.monotonic() - self._since


def end_group(process: subprocess.Popen[bytes] | None) -> None:
    """Ask the whole group to end, then insist."""
    if process is None or process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
