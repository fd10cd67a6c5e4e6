"""The endpoint as its callers meet it: a real process on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.serving import open_parcel, smoke_test
from signoff.commands.serving import serve
from signoff.core.errors import IntegrityError, ServiceError
from signoff.core.monitoring import Prediction
from signoff.core.paths import Paths
from signoff.core.settings import Task
from tests.serving_workspace import copy_of_released, rows

ROOT = Path(__file__).parents[1]


@dataclass
class Endpoint:
    paths: Paths
    process: subprocess.Popen[str]
    url: str

    def call(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, body)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def predict(self, content: Any) -> tuple[int, Any]:
        status, body = self.call("/predict", json.dumps(content).encode())
        return status, json.loads(body)


def start(paths: Paths, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "signoff.cli", "serve", "--workspace", str(paths.root), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    paths = copy_of_released(tmp_path_factory, tmp_path_factory.mktemp("served"))
    settings = paths.settings.read_text(encoding="utf-8")
    paths.settings.write_text(settings + "serving: {max_rows: 40}\n", encoding="utf-8")
    process = start(paths, "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        pytest.fail(f"the endpoint did not start: {process.communicate()[1]}")
    yield Endpoint(paths, process, "http://" + line.split("http://")[1].split()[0])
    process.kill()
    process.communicate()


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(frame.drop(columns="y").to_json(orient="records", date_format="iso"))
    return found


def logged(paths: Paths) -> dict[str, Prediction]:
    lines = [line for file in paths.predictions.glob("*.jsonl") for line in file.read_text().splitlines()]
    found = [Prediction.model_validate_json(line) for line in lines]
    return {prediction.id: prediction for prediction in found}


@pytest.mark.slow
def test_answers_are_the_models_own_and_are_logged_first(endpoint: Endpoint) -> None:
    frame = rows(20, Task.BINARY, seed=9)
    status, answer = endpoint.predict({"rows": as_rows(frame)})
    assert status == 200
    parcel = open_parcel(endpoint.paths.champion, endpoint.paths.public_keys)
    model = parcel.load()
    told = [(one["probability"], one["label"]) for one in answer["predictions"]]
    assert told == model.answer(frame)
    assert [one["id"] for one in answer["predictions"]] == [str(order) for order in frame["order"]]
    assert {one["model"] for one in answer["predictions"]} == {model.digest}
    assert all((p >= 0.4) == (label == "yes") for p, label in told)
    lines = logged(endpoint.paths)
    first = lines[str(frame["order"][0])]
    assert (first.probability, first.label) == told[0]
    assert first.inputs["shop"] == frame["shop"][0]
    assert first.time.replace(tzinfo=None) == frame["at"][0]


@pytest.mark.slow
def test_a_bad_row_is_refused_and_not_logged(endpoint: Endpoint) -> None:
    good = {"size": 1.0, "shop": "a", "open": True, "seen": None, "order": 900_001}
    status, answer = endpoint.predict({"rows": [good, {**good, "size": "big"}]})
    assert (status, answer["error"], answer["where"], answer["got"]) == (400, "RowError", "rows[1].size", "big")
    status, answer = endpoint.predict({"rows": [{"size": 1}]})
    assert (status, answer["where"]) == (400, "rows[0]")
    assert all(name in answer["what"] for name in ("open", "seen", "shop")), "all that is missing is told at once"
    assert endpoint.call("/predict", b"{")[0] == 400
    assert endpoint.predict({"rows": [good] * 41})[0] == 413
    assert endpoint.predict({"rows": []}) == (200, {"predictions": []})
    assert "900001" not in logged(endpoint.paths)


@pytest.mark.slow
def test_missing_values_are_answered(endpoint: Endpoint) -> None:
    status, body = endpoint.call(
        "/predict", b'{"rows": [{"size": NaN, "shop": null, "open": null, "seen": null, "order": 900002}]}'
    )
    assert status == 200, body
    assert logged(endpoint.paths)["900002"].inputs["size"] is None


@pytest.mark.slow
def test_callers_at_once_each_get_their_own_answer(endpoint: Endpoint) -> None:
    frame = rows(160, Task.BINARY, seed=11)
    sent = as_rows(frame)
    expected = open_parcel(endpoint.paths.champion).load().answer(frame)
    got: dict[int, Any] = {}

    def caller(number: int) -> None:
        for index in range(number, len(sent), 16):
            row = sent[index] if index % 10 else {**sent[index], "size": "bad"}
            got[index] = endpoint.predict({"rows": [row]})

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, (status, answer) in got.items():
        if index % 10:
            assert status == 200
            assert answer["predictions"][0]["probability"] == pytest.approx(expected[index][0], abs=1e-12)
        else:
            assert status == 400


@pytest.mark.slow
def test_it_says_what_it_serves_and_how_it_is(endpoint: Endpoint) -> None:
    parcel = open_parcel(endpoint.paths.champion)
    status, body = endpoint.call("/model")
    facts = json.loads(body)
    assert status == 200
    assert (facts["digest"], facts["model"]) == (parcel.digest, parcel.model.digest)
    assert (facts["decision"], facts["approved_by"], facts["max_rows"]) == (parcel.entry.hash, ["bo"], 40)
    assert (facts["release"], facts["threshold"], facts["missing"]) == ("toy/v1", parcel.recipe().threshold, [])
    assert endpoint.call("/healthz")[0] == 200
    metrics = endpoint.call("/metrics")[1].decode()
    assert "bentoml_service_request_total" in metrics
    info = next(line for line in metrics.splitlines() if line.startswith("signoff_model_info{"))
    assert info.endswith(" 1.0")
    assert f'digest="{facts["digest"]}"' in info
    assert f'tag="{facts["tag"]}"' in info


def test_its_front_page_calls_nobody(endpoint: Endpoint) -> None:
    status, body = endpoint.call("/")
    assert status == 200
    assert b"POST /predict" in body
    assert b"http" not in body
    assert b"<script" not in body


@pytest.mark.slow
def test_a_taken_port_is_said_and_a_signal_ends_all(endpoint: Endpoint) -> None:
    port = endpoint.url.rsplit(":", 1)[1]
    second = start(endpoint.paths, "--port", port)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 5
    assert f"port {port} is in use" in errors
    endpoint.process.send_signal(signal.SIGTERM)
    _, errors = endpoint.process.communicate(timeout=60)
    assert (endpoint.process.returncode, errors) == (0, "")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


@pytest.mark.slow
def test_a_changed_model_does_not_start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    paths = copy_of_released(tmp_path_factory, tmp_path / "changed")
    model = paths.champion / "model" / "model.bin"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    process = start(paths, "--port", "0")
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (4, "")
    assert "the model file is not the one that was signed" in errors
    assert "Traceback" not in errors
    with pytest.raises(IntegrityError, match="the model file"):
        smoke_test(paths.champion)


@pytest.mark.slow
def test_bentoml_itself_serves_the_folder_or_refuses_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paths = copy_of_released(tmp_path_factory, tmp_path / "plain")
    smoke_test(paths.bento)
    decision = paths.bento / "decision.json"
    decision.write_text(decision.read_text(encoding="utf-8").replace('"bo"', '"al"'), encoding="utf-8")
    command = [sys.executable, "-m", "bentoml", "serve", str(paths.bento), "--port", "0"]
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 4
    assert "refused: the entry was edited" in ended.stderr


def test_serving_names_a_taken_port_before_it_loads(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    paths = copy_of_released(tmp_path_factory, tmp_path / "taken")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} is in use"):
            serve(paths.root, port, "127.0.0.1")
    with pytest.raises(ServiceError, match="cannot listen there"):
        serve(paths.root, 0, "203.0.113.1")
