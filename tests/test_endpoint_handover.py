"""The endpoint under `signoff up`: no caller notices a release, and no state database that is away for a while."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from signoff.commands.endpoint import Endpoint
from signoff.core.candidate import Candidate
from signoff.core.paths import Paths
from signoff.core.settings import Task
from signoff.core.settings_file import load_project
from signoff.core.stage import open_context
from tasks.package import package
from tests.serving_workspace import copy_of_released, decide_on, make_candidate, release, rows

PATIENCE_SECONDS = 120
pytestmark = pytest.mark.slow


@dataclass
class Place:
    """A workspace, its endpoint, and what was said about it."""

    paths: Paths
    port: int
    endpoint: Endpoint
    processes: list[subprocess.Popen[bytes]]
    said: list[str] = field(default_factory=list)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.said
            self.endpoint.look_after()
            time.sleep(0.2)


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    paths = copy_of_released(tmp_path_factory, tmp_path / "workspace")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes: list[subprocess.Popen[bytes]] = []
    said: list[str] = []

    def spawn(command: list[str], further: dict[str, str], sockets: tuple[int, ...]) -> subprocess.Popen[bytes]:
        with (tmp_path / "endpoint.log").open("ab") as log:
            environment = {**os.environ, **further, "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, pass_fds=sockets
            )
        processes.append(process)
        return process

    endpoint = Endpoint(load_project(paths.root), paths, port, tmp_path, spawn, said.append)
    found = Place(paths, port, endpoint, processes, said)
    yield found
    endpoint.end()
    assert all(process.poll() is not None for process in processes)


class Callers:
    """Ask all the time, two on kept connections and two on new ones; every answer and every failure is kept."""

    def __init__(self, port: int) -> None:
        self.models: list[set[str]] = []
        self.failures: list[str] = []
        self._port, self._enough = port, threading.Event()
        frame = rows(3, Task.BINARY).drop(columns="y")
        self._body = json.dumps({"rows": json.loads(frame.to_json(orient="records", date_format="iso"))})
        self._threads = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(4)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._enough.is_set():
            try:
                connection.request("POST", "/predict", self._body, {"content-type": "application/json"})
                answer = connection.getresponse()
                said = json.loads(answer.read())
                if answer.status == 200:
                    self.models.append({one["model"] for one in said["predictions"]})
                else:
                    self.failures.append(f"{answer.status}: {said}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(repr(error))
                connection.close()
            if not keep:
                connection.close()
            time.sleep(0.005)
        connection.close()


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def next_release(root: Path) -> Candidate:
    candidate = make_candidate(root, Task.BINARY, seed=1)
    decision = decide_on(root, candidate)
    package(open_context(root))
    release(root, candidate, decision, "toy/v2")
    return candidate


def test_no_request_fails_while_a_new_champion_takes_over(place: Place) -> None:
    place.until(lambda: answers(place.port))
    with Callers(place.port) as callers:
        new = next_release(place.paths.root)
        place.until(lambda: bool(callers.models) and callers.models[-1] == {new.model_digest})
        time.sleep(1)
    assert callers.failures == []
    assert all(len(models) == 1 for models in callers.models)
    assert len({min(models) for models in callers.models}) == 2
    place.until(lambda: [process.poll() is None for process in place.processes] == [False, True])


def test_a_champion_that_may_not_serve_leaves_the_one_before_answering(place: Place) -> None:
    place.until(lambda: answers(place.port))
    next_release(place.paths.root)
    with (place.paths.champion / "model" / "model.bin").open("ab") as file:
        file.write(b"!")
    place.until(lambda: any("does not answer" in line for line in place.said))
    assert answers(place.port)
    for _ in range(3):
        place.endpoint.look_after()
    assert len(place.processes) == 2


def test_a_database_that_is_away_ends_no_endpoint(place: Place) -> None:
    place.until(lambda: answers(place.port))
    database = place.paths.state / "signoff.db"
    away = database.with_name("away.db")
    database.rename(away)
    database.mkdir()
    place.endpoint.look_after()
    place.endpoint.look_after()
    assert [line for line in place.said if "nothing changes" in line] != []
    assert answers(place.port)
    database.rmdir()
    away.rename(database)
    os.killpg(place.processes[0].pid, signal.SIGKILL)
    place.processes[0].wait()
    place.until(lambda: len(place.processes) == 2 and answers(place.port))


def test_nothing_listens_where_nothing_was_released(place: Place) -> None:
    place.paths.champion.unlink()
    place.until(lambda: bool(place.processes) and place.processes[0].poll() is not None)
    place.endpoint.look_after()
    assert place.processes[0].returncode == 4
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection(("127.0.0.1", place.port), timeout=5).close()
