"""The console with 10,000 reviews of 100 projects: each page's time over HTTP, beside a bare FastAPI page of its size.

    python benchmarks/console.py [--reviews 10000] [--projects 100] [--open 2000] [--rounds 15]

Asked in turns by one client on a real server on loopback; the limit is 300 ms a page.
"""

from __future__ import annotations

import argparse
import logging
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
import yaml
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from signoff.access.passwords import hash_password
from signoff.console.app import create_app
from signoff.console.home import Home
from signoff.console.serving import server_of
from signoff.core.account import Account, Grant
from signoff.core.decision import Decision, Review, ReviewState
from signoff.core.evidence import Evidence, EvidenceSet, Table, Value
from signoff.core.files import write_text
from signoff.core.paths import Paths
from signoff.core.policy import run_checks
from signoff.core.record import now
from signoff.core.run import Cause, Request
from signoff.core.settings import Check, GatePolicy
from signoff.core.settings_file import load_project
from signoff.gates import Ruling
from signoff.store import Store

LIMIT_MS = 300
PASSWORD = "a long enough password"
CHECKS = (Check(metric="holdout.roc_auc", at_least=0.7), Check(metric="holdout.calibration_gap", at_most=0.1))


class Idle:
    """Starts nothing: only pages are measured."""

    def start(self, project: str, cause: Cause, request: Request) -> str:
        return ""

    def follow(self, project: str, ruling: Ruling) -> str:
        return ""

    def stop(self, project: str, run_id: str) -> None:
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--open", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="signoff-console-") as folder:
        began = time.monotonic()
        home = filled(Path(folder), asked.reviews, asked.projects, asked.open)
        print(
            f"   {asked.reviews:,} reviews ({asked.open:,} open) of {asked.projects} projects filled"
            f" in {time.monotonic() - began:.0f} s"
        )
        slowest = measure(home, asked.rounds)
        home.close()
    print(f"   slowest median {slowest:.0f} ms; the limit is {LIMIT_MS} ms a page")
    return 0 if slowest < LIMIT_MS else 1


def filled(folder: Path, reviews: int, projects: int, still_open: int) -> Home:
    """A console whose database holds that many reviews, a tenth of them decided by the one who looks."""
    names = [f"project-{number:03d}" for number in range(projects)]
    roots = [workspace(folder, name) for name in names]
    home = Home(Paths(roots[0]), load_project(roots[0]), Idle())
    account = Account(name="ada", grants=(Grant(role="reviewer"),), password=hash_password(PASSWORD), made=now())
    home.accounts.add_account(account)
    stores = [Store(home.accounts.database, name, lambda: "bench") for name in names]
    shown = evidence(names[0]).model_dump_json().encode()
    sha256 = home.accounts.keep_evidence(shown)
    stores[0].remember_place(roots[0])
    desk = home.desk(names[0])
    with home.accounts.database.writing():
        for store, root in zip(stores, roots, strict=True):
            store.remember_place(root)
        for number in range(reviews):
            store = stores[number % projects]
            opened = store.open_review(review(store.project, number, sha256))
            if number < reviews - still_open:
                store.close_review(opened.id, ReviewState.APPROVED)
                if store is stores[0]:
                    desk.ledger.append("decision", decision(opened).as_json())
    print(f"   the evidence of a review has {len(shown) / 1000:.0f} kB")
    return home


def workspace(folder: Path, name: str) -> Path:
    settings = {
        "project": name,
        "question": f"Will {name} be late?",
        "task": "binary",
        "target": "late",
        "positive": "yes",
        "data": {"sources": {"rows": {"file": "rows.csv"}}},
        "state": {"database": f"sqlite:///{folder / 'shared.db'}"},
    }
    write_text(folder / name / "signoff.yaml", yaml.safe_dump(settings))
    return folder / name


def review(project: str, number: int, sha256: str) -> Review:
    values = {value.name: value for record in evidence(project).records for value in record.values}
    return Review(
        id="",
        project=project,
        gate="release",
        digest=f"{number:064x}",
        evidence_sha256=sha256,
        run=f"20261121-101010-{number:05d}",
        cause=Cause(kind="schedule", actor="policy"),
        policy=GatePolicy(checks=CHECKS, expires_days=14, four_eyes=True),
        checks=run_checks(CHECKS, values),
        opened=now() - timedelta(minutes=number % 10_000),
        subject=f"{project}/c{number}",
    )


