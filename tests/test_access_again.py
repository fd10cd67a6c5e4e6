"""What may have changed while somebody logs in, names that look like another's, and links that people follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.access import disable_account, log_in, make_account, set_password
from signoff.access import login as login_module
from signoff.access.passwords import hash_password, matches
from signoff.commands.clock import parse_clock
from signoff.core.account import Grant
from signoff.core.errors import UsageError
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from tests.consoles import PASSWORD, Browser, Consoled, a_console


@pytest.fixture
def console(tmp_path: Path) -> Consoled:
    made = a_console(tmp_path)
    made.person("root1", "admin")
    made.person("eve", "reviewer")
    return made


@pytest.mark.parametrize("meanwhile", ["disabled", "password"])
def test_hashing_anew_at_log_in_undoes_nothing(
    console: Consoled, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The real functions, with an admin who acts in the moment between them."""
    store = console.home.accounts

    def slowly(password: str) -> str:
        if meanwhile == "disabled":
            disable_account(store, "eve", by="root1")
        else:
            set_password(store, "eve", "another long password 1", by="root1")
        return hash_password(password)

    monkeypatch.setattr(login_module, "is_outdated", lambda hashed: True)
    monkeypatch.setattr(login_module, "hash_password", slowly)
    log_in(store, "eve", PASSWORD, "192.0.2.1", now())
    kept = store.account("eve")
    assert kept.disabled == (meanwhile == "disabled")
    assert matches(kept.password, PASSWORD) == (meanwhile == "disabled")


@pytest.mark.parametrize("sign", ["\ufe0f", "\u3164", "\u115f", "\u034f", "\u2800", "\U000e0100"])
def test_no_account_looks_like_another_one(console: Consoled, sign: str) -> None:
    with pytest.raises(UsageError, match="this is no name for an account"):
        make_account(console.home.accounts, f"eve{sign}", None, [Grant(role="reviewer")], by="root1")


def test_links_from_a_review_to_a_run_lead_there(console: Consoled) -> None:
    review, browser, identity = console.review(), console.browser("eve"), "20260101-000000-aaaa"
    for run in (identity, review.run):
        made = Run(id=run, flow="retrain", cause=Cause(actor="ana"), state=RunState.DONE, started=now())
        console.desk().store.start_run(made)
    page = f"/reviews/{review.id}"
    assert browser.post(f"{page}/comments", {"text": f"see {identity}"}, page=page).status_code == 303
    text = browser.get(page).text
    for run in (identity, review.run):
        assert f'href="/runs/demo:{run}"' in text
        assert browser.get(f"/runs/demo:{run}").status_code == 200


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_that_utc_does_not_have_is_no_clock(text: str) -> None:
    with pytest.raises(UsageError, match="--as-of is not a date"):
        parse_clock(text)


def tokens_open(console: Consoled, *tokens: dict[str, str]) -> list[bool]:
    client = console.browser().client
    return [client.get("/api/v1/account", headers=token).status_code == 200 for token in tokens]


def change(browser: Browser, **more: str) -> str:
    """Change the password of a browser's person, and follow to the page that says what was done."""
    form = {"old": PASSWORD, "new": "four wooden chairs", "again": "four wooden chairs", **more}
    answer = browser.post("/account/password", form, page="/account/password")
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["location"]).text


@pytest.mark.parametrize("asked", [False, True])
def test_a_new_password_ends_other_sessions_and_tokens_if_asked(console: Consoled, asked: bool) -> None:
    browser, other = console.browser("eve"), console.browser("eve")
    kept, foreign = console.bearer("eve", "read"), console.bearer("root1", "read")
    assert "Revoke my tokens too: 1 in force" in browser.get("/account/password").text
    said = change(browser, **({"end_tokens": "true"} if asked else {}))
    assert f"Tokens of yours {'that were revoked' if asked else 'that stay in force'}: 1." in said
    assert browser.get("/api/v1/account").status_code == 200, "whoever changed it goes on"
    assert other.get("/api/v1/account").status_code == 401
    assert tokens_open(console, kept, foreign) == [not asked, True]
    assert ("token revoked" in {note.what for note in console.home.accounts.access_log()}) == asked


def test_a_password_that_was_not_taken_revokes_nothing(console: Consoled) -> None:
    browser, kept = console.browser("eve"), console.bearer("eve", "read")
    form = {"old": "not this one", "new": "four wooden chairs", "again": "four wooden chairs", "end_tokens": "true"}
    assert browser.post("/account/password", form, page="/account/password").status_code == 422
    assert tokens_open(console, kept) == [True]


def test_an_admin_s_new_password_tells_of_tokens_and_disabling_ends_them(console: Consoled) -> None:
    admin, eve = console.browser("root1"), console.browser("eve")
    kept, foreign = console.bearer("eve", "read"), console.bearer("root1", "read")
    told = admin.post("/people/reset", {"name": "eve"}, page="/people")
    assert "stay in force until you revoke them below: 1." in told.text
    assert eve.get("/api/v1/account").status_code == 401
    assert tokens_open(console, kept) == [True]
    for do in ("disable", "enable"):
        assert admin.post("/people/state", {"name": "eve", "do": do}, page="/people").status_code == 303
        assert tokens_open(console, kept, foreign) == [False, True]
    whats = [note.what for note in console.home.accounts.access_log() if note.actor == "root1"]
    assert whats[:3] == ["account enabled", "token revoked", "account disabled"]
