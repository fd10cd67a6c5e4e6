"""A console over a store with real reviews and evidence, in this process or served on loopback. No chain is run."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from starlette.testclient import TestClient

from signoff.access import make_token, open_session
from signoff.access.passwords import hash_password
from signoff.commands.verification import findings_of
from signoff.console.app import create_app
from signoff.console.home import Home
from signoff.console.visit import cookie_name
from signoff.core.account import EVERYWHERE, Account, Grant, Scope
from signoff.core.candidate import Candidate, Code
from signoff.core.decision import GateName, Review
from signoff.core.errors import UsageError
from signoff.core.evidence import Evidence, EvidenceSet, Table, Value
from signoff.core.files import write_text
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Request, Steering
from signoff.core.settings import Project
from signoff.core.settings_file import load_project
from signoff.gates import Desk, Ruling, pass_gate
from tests.waiting import eventually

PASSWORD = "a long enough password"
CHECKS = [{"metric": "holdout.roc_auc", "at_least": 0.7}, {"metric": "holdout.calibration_gap", "at_most": 0.1}]


@dataclass
class Notebook:
    """A starter that starts nothing and writes down what it was asked for."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def start(self, project: str, cause: Cause, request: Request) -> str:
        self.asked.append(("start", project, cause.actor))
        return "a retrain was started"

    def follow(self, project: str, ruling: Ruling) -> str:
        self.asked.append(("follow", project, ruling.entry.hash))
        return "the release was started" if ruling.review.state == "approved" else ""

    def stop(self, project: str, run_id: str, actor: str = "") -> None:
        self.asked.append(("stop", project, run_id))

    def check(self, project: str, changes: Steering) -> None:
        if "no such column" in changes.exclude_features:
            raise UsageError("the data has no column 'no such column'")


class Browser:
    """What one person's browser does: keeps cookies, and sends a page's token with its forms."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, *, page: str = "/", **more: Any) -> httpx.Response:
        """Post a form that stands on `page`, with that page's token."""
        return self.client.post(path, data={"csrf": self.csrf(page), **(data or {})}, **more)

    def csrf(self, page: str = "/account") -> str:
        """The form token that a page of this browser carries."""
        found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', self.client.get(page, follow_redirects=True).text)
        assert found, f"{page} has no form"
        return found[1]

    def log_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        form = {"csrf": self.csrf("/login"), "name": name, "password": password, **more}
        return self.client.post("/login", data=form)


class Consoled:
    """One console, and ways to fill it."""

    def __init__(self, home: Home, starter: Notebook) -> None:
        self.home = home
        self.starter = starter
        self.app = create_app(home)

    def browser(self, name: str | None = None, *, base_url: str = "http://testserver") -> Browser:
        """A new browser; logged in when a name is given."""
        # Errors of the application are answers to be looked at, as a real server gives them.
        client = TestClient(self.app, base_url=base_url, follow_redirects=False, raise_server_exceptions=False)
        browser = Browser(client)
        if name is not None:
            self.enter(browser, name)
        return browser

    def person(self, name: str, *roles: str, project: str = EVERYWHERE, **more: Any) -> Account:
        """An account with PASSWORD."""
        grants = tuple(Grant(role=role, project=project) for role in roles)
        made = Account(name=name, grants=grants, password=_password_hash(), made=now(), **more)
        return self.home.accounts.add_account(made)

    def enter(self, browser: Browser, name: str) -> str:
        """Give a browser a session of that account without its password; the session's id."""
        session = open_session(self.home.accounts, self.home.accounts.account(name), 1)
        browser.client.cookies.set(cookie_name(self.home, "session"), self.home.seal.sign("session", session))
        return session

    def bearer(self, name: str, *scopes: str, project: str = EVERYWHERE) -> dict[str, str]:
        """The header of a new token of that account."""
        account = self.home.accounts.account(name)
        token = make_token(self.home.accounts, account, tuple(Scope(scope) for scope in scopes), 30, project)
        return {"Authorization": f"Bearer {token}"}

    def desk(self, project: str = "demo") -> Desk:
        return self.home.desk(project)

    def review(
        self,
        name: str = "a",
        *,
        project: str = "demo",
        gate: GateName = "release",
        auc: float = 0.81,
        by: str = "starter",
        records: Sequence[Evidence] = (),
        **more: Any,
    ) -> Review:
        """An open review about a candidate of that name, its evidence kept in the store."""
        desk = self.desk(project)
        made = evidence(project, auc, records)
        sha256 = desk.store.keep_evidence(made.model_dump_json().encode())
        subject = candidate(project, name, sha256)
        asked: dict[str, Any] = {
            "digest": subject.digest,
            "evidence_sha256": sha256,
            "values": made.values().values(),
            "run": f"run-{name}",
            "cause": Cause(actor=by),
            "subject": f"{project}/{name}",
        }
        outcome = pass_gate(desk, gate, **(asked | more))
        assert outcome.review is not None
        return outcome.review