def decision(about: Review) -> Decision:
    return Decision(
        review=about.id,
        project=about.project,
        gate=about.gate,
        digest=about.digest,
        evidence_sha256=about.evidence_sha256,
        verdict="approve",
        actor="ada",
        roles=("reviewer",),
        reasons="it is better on the same rows",
        policy=about.policy,
        decided=now(),
        outcome=ReviewState.APPROVED,
    )


def evidence(project: str) -> EvidenceSet:
    """About as large as that of the flights example: fifteen records, 0.2 MB."""
    holdout = Evidence(
        kind="holdout",
        title="Quality on unseen rows",
        business="It ranks a late flight above an early one in 71 of 100 pairs.",
        expert="Bootstrap intervals over days.",
        values=(
            Value(name="holdout.roc_auc", value=0.71, low=0.7, high=0.72),
            Value(name="holdout.calibration_gap", value=0.03, low=0.01, high=0.05),
        ),
    )
    points = [index / 300 for index in range(300)]
    chart = {"data": [{"type": "scatter", "x": points, "y": points, "name": "curve"}], "layout": {"height": 340}}
    rows = tuple((f"c{row}", row / 7, 0.1) for row in range(40))
    kinds = ("roc", "calibration", "threshold", "slices", "importance", "data", "search", "operations")
    more = (
        Evidence(
            kind=kind,
            title=f"About {kind} {part}",
            business=f"A sentence about {kind} that somebody reads.",
            expert="The same in the field's terms, with its source.",
            values=tuple(Value(name=f"{kind}.number_{index}", value=index, low=0, high=9) for index in range(6)),
            table=Table(columns=("column", "value", "low"), rows=rows),
            chart=chart,
        )
        for kind in kinds
        for part in (1, 2)
    )
    return EvidenceSet(project=project, made=now(), records=(holdout, *more))


def measure(home: Home, rounds: int) -> float:
    """Every page in turns with a bare page of the same size; the slowest median in milliseconds."""
    last = home.store_of("project-000").reviews()[-1].id
    paths = (
        "/",
        "/?project=project-000",
        "/reviews",
        "/reviews?state=open&offset=1000",
        f"/reviews/project-000:{last}",
        "/search?q=better+rows",
        "/search?q=project-050",
    )
    slowest = 0.0
    with served(create_app(home), home) as address, httpx.Client(base_url=address, timeout=30) as client:
        log_in(client)
        pages = {path: client.get(path).raise_for_status().content for path in paths}
        bare = bare_app(tuple(pages.values()))
        with served(bare, home) as other, httpx.Client(base_url=other, timeout=30) as plain:
            print(f"   {'page':<34}{'size':>8}{'median':>10}{'worst':>10}{'cpu':>10}{'bare':>10}")
            for index, path in enumerate(paths):
                times = [(*timed(client, path), *timed(plain, f"/{index}")) for _ in range(rounds)]
                ours, cpu, theirs, _ = (list(column) for column in zip(*times, strict=True))
                median = statistics.median(ours)
                slowest = max(slowest, median)
                size = f"{len(pages[path]) / 1000:.0f} kB"
                told = (f"{one:.0f} ms" for one in (median, max(ours), statistics.median(cpu)))
                print(f"   {path:<34}{size:>8}" + "".join(f"{one:>10}" for one in told), end="")
                print(f"{statistics.median(theirs):>7.1f} ms")
    return slowest


def timed(client: httpx.Client, path: str) -> tuple[float, float]:
    """Wall and CPU milliseconds of one request; the CPU's are those of server and client, which share a process."""
    began, worked = time.perf_counter(), time.process_time()
    client.get(path).raise_for_status()
    return (time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000


def log_in(client: httpx.Client) -> None:
    page = client.get("/login").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    answer = client.post("/login", data={"csrf": token, "name": "ada", "password": PASSWORD})
    assert answer.status_code == 303, answer.text[:300]


def bare_app(bodies: tuple[bytes, ...]) -> FastAPI:
    """What FastAPI needs to answer the same bytes: no store, no template, nobody asked who they are."""
    app = FastAPI()

    @app.get("/{index}")
    def page(index: int) -> HTMLResponse:
        return HTMLResponse(bodies[index])

    return app


@contextmanager
def served(app: FastAPI, home: Home) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server: uvicorn.Server = server_of(app, home)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


if __name__ == "__main__":
    sys.exit(main())
