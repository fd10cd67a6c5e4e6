"""`signoff console` as a process: where it listens, how it ends, what it loads, and what a kill leaves."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from signoff.access import make_token
from signoff.commands.doors import is_loopback, refuse_open_door
from signoff.core.account import Account, Grant
from signoff.core.errors import UsageError
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.settings import Console
from signoff.core.settings_file import load_project
from signoff.store import Store, open_store
from tests.chain import SIGNOFF, signoff_json, small_workspace
from tests.consoles import a_workspace
from tests.waiting import eventually

PATIENCE = 240


@contextmanager
def running(root: Path, *arguments: str, command: list[str] | None = None) -> Iterator[tuple[Any, str, Path]]:
    """A console as its own process: the process, its address, what it prints."""
    told = root / f"told-{time.monotonic_ns()}"
    command = command or [str(SIGNOFF), "console", "--workspace", str(root), "--port", "0", *arguments]
    with told.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        found = eventually(lambda: re.search(r"console on (\S+)", told.read_text()), process)
        yield process, found[1], told
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def store_at(root: Path) -> Store:
    return open_store(load_project(root), Paths(root))


def token_of(root: Path, name: str, *roles: str) -> dict[str, str]:
    store = store_at(root)
    account = store.add_account(Account(name=name, grants=tuple(Grant(role=role) for role in roles), made=now()))
    token = make_token(store, account, ("decide", "read"), 1)
    store.close()
    return {"Authorization": f"Bearer {token}"}


def test_it_tells_the_first_password_once_and_ends_with_one_signal(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "demo", "demo")
    with running(root) as (process, address, told):
        assert httpx.get(f"{address}/login", timeout=PATIENCE).status_code == 200
        document = httpx.get(f"{address}/api/v1/openapi.json", timeout=PATIENCE).json()
        assert "/api/v1/reviews/{ref}/decisions" in document["paths"]
        assert json.loads((root / ".signoff" / "console.json").read_text())["address"] == address
        password = re.search(r"one-time password (\S+)", told.read_text())
        assert password is not None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert told.read_text().endswith("console ended\n")
    assert not (root / ".signoff" / "console.json").exists()
    for log in (root / ".signoff" / "logs").iterdir():
        assert password[1] not in log.read_text()
    with running(root) as (process, _, told):
        assert "password" not in told.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_it_loads_neither_prefect_nor_sklearn() -> None:
    heavy = ["prefect", "sklearn", "optuna", "bentoml", "evidently", "great_expectations", "dvc", "lightgbm"]
    script = "import sys, signoff.commands.console as _; print([m for m in sys.argv[1:] if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script, *heavy], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_taken_port_is_one_error(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "demo", "demo")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [SIGNOFF, "console", "-w", root, "--port", port], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 5
    assert done.stderr.startswith(f"error: port {port} is in use")
    assert "password" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "signoff.example"])
def test_it_binds_elsewhere_only_with_tls_or_a_proxy(host: str) -> None:
    with pytest.raises(UsageError, match="does not listen beyond this machine without TLS"):
        refuse_open_door(host, Console())
    with pytest.raises(UsageError, match="does not listen beyond"):
        refuse_open_door(host, Console(tls_certificate="c.pem"))
    refuse_open_door(host, Console(tls_certificate="c.pem", tls_key="k.pem"))
    refuse_open_door(host, Console(trusted_proxies=("10.0.0.2",)))
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_loopback_is_open(host: str) -> None:
    refuse_open_door(host, Console())
    assert is_loopback(host)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_kill_between_the_entry_and_its_run_loses_nothing(tmp_path: Path) -> None:
    root = small_workspace(tmp_path, trials=2, families=("baseline", "linear"))
    waiting = signoff_json("run", root=root, code=3)
    proof = token_of(root, "ana", "reviewer")
    deadly = [sys.executable, str(Path(__file__).with_name("killed_console.py")), str(root)]
    with running(root, command=deadly) as (process, address, _):
        path = f"{address}/api/v1/reviews/{waiting['review']}"
        digest = store_at(root).review(waiting["review"]).digest
        body = {"verdict": "approve", "reasons": "fine", "digest": digest}
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"{path}/decisions", json=body, headers=proof, timeout=PATIENCE)
        assert process.wait(60) == -signal.SIGKILL
    assert len(store_at(root).entries()) >= 1
    assert signoff_json("status", root=root)["champion"] is None
    with running(root) as (process, address, _):
        again = httpx.post(
            f"{address}/api/v1/reviews/{waiting['review']}/decisions", json=body, headers=proof, timeout=PATIENCE
        )
        assert (again.status_code, "is closed: approved by ana" in again.text) == (409, True)
        eventually(lambda: signoff_json("status", root=root)["champion"], process)
    releases = [entry for entry in store_at(root).entries() if entry.kind == "release"]
    assert len(releases) == 1
