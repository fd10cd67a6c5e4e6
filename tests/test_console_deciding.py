"""Deciding in the console: by form and by JSON, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from signoff.core.decision import Review, ReviewState
from signoff.core.errors import ServiceError
from signoff.gates.following import pending_steps
from signoff.ledger import verify
from tests.consoles import CHECKS, Consoled, a_console


@pytest.fixture
def console(database: str | None, tmp_path: Path) -> Iterator[Consoled]:
    gates = {"release": {"checks": CHECKS, "four_eyes": True}}
    made = a_console(tmp_path, database, gates=gates)
    made.person("ana", "reviewer")
    made.person("ben", "reviewer")
    made.person("ola", "operator")
    yield made
    made.home.close()


def post(console: Consoled, name: str, review: str, body: Any, **headers: str) -> httpx.Response:
    proof = console.bearer(name, "decide") if name else {}
    path = f"/api/v1/reviews/{review}/decisions"
    return console.browser().client.post(path, json=body, headers={**proof, **headers})


def approval(review: Review, **more: Any) -> dict[str, Any]:
    return {"verdict": "approve", "reasons": "better on the same rows", "digest": review.digest, **more}


def test_a_decision_is_answered_with_its_entry_and_starts_what_follows(console: Consoled) -> None:
    review = console.review(by="ola")
    answer = post(console, "ana", review.id, approval(review))
    assert answer.status_code == 201, answer.text
    said = answer.json()
    entry = console.desk().ledger.entries()[-1]
    assert (said["sequence"], said["hash"], said["state"]) == (entry.sequence, entry.hash, "approved")
    assert entry.decision().actor == "ana"
    assert entry.decision().roles == ("reviewer",)
    assert said["follows"] == "the release was started"
    assert console.starter.asked == [("follow", "demo", entry.hash)]
    assert verify(console.desk().paths, console.desk().store) == []
    noted = [note for note in console.home.accounts.access_log() if note.what == "decision"]
    assert (noted[0].actor, noted[0].where) == ("ana", "approve demo:release-1")


def test_a_closed_review_answers_who_was_first(console: Consoled) -> None:
    review = console.review(by="ola")
    post(console, "ana", review.id, approval(review))
    late = post(console, "ben", review.id, approval(review))
    assert late.status_code == 409
    assert late.json()["error"] == "ConflictError"
    assert "approved by ana" in late.json()["what"]


def test_what_has_moved_on_is_refused_with_what_changed(console: Consoled) -> None:
    seen = console.review("a", by="ola", auc=0.81)
    console.review("b", by="ola", auc=0.74)
    answer = post(console, "ana", seen.id, approval(seen))
    assert answer.status_code == 409
    refusal = answer.json()
    assert refusal["error"] == "MovedOnError"
    assert refusal["changed"]["later"]["text"] == "release-2"
    changed = {one["name"]: (one["before"], one["after"]) for one in refusal["changed"]["differences"]}
    assert "holdout.roc_auc" in changed
    other = post(console, "ana", "release-2", approval(seen))
    assert (other.status_code, other.json()["error"]) == (409, "MovedOnError")
    assert console.desk().ledger.entries() == ()


def test_the_policy_forbids_with_its_rule(console: Consoled) -> None:
    review = console.review(by="Ana ")
    own = post(console, "ana", review.id, approval(review))
    assert own.status_code == 403
    assert any("four eyes" in rule for rule in own.json()["rules"])
    no_seat = post(console, "ola", review.id, approval(review))
    assert no_seat.status_code == 403
    assert "this gate asks for reviewer" in " ".join(no_seat.json()["rules"])
    assert console.desk().store.review(review.id).state is ReviewState.OPEN


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "approve", "reasons": "no digest"},
        {"verdict": "maybe", "reasons": "x", "digest": "d"},
        {"verdict": "approve", "reasons": "", "digest": "d"},
        {"verdict": "approve", "reasons": "x", "digest": "d", "roles": ["admin"]},
        {"verdict": "approve", "reasons": "x", "digest": "d", "actor": "ben"},
        {"verdict": "request-changes", "reasons": "x", "digest": "d", "changes": {"pin_family": "magic"}},
        [],
        "approve",
    ],
)
def test_a_body_that_says_something_else_is_refused(console: Consoled, body: Any) -> None:
    review = console.review(by="ola")
    answer = post(console, "ana", review.id, body)
    assert answer.status_code == 422
    assert answer.json()["error"] == "InvalidError"
    assert console.desk().ledger.entries() == ()


def test_wrong_use_is_refused_before_anything_is_signed(console: Consoled) -> None:
    review = console.review(by="ola")
    spaces = post(console, "ana", review.id, approval(review, reasons="   "))
    assert (spaces.status_code, "needs a reason" in spaces.text) == (400, True)
    stray = post(console, "ana", review.id, approval(review, changes={"exclude_features": ["a"]}))
    assert (stray.status_code, "do not go with approve" in stray.text) == (400, True)
    wish = {"exclude_features": ["no such column"]}
    unknown = post(console, "ana", review.id, approval(review, verdict="request-changes", changes=wish))
    assert (unknown.status_code, "has no column" in unknown.text) == (400, True)
    assert post(console, "", review.id, approval(review)).status_code == 401
    assert post(console, "ana", "release-9", approval(review)).status_code == 404
    assert console.desk().ledger.entries() == ()


def test_what_cannot_be_started_is_told_and_stays_pending(console: Consoled, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ServiceError("no process can be started")

    monkeypatch.setattr(console.starter, "follow", refuse)
    review = console.review(by="ola")
    wish = {"exclude_features": ["noise"]}
    answer = post(console, "ana", review.id, approval(review, verdict="request-changes", changes=wish))
    assert answer.status_code == 201
    assert answer.json()["not_started"] == "no process can be started"
    (step,) = pending_steps(console.desk())
    assert step.flow == "retrain"
    assert step.cause.reference == answer.json()["hash"]
    assert step.request.steering is not None
    assert step.request.steering.exclude_features == ("noise",)


def test_the_form_decides_and_says_so_on_the_next_page(console: Consoled) -> None:
    review = console.review(by="ola")
    ana = console.browser("ana")
    page = ana.get(f"/reviews/{review.id}")
    assert review.digest in page.text
    form = {
        "verdict": "request-changes",
        "reasons": "noise is noise",
        "digest": review.digest,
        "exclude_features": ["noise"],
    }
    answer = ana.post(f"/reviews/{review.id}/decide", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/reviews/{review.id}")
    after = ana.get(answer.headers["location"])
    assert "Your decision is entry 1 of the ledger" in after.text
    assert "Your decision is entry 1" not in ana.get(answer.headers["location"]).text
    decision = console.desk().ledger.entries()[0].decision()
    assert decision.changes is not None
    assert decision.changes.exclude_features == ("noise",)


def test_the_form_comes_again_with_what_was_typed(console: Consoled) -> None:
    review = console.review(by="ola")
    ana = console.browser("ana")
    typed = "I typed this for ten minutes <b>"
    for form, status, said in (
        ({"verdict": "", "digest": review.digest}, 400, "no verdict was chosen"),
        ({"verdict": "approve", "digest": "f" * 64}, 409, "not about what you have seen"),
        ({"verdict": "hack", "digest": review.digest}, 422, "verdict"),
        ({"verdict": "request-changes", "digest": review.digest, "budget_trials": "many"}, 400, "budget"),
    ):
        answer = ana.post(f"/reviews/{review.id}/decide", {"reasons": typed, **form})
        assert answer.status_code == status, form
        assert said in answer.text
        assert "I typed this for ten minutes &lt;b&gt;" in answer.text
    assert console.desk().ledger.entries() == ()


def test_two_people_are_needed_where_the_policy_says_so(tmp_path: Path) -> None:
    approvals = [{"role": "reviewer", "count": 1}, {"role": "business owner", "count": 1}]
    console = a_console(tmp_path, gates={"release": {"approvals": approvals}})
    console.person("ana", "reviewer")
    console.person("bo", "business owner", project="demo")
    review = console.review()
    first = post(console, "ana", review.id, approval(review)).json()
    assert (first["state"], first["waits"], first["follows"]) == ("open", ["1 more approval by a business owner"], "")
    again = post(console, "ana", review.id, approval(review))
    assert (again.status_code, "each person counts once" in again.text) == (409, True)
    assert post(console, "bo", review.id, approval(review)).json()["state"] == "approved"


def test_one_id_in_two_projects_has_to_be_named_with_its_project(tmp_path: Path) -> None:
    console = a_console(tmp_path, projects=("demo", "other"))
    console.person("ana", "reviewer")
    console.person("oda", "reviewer", project="other")
    mine, other = console.review(project="demo"), console.review(project="other")
    ambiguous = post(console, "ana", "release-1", approval(mine))
    assert ambiguous.status_code == 404
    assert "demo:release-1, other:release-1" in ambiguous.json()["allowed"]
    assert post(console, "oda", "release-1", approval(other)).json()["project"] == "other"
    assert post(console, "ana", "demo:release-1", approval(mine)).json()["project"] == "demo"


def test_a_workspace_elsewhere_can_be_read_and_not_decided(tmp_path: Path) -> None:
    console = a_console(tmp_path, projects=("demo", "away"))
    console.person("ana", "reviewer")
    review = console.review(project="away")
    (tmp_path / "away" / "signoff.yaml").unlink()
    console.home._places = (0.0, ())
    client = console.browser().client
    assert client.get("/api/v1/reviews/away:release-1", headers=console.bearer("ana", "read")).status_code == 200
    answer = post(console, "ana", "away:release-1", approval(review))
    assert answer.status_code == 404
    assert "is not on this machine" in answer.json()["what"]