def a_console(
    folder: Path, address: str | None = None, projects: Sequence[str] = ("demo",), **settings: Any
) -> Consoled:
    """A console whose projects share one database: PostgreSQL at `address`, else a SQLite file in `folder`.

    `settings` replaces whole sections of each signoff.yaml, such as gates or console.
    """
    shared = address or f"sqlite:///{folder / 'shared.db'}"
    roots = [a_workspace(folder / name, name, shared, **settings) for name in projects]
    starter = Notebook()
    home = Home(Paths(roots[0]), load_project(roots[0]), starter, judge=findings_of)
    for name, root in zip(projects, roots, strict=True):
        store = type(home.accounts)(home.accounts.database, name, lambda: "test")
        store.remember_place(root)
    return Consoled(home, starter)


def a_workspace(root: Path, name: str, database: str | None = None, **settings: Any) -> Path:
    """A folder with signoff.yaml and nothing else."""
    described = {
        "project": name,
        "question": f"Will {name} be late?",
        "task": "binary",
        "target": "late",
        "positive": "yes",
        "data": {"sources": {"rows": {"file": "rows.csv"}}},
        "gates": {"release": {"checks": CHECKS}},
        **({"state": {"database": database}} if database else {}),
        **settings,
    }
    Project.model_validate(described)
    write_text(root / "signoff.yaml", yaml.safe_dump(described, sort_keys=False))
    return root


def evidence(project: str, auc: float = 0.81, records: Sequence[Evidence] = ()) -> EvidenceSet:
    """A small set with each thing that a page has to draw: values with intervals, a table, a chart."""
    holdout = Evidence(
        kind="holdout",
        title="How well it tells late from on time",
        business="Of two flights it ranks the late one higher in four of five cases.",
        expert="ROC AUC on the holdout, bootstrap interval.",
        values=(
            Value(name="holdout.roc_auc", value=auc, low=auc - 0.02, high=auc + 0.02),
            Value(name="holdout.calibration_gap", value=0.03, low=0.01, high=0.05),
        ),
    )
    slices = Evidence(
        kind="slices",
        title="Slices",
        business="It is weakest in the north.",
        expert="ROC AUC by value of shop.",
        values=(Value(name="slices.worst_gap", value=0.08),),
        table=Table(columns=("shop", "rows", "roc_auc"), rows=(("north", 120, 0.74), ("<b>south</b>", 300, 0.83))),
        chart={"data": [{"type": "bar", "x": ["north", "south"], "y": [0.74, 0.83]}], "layout": {"height": 300}},
    )
    return EvidenceSet(project=project, made=now(), records=(holdout, slices, *records))


def candidate(project: str, name: str, evidence_sha256: str) -> Candidate:
    parts = dict.fromkeys(
        ("data_md5", "recipe_sha256", "model_sha256", "model_record_sha256", "dossier_sha256", "environment_sha256"),
        name,
    )
    code = Code(commit="0" * 40, dirty=False, signoff="0.1.0")
    return Candidate(project=project, code=code, model_digest=f"m-{name}", evidence_sha256=evidence_sha256, **parts)


@cache
def _password_hash() -> str:
    """Hashing is slow by intention: once a test process is enough."""
    return hash_password(PASSWORD)


@contextmanager
def served_console(console: Consoled) -> Iterator[str]:
    """The console behind a real uvicorn on a free loopback port; its address."""
    from signoff.console.serving import server_of

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = server_of(console.app, console.home)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        eventually(lambda: server.started, pause=0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
