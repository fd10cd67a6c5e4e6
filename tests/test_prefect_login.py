"""Prefect servers of ours want a log-in, tell nothing to pages of other origins, and run in nobody else's name."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.prefect_login import login, login_file, proof_of, proven_cause
from flows.server import Server, client_environment, prefect_server, server_environment, start_private
from signoff.core.errors import RefusedError, WorkspaceError
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request, Steering
from signoff.core.settings import Data, FileSource, Project

EVIL = "https://evil.example"
ADA = Cause(kind="hand", actor="ada", note="before the holidays")


def any_project() -> Project:
    data = Data(sources={"rows": FileSource(file="x.csv")})
    return Project(project="server", question="?", task="binary", target="y", data=data)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Paths, Server]]:
    paths = Paths(tmp_path_factory.mktemp("team"))
    server = start_private(any_project(), paths)
    try:
        server.wait()
        yield paths, server
    finally:
        server.stop()


def answered(url: str, method: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers, as a browser or a script gets them."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"{}" if method == "POST" else None
    request = urllib.request.Request(url, body, {"content-type": "application/json", **named}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, {name.lower(): value for name, value in response.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_server_of_ours_wants_the_log_in(served: tuple[Paths, Server]) -> None:
    paths, server = served
    assert login_file(paths).stat().st_mode & 0o777 == 0o600
    for path in ("deployments/filter", "flow_runs/", "flow_runs/filter", "admin/settings"):
        method = "GET" if path.startswith("admin") else "POST"
        assert answered(f"{server.url}/{path}", method)[0] == 401
        assert answered(f"{server.url}/{path}", method, authorization=basic("signoff:" + "0" * 64))[0] == 401
    assert answered(f"{server.url}/deployments/filter", "POST", authorization=basic(login(paths)))[0] == 200


def test_no_page_of_another_origin_may_ask_or_read(served: tuple[Paths, Server]) -> None:
    paths, server = served
    wished = {
        "origin": EVIL,
        "access_control_request_method": "POST",
        "access_control_request_headers": "content-type,authorization",
    }
    status, headers = answered(f"{server.url}/deployments/filter", "OPTIONS", **wished)
    assert status >= 400
    assert headers.get("access-control-allow-origin") not in ("*", EVIL)
    known = answered(f"{server.url}/deployments/filter", "POST", origin=EVIL, authorization=basic(login(paths)))
    assert known[1].get("access-control-allow-origin") not in ("*", EVIL)


def test_a_run_takes_the_log_in_of_the_server_that_it_finds(
    served: tuple[Paths, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A team's own server has its own log-in, in the environment; also where Prefect was loaded before."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    paths, server = served
    monkeypatch.setenv("PREFECT_API_URL", server.url)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", login(paths))
    (tmp_path / ".signoff").mkdir()
    with prefect_server(any_project(), Paths(tmp_path)) as found:
        assert (found.url, found.process) == (server.url, None)
        with get_client(sync_client=True) as client:
            assert client.read_flows() == []
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "team:another")
    with (
        prefect_server(any_project(), Paths(tmp_path)),
        get_client(sync_client=True) as client,
        pytest.raises(PrefectHTTPStatusError, match="401"),
    ):
        client.read_flows()
    # `signoff up` names its server in the workspace: there our own log-in counts, whatever the environment says.
    (paths.state / "up.json").write_text(json.dumps({"prefect": server.url}))
    with prefect_server(any_project(), paths), get_client(sync_client=True) as client:
        assert client.read_flows() == []


def test_the_environments_name_log_in_and_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path)
    monkeypatch.setenv("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "*")
    of_server = server_environment(any_project(), paths, 4200)
    assert of_server["PREFECT_SERVER_API_AUTH_STRING"] == login(paths)
    assert of_server["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200"
    assert client_environment(paths, "http://x/api", own=True)["PREFECT_API_AUTH_STRING"] == login(paths)
    assert "PREFECT_API_AUTH_STRING" not in client_environment(paths, "http://x/api", own=False)
    assert login(paths) == login(paths) != login(Paths(tmp_path / "other"))
    login_file(paths).write_text("")
    with pytest.raises(WorkspaceError, match="secret is damaged"):
        login(paths)


def test_a_cause_counts_only_with_its_proof(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    steered = Request(steering=Steering(exclude_features=("wind",)))
    proof = proof_of(paths, "retrain", ADA, steered)
    assert (paths.state / "keys" / "handover.key").stat().st_mode & 0o777 == 0o600
    assert proven_cause(paths, "retrain", ADA, steered, proof) == ADA
    assert proven_cause(paths, "retrain", ADA, Request(), "") == Cause(kind="schedule", actor="schedule")
    bo = ADA.model_copy(update={"actor": "bo"})
    for flow, cause, request in (("release", ADA, steered), ("retrain", bo, steered), ("retrain", ADA, Request())):
        with pytest.raises(RefusedError, match="proof of this run's cause does not hold"):
            proven_cause(paths, flow, cause, request, proof)
    with pytest.raises(RefusedError, match="does not hold"):
        proven_cause(paths, "retrain", ADA, steered, "é")
    with pytest.raises(RefusedError, match="may not steer"):
        proven_cause(paths, "retrain", ADA, steered, "")
    other = proof_of(Paths(tmp_path / "other"), "retrain", ADA, steered)
    assert other != proof
