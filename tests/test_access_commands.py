"""`signoff user`, and who may decide at the terminal once accounts are in force."""

from __future__ import annotations

import io
import json
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from argon2 import PasswordHasher

from signoff.access import change_password, first_admin, passwords
from signoff.cli import main
from signoff.commands.output import keep_traceback
from signoff.core.account import Permission
from signoff.core.errors import RefusedError
from signoff.core.settings import Approvals, GatePolicy
from signoff.gates import decide
from signoff.store import Store
from signoff.workspace.git import Git
from tests.ledger_cases import ask, candidate, desk_at

SETTINGS = """\
project: demo
question: Is it?
task: binary
target: y
data:
  sources:
    rows: {file: rows.csv}
gates:
  release:
    approvals: [{role: reviewer}, {role: business owner}]
"""
ADA, BO = "seven green bottles", "four wooden chairs"


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Signoff = Callable[..., Answer]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "signoff.yaml").write_text(SETTINGS, encoding="utf-8")
    Git(tmp_path).init()
    return tmp_path


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Less work for each password; nothing here depends on it."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(1, 8, 1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


@pytest.fixture
def signoff(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Signoff:
    monkeypatch.chdir(workspace)
    monkeypatch.delenv("SIGNOFF_TOKEN", raising=False)

    def run(*arguments: str, stdin: str = "", token: str | None = None) -> Answer:
        monkeypatch.setattr(sys, "argv", ["signoff", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with monkeypatch.context() as context:
            if token is not None:
                context.setenv("SIGNOFF_TOKEN", token)
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        code = ended.value.code
        return Answer(code if isinstance(code, int) else 0, said.out, said.err)

    return run


def store_of(workspace: Path) -> Store:
    return desk_at(workspace).store


def opened(workspace: Path, name: str = "a") -> str:
    policy = GatePolicy(approvals=(Approvals(), Approvals(role="business owner")))
    review = ask(desk_at(workspace, policy), name).review
    assert review is not None
    return review.id


def add(signoff: Signoff, name: str, password: str, *roles: str, more: tuple[str, ...] = ()) -> Answer:
    options = [part for role in roles for part in ("--role", role)]
    done = signoff("user", "add", name, *options, "--password-stdin", *more, stdin=password + "\n")
    assert done.code == 0, done.err
    return done


def test_until_somebody_is_named_scripts_decide_as_they_did(signoff: Signoff, workspace: Path) -> None:
    review = opened(workspace)
    first_admin(store_of(workspace))
    done = signoff("review", "approve", review, "--reason", "good", "--as", "bo", "--no-continue")
    assert (done.code, "entry 1" in done.err) == (0, True), done.err
    said = add(signoff, "Ada", ADA, "reviewer").err
    assert "accounts are in force from now on" in said
    refused = signoff("review", "approve", review, "--reason", "good", "--as", "cy", "--no-continue")
    assert refused.code == 4
    assert "cy has to prove who acts" in refused.err
    assert "signoff user token NAME --scope decide" in refused.err


def test_a_token_or_a_password_decides_with_the_roles_of_the_account(signoff: Signoff, workspace: Path) -> None:
    review = opened(workspace)
    add(signoff, "Ada", ADA, "reviewer")
    add(signoff, "Bo", BO, "business owner", more=("--project", "demo"))
    arguments = ("review", "approve", review, "--reason", "good", "--no-continue", "--json")
    wrong = signoff(*arguments, "--as", "ada", "--password-stdin", stdin=BO)
    assert (wrong.code, json.loads(wrong.out)["what"]) == (4, "name and password do not belong together")
    first = signoff(*arguments, "--as", "ada", "--password-stdin", stdin=ADA)
    assert (first.code, json.loads(first.out)["actor"], json.loads(first.out)["roles"]) == (0, "Ada", ["reviewer"])
    token = signoff("user", "token", "bo", "--scope", "decide", "--project", "demo").out
    assert token.count("\n") == 1
    impostor = signoff(*arguments, "--as", "ada", token=token.strip())
    assert (impostor.code, "is Bo's, not ada's" in impostor.err) == (4, True)
    second = json.loads(signoff(*arguments, token=token.strip()).out)
    assert (second["actor"], second["roles"], second["review_state"]) == ("Bo", ["business owner"], "approved")


def test_a_token_decides_only_what_it_is_for(signoff: Signoff, workspace: Path) -> None:
    review = opened(workspace)
    add(signoff, "Ada", ADA, "reviewer")
    add(signoff, "Eve", BO, "viewer")
    arguments = ("review", "approve", review, "--reason", "good", "--no-continue")
    for scope in ("read", "comment", "run", "admin"):
        token = signoff("user", "token", "Ada", "--scope", scope).out.strip()
        refused = signoff(*arguments, token=token)
        assert (refused.code, "this token of Ada is not for that" in refused.err) == (4, True)
    viewer = signoff("user", "token", "Eve", "--scope", "decide").out.strip()
    assert "Eve may not decide in demo" in signoff(*arguments, token=viewer).err
    token = signoff("user", "token", "Ada", "--scope", "decide").out.strip()
    assert signoff("user", "revoke", token.split("_")[1]).code == 0
    over = signoff(*arguments, token=token)
    assert (over.code, "unknown, expired or revoked" in over.err) == (4, True)
    assert token not in over.err
    signoff("user", "disable", "Ada")
    assert store_of(workspace).review(review).state == "open"


def test_there_is_no_way_around_by_calling_the_gate(signoff: Signoff, workspace: Path) -> None:
    review = opened(workspace)
    add(signoff, "Ada", ADA, "reviewer")
    with pytest.raises(RefusedError, match="has to prove who decides"):
        decide(desk_at(workspace), review, "approve", actor="Ada", reasons="good", digest=candidate("a").digest)


def test_a_one_time_password_decides_nothing(signoff: Signoff, workspace: Path) -> None:
    review = opened(workspace)
    add(signoff, "Ada", ADA, "reviewer", more=("--one-time",))
    arguments = ("review", "approve", review, "--reason", "good", "--no-continue", "--as", "ada", "--password-stdin")
    refused = signoff(*arguments, stdin=ADA)
    assert (refused.code, "has to be changed first" in refused.err) == (4, True)
    change_password(store_of(workspace), "Ada", ADA, BO)
    assert signoff(*arguments, stdin=BO).code == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (("add", "Bo", "--role", "reviewr", "--password-stdin"), BO, 2, "did you mean 'reviewer'"),
        (("add", "Bo", "--role", "busines owner", "--password-stdin"), BO, 2, "did you mean 'business owner'"),
        (("add", "Bo", "--role", "reviewer", "--project", "dmo", "--password-stdin"), BO, 2, "did you mean 'demo'"),
        (("add", "Bo", "--role", "reviewer", "--password-stdin"), "", 2, "no password came in"),
        (("add", "Bo", "--role", "reviewer", "--password-stdin"), "brief\n", 2, "too short"),
        (("add", "Bo", "--role", "reviewer"), BO, 2, "a password is needed"),
        (("add", "ADA", "--role", "reviewer", "--password-stdin"), BO, 4, "an account 'Ada' already"),
        (("add", "policy", "--password-stdin"), BO, 2, "kept for automatic decisions"),
        (("add", "Bo", "--email", "nowhere", "--password-stdin"), BO, 2, "no e-mail address"),
        (("role", "Aad", "--grant", "viewer"), "", 2, "did you mean 'Ada'"),
        (("role", "Ada"), "", 2, "no role was named"),
        (("role", "Ada", "--revoke", "viewer"), "", 2, "does not have the role viewer"),
        (("role", "Ada", "--revoke", "admin"), "", 4, "Ada is the last admin"),
        (("disable", "Ada"), "", 4, "Ada is the last admin"),
        (("token", "Ada", "--scope", "decyde"), "", 2, "did you mean 'decide'"),
        (("token", "Ada", "--scope", "read", "--days", "400"), "", 2, "at most 366"),
        (("token", "Eve", "--scope", "read"), "", 2, "there is no account 'Eve'"),
        (("revoke", "0123"), "", 2, "there is no token '0123'"),
        (("password", "Ada", "--password-stdin"), "Password1234", 2, "one of the commonest"),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(
    signoff: Signoff, workspace: Path, arguments: tuple[str, ...], stdin: str, code: int, message: str
) -> None:
    add(signoff, "Ada", ADA, "admin")
    before = store_of(workspace).accounts()
    refused = signoff("user", *arguments, stdin=stdin)
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err
    assert not stdin or stdin.strip() not in refused.err
    assert store_of(workspace).accounts() == before


def test_a_password_by_command_says_which_tokens_stay(signoff: Signoff, workspace: Path) -> None:
    add(signoff, "Ada", ADA, "admin")
    signoff("user", "token", "Ada", "--scope", "read")
    kept = signoff("user", "password", "Ada", "--password-stdin", stdin=BO)
    assert (kept.code, "tokens of Ada that stay in force: 1" in kept.err) == (0, True)
    ended = signoff("user", "password", "Ada", "--password-stdin", "--revoke-tokens", stdin=ADA)
    assert (ended.code, ended.err) == (0, "")
    (token,) = store_of(workspace).tokens_of("Ada")
    assert token.revoked is not None


def test_accounts_are_listed_without_what_opens_them(signoff: Signoff, workspace: Path) -> None:
    assert "everybody may decide" in signoff("user", "list").out
    add(signoff, "Ada", ADA, "admin", "reviewer", more=("--email", "ada@example.org"))
    signoff("user", "role", "ada", "--revoke", "reviewer")
    signoff("user", "role", "ada", "--grant", "business owner", "--project", "demo")
    token = signoff("user", "token", "Ada", "--scope", "read", "--scope", "decide", "--days", "1").out.strip()
    listed = json.loads(signoff("user", "list", "--json").out)["accounts"]
    assert listed[0]["grants"] == [{"role": "admin", "project": "*"}, {"role": "business owner", "project": "demo"}]
    tokens = signoff("user", "tokens", "Ada", "--json").out
    assert json.loads(tokens)["tokens"][0]["scopes"] == ["decide", "read"]
    everything = tokens + json.dumps(listed) + signoff("user", "list").out + signoff("user", "tokens", "Ada").out
    for secret in (ADA, "$argon2", "sha256", token, token.rpartition("_")[2]):
        assert secret not in everything
    signoff("user", "disable", "Ada")
    notes = [(note.what, note.actor.endswith("at the terminal")) for note in store_of(workspace).access_log()]
    assert notes[-1] == ("account made", True)
    assert {what for what, _ in notes} == {"account made", "roles changed", "token made"}


def test_who_starts_a_run_is_proven_too(signoff: Signoff, workspace: Path) -> None:
    from signoff.commands.proof import starter

    add(signoff, "Ada", ADA, "operator")
    refused = signoff("run", "--as", "Ada")
    assert (refused.code, "Ada has to prove who acts" in refused.err) == (4, True)
    assert "--scope run" in refused.err
    store = store_of(workspace)
    token = signoff("user", "token", "Ada", "--scope", "run").out.strip()
    reader = signoff("user", "token", "Ada", "--scope", "read").out.strip()
    with pytest.MonkeyPatch.context() as context:
        context.setenv("SIGNOFF_TOKEN", token)
        assert starter(store, "demo", None) == "Ada"
        assert starter(store, "demo", "ADA ") == "Ada"
        context.setenv("SIGNOFF_TOKEN", reader)
        # Not allowed to run, and yet the hand that did: four eyes must know.
        assert starter(store, "demo", None) == "Ada"
        with pytest.raises(RefusedError, match="not for that"):
            starter(store, "demo", "Ada")
    assert Permission.RUN.value == "run"


def test_doctor_says_whose_roles_count(signoff: Signoff, workspace: Path) -> None:
    def told() -> str:
        symptoms: list[dict[str, Any]] = json.loads(signoff("doctor", "--json").out)["symptoms"]
        return "; ".join(str(one["message"]) for one in symptoms if one["name"] == "access")

    opened(workspace)
    assert "everybody may decide, unproven" in told()
    with (workspace / "signoff.yaml").open("a", encoding="utf-8") as file:
        file.write("people: {ada: [reviewer]}\n")
    assert "the names in signoff.yaml's people may decide" in told()
    add(signoff, "Ada", ADA, "reviewer")
    assert "people in signoff.yaml counts no more" in told()
    assert "nobody is admin everywhere" in told()
    signoff("user", "role", "Ada", "--grant", "admin")
    assert "nobody is admin" not in told()


def test_doctor_says_where_a_strict_policy_was_never_asked_under(signoff: Signoff, workspace: Path) -> None:
    def told() -> str:
        return signoff("doctor").out

    opened(workspace)
    assert "no release was asked about under" not in told(), "it was asked under"
    strict = GatePolicy(four_eyes=True, approvals=(Approvals(), Approvals(role="business owner")))
    with (workspace / "signoff.yaml").open("a", encoding="utf-8") as file:
        file.write("    four_eyes: true\n")
    assert "until then whoever edits it may loosen it" in told()
    ask(desk_at(workspace, strict), "b")
    assert "until then" not in told(), "also where the question keeps what an earlier one asked for"


def test_state_is_its_owners_alone(signoff: Signoff, workspace: Path) -> None:
    add(signoff, "Ada", ADA, "admin")
    state = workspace / ".signoff"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.glob("signoff.db*")} == {0o600}


def test_a_traceback_without_a_workspace_has_a_private_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    places = {keep_traceback(ValueError("one")), keep_traceback(ValueError("two"))}
    assert len(places) == 2
    for place in places:
        assert place is not None
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert "ValueError" in place.read_text(encoding="utf-8")


def test_nobody_elses_name_is_written_into_the_ledger_with_a_key(signoff: Signoff, workspace: Path) -> None:
    signoff("review", "approve", opened(workspace), "--reason", "good", "--as", "bo", "--no-continue")
    add(signoff, "Ada", ADA, "admin")
    refused = signoff("key", "rotate", "--reason", "yearly", "--as", "Ada")
    assert (refused.code, "Ada has to prove who acts" in refused.err) == (4, True), refused.err
    assert len(store_of(workspace).entries()) == 1
    token = signoff("user", "token", "Ada", "--scope", "admin").out.strip()
    done = signoff("key", "rotate", "--reason", "yearly", "--as", "Ada", token=token)
    assert done.code == 0, done.err
    assert {entry.body["actor"] for entry in store_of(workspace).entries()[1:]} == {"Ada"}
