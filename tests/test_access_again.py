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
from tests.consoles import PASSWORD, Consoled, a_console


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
