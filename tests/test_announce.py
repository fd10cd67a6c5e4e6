"""Announcements: real mails and webhooks, told once, tried again, given up."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
import yaml

from signoff.announce import addresses_of, send_due, send_test, signature_holds, signature_of
from signoff.core.account import Account, Grant
from signoff.core.errors import RefusedError
from signoff.core.notice import Notice
from signoff.core.record import now
from signoff.core.settings import Announce, Approvals, Console, GatePolicy, Webhook
from signoff.gates import Desk, decide, expire_reviews
from tests.announced import mail_server, parts_of, receiver
from tests.ledger_cases import POOR, approve, ask, desk_at
from tests.waiting import eventually

KEY = "k" * 32


def announcing(root: Path, policy: GatePolicy | None = None, **settings: Any) -> Desk:
    return desk_at(
        root, policy, announce=Announce(**settings), console=Console(public_url="https://review.example.org")
    )


def sweep(desk: Desk, moment: datetime | None = None, seconds: float = 20) -> Any:
    return send_due(desk.store, desk.project, moment, seconds=seconds)


def hook(url: str) -> Webhook:
    return Webhook(url=url, secret="env:HOOK_KEY")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", KEY)


def states(desk: Desk) -> list[tuple[str, str]]:
    return sorted((one.kind, one.state) for one in desk.store.notices() if one.to)


def test_an_opened_review_is_told_by_mail_in_text_and_html(tmp_path: Path) -> None:
    with mail_server() as box:
        desk = announcing(tmp_path, targets=(box.address(),))
        ask(desk, values=POOR, subject="demo/<b>a</b>")
        assert sweep(desk).done == 1
        assert sweep(desk).done == 0
        [(to, mail)] = box.mails
    assert to == ["team@example.org"]
    parts = parts_of(mail)
    for text in parts.values():
        assert "holdout.roc_auc 0.6 breaks" in text
        assert "https://review.example.org/reviews/demo:release-1" in text
        assert "1 more approval by a reviewer" in text
        assert "0 of 1 checks hold" in text
    assert "<b>a</b>" not in parts["text/html"]
    assert "demo/&lt;b&gt;a&lt;/b&gt;" in parts["text/html"]


def test_a_decision_and_an_expiry_are_told(tmp_path: Path) -> None:
    with receiver() as far:
        desk = announcing(tmp_path, GatePolicy(expires_days=1), webhooks=(hook(far.url),))
        ask(desk)
        sweep(desk)
        approve(desk)
        ask(desk, "b")
        sweep(desk)
        expire_reviews(desk, now() + timedelta(days=2))
        sweep(desk)
        told = [json.loads(body) for _, body in far.got]
    events = [(one["event"], one["review"]["id"], one["review"]["state"]) for one in told]
    assert sorted(events) == [
        ("review.decided", "release-1", "approved"),
        ("review.expired", "release-2", "expired"),
        ("review.opened", "release-1", "open"),
        ("review.opened", "release-2", "open"),
    ]
    decided = next(one for one in told if one["event"] == "review.decided")
    assert decided["decision"]["actor"] == "bo"
    assert decided["link"] == "https://review.example.org/reviews/demo:release-1"


def test_a_question_that_a_policy_answers_asks_nobody(tmp_path: Path) -> None:
    with receiver() as far:
        desk = announcing(tmp_path, GatePolicy(mode="auto"), webhooks=(hook(far.url),))
        ask(desk)
        sweep(desk)
        told = [json.loads(body)["event"] for _, body in far.got]
    assert "review.opened" not in told


def test_a_webhook_that_fails_twice_takes_it_the_third_time_and_can_check_it(tmp_path: Path) -> None:
    with receiver(500, 503, 204) as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        ask(desk)
        start = now()
        assert sweep(desk, start).failed == 1
        assert sweep(desk, start + timedelta(seconds=1)) == sweep(desk, start + timedelta(seconds=2))
        assert sweep(desk, start + timedelta(seconds=11)).failed == 1
        assert sweep(desk, start + timedelta(seconds=40)).done == 1
        got = list(far.got)
    assert len(got) == 3
    assert len({headers["X-Signoff-Delivery"] for headers, _ in got}) == 1
    for headers, body in got:
        assert signature_holds(headers["X-Signoff-Signature"], body, KEY.encode())
        assert not signature_holds(headers["X-Signoff-Signature"], body + b" ", KEY.encode())
        assert not signature_holds(headers["X-Signoff-Signature"], body, b"another key")
    assert states(desk) == [("opened", "done")]


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (signature_of(b"x", b"k", 1_000_000), True),
        (signature_of(b"x", b"k", 1_000_000 - 301), False),
        (signature_of(b"x", b"k", 1_000_000 + 301), False),
        ("t=1000000,v1=00", False),
        ("v1=00", False),
        ("t=²,v1=00", False),
        ("t=99999999999999999999,v1=é", False),
        ("", False),
    ],
)
def test_what_a_receiver_takes_for_signed(header: str, holds: bool) -> None:
    assert signature_holds(header, b"x", b"k", moment=1_000_000) is holds


def test_a_target_that_never_answers_is_given_up_and_says_so(tmp_path: Path) -> None:
    with receiver(404) as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),), attempts=2)
        ask(desk)
        assert sweep(desk).failed == 1
        assert sweep(desk, now() + timedelta(minutes=1)).given_up == 1
        assert sweep(desk, now() + timedelta(days=1)).done == 0
        assert len(far.got) == 2
    [given_up] = desk.store.notices(state="given-up")
    assert given_up.error == "HTTP 404"


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    with receiver() as elsewhere, receiver(307) as far:
        far.location = elsewhere.url
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        ask(desk)
        assert sweep(desk).failed == 1
        assert elsewhere.got == []


def test_two_senders_at_once_send_once(tmp_path: Path) -> None:
    with receiver() as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        for name in "abcde":
            ask(desk, name, gate="alert")
        others = [announcing(tmp_path, webhooks=(hook(far.url),)) for _ in range(4)]
        threads = [threading.Thread(target=sweep, args=(other,)) for other in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [headers["X-Signoff-Delivery"] for headers, _ in far.got]
    assert len(ids) == len(set(ids)) == 5


def test_a_sender_killed_between_claim_and_answer_is_followed_by_another(tmp_path: Path) -> None:
    with receiver() as far:
        far.pause = threading.Event()
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        ask(desk)
        script = (
            "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[3])\n"
            "from tests.test_announce import announcing, hook, sweep\n"
            "sweep(announcing(Path(sys.argv[1]), webhooks=(hook(sys.argv[2]),)))\n"
        )
        root = str(Path(__file__).parent.parent)
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), far.url, root], cwd=tmp_path)
        assert eventually(lambda: far.got)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        far.pause.set()
        [claimed] = desk.store.notices(state="claimed")
        assert sweep(desk).done == 0, "the claim of the killed sender still holds"
        assert sweep(desk, claimed.due + timedelta(seconds=1)).done == 1
        ids = {headers["X-Signoff-Delivery"] for headers, _ in far.got}
    assert len(ids) == 1, "the receiver can tell that it is the same one"


def test_nothing_is_noted_where_the_decision_is_refused(tmp_path: Path) -> None:
    desk = announcing(tmp_path, GatePolicy(approvals=(Approvals(role="owner"),)))
    ask(desk)
    with pytest.raises(RefusedError, match="this gate asks for owner"):
        decide(desk, "release-1", "approve", actor="bo", reasons="yes")
    assert [one.kind for one in desk.store.notices()] == ["opened"]


def test_a_note_of_a_transaction_that_fails_is_not_kept(tmp_path: Path) -> None:
    desk = announcing(tmp_path)

    def fail() -> None:
        with desk.store.transaction():
            desk.store.note("released", about="demo/v1")
            raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        fail()
    assert desk.store.notices() == ()
    assert desk.store.note("released", about="demo/v1")
    assert not desk.store.note("released", about="demo/v1")


def test_reminders_come_once_each_and_only_while_the_review_is_open(tmp_path: Path) -> None:
    with receiver() as far:
        policy = GatePolicy(expires_days=10, remind_days=(5, 1))
        desk = announcing(tmp_path, policy, webhooks=(hook(far.url),))
        ask(desk)
        opened = now()
        for day in (1, 5.1, 6, 9.5, 9.6):
            sweep(desk, opened + timedelta(days=day))
        texts = [json.loads(body)["text"] for _, body in far.got if json.loads(body)["event"] == "review.reminded"]
        approve(desk)
        sweep(desk, opened + timedelta(days=9.9))
        assert texts == ["5 days are left.", "1 day is left."]
        assert len([1 for _, body in far.got if json.loads(body)["event"] == "review.reminded"]) == 2


def test_a_role_hears_only_of_what_waits_for_it(tmp_path: Path) -> None:
    with mail_server() as box:
        roles = {"owner": (box.address("owner@example.org"),), "reviewer": (box.address("reviewer@example.org"),)}
        policy = GatePolicy(approvals=(Approvals(role="owner"),))
        desk = announcing(tmp_path, policy, by_role=roles)
        ask(desk)
        sweep(desk)
        assert [to for to, _ in box.mails] == [["owner@example.org"]]


def test_accounts_that_can_fill_a_seat_get_a_mail(tmp_path: Path) -> None:
    with mail_server() as box:
        desk = announcing(tmp_path, GatePolicy(four_eyes=True), targets=(box.address(),))
        people = {
            "ada": ("reviewer", "demo"),
            "bo": ("reviewer", "demo"),
            "cy": ("viewer", "*"),
            "di": ("reviewer", "x"),
        }
        for name, (role, project) in people.items():
            grants = (Grant(role=role, project=project),)
            desk.store.add_account(Account(name=name, grants=grants, email=f"{name}@example.org", made=now()))
        ask(desk)
        sweep(desk)
        assert sorted(to[0] for to, _ in box.mails) == ["bo@example.org", "team@example.org"], "ada started the run"


def test_secrets_stay_out_of_the_outbox_the_labels_and_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CHAT", "slack://TokenAAAA/TokenBBBB/TokenCCCC")
    with receiver(500) as far:
        mail = "mailto://someuser:hunter2secret@127.0.0.1:9/?from=a@example.org&to=b@example.org&mode=insecure"
        targets = (mail, "env:MISSING_ADDRESS", "nonsense")
        desk = announcing(tmp_path, targets=targets, webhooks=(hook(far.url),), attempts=1)
        ask(desk)
        assert sweep(desk).given_up == 4
        tested = list(send_test(desk.store, desk.project))
    kept = "".join(one.model_dump_json() for one in desk.store.notices()) + caplog.text
    kept += "".join(one.model_dump_json() for one in tested)
    for secret in ("hunter2secret", "someuser", "s3cret-path", KEY):
        assert secret not in kept
    errors = {one.to: one.error for one in desk.store.notices(state="given-up")}
    assert errors["env:MISSING_ADDRESS"] == "the environment variable MISSING_ADDRESS is not set"
    assert errors["address://…"] == "apprise does not know such an address"
    assert all(not one.done for one in tested)


def test_a_test_message_reaches_each_address(tmp_path: Path) -> None:
    with mail_server() as box, receiver() as far:
        desk = announcing(tmp_path, targets=(box.address(),), webhooks=(hook(far.url),))
        tried = list(send_test(desk.store, desk.project))
        assert [(one.channel, one.done, one.answer) for one in tried] == [
            ("apprise", True, "sent"),
            ("webhook", True, "HTTP 200"),
        ]
        assert len(box.mails) == len(far.got) == 1
    assert desk.store.notices() == ()


def test_keys_of_addresses_that_look_alike_differ(tmp_path: Path) -> None:
    desk = announcing(tmp_path, targets=("slack://AAAA", "slack://BBBB"))
    keys = {address.key for address in addresses_of(desk.project, desk.store)}
    assert len(keys) == 2


def test_an_address_that_left_the_settings_is_dropped(tmp_path: Path) -> None:
    with receiver(500) as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        ask(desk)
        sweep(desk)
        sweep(announcing(tmp_path), now() + timedelta(minutes=5))
        assert len(far.got) == 1
    assert states(desk) == [("opened", "dropped")]


def test_a_sweep_stops_when_its_time_is_up(tmp_path: Path) -> None:
    with receiver() as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),))
        ask(desk)
        assert sweep(desk, seconds=0).done == 0
        assert far.got == []
        assert sweep(desk).done == 1


def test_moments_sort_as_text(tmp_path: Path) -> None:
    desk = announcing(tmp_path)
    base = datetime(2026, 1, 1, tzinfo=UTC)
    first = Notice(id="n", project="demo", kind="freeze", made=base, due=base, state="waiting", to="x", address="y")
    later = first.model_copy(update={"id": "m", "due": base + timedelta(microseconds=1500)})
    desk.store.note("freeze", about="q", moment=base)
    [happened] = desk.store.notices(state="new")
    assert desk.store.spread_notice(happened, [later, first])
    assert not desk.store.spread_notice(happened, [later, first])
    claimed = desk.store.claim_notice(base)
    assert claimed is not None
    assert claimed.id == "n"
    assert desk.store.claim_notice(base) is None
    assert desk.store.settle_notice(first, "done") is None, "only who holds the claim may settle"


def test_a_review_whose_evidence_is_damaged_keeps_nobody_else_from_being_told(tmp_path: Path) -> None:
    with receiver() as far:
        desk = announcing(tmp_path, webhooks=(hook(far.url),), attempts=1)
        digest = desk.store.keep_evidence(b"{}")
        ask(desk, evidence_sha256=digest, gate="alert")
        ask(desk, "b", gate="alert")
        with sqlite3.connect(tmp_path / ".signoff" / "signoff.db") as connection:
            connection.execute("UPDATE signoff_evidence SET record = '[]'")
        sent = sweep(desk)
        assert (sent.done, sent.given_up) == (1, 1)
    [lost] = desk.store.notices(state="given-up")
    assert "kept evidence is not what its digest says" in lost.error


def test_a_subject_cannot_add_lines_to_a_mail(tmp_path: Path) -> None:
    with mail_server() as box:
        desk = announcing(tmp_path, targets=(box.address(),))
        ask(desk, subject="demo/a\r\nBcc: someone@example.org\r\n\r\nhello")
        assert sweep(desk).done == 1
        [(to, mail)] = box.mails
    assert to == ["team@example.org"]
    assert mail["Bcc"] is None
    assert "\n" not in str(make_header(decode_header(mail["Subject"])))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "ftp://127.0.0.1/", "nonsense", "http://", "http://[::1", ""]
)
def test_an_address_that_does_not_answer_is_a_failed_try(tmp_path: Path, url: str) -> None:
    desk = announcing(tmp_path, webhooks=(hook(url),), targets=("mailto://127.0.0.1:1/?from=a@b.de&to=c@d.de",))
    ask(desk)
    assert sweep(desk).failed == 2
    assert all(one.error for one in desk.store.notices(state="waiting"))


def test_the_guide_is_true() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "announcements.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(guide.split("```python\n")[1].split("```")[0], names)
    body, moment = b'{"format": 1}', int(time.time())
    assert names["accepted"](signature_of(body, b"key", moment), body, b"key")
    assert not names["accepted"](signature_of(body, b"other", moment), body, b"key")
    assert not names["accepted"](signature_of(body, b"key", moment - 400), body, b"key")
    settings = yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0])
    Announce.model_validate(settings["announce"])
    Console.model_validate(settings["console"])
    GatePolicy.model_validate(settings["gates"]["release"])
