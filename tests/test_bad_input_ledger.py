"""A ledger or a model that was changed by anybody: `signoff serve` and `signoff verify` refuse, and say which."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from signoff.core.paths import Paths
from tests.chain import signoff, signoff_json
from tests.serving_workspace import copy_of_released
from tests.untouched import refused

GUARDS = ("signoff_ledger_no_update", "signoff_ledger_no_delete")


@pytest.fixture
def released(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return copy_of_released(tmp_path_factory, tmp_path / "workspace")


def change_rows(paths: Paths, statement: str) -> None:
    """What somebody does who owns the database file: take the guards away, change a row, put the guards back."""
    with closing(sqlite3.connect(paths.state / "signoff.db")) as connection:
        guards = {
            name: connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
            for name in GUARDS
        }
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
        for definition in guards.values():
            connection.execute(definition)
        connection.commit()


def spoil_database(paths: Paths) -> None:
    for beside in paths.state.glob("signoff.db-*"):
        beside.unlink()
    (paths.state / "signoff.db").write_bytes(os.urandom(20_000))


def edit_decision(paths: Paths) -> None:
    path = paths.decisions / "0001-decision.json"
    text = path.read_text(encoding="utf-8")
    assert "looked at it" in text
    path.write_text(text.replace("looked at it", "looked away"), encoding="utf-8")


def flip_a_bit_of_the_model(paths: Paths) -> None:
    path = paths.champion / "model" / "model.bin"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit_row(paths: Paths) -> None:
    change_rows(
        paths,
        "UPDATE signoff_ledger SET record = replace(record, 'looked at it', 'looked away') WHERE sequence = 1",
    )


def remove_row(paths: Paths) -> None:
    change_rows(paths, "DELETE FROM signoff_ledger WHERE sequence = 1")


CASES = [
    (spoil_database, r"signoff\.db", "the state database is damaged"),
    (edit_decision, r"0001-decision\.json", "entry 1: the entry was edited"),
    (lambda paths: (paths.decisions / "0001-decision.json").unlink(), r"decisions/0001-\*", "entry 1 was removed"),
    (edit_row, r"ledger row 1", "entry 1.* was edited"),
    (remove_row, r"ledger row 1", "entry 1 was removed"),
    (flip_a_bit_of_the_model, r"model\.bin", "the model file is not the one that was signed"),
]


@pytest.mark.parametrize(
    ("harm", "where", "what"),
    CASES,
    ids=["garbage", "decision edited", "decision removed", "row edited", "row removed", "one bit of the model"],
)
def test_serve_and_verify_refuse_and_say_which(
    released: Paths, tmp_path: Path, harm: Callable[[Paths], None], where: str, what: str
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(released.root, whole, symlinks=True)
    harm(released)
    refused("serve", "--port", "0", root=released.root, code=4, match=f"{what}.*where +[^\n]*{where}")
    verified = signoff_json("verify", root=released.root, code=1)
    assert verified["ok"] is False
    lines = [f"{finding['what']} {finding['where']}" for finding in verified["findings"]]
    assert any(re.search(f"{what}.* .*{where}", line) for line in lines), lines
    shutil.rmtree(released.root)
    shutil.copytree(whole, released.root, symlinks=True)
    assert signoff_json("verify", root=released.root) == {"ok": True, "findings": []}


def test_a_lost_table_is_filled_again_from_the_files(released: Paths) -> None:
    """What the error about a damaged database advises."""
    spoil_database(released)
    match = "the state database is damaged.*next .*decisions/ fills a new one"
    refused("status", root=released.root, code=4, match=match)
    (released.state / "signoff.db").unlink()
    signoff("verify", "--restore", root=released.root)
    assert signoff_json("status", root=released.root)["champion"]["tag"] == "toy/v1"
    with closing(sqlite3.connect(released.state / "signoff.db")) as connection:
        assert connection.execute("SELECT count(*) FROM signoff_ledger").fetchone() == (2,)


def test_a_port_that_is_in_use(released: Paths) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        match = f"port {port} is in use.*next +signoff serve --port"
        refused("serve", "--port", port, root=released.root, code=5, match=match)
    refused("serve", "--port", "99999", root=released.root, code=2, match="'--port'.*65535")
