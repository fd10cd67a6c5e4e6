"""Gates among many processes, and processes killed at every point: one answer, nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from signoff.core.decision import ReviewState
from signoff.ledger import read_pointer, verify
from tests.ledger_cases import GUARDED, approve, ask, candidate, desk_at, release
from tests.waiting import eventually

ROOT = Path(__file__).parent.parent

DECIDER = """
import sys
from pathlib import Path
from signoff.core.errors import ConflictError
from tests.ledger_cases import approve, desk_at
root, address, name, start = sys.argv[1:]
desk = desk_at(Path(root), address=address or None)
desk.store.runs()
print("ready", flush=True)
sys.stdin.readline()
try:
    print(approve(desk, actor=name).judgement.outcome.value)
except ConflictError as error:
    print("refused:", error.what)
"""

KILLED = """
import os, signal, sys
from pathlib import Path
import signoff.core.files, signoff.gates.desk, signoff.gates.deciding, signoff.gates.passing, signoff.gates.expiry
import signoff.ledger.journal, signoff.ledger.ledger
from signoff.ledger.ledger import Ledger
from signoff.store import Store
from tests.ledger_cases import GUARDED, approve, ask, desk_at, release
root, address, act, owner, name, when = sys.argv[1:]
desk = desk_at(Path(root), GUARDED if act == "pass" else None, address=address or None)
holder = {"Ledger": Ledger, "Store": Store, "desk": signoff.gates.desk, "journal": signoff.ledger.journal,
          "ledger": signoff.ledger.ledger}[owner]
whole = getattr(holder, name)
def kill(*arguments, **named):
    if when == "after":
        whole(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(holder, name, kill)
if act == "pass":
    ask(desk)
elif act == "release":
    release(desk, approve(desk))
else:
    approve(desk)
print("survived")
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_of_many_processes_that_decide_at_once_exactly_one_closes(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    ask(desk)
    deciders = [start(DECIDER, str(tmp_path), database or "", f"person{number}", "") for number in range(6)]
    for decider in deciders:
        assert decider.stdout is not None
        assert decider.stdout.readline() == "ready\n"
    for decider in deciders:
        assert decider.stdin is not None
        decider.stdin.write("go\n")
        decider.stdin.flush()
    said = []
    for decider in deciders:
        output, errors = decider.communicate(timeout=120)
        assert decider.returncode == 0, errors
        said.append(output.strip())
    assert sorted(line.split()[0] for line in said) == ["approved", *["refused:"] * 5]
    (entry,) = desk.ledger.entries()
    assert all(f"closed: approved by {entry.body['actor']}" in line for line in said if line != "approved")
    assert read_pointer(desk.paths.release_decision) == entry
    assert verify(desk.paths, desk.store) == []


POINTS = [
    ("Ledger", "append", "before"),
    ("Ledger", "append", "after"),
    ("Store", "close_review", "after"),
    ("Ledger", "publish", "before"),
    ("ledger", "write_entry", "after"),
    ("desk", "write_pointer", "before"),
    ("desk", "write_pointer", "after"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "when"), POINTS)
@pytest.mark.parametrize("act", ["pass", "approve"])
def test_a_kill_between_any_two_steps_is_finished_by_the_next_run(
    tmp_path: Path, act: str, owner: str, name: str, when: str
) -> None:
    policy = GUARDED if act == "pass" else None
    if act == "approve":
        ask(desk_at(tmp_path))
    killed = start(KILLED, str(tmp_path), "", act, owner, name, when)
    output, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, output + errors
    desk = desk_at(tmp_path, policy)
    outcome = ask(desk)
    if act == "approve" and outcome.state == "waiting":
        assert desk.ledger.entries() == (), "what was not committed left nothing"
        approve(desk)
        outcome = ask(desk)
    assert outcome.state == "passed"
    assert len(desk.store.reviews()) == 1
    assert desk.ledger.entries() == (outcome.entry,)
    assert [path.name for path in desk.paths.decisions.iterdir() if path.is_file()] != []
    assert sorted(path.name for path in desk.paths.decisions.glob("*.json")) == ["0001-decision.json", "release.json"]
    assert not list(tmp_path.rglob("*.part"))
    assert read_pointer(desk.paths.release_decision) == outcome.entry
    assert verify(desk.paths, desk.store) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "when"), [("append", "after"), ("publish", "before")])
def test_a_kill_while_postgres_holds_the_ledger_is_finished_too(
    postgres_address: str, tmp_path: Path, name: str, when: str
) -> None:
    ask(desk_at(tmp_path, address=postgres_address))
    killed = start(KILLED, str(tmp_path), postgres_address, "approve", "Ledger", name, when)
    output, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, output + errors
    desk = desk_at(tmp_path, address=postgres_address)
    if ask(desk).state == "waiting":
        approve(desk)
    assert ask(desk).state == "passed"
    assert len(desk.ledger.entries()) == 1
    assert verify(desk.paths, desk.store) == []


def test_a_release_killed_before_its_file_is_not_recorded_twice(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ruling = approve(desk)
    script = KILLED.replace("release(desk, approve(desk))", "again(desk)").replace('print("survived")', "")
    again = (
        "from tests.ledger_cases import Ruling\n"
        "from signoff.core.policy import Judgement\n"
        "def again(desk):\n"
        "    review = desk.store.review('release-1')\n"
        "    ruling = Ruling(entry=desk.ledger.entries()[0], review=review,\n"
        "                    judgement=Judgement(outcome=review.state, reasons=()))\n"
        "    release(desk, ruling)\n"
    )
    head, _, tail = script.partition("root, address")
    killed = start(head + again + "root, address" + tail, str(tmp_path), "", "release", "Ledger", "publish", "before")
    output, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, output + errors
    assert not (tmp_path / "decisions" / "0002-release.json").exists()
    desk = desk_at(tmp_path)
    assert (tmp_path / "decisions" / "0002-release.json").exists(), "opening the desk finishes it"
    release(desk, ruling)
    assert [entry.kind for entry in desk.ledger.entries()] == ["decision", "release"]
    champion = desk.ledger.champion()
    assert champion is not None
    assert champion.model_digest == candidate().model_digest
    assert verify(desk.paths, desk.store) == []


LOOP = """
import sys
from pathlib import Path
from tests.ledger_cases import ask, approve, desk_at
desk = desk_at(Path(sys.argv[1]))
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    number += 1
    outcome = ask(desk, f"n{number}")
    approve(desk, outcome.review.id)
"""


def _until_longer(root: Path, by: int) -> None:
    """Wait for entries, not for seconds: how many there are in a second is the machine's affair."""

    def decided() -> int:
        return len(list((root / "decisions").glob("*-decision.json")))

    wanted = decided() + by
    assert eventually(lambda: decided() >= wanted, pause=0.005)


@pytest.mark.slow
def test_killed_at_random_moments_the_ledger_is_whole_each_time(tmp_path: Path) -> None:
    for turn in range(5):
        process = start(LOOP, str(tmp_path), str(turn * 1000))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        _until_longer(tmp_path, by=2)
        time.sleep(0.037 * turn)
        process.kill()
        process.communicate()
        desk = desk_at(tmp_path)
        assert verify(desk.paths, desk.store) == []
        desk.store.close()
    entries = desk.ledger.entries()
    assert len(entries) > 5
    assert len({entry.body["review"] for entry in entries}) == len(entries)
    open_ones = desk.store.reviews(state=ReviewState.OPEN)
    assert len(open_ones) <= 1
