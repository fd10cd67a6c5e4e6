"""The endpoint against a bare FastAPI app with the same pipeline: python -m benchmarks.serving WORKSPACE [SECONDS].

WORKSPACE has a champion and data/holdout.parquet. Both servers run as one process with one worker on loopback, one
row a request, connections kept open, at 1 and 16 clients, in turns so that a busy machine is busy for both. The bare
app does not verify, does not log and checks nothing but that the body is a list of objects. Prints one line a
measurement, then ratios; the last lines tell what checking, logging and answering cost in this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from models.serving import open_parcel
from models.serving.clerk import Clerk
from models.serving.log import PredictionLog, line_of
from models.serving.rows import Shape
from signoff.core.environment import QUIET, be_quiet
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.tables import read_table

ROOT = Path(__file__).parents[1]


def main(workspace: Path, seconds: float) -> None:
    be_quiet()
    paths = Paths(workspace.resolve())
    parcel = open_parcel(paths.champion, paths.public_keys)
    frame = read_table(paths.holdout).head(500)
    keys = [name for name in (*parcel.serving.id_columns, parcel.serving.time_column) if name in frame.columns]
    wanted = list(dict.fromkeys([*parcel.model.inputs, *keys]))
    rows = json.loads(frame[wanted].to_json(orient="records", date_format="iso", double_precision=15))
    bodies = [json.dumps({"rows": [row]}).encode() for row in rows]
    with tempfile.TemporaryDirectory() as scratch:
        servers = {
            "signoff": start(["models.serving.server", str(paths.champion)], Path(scratch)),
            "bare fastapi": start(["benchmarks.serving", "--bare", str(paths.champion)], Path(scratch)),
        }
        try:
            measure(servers, bodies, seconds)
        finally:
            for process, _, _ in servers.values():
                process.terminate()
                process.wait()
        parts(parcel, bodies, Path(scratch))


def start(command: list[str], scratch: Path) -> tuple[subprocess.Popen[str], int, float]:
    began = time.monotonic()
    environment = {**os.environ, **QUIET, "SIGNOFF_PREDICTIONS": str(scratch / "log"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, cwd=scratch, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().split()[1])
    print(f"{command[0]:24} ready in {time.monotonic() - began:5.1f} s, {memory_mb(process.pid):4.0f} MB")
    return process, port, began


def memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))


def measure(servers: dict[str, Any], bodies: list[bytes], seconds: float) -> None:
    found: dict[tuple[str, int], list[float]] = {}
    rate: dict[tuple[str, int], float] = {}
    for clients in (1, 16):
        spent = dict.fromkeys(servers, 0.0)
        for turn in range(4):
            for name, (_, port, _) in servers.items():
                began = time.monotonic()
                times = asyncio.run(load(port, bodies, clients, seconds / 4 if turn else 0.5))
                if turn:
                    spent[name] += time.monotonic() - began
                    found.setdefault((name, clients), []).extend(times)
        for name in servers:
            times = sorted(found[name, clients])
            rate[name, clients] = len(times) / spent[name]
            p50, p95 = statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000
            print(
                f"{name:14} {clients:2} clients {rate[name, clients]:7.0f} req/s  p50 {p50:6.2f} ms  p95 {p95:6.2f} ms"
            )
    for clients in (1, 16):
        print(
            f"ratio signoff / bare, {clients} clients: {rate['signoff', clients] / rate['bare fastapi', clients]:.2f}"
        )


async def load(port: int, bodies: list[bytes], clients: int, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.monotonic() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        index = number
        while time.monotonic() < end:
            body = bodies[index % len(bodies)]
            index += 1
            began = time.monotonic()
            writer.write(
                b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            times.append(time.monotonic() - began)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return times


def parts(parcel: Any, bodies: list[bytes], scratch: Path) -> None:
    model = parcel.load()
    shape = Shape(parcel.model.inputs, parcel.serving.id_columns, parcel.serving.time_column, 10_000)
    logged, unlogged = Clerk(model, shape, PredictionLog(scratch / "parts")), Clerk(model, shape, None)
    for name, clerk, together in (("no log", unlogged, 1), ("with log", logged, 1), ("with log", logged, 16)):
        began = time.perf_counter()
        for at in range(0, 192, together):
            clerk.reply_all(bodies[at : at + together])
        spent = (time.perf_counter() - began) / 192 * 1000
        print(f"in process, {together:2} together, {name:8}: {spent:.2f} ms a row")
    log = PredictionLog(scratch / "lines")
    line = line_of("1", now(), model.digest, json.loads(bodies[0])["rows"][0], (0.5, "yes"))
    began = time.perf_counter()
    for _ in range(2000):
        log.append([line])
    print(f"one log line: {(time.perf_counter() - began) / 2000 * 1e6:.0f} microseconds")


def bare(folder: Path) -> None:
    """What anybody would write first."""
    import socket

    import pandas as pd
    import uvicorn
    from fastapi import Body, FastAPI

    be_quiet()
    model = open_parcel(folder).load()
    app = FastAPI()

    @app.post("/predict")
    def predict(rows: list[dict[str, Any]] = Body(embed=True)) -> dict[str, Any]:  # noqa: B008
        answers = model.answer(pd.DataFrame(rows))
        return {"predictions": [{"probability": p, "label": label, "model": model.digest} for p, label in answers]}

    listener = socket.create_server(("127.0.0.1", 0))
    print(f"ready {listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1] == "--bare":
        bare(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 12.0)
