"""Log-in by an identity provider as a browser meets it: the console's routes and a real provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from signoff.access import disable_account, make_account
from signoff.access.login import FRESH_PROOF
from signoff.core.account import Grant
from signoff.core.record import now
from tests.consoles import Browser, Consoled, a_console, served_console
from tests.oidc_provider import CLIENT, SmallProvider

GROUPS = {"roles_claim": "groups", "roles": {"ml": ["reviewer"]}}


@pytest.fixture
def console(tmp_path: Path, provider: SmallProvider) -> Iterator[Consoled]:
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": "env:OIDC_SECRET", **GROUPS}
    made = a_console(tmp_path, console={"oidc": oidc})
    make_account(made.home.accounts, "Root", "four wooden chairs", [Grant(role="admin")], by="test")
    yield made
    made.home.close()


def leave(browser: Browser, path: str = "/login/oidc") -> str:
    """Go to the provider, which agrees: the path of ours that it sends the browser back to."""
    left = browser.get(path)
    assert left.status_code == 303, left.text
    back = urlsplit(httpx.get(left.headers["location"]).headers["location"])
    assert (back.netloc, back.path) == ("testserver", "/login/oidc/back")
    return f"{back.path}?{back.query}"


def come(browser: Browser, path: str = "/login/oidc") -> httpx.Response:
    return browser.get(leave(browser, path))


def refused(browser: Browser, answer: httpx.Response, status: int, said: str) -> None:
    assert (answer.status_code, said.lower() in answer.text.lower()) == (status, True), answer.text
    assert "signoff-session" not in answer.headers.get("set-cookie", "")
    assert browser.get("/api/v1/account").status_code == 401


def test_who_comes_back_is_in_with_the_roles_of_their_groups(console: Consoled, provider: SmallProvider) -> None:
    provider.user["groups"] = ["ml", "others"]
    review, browser = console.review(), console.browser()
    page = browser.get("/login?next=/reviews/release-1%3Flens%3Daudit").text
    assert 'href="/login/oidc?next=/reviews/release-1%3Flens%3Daudit"' in page
    answer = come(browser, "/login/oidc?next=/reviews/release-1%3Flens%3Daudit")
    assert answer.headers["location"] == "/reviews/release-1?lens=audit"
    assert browser.get("/api/v1/account").json()["grants"] == [{"role": "reviewer", "project": "*"}]
    assert browser.get(f"/reviews/{review.id}").status_code == 200
    provider.user["groups"] = []
    assert come(browser).headers["location"] == "/"
    assert browser.get("/api/v1/account").json()["grants"] == []
    assert browser.get(f"/api/v1/reviews/{review.id}").status_code in (403, 404)


def test_a_log_in_ends_the_session_that_was_brought(console: Consoled) -> None:
    browser = console.browser("Root")
    brought = browser.client.cookies["signoff-session"]
    come(browser)
    assert browser.get("/api/v1/account").json()["name"] == "Ada"
    old = console.browser()
    old.client.cookies.set("signoff-session", brought)
    assert old.get("/api/v1/account").status_code == 401


def test_an_answer_that_was_bent_opens_nothing(console: Consoled, provider: SmallProvider) -> None:
    browser = console.browser()
    good = leave(browser)
    state = parse_qs(urlsplit(good).query)["state"][0]
    refused(browser, browser.get(good.replace(state, "x" * len(state))), 401, "this log-in was not begun here")
    mixed_up = good.partition("&iss=")[0] + "&iss=https://evil.example"
    refused(browser, browser.get(mixed_up), 401, "another identity provider answered")
    refused(browser, browser.get("/login/oidc/back"), 401, "not begun here")
    shown = browser.get(f"/login/oidc/back?state={state}&error=<script>alert(1)</script>")
    refused(browser, shown, 401, "the identity provider refuses")
    assert "<script>alert" not in shown.text
    refused(console.browser(), console.browser().get(good), 404, "not begun in this browser")
    mallory = console.browser()
    leave(mallory)
    refused(mallory, mallory.get(good), 401, "not begun here")
    assert browser.get(good).status_code == 303, "none of that used up the code of whoever began"
    browser.client.cookies.delete("signoff-session")
    refused(browser, browser.get(good), 404, "not begun in this browser")


@pytest.mark.parametrize(
    ("claims", "said"),
    [({"nonce": "another"}, "nonce"), ({"iss": "https://evil.example"}, "iss"), ({"aud": "another"}, "aud")],
)
def test_a_token_that_was_bent_opens_nothing(
    console: Consoled, provider: SmallProvider, claims: dict[str, Any], said: str
) -> None:
    provider.claims = claims
    browser = console.browser()
    refused(browser, come(browser), 401, said)
    assert [account.name for account in console.home.accounts.accounts()] == ["Root"]


def test_a_name_that_is_taken_and_an_account_that_is_disabled(console: Consoled, provider: SmallProvider) -> None:
    browser = console.browser()
    provider.user["preferred_username"] = "root"
    refused(browser, come(browser), 401, "belongs to another account")
    provider.user["preferred_username"] = "Ada"
    assert come(browser).status_code == 303
    disable_account(console.home.accounts, "Ada", by="Root")
    again = console.browser()
    refused(again, come(again), 401, "disabled")


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example"])
def test_next_leads_nowhere_else(console: Consoled, next: str) -> None:
    assert come(console.browser(), f"/login/oidc?next={next}").headers["location"] == "/"


def test_a_long_way_on_still_fits_into_a_cookie(console: Consoled) -> None:
    for length, kept in ((1000, True), (1900, False)):
        browser, to = console.browser(), "/" + "x" * (length - 1)
        left = browser.get(f"/login/oidc?next={to}")
        assert len(left.headers["set-cookie"]) < 4096
        assert come(browser, f"/login/oidc?next={to}").headers["location"] == (to if kept else "/")


def make_one(browser: Browser, **form: str) -> httpx.Response:
    return browser.post("/account/tokens", {"scopes": "read", **form}, page="/account")


def test_a_token_asks_for_a_log_in_made_anew(console: Consoled, provider: SmallProvider) -> None:
    provider.user["groups"] = ["ml"]
    browser = console.browser()
    come(browser)
    page = browser.get("/account").text
    assert "log in again at the identity provider" in page
    assert "Make a token" not in page
    for form in ({}, {"password": "anything at all"}):
        answer = make_one(browser, **form)
        assert (answer.status_code, "a fresh log-in" in answer.text) == (403, True)
    asked = parse_qs(urlsplit(browser.get("/login/oidc?anew=true").headers["location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert come(browser, "/login/oidc?anew=true&next=/account").headers["location"] == "/account"
    assert "Make a token" in browser.get("/account").text
    assert 'id="made-token">sgn_' in make_one(browser).text
    assert len(console.home.accounts.tokens_of("Ada")) == 1


def test_the_proof_passes_away_and_belongs_to_one_session(console: Consoled, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, other = console.browser(), console.browser()
    come(browser, "/login/oidc?anew=true")
    console.enter(other, "Ada")
    assert make_one(other).status_code == 403
    later = now() + FRESH_PROOF + timedelta(seconds=1)
    monkeypatch.setattr("signoff.access.login.now", lambda: later)
    assert make_one(browser).status_code == 403


def test_a_provider_that_does_not_ask_again_proves_nothing(console: Consoled, provider: SmallProvider) -> None:
    browser = console.browser()
    provider.heeds_prompt = False
    refused(browser, come(browser, "/login/oidc?anew=true"), 401, "did not make you log in again")
    provider.tells_time = False
    refused(browser, come(browser, "/login/oidc?anew=true"), 401, "signoff user token")
    assert come(browser).status_code == 303


def test_without_a_provider_the_page_says_who_makes_a_token(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    make_account(console.home.accounts, "Ada", None, [Grant(role="reviewer")], by="test", subject="https://gone u-1")
    browser = console.browser("Ada")
    assert "signoff user token" in browser.get("/account").text
    assert make_one(browser).status_code == 403
    assert browser.get("/login/oidc").status_code == 404
    console.home.close()


def test_in_chromium(console: Consoled, provider: SmallProvider) -> None:
    """A content security policy counts for whole ways: form-action also forbids where a form's answer leads."""
    from tests.people import chromium

    provider.user["groups"] = ["ml"]
    with served_console(console) as address, chromium() as browser:
        page = browser.new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
        page.goto(f"{address}/login?next=/account")
        page.get_by_role("link", name="Log in with").click()
        page.wait_for_url(f"{address}/account")
        page.get_by_role("link", name="log in again at the identity provider").click()
        page.wait_for_url(f"{address}/account")
        page.get_by_label("read").check()
        page.get_by_role("button", name="Make a token").click()
        token = page.locator("#made-token").inner_text()
        assert httpx.get(f"{address}/api/v1/account", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert heard == []
